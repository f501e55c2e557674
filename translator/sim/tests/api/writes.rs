//! Writes: names, references, stamps, patches, refusals.

use serde_json::{Value, json};

use crate::client::Client;

fn stamp(value: &Value) -> u64 {
    value["_last_modified"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_new_object_is_answered_whole_with_names_behind_its_refs() {
    let client = Client::lab().await;
    let answer = client
        .post(
            "pool",
            json!({"name": "p", "cloud_ref": "/api/cloud?name=Default-Cloud"}),
        )
        .await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let pool = answer.expect(201);
    let uuid = pool["uuid"].as_str().unwrap();
    assert_eq!(location, format!("http://avi.test/api/pool/{uuid}"));
    assert_eq!(pool["url"], format!("{location}#p"));
    assert_eq!(
        pool["cloud_ref"],
        "http://avi.test/api/cloud/cloud-default#Default-Cloud"
    );
    assert_eq!(pool["tenant_ref"], "http://avi.test/api/tenant/admin#admin");
    let fields: Vec<&String> = pool.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "_last_modified",
            "cloud_ref",
            "name",
            "tenant_ref",
            "url",
            "uuid"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_per_kind_and_tenant() {
    let client = Client::lab().await;
    client.make("pool", json!({"name": "p"})).await;
    let refusal = client.post("pool", json!({"name": "p"})).await.expect(409);
    let text = "Pool with this Name, Tenant ref and Cloud ref already exists.";
    assert_eq!(refusal["error"], text);
    client.make("poolgroup", json!({"name": "p"})).await;
    client
        .tenant("blue")
        .make("pool", json!({"name": "p"}))
        .await;
    client.make("stringgroup", json!({"name": "s"})).await;
    let refusal = client
        .post("stringgroup", json!({"name": "s"}))
        .await
        .expect(409);
    assert_eq!(
        refusal["error"],
        "StringGroup with this Name and Tenant ref already exists."
    );
}

#[tokio::test(start_paused = true)]
async fn an_update_may_rename_but_not_take_a_name() {
    let client = Client::lab().await;
    let uuid = client.make("pool", json!({"name": "a"})).await;
    client.make("pool", json!({"name": "b"})).await;
    client
        .put("pool", &uuid, json!({"name": "b"}))
        .await
        .expect(409);
    client
        .put("pool", &uuid, json!({"name": "c"}))
        .await
        .expect(200);
    client.make("pool", json!({"name": "a"})).await;
    assert_eq!(client.first("/api/pool?name=c").await["uuid"], uuid);
}

#[tokio::test(start_paused = true)]
async fn bodies_without_a_legal_name_are_refused() {
    let client = Client::lab().await;
    for body in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "x".repeat(256)}),
    ] {
        client.post("pool", body).await.expect(400);
    }
    client
        .post("pool", json!({"name": "x".repeat(255)}))
        .await
        .expect(201);
    let answer = client
        .send_raw("POST", "/api/pool", "{".into())
        .await
        .unwrap();
    answer.expect(400);
}

#[tokio::test(start_paused = true)]
async fn a_put_replaces_the_whole_object_and_moves_its_stamp() {
    let client = Client::lab().await;
    let pool = client
        .post("pool", json!({"name": "p", "default_server_port": 8080}))
        .await;
    let pool = pool.expect(201);
    let after = client
        .put("pool", &pool["uuid"], json!({"name": "p"}))
        .await
        .expect(200);
    assert!(after.get("default_server_port").is_none());
    assert!(stamp(&after) > stamp(&pool));
}

#[tokio::test(start_paused = true)]
async fn a_stale_stamp_is_refused_and_none_is_accepted() {
    let client = Client::lab().await;
    let pool = client.post("pool", json!({"name": "p"})).await.expect(201);
    let mut fresh = pool.clone();
    let after = client
        .put("pool", &pool["uuid"], fresh.clone())
        .await
        .expect(200);
    let refusal = client
        .put("pool", &pool["uuid"], fresh.clone())
        .await
        .expect(412);
    assert!(
        refusal["error"]
            .as_str()
            .unwrap()
            .contains("Need to reload object data Pool")
    );
    fresh["_last_modified"] = after["_last_modified"].clone();
    client
        .put("pool", &pool["uuid"], fresh.clone())
        .await
        .expect(200);
    fresh.as_object_mut().unwrap().remove("_last_modified");
    client.put("pool", &pool["uuid"], fresh).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_is_not_found() {
    let client = Client::lab().await;
    let nope = json!("pool-nope");
    client.get("/api/pool/pool-nope").await.expect(404);
    client
        .put("pool", &nope, json!({"name": "p"}))
        .await
        .expect(404);
    client.delete("pool", &nope).await.expect(404);
    client.get("/api/abcd").await.expect(404);
    client.post("abcd", json!({"name": "x"})).await.expect(404);
    client
        .post("macro", json!({"model_name": "VirtualService"}))
        .await
        .expect(404);
}

#[tokio::test(start_paused = true)]
async fn the_controllers_own_objects_stay() {
    let client = Client::lab().await;
    let own = client.first("/api/healthmonitor?name=System-TCP").await;
    client
        .delete("healthmonitor", &own["uuid"])
        .await
        .expect(403);
    client
        .delete("vrfcontext", &json!("vrfcontext-management"))
        .await
        .expect(403);
    client.delete("tenant", &json!("admin")).await.expect(403);
}

#[tokio::test(start_paused = true)]
async fn a_slug_forces_the_uuid() {
    let client = Client::lab().await.header("slug", "pool-force-42");
    let pool = client.post("pool", json!({"name": "p"})).await.expect(201);
    assert_eq!(pool["uuid"], "pool-force-42");
    client.post("pool", json!({"name": "q"})).await.expect(409);
}

#[tokio::test(start_paused = true)]
async fn a_patch_changes_parts() {
    let client = Client::lab().await;
    let monitor = |name: &str| json!(format!("/api/healthmonitor?name={name}"));
    let body = json!({"name": "p", "health_monitor_refs": [monitor("System-TCP")]});
    let uuid = client.make("pool", body).await;
    let patch = json!({"add": {"health_monitor_refs": [monitor("System-UDP")], "enabled": false}});
    let pool = client.patch("pool", &uuid, patch).await.expect(200);
    assert_eq!(pool["health_monitor_refs"].as_array().unwrap().len(), 2);
    assert_eq!(pool["enabled"], false);
    let patch =
        json!({"delete": {"health_monitor_refs": [monitor("System-TCP")], "enabled": false}});
    let pool = client.patch("pool", &uuid, patch).await.expect(200);
    assert_eq!(pool["health_monitor_refs"].as_array().unwrap().len(), 1);
    assert!(pool.get("enabled").is_none());
    let patch = json!({"replace": {"health_monitor_refs": [monitor("nothing")]}});
    client.patch("pool", &uuid, patch).await.expect(404);
    client
        .patch("pool", &uuid, json!({"remove": {}}))
        .await
        .expect(400);
    client
        .patch("pool", &uuid, json!({"_last_modified": "1", "add": {}}))
        .await
        .expect(412);
}

#[tokio::test(start_paused = true)]
async fn private_keys_are_never_answered_and_must_not_come_back() {
    let client = Client::lab().await;
    let body = json!({"name": "c", "key": "PRIVATE", "certificate": {"certificate": "PEM"}});
    let created = client.post("sslkeyandcertificate", body).await;
    assert!(!created.text.contains("PRIVATE"));
    let created = created.expect(201);
    assert_eq!(created["key"], "<sensitive>");
    assert_eq!(created["certificate"]["certificate"], "PEM");
    let read = client.first("/api/sslkeyandcertificate?name=c").await;
    assert_eq!(read["key"], "<sensitive>");
    client
        .put("sslkeyandcertificate", &read["uuid"], read.clone())
        .await
        .expect(400);
    client
        .patch(
            "sslkeyandcertificate",
            &read["uuid"],
            json!({"add": {"created_by": "x"}}),
        )
        .await
        .expect(200);
    assert!(!client.simulator.dump().to_string().contains("PRIVATE"));
}

#[tokio::test(start_paused = true)]
async fn lists_have_limits() {
    let client = Client::lab().await;
    let names = |count: usize| -> Value {
        (0..count)
            .map(|index| json!({"fqdn": format!("h{index}.avi.internal")}))
            .collect()
    };
    client
        .post("vsvip", json!({"name": "v", "dns_info": names(1001)}))
        .await
        .expect(400);
    client
        .post("vsvip", json!({"name": "v", "dns_info": names(1000)}))
        .await
        .expect(201);
}

#[tokio::test(start_paused = true)]
async fn fields_newer_than_the_asked_version_are_refused() {
    let client = Client::lab().await.header("x-avi-version", "18.2.8");
    let refusal = client
        .post("pool", json!({"name": "p", "enable_http2": true}))
        .await
        .expect(400);
    assert_eq!(
        refusal["error"],
        "Incoming request (v18_2_8) has field (enable_http2) introduced in later versions(v20_1_1)."
    );
    client.post("pool", json!({"name": "p"})).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn tenant_and_cloud_of_an_object_do_not_change() {
    let client = Client::lab().await;
    let cloud = json!({"name": "second", "vtype": "CLOUD_NONE"});
    client.make("cloud", cloud).await;
    let uuid = client.make("pool", json!({"name": "p"})).await;
    let moved = json!({"name": "p", "cloud_ref": "/api/cloud?name=second"});
    client.put("pool", &uuid, moved).await.expect(400);
    let moved = json!({"name": "p", "tenant_ref": "/api/tenant?name=blue"});
    client.put("pool", &uuid, moved).await.expect(400);
}

#[tokio::test(start_paused = true)]
async fn route_ids_are_unique_within_a_vrf() {
    let client = Client::lab().await;
    let mut vrf = client.first("/api/vrfcontext?name=global").await;
    let route = |id: &str| json!({"route_id": id});
    vrf["static_routes"] = json!([route("a"), route("b"), route("a")]);
    let refusal = client
        .put("vrfcontext", &vrf["uuid"], vrf.clone())
        .await
        .expect(400);
    assert_eq!(
        refusal["error"],
        "Unique constraints route_id has duplicated value"
    );
    vrf["static_routes"] = json!([route("a"), route("b")]);
    client
        .put("vrfcontext", &vrf["uuid"], vrf.clone())
        .await
        .expect(200);
}

#[tokio::test(start_paused = true)]
async fn empty_address_fields_break_the_schema_check() {
    let client = Client::lab().await;
    for vip in [
        json!({"vip_id": "0", "ip6_address": {}}),
        json!({"vip_id": "0", "ipam_network_subnet": {"subnet6": {}}}),
    ] {
        let refusal = client
            .post("vsvip", json!({"name": "v", "vip": [vip]}))
            .await
            .expect(500);
        assert!(refusal["error"].as_str().unwrap().starts_with("Bad pb:"));
    }
}
