//! Faults, delays, the log and the other side doors.

use std::time::Duration;

use aviary_sim::{Options, Simulator};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::client::Client;

async fn with_rules(rules: Value) -> Client {
    let client = Client::lab().await;
    client
        .send("PUT", "/_sim/faults", Some(rules))
        .await
        .expect(204);
    client
}

#[tokio::test(start_paused = true)]
async fn a_status_replaces_the_answer_and_the_effect() {
    let client = with_rules(json!([{
        "method": "POST", "type": "pool", "name": "p", "after": 1, "count": 1, "status": 503,
        "body": "portal down", "headers": {"Retry-After": "1"},
    }]))
    .await;
    client
        .post("pool", json!({"name": "other"}))
        .await
        .expect(201);
    client.make("pool", json!({"name": "p"})).await;
    let answer = client.post("pool", json!({"name": "p"})).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (503, "portal down")
    );
    assert_eq!(answer.headers["retry-after"], "1");
    client.post("pool", json!({"name": "p"})).await.expect(409);
}

#[tokio::test(start_paused = true)]
async fn a_request_or_its_reply_is_lost() {
    for (drop, count) in [("before", 0), ("after", 1)] {
        let client = with_rules(json!([{"type": "pool", "count": 1, "drop": drop}])).await;
        let body = Bytes::from_static(br#"{"name":"p"}"#);
        client
            .send_raw("POST", "/api/pool", body)
            .await
            .unwrap_err();
        assert_eq!(
            client.get("/api/pool").await.expect(200)["count"],
            count,
            "{drop}"
        );
        let entry = client
            .simulator
            .log()
            .into_iter()
            .find(|entry| entry.method == "POST" && entry.kind == "pool")
            .unwrap();
        assert!(entry.fault && entry.status == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn through_the_router_a_lost_reply_is_a_body_that_fails() {
    let client = with_rules(json!([{"type": "cluster", "drop": "before"}])).await;
    let request = Request::get("/api/cluster/status")
        .body(axum::body::Body::empty())
        .unwrap();
    let response = client.simulator.router().oneshot(request).await.unwrap();
    axum::body::to_bytes(response.into_body(), 99)
        .await
        .unwrap_err();
    client
        .send("DELETE", "/_sim/faults", None)
        .await
        .expect(204);
    let request = Request::get("/api/cluster/status")
        .body(axum::body::Body::empty())
        .unwrap();
    let response = client.simulator.router().oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), 999)
        .await
        .unwrap();
    assert!(
        String::from_utf8(body.to_vec())
            .unwrap()
            .contains("CLUSTER_UP_NO_HA")
    );
}

#[tokio::test(start_paused = true)]
async fn delays_add_up_in_virtual_time() {
    let delay = Duration::from_millis(150);
    let client = Client::with(Options {
        delay,
        ..Options::default()
    })
    .await;
    let rules = json!([{"type": "pool", "delay_ms": 850}]);
    client
        .send("PUT", "/_sim/faults", Some(rules))
        .await
        .expect(204);
    let start = Instant::now();
    client.get("/api/vsvip").await.expect(200);
    assert_eq!(start.elapsed(), Duration::from_millis(150));
    client.get("/api/pool").await.expect(200);
    assert_eq!(start.elapsed(), Duration::from_millis(1150));
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_is_carried_out_although_nobody_waits() {
    let client = with_rules(json!([{"method": "POST", "delay_ms": 1000}])).await;
    let body = json!({"name": "p"});
    let patience = Duration::from_millis(10);
    tokio::time::timeout(patience, client.post("pool", body))
        .await
        .unwrap_err();
    assert_eq!(client.get("/api/pool").await.expect(200)["count"], 0);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(client.get("/api/pool").await.expect(200)["count"], 1);
}

#[tokio::test(start_paused = true)]
async fn rules_that_are_not_understood_are_refused() {
    let client = Client::lab().await;
    for rules in [
        json!({}),
        json!([{"metod": "POST"}]),
        json!([{"drop": "sometimes"}]),
    ] {
        client
            .send("PUT", "/_sim/faults", Some(rules))
            .await
            .expect(400);
    }
    client.get("/_sim/nothing").await.expect(404);
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_what_was_asked() {
    let client = Client::lab().await;
    client.send("DELETE", "/_sim/log", None).await.expect(204);
    let blue = client.tenant("blue");
    let uuid = blue.make("pool", json!({"name": "p"})).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    blue.put("pool", &uuid, json!({"name": "p", "enabled": false}))
        .await
        .expect(200);
    blue.get("/api/pool?name=q").await.expect(200);
    blue.delete("pool", &uuid).await.expect(204);
    let log = client.get("/_sim/log").await.expect(200);
    let rows: Vec<[&Value; 5]> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            [
                &row["method"],
                &row["type"],
                &row["name"],
                &row["tenant"],
                &row["status"],
            ]
        })
        .collect();
    assert_eq!(
        json!(rows),
        json!([
            ["POST", "pool", "p", "blue", 201],
            ["PUT", "pool", "p", "blue", 200],
            ["GET", "pool", "q", "blue", 200],
            ["DELETE", "pool", "p", "blue", 204],
        ])
    );
    let at = |index: usize| log[index]["at_micros"].as_u64().unwrap();
    assert!(
        at(1) - at(0) > 999_000,
        "stamps of the seed may have run ahead a little"
    );
    let writes = client
        .simulator
        .log()
        .iter()
        .filter(|entry| entry.is_write())
        .count();
    assert_eq!(writes, 3);
}

#[tokio::test(start_paused = true)]
async fn equal_seeds_give_equal_runs() {
    let run = async || {
        let client = Client::lab().await;
        client.make("pool", json!({"name": "p"})).await;
        client.simulator.dump()
    };
    assert_eq!(run().await, run().await);
    let other = Client::with(Options {
        random_seed: 9,
        ..Options::default()
    })
    .await;
    other.make("pool", json!({"name": "p"})).await;
    assert_ne!(
        run().await["pool"][0]["uuid"],
        other.simulator.dump()["pool"][0]["uuid"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_dump_is_a_seed_and_a_bad_seed_is_refused() {
    use aviary_sim::Seed;
    let client = Client::lab().await;
    client
        .tenant("blue")
        .make("pool", json!({"name": "p"}))
        .await;
    client
        .tenant("blue")
        .make(
            "virtualservice",
            json!({"name": "v", "pool_ref": "/api/pool?name=p"}),
        )
        .await;
    let dump = client.get("/_sim/dump").await.expect(200);
    let again = Client::seeded(dump.clone()).await;
    assert_eq!(again.simulator.dump(), dump);
    for bad in [
        json!([]),
        json!({"pool": {}}),
        json!({"pool": [{}]}),
        json!({"pool": [1]}),
    ] {
        let options = Options {
            seed: Seed::Objects(bad),
            ..Options::default()
        };
        assert!(Simulator::new(options).is_err());
    }
}
