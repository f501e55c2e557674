//! The whole agent on a folder in memory, against a translator's half of the stream, over pipes that
//! can be cut, on paused time.

mod bench;

use std::sync::Arc;
use std::time::Duration;

use aviary_boot::tls::{self, IdentityFiles};
use aviary_link::key::{Kind, Name};
use aviary_link::translator::{Heard, Limits, Named, Why};
use aviary_proto::sync::v1::{ApplyWrite, Intent, IntentResult, MergeWrite, intent};
use serde_json::json;

use crate::connect::UrlConnector;

use self::bench::{Bench, CLUSTER, SECRET, SERVICE};

fn service(name: &str, port: u16) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: a}}\nspec: {{port: {port}, other: {port}}}\n---\n"
    )
}

fn secret(name: &str, key: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: a}}\nstringData: {{tls.key: {key}}}\n---\n"
    )
}

#[tokio::test(start_paused = true)]
async fn a_folder_reaches_the_translator_and_stays_in_step() {
    let bench = Bench::new(Limits::default());
    bench
        .files
        .put("a.yaml", service("x", 1) + &service("y", 1));
    let agent = bench.agent(1);
    bench.until(|hub| hub.complete(SERVICE)).await;
    assert_eq!(*agent.streams.borrow(), 1, "it is heard");
    assert_eq!(
        bench.ports(),
        [("x", 1), ("y", 1)].map(|(name, port)| (name.to_owned(), port))
    );
    bench.files.put("a.yaml", service("x", 2));
    bench.until(|hub| hub.stored(SERVICE) == 1).await;
    assert_eq!(bench.ports(), [("x".to_owned(), 2)]);
    assert!(
        bench.hub().traces.is_empty(),
        "nobody exports traces, so that changes have none"
    );
    let streams = agent.streams.clone();
    agent.stop().await;
    assert_eq!(*streams.borrow(), 0, "nobody hears it any more");
    let away = bench
        .hub()
        .translator
        .heard(CLUSTER, &Kind::new("", SERVICE), "a");
    assert_eq!(away, Heard::Frozen(Why::Away));
    assert_eq!(bench.ports().len(), 1, "what was heard stands");
}

#[tokio::test(start_paused = true)]
async fn a_cut_resumes_and_only_what_differs_is_sent() {
    let bench = Bench::new(Limits::default());
    bench.files.put(
        "a.yaml",
        service("x", 1) + &service("y", 1) + &service("z", 1),
    );
    let _agent = bench.agent(1);
    bench.until(|hub| hub.complete(SERVICE)).await;
    assert_eq!(bench.hub().upserts, 3);
    bench.cut();
    bench
        .until(|hub| hub.admissions == 2 && hub.complete(SERVICE))
        .await;
    assert_eq!(bench.hub().upserts, 3);
    bench.block(true);
    bench.cut();
    bench
        .files
        .put("a.yaml", service("x", 1) + &service("y", 2));
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(
        bench.ports().len(),
        3,
        "an agent that is away removes nothing"
    );
    bench.block(false);
    bench
        .until(|hub| hub.admissions == 3 && hub.complete(SERVICE))
        .await;
    assert_eq!(
        bench.ports(),
        [("x", 1), ("y", 2)].map(|(name, port)| (name.to_owned(), port))
    );
    assert_eq!(bench.hub().upserts, 4);
}

#[tokio::test(start_paused = true)]
async fn a_small_window_brings_everything_all_the_same() {
    let limits = Limits {
        window: 2,
        window_bytes: 200,
        ..Limits::default()
    };
    let bench = Bench::new(limits);
    let many: String = (0..300)
        .map(|index| service(&format!("s{index}"), 1))
        .collect();
    bench.files.put("a.yaml", many);
    let _agent = bench.agent(1);
    bench.until(|hub| hub.complete(SERVICE)).await;
    assert_eq!(bench.hub().upserts, 300);
}

#[tokio::test(start_paused = true)]
async fn every_replica_hears_everything() {
    let bench = Bench::new(Limits::default());
    bench.files.put("a.yaml", service("x", 1));
    let _agent = bench.agent(2);
    // Both streams end at one translator here: the newer speaks, the older listens.
    bench
        .until(|hub| hub.admissions == 2 && hub.complete(SERVICE))
        .await;
    assert_eq!(bench.ports().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_secrets_that_are_wanted_leave() {
    let bench = Bench::new(Limits::default());
    bench
        .files
        .put("a.yaml", secret("one", "k1") + &secret("two", "k2"));
    let _agent = bench.agent(1);
    let kind = Kind::new("", SECRET);
    bench.until(|hub| hub.complete(SECRET)).await;
    assert_eq!(bench.hub().upserts, 0);
    bench.want(&["one", "absent"]);
    let named =
        |hub: &bench::Hub, name: &str| hub.translator.named(CLUSTER, &kind, &Name::new("a", name));
    bench
        .until(|hub| named(hub, "one") == Named::Present && named(hub, "absent") == Named::Absent)
        .await;
    assert_eq!(
        bench.secret("one").as_deref(),
        Some(r#"{"tls.key":"azE="}"#)
    );
    // A change is sent, and a Secret that comes to be.
    bench
        .files
        .put("a.yaml", secret("one", "k3") + &secret("absent", "k4"));
    bench
        .until(|hub| named(hub, "absent") == Named::Present)
        .await;
    assert_eq!(
        bench.secret("one").as_deref(),
        Some(r#"{"tls.key":"azM="}"#)
    );
    // Bytes that the translator holds are not sent again.
    let upserts = bench.hub().upserts;
    bench.cut();
    bench
        .until(|hub| hub.admissions == 2 && hub.complete(SECRET))
        .await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(bench.hub().upserts, upserts);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_file_freezes_and_is_said() {
    let bench = Bench::new(Limits::default());
    bench.files.put("a.yaml", "kind: [");
    let _agent = bench.agent(1);
    bench.until(|hub| !hub.findings.is_empty()).await;
    assert!(bench.hub().findings[0].text.starts_with("a.yaml:"));
    let heard = || {
        bench
            .hub()
            .translator
            .heard(CLUSTER, &Kind::new("", SERVICE), "a")
    };
    bench
        .until(|hub| hub.frozen.iter().any(|why| why.contains("a.yaml")))
        .await;
    assert!(
        matches!(heard(), Heard::Frozen(Why::Failed(_))),
        "{:?}",
        heard()
    );
    bench.files.put("a.yaml", service("x", 1));
    bench
        .until(|hub| hub.complete(SERVICE) && hub.findings.is_empty())
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_keeps_its_last_version() {
    let bench = Bench::new(Limits::default());
    bench.files.put("a.yaml", service("x", 1));
    let _agent = bench.agent(1);
    bench.until(|hub| hub.complete(SERVICE)).await;
    let huge = "x".repeat(4 * 1024 * 1024);
    let whole = service("x", 2).replace("port: 2,", &format!("port: {huge},"));
    bench.files.put("a.yaml", whole);
    bench.until(|hub| !hub.findings.is_empty()).await;
    assert_eq!(bench.ports(), [("x".to_owned(), 1)]);
    bench.cut();
    bench
        .until(|hub| hub.admissions == 2 && hub.complete(SERVICE))
        .await;
    assert_eq!(bench.ports(), [("x".to_owned(), 1)]);
    bench.files.put("a.yaml", service("x", 3));
    bench.until(|hub| hub.findings.is_empty()).await;
    bench.until(|hub| hub.complete(SERVICE)).await;
    assert_eq!(bench.ports(), [("x".to_owned(), 3)]);
}

#[tokio::test(start_paused = true)]
async fn intents_are_carried_out_and_reported() {
    let bench = Bench::new(Limits::default());
    bench.files.put("a.yaml", service("x", 1));
    let _agent = bench.agent(1);
    bench.until(|hub| hub.complete(SERVICE)).await;
    let intent = |id: u64, name: &str, write: intent::Write| Intent {
        id,
        key: Some(Name::new("a", name).to_wire(&Kind::new("", SERVICE))),
        version: "v1".into(),
        resource: "services".into(),
        write: Some(write),
        ..Intent::default()
    };
    let apply = |status: &serde_json::Value| {
        intent::Write::Apply(ApplyWrite {
            subresource: "status".into(),
            body: json!({"status": status}).to_string().into_bytes(),
        })
    };
    let version = bench.hub().version("x");
    bench.intend(intent(1, "x", apply(&json!({"ip": "10.0.0.1"}))));
    bench.intend(intent(2, "gone", apply(&json!({}))));
    bench.until(|hub| hub.outcomes.len() == 2).await;
    assert_eq!(bench.outcome(1), IntentResult::Done);
    assert_eq!(bench.outcome(2), IntentResult::NotFound);
    assert!(
        bench
            .status
            .text("a/services/x.yaml")
            .unwrap()
            .contains("10.0.0.1")
    );
    // The status is not translated, so nothing was sent since; a merge made from the version before
    // holds all the same.
    let patch = json!({"metadata": {"annotations": {"k": "v"}}})
        .to_string()
        .into_bytes();
    let merge = MergeWrite {
        patch,
        resource_version: version,
        ..MergeWrite::default()
    };
    bench.intend(intent(3, "x", intent::Write::Merge(merge)));
    bench.until(|hub| hub.outcomes.len() == 3).await;
    assert_eq!(bench.outcome(3), IntentResult::Done);
}

#[tokio::test(start_paused = true)]
async fn the_token_identifies_the_stream_and_is_renewed_on_it() {
    let bench = Bench::new(Limits::default());
    std::fs::write(bench.token(), "first\n").unwrap();
    let _agent = bench.agent(1);
    bench.until(|hub| hub.admissions == 1).await;
    assert_eq!(bench.hub().bearers, ["Bearer first"]);
    std::fs::write(bench.token(), "second\n").unwrap();
    bench.until(|hub| hub.tokens == ["second"]).await;
    bench.cut();
    bench.until(|hub| hub.admissions == 2).await;
    assert_eq!(bench.hub().bearers[1], "Bearer second");
}

#[tokio::test]
async fn a_translator_is_reached_over_tls() {
    tls::install();
    let bench = Bench::new(Limits::default());
    bench.files.put("a.yaml", service("x", 1));
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let identity = IdentityFiles {
        cert: folder.path().join("tls.crt"),
        key: folder.path().join("tls.key"),
    };
    std::fs::write(&identity.cert, made.cert.pem()).unwrap();
    std::fs::write(&identity.key, made.signing_key.serialize_pem()).unwrap();
    let port = bench::serve_tls(&bench, &identity).await;
    let url = format!("https://localhost:{port}");
    let client = Arc::new(move || tls::client(Some(&identity.cert), None));
    let connector = Arc::new(UrlConnector::new(&url, client).unwrap());
    let agent = bench.run(bench.config(), connector);
    bench.until(|hub| hub.complete(SERVICE)).await;
    assert_eq!(bench.ports().len(), 1);
    agent.stop().await;
}
