//! VIP addresses.

use serde_json::{Value, json};

use crate::client::Client;

fn vip(extra: &Value) -> Value {
    let mut vip = json!({"vip_id": "0", "auto_allocate_ip": true});
    vip.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    vip
}

fn vsvip(name: &str, vip: &Value) -> Value {
    json!({"name": name, "cloud_ref": "/api/cloud?name=Default-Cloud", "vip": [vip]})
}

fn on_network() -> Value {
    vip(&json!({"ipam_network_subnet": {"network_ref": "/api/network/?name=vip-net"}}))
}

fn pinned(address: &str) -> Value {
    vip(&json!({"ip_address": {"addr": address, "type": "V4"}}))
}

fn address(vsvip: &Value) -> &str {
    vsvip["vip"][0]["ip_address"]["addr"]
        .as_str()
        .unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn the_lowest_free_address_is_handed_out_and_comes_back() {
    let client = Client::lab().await;
    let first = client
        .post("vsvip", vsvip("a", &on_network()))
        .await
        .expect(201);
    let vip = &first["vip"][0];
    assert_eq!(
        vip["ip_address"],
        json!({"addr": "10.10.0.10", "type": "V4"})
    );
    assert_eq!(vip["avi_allocated_vip"], true);
    assert_eq!(vip["enabled"], true);
    assert_eq!(vip["auto_allocate_ip_type"], "V4_ONLY");
    let second = client
        .post("vsvip", vsvip("b", &on_network()))
        .await
        .expect(201);
    assert_eq!(address(&second), "10.10.0.11");
    client.delete("vsvip", &first["uuid"]).await.expect(204);
    let third = client
        .post("vsvip", vsvip("c", &on_network()))
        .await
        .expect(201);
    assert_eq!(address(&third), "10.10.0.10");
}

#[tokio::test(start_paused = true)]
async fn without_a_network_the_clouds_ipam_profile_decides() {
    let client = Client::lab().await;
    let made = client
        .post("vsvip", vsvip("a", &vip(&json!({}))))
        .await
        .expect(201);
    assert_eq!(address(&made), "10.10.0.10");
}

#[tokio::test(start_paused = true)]
async fn a_static_address_is_kept_and_not_marked_as_allocated() {
    let client = Client::lab().await;
    let made = client
        .post("vsvip", vsvip("a", &pinned("10.10.4.5")))
        .await
        .expect(201);
    assert_eq!(address(&made), "10.10.4.5");
    assert!(made["vip"][0].get("avi_allocated_vip").is_none());
    let refusal = client
        .post("vsvip", vsvip("b", &pinned("10.10.4.5")))
        .await
        .expect(400);
    assert!(
        refusal["error"]
            .as_str()
            .unwrap()
            .contains("No available free IPs")
    );
    assert_eq!(client.get("/api/vsvip").await.expect(200)["count"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_update_keeps_the_address() {
    let client = Client::lab().await;
    for (name, first) in [("auto", on_network()), ("static", pinned("10.10.4.5"))] {
        let made = client.post("vsvip", vsvip(name, &first)).await.expect(201);
        let after = client
            .put("vsvip", &made["uuid"], vsvip(name, &on_network()))
            .await
            .expect(200);
        assert_eq!(address(&after), address(&made));
        let flag = |value: &Value| value["vip"][0].get("avi_allocated_vip").cloned();
        assert_eq!(flag(&after), flag(&made));
        let same = client
            .put("vsvip", &made["uuid"], vsvip(name, &pinned(address(&made))))
            .await;
        assert_eq!(address(&same.expect(200)), address(&made));
    }
}

#[tokio::test(start_paused = true)]
async fn another_address_or_vip_id_is_refused_and_nothing_changes() {
    let client = Client::lab().await;
    for first in [on_network(), pinned("10.10.4.5")] {
        let made = client.post("vsvip", vsvip("a", &first)).await.expect(201);
        let refusal = client
            .put("vsvip", &made["uuid"], vsvip("a", &pinned("10.10.4.9")))
            .await
            .expect(400);
        assert!(
            refusal["error"]
                .as_str()
                .unwrap()
                .contains("please recreate the VIP")
        );
        let other = json!({"vip_id": "1", "auto_allocate_ip": true});
        let refusal = client
            .put("vsvip", &made["uuid"], vsvip("a", &other))
            .await
            .expect(400);
        assert!(
            refusal["error"]
                .as_str()
                .unwrap()
                .contains("vip_id is not supported")
        );
        let read = client.first("/api/vsvip?name=a").await;
        assert_eq!(address(&read), address(&made));
        client
            .post("vsvip", vsvip("b", &pinned(address(&made))))
            .await
            .expect(400);
        client.delete("vsvip", &made["uuid"]).await.expect(204);
    }
}

#[tokio::test(start_paused = true)]
async fn a_vip_moved_to_another_network_gets_an_address_there() {
    let client = Client::lab().await;
    let made = client
        .post("vsvip", vsvip("a", &on_network()))
        .await
        .expect(201);
    let there =
        vip(&json!({"ipam_network_subnet": {"network_ref": "/api/network/?name=node-net"}}));
    let after = client
        .put("vsvip", &made["uuid"], vsvip("a", &there))
        .await
        .expect(200);
    assert_eq!(address(&after), "10.10.16.10");
    let next = client
        .post("vsvip", vsvip("b", &on_network()))
        .await
        .expect(201);
    assert_eq!(
        address(&next),
        address(&made),
        "the old address is free again"
    );
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_network_is_refused_and_nothing_stored() {
    let client = Client::lab().await;
    let range = |last: &str| {
        json!([{
            "prefix": {"ip_addr": {"addr": "10.99.0.0", "type": "V4"}, "mask": 24},
            "static_ip_ranges": [{"type": "STATIC_IPS_FOR_VIP", "range": {
                "begin": {"addr": "10.99.0.1", "type": "V4"}, "end": {"addr": last, "type": "V4"},
            }}],
        }])
    };
    let network = json!({"name": "tiny", "configured_subnets": range("10.99.0.2")});
    client.make("network", network).await;
    let tiny = || vip(&json!({"ipam_network_subnet": {"network_ref": "/api/network?name=tiny"}}));
    client.post("vsvip", vsvip("a", &tiny())).await.expect(201);
    let mut two = vsvip("b", &tiny());
    let mut second = tiny();
    second["vip_id"] = json!("1");
    two["vip"].as_array_mut().unwrap().push(second);
    let refusal = client.post("vsvip", two).await.expect(400);
    assert_eq!(refusal["error"], "No available free IPs");
    assert_eq!(client.get("/api/vsvip").await.expect(200)["count"], 1);
    let made = client.post("vsvip", vsvip("c", &tiny())).await.expect(201);
    assert_eq!(address(&made), "10.99.0.2", "a refused write takes nothing");
}

#[tokio::test(start_paused = true)]
async fn both_families_are_handed_out_where_asked() {
    let client = Client::lab().await;
    let network = json!({"name": "dual", "configured_subnets": [
        {"prefix": {"ip_addr": {"addr": "10.98.0.0", "type": "V4"}, "mask": 24}},
        {"prefix": {"ip_addr": {"addr": "2001:db8::", "type": "V6"}, "mask": 64}},
    ]});
    client.make("network", network).await;
    let ask = |kind: &str| {
        vip(&json!({
            "auto_allocate_ip_type": kind,
            "ipam_network_subnet": {"network_ref": "/api/network?name=dual"},
        }))
    };
    let both = client
        .post("vsvip", vsvip("both", &ask("V4_V6")))
        .await
        .expect(201);
    assert_eq!(address(&both), "10.98.0.1");
    assert_eq!(
        both["vip"][0]["ip6_address"],
        json!({"addr": "2001:db8::1", "type": "V6"})
    );
    let six = client
        .post("vsvip", vsvip("six", &ask("V6_ONLY")))
        .await
        .expect(201);
    assert_eq!(six["vip"][0]["ip6_address"]["addr"], "2001:db8::2");
    assert!(six["vip"][0].get("ip_address").is_none());
}

#[tokio::test(start_paused = true)]
async fn addresses_of_a_seed_are_taken() {
    let client = Client::lab().await;
    client.make("vsvip", vsvip("a", &on_network())).await;
    let again = Client::seeded(client.simulator.dump()).await;
    assert_eq!(again.simulator.dump(), client.simulator.dump());
    let made = again
        .post("vsvip", vsvip("b", &on_network()))
        .await
        .expect(201);
    assert_eq!(address(&made), "10.10.0.11");
}

/// Model and behaviour of a Controller: what stands is not moved to another VRF or router.
#[tokio::test(start_paused = true)]
async fn vrf_and_router_of_what_stands_are_kept() {
    let client = Client::lab().await;
    let refused = "Cannot change the VrfContext or tier1_lr of";
    let vip = client.post("vsvip", vsvip("a", &on_network())).await;
    let vip = vip.expect(201);
    let pool = client.post("pool", json!({"name": "p"})).await.expect(201);
    let service = json!({
        "name": "s", "vsvip_ref": "/api/vsvip?name=a", "pool_ref": "/api/pool?name=p",
        "services": [{"port": 80}],
    });
    let service = client.post("virtualservice", service).await.expect(201);
    let changes = [
        (
            "vsvip",
            &vip,
            "vrf_context_ref",
            "/api/vrfcontext?name=management",
        ),
        ("vsvip", &vip, "tier1_lr", "/infra/tier-1s/t"),
        (
            "virtualservice",
            &service,
            "vrf_context_ref",
            "/api/vrfcontext?name=management",
        ),
        ("pool", &pool, "vrf_ref", "/api/vrfcontext?name=management"),
        ("pool", &pool, "tier1_lr", "/infra/tier-1s/t"),
    ];
    for (kind, object, field, value) in changes {
        let mut object = object.clone();
        object["_last_modified"].take();
        let mut body = object.clone();
        body[field] = value.into();
        let answer = client.put(kind, &object["uuid"], body).await.expect(400);
        let why = answer["error"].as_str().unwrap_or_default().to_owned();
        assert!(why.starts_with(refused), "{kind} {field}: {answer}");
        // What it is in already may be said.
        let mut same = object.clone();
        if field != "tier1_lr" {
            same[field] = "/api/vrfcontext?name=global".into();
        }
        client.put(kind, &object["uuid"], same).await.expect(200);
    }
    // A pool that nothing uses goes where it is sent.
    client
        .delete("virtualservice", &service["uuid"])
        .await
        .expect(204);
    let mut free = pool.clone();
    free["_last_modified"].take();
    free["vrf_ref"] = "/api/vrfcontext?name=management".into();
    client.put("pool", &pool["uuid"], free).await.expect(200);
}
