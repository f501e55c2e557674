//! What the kind of cloud changes: where addresses come from, and where pools stand.

use super::world::{World, c1, class, envs, ingress, namespace, secret, service, slice};
use super::{check_sound, fresh};
use crate::Built;
use aviary_avi::{Body, Inventory};
use aviary_settings::Scheme;
use serde_json::{Value, json};
use std::sync::Arc;

/// What settings and an AviInfraSetting come to on a cloud.
fn built(cloud: (&str, &str), settings: &str, infra: &Value) -> Built {
    let annotation = json!({"aviinfrasetting.ako.vmware.com/name": "i"});
    let mut of = namespace("a");
    of.json["metadata"] = json!({"annotations": annotation});
    let world = World::of([
        of,
        c1(json!({"kind": "AviInfraSetting", "name": "i", "spec": infra})),
        class(),
        ingress(("a", "open", 1), "open.x", &["/"], false),
        ingress(("a", "safe", 1), "safe.x", &["/"], true),
        secret("a", "tls"),
        service("a", "web"),
        slice("a", "web", &["10.0.0.1"]),
    ]);
    let text =
        format!("AKOSettings: {{clusterName: c1}}\nL7Settings: {{shardVSSize: SMALL}}\n{settings}");
    let mut envs = envs(&text, Scheme::Ako);
    for env in envs.values_mut() {
        let env = Arc::make_mut(env);
        env.inventory = Arc::new(Inventory {
            cloud_type: cloud.0.into(),
            transport_zone: cloud.1.into(),
            ..(*env.inventory).clone()
        });
        let census = Arc::make_mut(&mut env.census);
        for name in ["vip", "vip2", "node"] {
            let named = aviary_avi::Named::Network(name.into());
            census.named.insert(named, aviary_avi::Standing::Present);
        }
    }
    let built = fresh(&world, &envs);
    check_sound(&built);
    built
}

/// The body of this kind and name.
fn body(built: &Built, kind: &str, name: &str) -> Value {
    let mut objects = built.desired.objects.values();
    let found = objects.find(|it| it.key.kind.path() == kind && it.key.name == name);
    let found = found.unwrap_or_else(|| panic!("no {kind} {name}"));
    serde_json::to_value(Body::clone(&found.body)).unwrap()
}

fn vips(built: &Built) -> Value {
    body(built, "vsvip", "c1--Shared-L7-0")["vip"].clone()
}

const NETWORK: &str = "NetworkSettings: {vipNetworkList: [{networkName: vip, cidr: 10.1.0.0/16}]}";

#[test]
fn clouds_with_subnets_have_an_address_in_each() {
    let two = json!({"network": {
        "vipNetworks": [{"networkName": "vip"}, {"networkName": "vip2"}], "enablePublicIP": true,
    }});
    for cloud in ["CLOUD_AWS", "CLOUD_AZURE", "CLOUD_OPENSTACK"] {
        let of = |id: &str, subnet: &str| {
            json!({
                "vip_id": id, "auto_allocate_ip": true, "auto_allocate_floating_ip": true,
                "subnet_uuid": subnet,
            })
        };
        let want = json!([of("1", "vip"), of("2", "vip2")]);
        assert_eq!(vips(&built((cloud, ""), NETWORK, &two)), want, "{cloud}");
    }
    let network = json!({"network_ref": "/api/network/?name=vip"});
    let one = json!([{
        "vip_id": "0", "auto_allocate_ip": true, "auto_allocate_floating_ip": true,
        "ipam_network_subnet": network,
    }]);
    assert_eq!(vips(&built(("CLOUD_GCP", ""), NETWORK, &two)), one);
    // Elsewhere nobody has public addresses to give.
    let plain = json!([{"vip_id": "0", "auto_allocate_ip": true, "ipam_network_subnet": network}]);
    assert_eq!(vips(&built(("CLOUD_NONE", ""), NETWORK, &two)), plain);
}

#[test]
fn pools_name_the_networks_of_nodes_where_the_cloud_places_by_network() {
    let infra = json!({"network": {"nodeNetworks": [
        {"networkName": "node", "cidrs": ["10.2.0.0/24", "10.3.0.0/24"]},
    ]}});
    let global = "NetworkSettings: {nodeNetworkList: [{networkName: other, cidrs: [10.9.0.0/24]}]}";
    let placed = |built: &Built| {
        let pool = body(built, "pool", "c1--open.x_-a-open");
        let networks = pool["placement_networks"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let text = |it: &Value| {
            let (network, address) = (&it["network_ref"], &it["subnet"]["ip_addr"]["addr"]);
            format!(
                "{} {}",
                network.as_str().unwrap(),
                address.as_str().unwrap()
            )
        };
        networks.iter().map(text).collect::<Vec<_>>()
    };
    let node = "/api/network/?name=node";
    let want = [format!("{node} 10.2.0.0"), format!("{node} 10.3.0.0")];
    for cloud in [("CLOUD_VCENTER", ""), ("CLOUD_NSXT", "VLAN_BACKED")] {
        assert_eq!(placed(&built(cloud, global, &infra)), want, "{cloud:?}");
        let other = placed(&built(cloud, global, &json!({})));
        assert_eq!(other, ["/api/network/?name=other 10.9.0.0"], "{cloud:?}");
    }
    for cloud in [("CLOUD_NONE", ""), ("CLOUD_NSXT", "OVERLAY")] {
        assert!(
            placed(&built(cloud, global, &infra)).is_empty(),
            "{cloud:?}"
        );
    }
}

#[test]
fn nsxt_places_by_router_or_by_vlan() {
    let (overlay, vlan) = (("CLOUD_NSXT", "OVERLAY"), ("CLOUD_NSXT", "VLAN_BACKED"));
    let router = "NetworkSettings: {nsxtT1LR: /infra/tier-1s/all}";
    let own = json!({"nsxSettings": {"t1lr": "/infra/tier-1s/own"}});
    for (infra, want) in [
        (json!({}), "/infra/tier-1s/all"),
        (own, "/infra/tier-1s/own"),
    ] {
        let built = built(overlay, router, &infra);
        let vip = body(&built, "vsvip", "c1--Shared-L7-0");
        assert_eq!(
            (vip["tier1_lr"].as_str(), vip.get("vrf_context_ref")),
            (Some(want), None)
        );
        let pool = body(&built, "pool", "c1--open.x_-a-open");
        assert_eq!(
            (pool["tier1_lr"].as_str(), pool.get("vrf_ref")),
            (Some(want), None)
        );
        let parent = body(&built, "virtualservice", "c1--Shared-L7-0");
        assert_eq!(parent.get("vrf_context_ref"), None);
        // Children keep the VRF, as with AKO.
        let child = body(&built, "virtualservice", "c1--safe.x");
        assert_eq!(child["vrf_context_ref"], "/api/vrfcontext?name=global");
    }
    let vip = &vips(&built(vlan, NETWORK, &json!({})))[0];
    let placement = &vip["placement_networks"][0];
    assert_eq!(placement["network_ref"], "/api/network/?name=vip");
    assert_eq!(placement["subnet"]["mask"], 16);
    assert!(vip["ipam_network_subnet"].is_object());
    // Without a subnet nobody can say where.
    let bare = "NetworkSettings: {vipNetworkList: [{networkName: vip}]}";
    let vip = &vips(&built(vlan, bare, &json!({})))[0];
    assert_eq!(vip.get("placement_networks"), None);
}

#[test]
fn in_vpc_mode_addresses_come_from_the_vpc() {
    let settings = "NetworkSettings: {nsxtT1LR: /orgs/o/projects/p/vpcs/v}";
    let text = "AKOSettings: {clusterName: c1, vpcMode: true}";
    let parsed = aviary_settings::parse(&format!("{text}\n{settings}")).settings;
    assert!(parsed.is_ok(), "{parsed:?}");
    let world = World::of([
        namespace("a"),
        class(),
        ingress(("a", "i", 1), "h.x", &["/"], false),
    ]);
    let mut envs = envs(
        &format!("{text}\nL7Settings: {{shardVSSize: SMALL}}\n{settings}"),
        Scheme::Ako,
    );
    for env in envs.values_mut() {
        let env = Arc::make_mut(env);
        Arc::make_mut(&mut env.inventory).cloud_type = "CLOUD_NSXT".into();
    }
    let vip = &vips(&fresh(&world, &envs))[0];
    assert_eq!(vip["subnet_uuid"], "p_AVISEPARATOR_v_AVISEPARATOR_PUBLIC");
    assert_eq!(vip.get("ipam_network_subnet"), None);
}
