//! References: spellings, scope, integrity.

use serde_json::json;

use crate::client::Client;

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
