//! What each tenant sees, refers to and may change.

use serde_json::json;

use crate::client::Client;

#[tokio::test(start_paused = true)]
async fn an_object_is_seen_in_its_tenant_only() {
    let admin = Client::lab().await;
    let blue = admin.tenant("blue");
    let pool = blue.post("pool", json!({"name": "p"})).await.expect(201);
    assert_eq!(
        pool["tenant_ref"],
        "http://avi.test/api/tenant/tenant-blue#blue"
    );
    let count =
        async |client: &Client| client.get("/api/pool?name=p").await.expect(200)["count"].clone();
    assert_eq!(count(&admin).await, 0);
    assert_eq!(count(&blue).await, 1);
    assert_eq!(
        count(&admin.header("x-avi-tenant-uuid", "tenant-blue")).await,
        1
    );
    assert_eq!(count(&admin.tenant("*")).await, 1);
    let uri = format!("/api/pool/{}", pool["uuid"].as_str().unwrap());
    admin.get(&uri).await.expect(404);
    admin.tenant("green").get(&uri).await.expect(404);
    admin.tenant("*").get(&uri).await.expect(200);
    admin.delete("pool", &pool["uuid"]).await.expect(404);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_tenant_is_forbidden() {
    let client = Client::lab().await.tenant("nobody");
    let refusal = client.get("/api/pool").await.expect(403);
    assert_eq!(refusal["error"], "Tenant 'nobody' does not exist!");
    client.post("pool", json!({"name": "p"})).await.expect(403);
}

#[tokio::test(start_paused = true)]
async fn a_new_tenant_can_be_used_at_once_and_not_deleted_while_in_use() {
    let admin = Client::lab().await;
    let tenant = admin
        .post("tenant", json!({"name": "red"}))
        .await
        .expect(201);
    let uuid = tenant["uuid"].as_str().unwrap();
    assert!(uuid.starts_with("tenant-") && uuid.len() == "tenant-".len() + 36);
    let red = admin.tenant("red");
    let pool = red.make("pool", json!({"name": "p"})).await;
    admin.delete("tenant", &tenant["uuid"]).await.expect(403);
    red.delete("pool", &pool).await.expect(204);
    admin.delete("tenant", &tenant["uuid"]).await.expect(204);
    red.get("/api/pool").await.expect(403);
}

#[tokio::test(start_paused = true)]
async fn what_admin_shares_is_readable_but_not_writable() {
    let admin = Client::lab().await;
    let blue = admin.tenant("blue");
    for kind in [
        "tenant",
        "cloud",
        "network",
        "vrfcontext",
        "serviceenginegroup",
        "healthmonitor",
    ] {
        assert_ne!(
            blue.get(&format!("/api/{kind}")).await.expect(200)["count"],
            0,
            "{kind}"
        );
    }
    let vrf = blue.first("/api/vrfcontext?name=global").await;
    let refusal = blue
        .put("vrfcontext", &vrf["uuid"], vrf.clone())
        .await
        .expect(400);
    assert!(
        refusal["error"]
            .as_str()
            .unwrap()
            .contains("Cannot modify VrfContext")
    );
    let group = blue
        .first("/api/serviceenginegroup?name=Default-Group")
        .await;
    blue.put("serviceenginegroup", &group["uuid"], group.clone())
        .await
        .expect(403);
    admin
        .put("vrfcontext", &vrf["uuid"], vrf.clone())
        .await
        .expect(200);
}

#[tokio::test(start_paused = true)]
async fn refs_resolve_in_the_own_tenant_then_in_admin() {
    let admin = Client::lab().await;
    let blue = admin.tenant("blue");
    let monitor = json!("/api/healthmonitor?name=m");
    let body = json!({"name": "p", "health_monitor_refs": [monitor]});
    blue.post("pool", body.clone()).await.expect(404);
    admin
        .tenant("green")
        .make(
            "healthmonitor",
            json!({"name": "m", "type": "HEALTH_MONITOR_TCP"}),
        )
        .await;
    blue.post("pool", body.clone()).await.expect(404);
    let shared = admin
        .make(
            "healthmonitor",
            json!({"name": "m", "type": "HEALTH_MONITOR_TCP"}),
        )
        .await;
    let uuid = blue.make("pool", body.clone()).await;
    let target = |pool: &serde_json::Value| {
        let text = pool["health_monitor_refs"][0].as_str().unwrap();
        text.rsplit('/').next().unwrap().to_owned()
    };
    assert_eq!(
        target(&blue.first("/api/pool?name=p").await),
        shared.as_str().unwrap()
    );
    let own = blue
        .make(
            "healthmonitor",
            json!({"name": "m", "type": "HEALTH_MONITOR_TCP"}),
        )
        .await;
    let pool = blue.put("pool", &uuid, body).await.expect(200);
    assert_eq!(target(&pool), own.as_str().unwrap());
}

#[tokio::test(start_paused = true)]
async fn traffic_objects_of_admin_are_not_shared() {
    let admin = Client::lab().await;
    let uuid = admin.make("pool", json!({"name": "p"})).await;
    let blue = admin.tenant("blue");
    for target in [
        "/api/pool?name=p".to_owned(),
        format!("/api/pool/{}", uuid.as_str().unwrap()),
    ] {
        let body = json!({"name": "v", "pool_ref": target});
        blue.post("virtualservice", body).await.expect(404);
    }
}

#[tokio::test(start_paused = true)]
async fn admin_may_write_for_another_tenant_and_nobody_else() {
    let admin = Client::lab().await;
    let body = json!({"name": "p", "tenant_ref": "/api/tenant/?name=blue"});
    admin
        .tenant("green")
        .post("pool", body.clone())
        .await
        .expect(403);
    admin.post("pool", body).await.expect(201);
    assert_eq!(
        admin.tenant("blue").get("/api/pool").await.expect(200)["count"],
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_needs_one_tenant() {
    let all = Client::lab().await.tenant("*");
    all.post("pool", json!({"name": "p"})).await.expect(400);
    all.delete("pool", &json!("pool-x")).await.expect(400);
}
