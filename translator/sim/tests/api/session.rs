//! Logins, cookies, CSRF, tokens, expiry.

use std::time::Duration;

use aviary_sim::{Credentials, Options, Simulator};
use bytes::Bytes;
use serde_json::json;

use crate::client::Client;

fn guarded() -> Simulator {
    let credentials = Credentials::Users([("avi".to_owned(), "right".to_owned())].into());
    Simulator::new(Options {
        credentials,
        ..Options::default()
    })
    .unwrap()
}

fn stranger(simulator: &Simulator) -> Client {
    Client {
        simulator: simulator.clone(),
        headers: Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn form_and_json_logins_are_both_understood() {
    let client = stranger(&guarded());
    for body in [
        "username=avi&password=right",
        r#"{"password":"right","username":"avi"}"#,
    ] {
        let body = Bytes::from_static(body.as_bytes());
        let answer = client.send_raw("POST", "/login", body).await.unwrap();
        assert!(answer.cookie("csrftoken").is_some());
        let (session, old) = (answer.cookie("avi-sessionid"), answer.cookie("sessionid"));
        assert!(session.is_some() && session == old);
        let body = answer.expect(200);
        assert_eq!(body["session_cookie_name"], "avi-sessionid");
        assert_eq!(body["version"]["Version"], "30.2.1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_login_is_refused_and_the_third_locks_the_account() {
    let client = stranger(&guarded());
    let login = |password: &str| Some(json!({"username": "avi", "password": password}));
    for _ in 0..3 {
        let answer = client
            .send("POST", "/login", login("wrong"))
            .await
            .expect(401);
        assert!(
            answer["error"]
                .as_str()
                .unwrap()
                .contains("Invalid credentials")
        );
    }
    client
        .send("POST", "/login", login("right"))
        .await
        .expect(401);
    tokio::time::advance(Duration::from_mins(31)).await;
    client
        .send("POST", "/login", login("right"))
        .await
        .expect(200);
}

#[tokio::test(start_paused = true)]
async fn nothing_but_the_probes_answers_without_a_session() {
    let client = stranger(&guarded());
    client.get("/api/pool").await.expect(401);
    client.get("/api/cluster").await.expect(401);
    client.get("//api/cluster/status").await.expect(200);
    assert_eq!(
        client.get("/api/initial-data").await.expect(200)["version"]["Version"],
        "30.2.1"
    );
    client
        .header("cookie", "sessionid=made-up")
        .get("/api/pool")
        .await
        .expect(401);
}

#[tokio::test(start_paused = true)]
async fn a_session_may_come_under_either_cookie_and_twice() {
    let client = Client::lab().await;
    let cookie = client
        .headers
        .iter()
        .find(|(name, _)| name == "cookie")
        .unwrap()
        .1
        .clone();
    let id = cookie.strip_prefix("avi-sessionid=").unwrap();
    for cookie in [
        format!("sessionid={id}"),
        format!("csrftoken=x; sessionid={id}; avi-sessionid={id}; sessionid={id}"),
    ] {
        client
            .header("cookie", &cookie)
            .get("/api/pool")
            .await
            .expect(200);
    }
}

#[tokio::test(start_paused = true)]
async fn every_reply_sends_the_session_again_but_not_the_csrf_token() {
    let client = Client::lab().await;
    let answer = client.get("/api/pool").await;
    let sent = client
        .headers
        .iter()
        .find(|(name, _)| name == "cookie")
        .unwrap()
        .1
        .clone();
    assert_eq!(
        sent,
        format!("avi-sessionid={}", answer.cookie("avi-sessionid").unwrap())
    );
    assert_eq!(answer.cookie("sessionid"), answer.cookie("avi-sessionid"));
    assert_eq!(answer.cookie("csrftoken"), None);
}

#[tokio::test(start_paused = true)]
async fn writes_need_the_csrf_token_and_reads_do_not() {
    let client = Client::lab().await;
    for bad in [
        client.without("x-csrftoken"),
        client.header("x-csrftoken", "wrong"),
    ] {
        bad.get("/api/pool").await.expect(200);
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let answer = bad
                .send(method, "/api/pool/x", Some(json!({"name": "p"})))
                .await;
            assert_eq!(answer.status, 401);
            assert_eq!(answer.text, "CSRF token missing or incorrect.");
            assert_eq!(answer.headers["content-type"], "application/json");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_end_by_idleness_by_age_by_logout_and_by_force() {
    let client = Client::lab().await;
    for _ in 0..8 {
        tokio::time::advance(Duration::from_mins(14)).await;
        client.get("/api/pool").await.expect(200);
    }
    tokio::time::advance(Duration::from_mins(15)).await;
    client.get("/api/pool").await.expect(401);

    let client = Client::of(&client.simulator).await;
    for _ in 0..(24 * 6 - 1) {
        tokio::time::advance(Duration::from_mins(10)).await;
        client.get("/api/pool").await.expect(200);
    }
    tokio::time::advance(Duration::from_mins(10)).await;
    client.get("/api/pool").await.expect(401);

    let client = Client::of(&client.simulator).await;
    client.send("POST", "/logout", None).await.expect(200);
    client.get("/api/pool").await.expect(401);

    let client = Client::of(&client.simulator).await;
    client.simulator.expire_sessions();
    client.get("/api/pool").await.expect(401);
}

#[tokio::test(start_paused = true)]
async fn basic_authentication_needs_no_session_and_gets_none() {
    let client = stranger(&guarded());
    let basic = client.header("authorization", "Basic YXZpOnJpZ2h0");
    basic.post("pool", json!({"name": "p"})).await.expect(201);
    assert_eq!(
        basic.get("/api/pool").await.cookie("sessionid").as_deref(),
        Some("None")
    );
    client
        .header("authorization", "Basic YXZpOndyb25n")
        .get("/api/pool")
        .await
        .expect(401);
}

#[tokio::test(start_paused = true)]
async fn tokens_stand_in_for_passwords_until_they_expire() {
    let simulator = guarded();
    let basic = stranger(&simulator).header("authorization", "Basic YXZpOnJpZ2h0");
    let token = basic
        .post("user-token", json!({"hours": "240"}))
        .await
        .expect(201);
    let listed = basic.get("/api/user-token").await.expect(200);
    assert_eq!(listed["count"], 1);
    assert!(
        listed["results"][0]["expires_at"]
            .as_str()
            .unwrap()
            .starts_with("2025-01-11T00:00:00")
    );
    let login = |token: &serde_json::Value| json!({"username": "avi", "token": token});
    let client = stranger(&simulator);
    client
        .send("POST", "/login", Some(login(&token["token"])))
        .await
        .expect(200);
    client
        .send("POST", "/login", Some(login(&json!("made up"))))
        .await
        .expect(401);
    tokio::time::advance(Duration::from_hours(241)).await;
    client
        .send("POST", "/login", Some(login(&token["token"])))
        .await
        .expect(401);
    basic.delete("user-token", &token["uuid"]).await.expect(204);
    basic.delete("user-token", &token["uuid"]).await.expect(404);
}

#[tokio::test(start_paused = true)]
async fn later_versions_than_the_controllers_are_refused() {
    let client = Client::lab().await;
    let refusal = client
        .header("x-avi-version", "31.1.1")
        .get("/api/pool")
        .await
        .expect(400);
    assert!(
        refusal["error"]
            .as_str()
            .unwrap()
            .contains("Invalid version")
    );
    client
        .header("x-avi-version", "22.1.3")
        .get("/api/pool")
        .await
        .expect(200);
}
