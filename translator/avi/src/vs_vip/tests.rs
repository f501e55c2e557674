use super::{Vip, VsVip};
use crate::object::AviObject;
use crate::objects::AviKind;
use crate::reference::Ref;
use crate::samples::{as_answered, body, changed, check_same, value};
use serde_json::{Value, json};

fn read(value: &Value) -> VsVip {
    serde_json::from_value(value.clone()).unwrap()
}

fn answered() -> Value {
    as_answered(AviKind::VsVip, &value("vsvip"))
}

#[test]
fn what_we_send_counts() {
    let network = "https://c/api/network/network-1#net1";
    let subnet = json!({"ip_addr": {"addr": "10.99.0.0", "type": "V4"}, "mask": 16});
    check_same(
        "vsvip",
        &[
            ("/vsvip_cloud_config_cksum", json!("1"), true),
            ("/dns_info", json!([]), false),
            ("/dns_info/-", json!({"fqdn": "bar.com"}), false),
            ("/dns_info/0/ttl", json!(30), true),
            (
                "/vip/0/ip_address",
                json!({"addr": "10.0.0.9", "type": "V4"}),
                true,
            ),
            ("/vip/0/auto_allocate_ip", json!(false), false),
            ("/vip/0/auto_allocate_ip_type", json!("V6_ONLY"), false),
            ("/vip/0/auto_allocate_floating_ip", json!(true), false),
            (
                "/vip/0/ipam_network_subnet/network_ref",
                json!(network),
                true,
            ),
            (
                "/vip/0/ipam_network_subnet/network_ref",
                json!("/api/network?name=n2"),
                false,
            ),
            ("/vip/0/ipam_network_subnet/subnet", json!(null), true),
            ("/vip/0/ipam_network_subnet/subnet", subnet, true),
            ("/vip/-", json!({"vip_id": "1"}), false),
            (
                "/vrf_context_ref",
                json!("/api/vrfcontext?name=blue"),
                false,
            ),
            ("/tier1_lr", json!("/infra/x"), false),
            ("/bgp_peer_labels", json!(["p"]), false),
            ("/markers/0/values", json!(["c2"]), false),
        ],
    );
}

#[test]
fn names_are_a_set() {
    let mut desired: VsVip = body("vsvip");
    desired.dns_info.push(super::DnsInfo { fqdn: "a".into() });
    let mut observed = desired.clone();
    observed.dns_info.reverse();
    assert!(desired.same(&observed));
}

#[test]
fn a_static_address_counts_and_cannot_be_changed() {
    let wanted = |addr: &str| {
        let address = json!({"addr": addr, "type": "V4"});
        read(&changed("vsvip", "/vip/0/ip_address", address))
    };
    let observed = read(&answered());
    assert!(wanted("10.10.0.7").same(&observed));
    assert!(!wanted("10.10.0.7").needs_new_address(&observed));
    assert!(!wanted("10.10.0.8").same(&observed));
    assert!(wanted("10.10.0.8").needs_new_address(&observed));
    assert!(!body::<VsVip>("vsvip").needs_new_address(&observed));
}

#[test]
fn an_ipam_that_keeps_vips_is_left_alone() {
    let mut desired: VsVip = body("vsvip");
    desired.keeps_vips = true;
    let mut raw = answered();
    raw["vip"] = json!([{"vip_id": "0", "ip_address": {"addr": "1.2.3.4", "type": "V4"}}]);
    assert!(desired.same(&read(&raw)));
    desired.dns_info.clear();
    let vips = raw["vip"].clone();
    desired.merge(&mut raw);
    assert_eq!(raw["vip"], vips);
    assert!(raw.get("dns_info").is_none());
}

#[test]
fn a_merge_keeps_what_was_read_and_is_the_last_word() {
    let mut desired: VsVip = body("vsvip");
    desired.dns_info.push(super::DnsInfo {
        fqdn: "new.com".into(),
    });
    desired.vsvip_cloud_config_cksum = Some("7".into());
    let mut raw = answered();
    raw["vip"][0]["discovered_networks"] = json!([{"network_ref": "x"}]);
    raw["dns_info"][0]["ttl"] = json!(30);
    raw["bgp_peer_labels"] = json!(["former"]);
    let before = raw.clone();
    desired.merge(&mut raw);
    assert!(desired.same(&read(&raw)));
    assert_eq!(raw["dns_info"][0], before["dns_info"][0]);
    assert_eq!(raw["dns_info"][1], json!({"fqdn": "new.com"}));
    assert_eq!(raw["vsvip_cloud_config_cksum"], "7");
    assert_eq!(raw["_last_modified"], before["_last_modified"]);
    assert_eq!(raw.get("bgp_peer_labels"), None);
    let vip = &raw["vip"][0];
    for field in [
        "ip_address",
        "avi_allocated_vip",
        "discovered_networks",
        "ipam_network_subnet",
    ] {
        assert_eq!(vip[field], before["vip"][0][field], "{field}");
    }
}

#[test]
fn a_vip_that_moves_leaves_its_address() {
    let desired = read(&changed(
        "vsvip",
        "/vip/0/ipam_network_subnet",
        json!({"network_ref": "/api/network/?name=net2"}),
    ));
    let mut raw = answered();
    desired.merge(&mut raw);
    assert_eq!(raw["vip"][0].get("ip_address"), None);
    assert!(desired.same(&read(&raw)));
}

/// Behind a router the VRF is the Controller's to say; a VRF that nobody names is the cloud's `global`.
#[test]
fn vrf_and_router_are_compared_as_far_as_they_are_wanted() {
    let vip = |vrf: &str, router: &str| VsVip {
        vrf_context_ref: (!vrf.is_empty()).then(|| Ref::plain("vrfcontext", vrf)),
        tier1_lr: (!router.is_empty()).then(|| router.into()),
        ..VsVip::default()
    };
    for (wanted, have, anew) in [
        (vip("global", ""), vip("", ""), false),
        (vip("blue", ""), vip("", ""), true),
        (vip("blue", ""), vip("global", ""), true),
        (vip("", "/t1"), vip("of-t1", "/t1"), false),
        (vip("", "/t2"), vip("of-t1", "/t1"), true),
        (vip("", "/t1"), vip("global", ""), true),
        (vip("global", ""), vip("of-t1", "/t1"), true),
    ] {
        assert_eq!(wanted.needs_new_routing(&have), anew, "{wanted:?} {have:?}");
        assert_eq!(wanted.same(&have), !anew, "{wanted:?} {have:?}");
    }
}

/// On clouds where addresses come from subnets, and in VPC mode.
#[test]
fn another_subnet_brings_another_address() {
    let vip = |subnet: &str| VsVip {
        vip: vec![Vip {
            vip_id: "1".into(),
            auto_allocate_ip: true,
            subnet_uuid: Some(subnet.into()),
            ..Vip::default()
        }],
        ..VsVip::default()
    };
    let network = json!({"network_ref": "/api/network/?name=n"});
    let address = json!({"addr": "10.0.0.1", "type": "V4"});
    let standing = json!({"vip": [{
        "vip_id": "1", "auto_allocate_ip": true, "subnet_uuid": "old",
        "ip_address": address, "ipam_network_subnet": network,
    }]});
    let mut same = standing.clone();
    vip("old").merge(&mut same);
    assert_eq!(same["vip"][0]["ip_address"], address);
    let mut moved = standing;
    vip("new").merge(&mut moved);
    let fresh = json!([{"vip_id": "1", "auto_allocate_ip": true, "subnet_uuid": "new"}]);
    assert_eq!(moved["vip"], fresh);
}
