//! What befalls the cluster of Controllers.

use std::time::Duration;

use serde_json::json;

use crate::client::Client;

#[tokio::test(start_paused = true)]
async fn a_cluster_that_starts_answers_nothing_but_its_state() {
    let client = Client::lab().await;
    let phase = |phase| json!({ "phase": phase });
    client
        .send("PUT", "/_sim/cluster", Some(phase("starting")))
        .await
        .expect(204);
    client.get("/api/pool").await.expect(503);
    let login = json!({"username": "admin", "password": "secret"});
    client.send("POST", "/login", Some(login)).await.expect(503);
    let status = client.get("/api/cluster/status").await.expect(200);
    assert_eq!(status["cluster_state"]["state"], "CLUSTER_STARTING");
    client
        .send("PUT", "/_sim/cluster", Some(phase("up")))
        .await
        .expect(204);
    client.get("/api/pool").await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_can_be_read_and_ends_in_another_version() {
    let client = Client::lab().await;
    let upgrading = json!({"phase": "upgrading"});
    client
        .send("PUT", "/_sim/cluster", Some(upgrading))
        .await
        .expect(204);
    client.get("/api/pool").await.expect(200);
    let refused = client.post("pool", json!({"name": "p"})).await;
    assert!(refused.text.contains("disallowed during upgrade"));
    refused.expect(403);
    let done = json!({"phase": "up", "version": "31.1.1"});
    client
        .send("PUT", "/_sim/cluster", Some(done))
        .await
        .expect(204);
    client.post("pool", json!({"name": "p"})).await.expect(401);
    let client = Client::of(&client.simulator).await;
    client
        .header("x-avi-version", "31.1.1")
        .post("pool", json!({"name": "p"}))
        .await
        .expect(201);
    let data = client.get("/api/initial-data").await.expect(200);
    assert_eq!(data["version"]["Version"], "31.1.1");
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_knows_no_session_and_shows_for_a_while_what_it_had_heard() {
    let client = Client::lab().await;
    let old = client.make("pool", json!({"name": "old"})).await;
    client
        .send("POST", "/_sim/replicate", None)
        .await
        .expect(204);
    client.make("pool", json!({"name": "new"})).await;
    client.delete("pool", &old).await.expect(204);
    let before = client.get("/api/cluster/runtime").await.expect(200);
    let leader = json!({"stale_ms": 2_000});
    client
        .send("POST", "/_sim/leader", Some(leader))
        .await
        .expect(204);
    client.get("/api/pool").await.expect(401);
    let client = Client::of(&client.simulator).await;
    let names = |list: serde_json::Value| -> Vec<String> {
        let objects = list["results"].as_array().unwrap().iter();
        objects
            .map(|it| it["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(client.get("/api/pool").await.expect(200)), ["old"]);
    // Writes go to what really is.
    client
        .post("pool", json!({"name": "new"}))
        .await
        .expect(409);
    client.delete("pool", &old).await.expect(404);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(names(client.get("/api/pool").await.expect(200)), ["new"]);
    let after = client.get("/api/cluster/runtime").await.expect(200);
    assert_ne!(before["node_states"], after["node_states"]);
}

#[tokio::test(start_paused = true)]
async fn equal_bodies_are_told_from_others_in_the_log() {
    let client = Client::lab().await;
    let uuid = client.make("pool", json!({"name": "p"})).await;
    let stamped = client.first("/api/pool?name=p").await["_last_modified"].clone();
    client
        .put(
            "pool",
            &uuid,
            json!({"name": "p", "_last_modified": stamped}),
        )
        .await
        .expect(200);
    client
        .put("pool", &uuid, json!({"name": "p", "enabled": false}))
        .await
        .expect(200);
    let log = client.simulator.log();
    let writes: Vec<_> = log
        .iter()
        .filter(|it| it.is_write())
        .map(|it| &it.body)
        .collect();
    assert_eq!(writes.len(), 3);
    assert_eq!(writes[0], writes[1]);
    assert_ne!(writes[1], writes[2]);
    assert!(
        log.iter()
            .filter(|it| !it.is_write())
            .all(|it| it.body.is_empty())
    );
}

#[tokio::test(start_paused = true)]
async fn a_password_that_changes_ends_no_session() {
    let client = Client::lab().await;
    client
        .send("PUT", "/_sim/users", Some(json!({"admin": "new"})))
        .await
        .expect(204);
    client.get("/api/pool").await.expect(200);
    let login = |word| json!({"username": "admin", "password": word});
    client
        .send("POST", "/login", Some(login("secret")))
        .await
        .expect(401);
    client
        .send("POST", "/login", Some(login("new")))
        .await
        .expect(200);
}
