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
async fn reads_have_names_behind_refs_only_when_asked() {
    let client = Client::lab().await;
    let uuid = client
        .make(
            "pool",
            json!({"name": "p", "cloud_ref": "/api/cloud/cloud-default"}),
        )
        .await;
    let uri = format!("/api/pool/{}", uuid.as_str().unwrap());
    let plain = client.get(&uri).await.expect(200);
    assert_eq!(
        plain["cloud_ref"],
        "http://avi.test/api/cloud/cloud-default"
    );
    for query in ["?include_name", "/?include_name=", "?include_name=true"] {
        let named = client.get(&format!("{uri}{query}")).await.expect(200);
        assert_eq!(
            named["cloud_ref"],
            "http://avi.test/api/cloud/cloud-default#Default-Cloud"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_spelling_of_a_ref_is_resolved() {
    let client = Client::lab().await;
    client
        .make(
            "healthmonitor",
            json!({"name": "a b/c", "type": "HEALTH_MONITOR_TCP"}),
        )
        .await;
    let monitor = client.first("/api/healthmonitor?name=a%20b%2Fc").await;
    let uuid = monitor["uuid"].as_str().unwrap();
    for spelling in [
        format!("/api/healthmonitor/{uuid}"),
        format!("/api/healthmonitor/{uuid}#a b/c"),
        format!("https://elsewhere:9443/api/healthmonitor/{uuid}#x"),
        "/api/healthmonitor?name=a b/c".to_owned(),
        "/api/healthmonitor/?name=a%20b%2Fc".to_owned(),
        "//api/healthmonitor/?name=a+b%2fc".to_owned(),
        "https://elsewhere/api/healthmonitor?name=a+b/c".to_owned(),
    ] {
        let body = json!({"name": spelling, "health_monitor_refs": [spelling]});
        let pool = client.post("pool", body).await.expect(201);
        let want = format!("http://avi.test/api/healthmonitor/{uuid}#a b/c");
        assert_eq!(pool["health_monitor_refs"][0], want, "{spelling}");
    }
}

#[tokio::test(start_paused = true)]
async fn refs_are_found_at_any_depth_and_other_strings_left_alone() {
    let client = Client::lab().await;
    client.make("pool", json!({"name": "p"})).await;
    let body = json!({
        "name": "policy",
        "l4_connection_policy": {"rules": [{
            "name": "/api/pool?name=nothing",
            "action": {"select_pool": {"pool_ref": "/api/pool?name=p"}},
        }]},
    });
    let policy = client.post("l4policyset", body).await.expect(201);
    let rule = &policy["l4_connection_policy"]["rules"][0];
    assert_eq!(rule["name"], "/api/pool?name=nothing");
    let target = rule["action"]["select_pool"]["pool_ref"].as_str().unwrap();
    assert!(target.starts_with("http://avi.test/api/pool/pool-") && target.ends_with("#p"));
}

#[tokio::test(start_paused = true)]
async fn empty_refs_and_bare_uuids_are_kept_unchecked() {
    let client = Client::lab().await;
    let body = json!({
        "name": "v", "error_page_profile_ref": "", "tier1_lr": "/infra/tier-1s/nothing",
        "health_monitor_refs": ["healthmonitor-nowhere"],
    });
    let vs = client.post("virtualservice", body).await.expect(201);
    assert_eq!(vs["error_page_profile_ref"], "");
    assert_eq!(vs["tier1_lr"], "/infra/tier-1s/nothing");
    assert_eq!(vs["health_monitor_refs"][0], "healthmonitor-nowhere");
}

#[tokio::test(start_paused = true)]
async fn bot_policies_are_found_under_their_second_path() {
    let client = Client::lab().await;
    let body =
        json!({"name": "v", "bot_policy_ref": "/api/botpolicy?name=System-BotDetectionPolicy"});
    let vs = client.post("virtualservice", body).await.expect(201);
    assert!(
        vs["bot_policy_ref"]
            .as_str()
            .unwrap()
            .contains("/api/botdetectionpolicy/")
    );
}

#[tokio::test(start_paused = true)]
async fn a_ref_to_nothing_is_refused_and_nothing_stored() {
    let client = Client::lab().await;
    for (field, target, status, text) in [
        (
            "vsvip_ref",
            "/api/vsvip?name=x",
            404,
            "VsVip object not found!",
        ),
        (
            "pool_ref",
            "/api/pool/pool-x",
            404,
            "Pool object not found!",
        ),
        (
            "network_ref",
            "/api/network/?name=x",
            400,
            "Network object not found!",
        ),
        (
            "vrf_context_ref",
            "/api/vrfcontext?name=x",
            400,
            "VrfContext object not found!",
        ),
        (
            "cloud_ref",
            "/api/cloud?name=x",
            404,
            "Cloud object not found!",
        ),
        (
            "tenant_ref",
            "/api/tenant?name=x",
            404,
            "Tenant object not found!",
        ),
    ] {
        let mut body = json!({"name": "v"});
        body[field] = json!(target);
        let refusal = client.post("virtualservice", body).await.expect(status);
        assert_eq!(refusal, json!({"error": text}));
    }
    assert_eq!(
        client.get("/api/virtualservice").await.expect(200)["count"],
        0
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
async fn a_delete_is_refused_while_referred_to() {
    let client = Client::lab().await;
    let pool = client.make("pool", json!({"name": "p1"})).await;
    let vs = client
        .make(
            "virtualservice",
            json!({"name": "vs1", "pool_ref": "/api/pool?name=p1"}),
        )
        .await;
    let refusal = client.delete("pool", &pool).await.expect(403);
    let text = "Cannot delete, object is referred by: ['VirtualService vs1']";
    assert_eq!(refusal["error"], text);
    let gone = client.delete("virtualservice", &vs).await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
    assert_eq!(gone.headers["content-length"], "0");
    client.delete("pool", &pool).await.expect(204);
    client.delete("pool", &pool).await.expect(404);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_drops_a_ref_frees_its_target() {
    let client = Client::lab().await;
    let pool = client.make("pool", json!({"name": "p1"})).await;
    let vs = client
        .make(
            "virtualservice",
            json!({"name": "v", "pool_ref": "/api/pool?name=p1"}),
        )
        .await;
    client
        .put("virtualservice", &vs, json!({"name": "v"}))
        .await
        .expect(200);
    client.delete("pool", &pool).await.expect(204);
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
async fn names_resolve_in_the_cloud_of_the_referring_object() {
    let client = Client::lab().await;
    client
        .make("cloud", json!({"name": "second", "vtype": "CLOUD_NONE"}))
        .await;
    let second = "/api/cloud?name=second";
    client
        .make("vrfcontext", json!({"name": "global", "cloud_ref": second}))
        .await;
    let body = json!({"name": "p", "cloud_ref": second, "vrf_ref": "/api/vrfcontext?name=global"});
    let pool = client.post("pool", body.clone()).await.expect(201);
    let uuid = pool["vrf_ref"].as_str().unwrap();
    assert!(!uuid.contains("vrfcontext-global"), "{uuid}");
    let group = json!({"name": "v", "cloud_ref": second, "se_group_ref": "/api/serviceenginegroup?name=Default-Group"});
    client.post("virtualservice", group).await.expect(404);
    client
        .make(
            "pool",
            json!({"name": "p", "vrf_ref": "/api/vrfcontext?name=global"}),
        )
        .await;
}
