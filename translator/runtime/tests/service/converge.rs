//! From objects to the Controller.

use crate::lab::{Plan, change, everywhere, named, names, simulator, start, writes};
use crate::objects::{base, ingress, secret, shop, shop_cluster};
use serde_json::json;
use std::time::Duration;

/// Longer than the grace of a start, and than a look for drift.
const LONG: Duration = Duration::from_mins(20);

#[tokio::test(start_paused = true)]
async fn an_ingress_appears_on_the_controller_and_tells_its_address() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    let version = cluster.put(ingress("shop", "shop", "shop.avi.internal", None));
    translator.shows(("shop", "shop"), &version).await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .any(|name| name.contains("shop.avi.internal"))
    );
    let stored = cluster.get(&ingress("shop", "shop", "", None));
    let status = &stored["status"]["loadBalancer"]["ingress"][0];
    assert_eq!(status["hostname"], "shop.avi.internal", "{stored}");
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_goes_and_an_edit_writes_only_what_it_changes() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    simulator.clear_log();
    let version = cluster.put(ingress("shop", "other", "other.avi.internal", None));
    translator.shows(("shop", "other"), &version).await;
    let pools: Vec<_> = writes(&simulator)
        .into_iter()
        .filter(|it| it.kind == "pool")
        .collect();
    assert_eq!(pools.len(), 1, "{pools:?}");
    cluster.delete(&ingress("shop", "other", "", None));
    cluster.delete(&ingress("shop", "shop", "", None));
    // The deletes are heard before anything newer is.
    let version = cluster.put(ingress("shop", "third", "third.avi.internal", None));
    translator.shows(("shop", "third"), &version).await;
    let pools = names(&simulator, "pool");
    assert!(pools.iter().all(|name| name.contains("third")), "{pools:?}");
}

#[tokio::test(start_paused = true)]
async fn a_secure_host_waits_for_its_secret_and_is_served_then() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    cluster.set_deaf(true);
    let _agent = translator.agent(&cluster, everywhere());
    cluster.put(secret("shop", "pay", "pay.avi.internal"));
    cluster.put(ingress("shop", "pay", "pay.avi.internal", Some("pay")));
    tokio::time::sleep(LONG).await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .any(|name| name.contains("shop.avi.internal"))
    );
    assert!(
        names(&simulator, "sslkeyandcertificate")
            .iter()
            .all(|name| !name.contains("pay"))
    );
    cluster.set_deaf(false);
    let version = cluster.put(ingress("shop", "later", "later.avi.internal", None));
    translator.shows(("shop", "later"), &version).await;
    let certificates = names(&simulator, "sslkeyandcertificate");
    assert!(
        certificates.iter().any(|name| name.contains("pay")),
        "{certificates:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_absent_secret_is_told_at_the_ingress() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    let version = cluster.put(ingress("shop", "pay", "pay.avi.internal", Some("pay")));
    translator.shows(("shop", "pay"), &version).await;
    let findings = translator.settle().await.findings;
    assert!(
        findings.iter().any(|it| it.code == "AVY-1104"),
        "{findings:?}"
    );
    let stored = cluster.get(&ingress("shop", "pay", "", None));
    let told = stored["metadata"]["annotations"]["aviary.dev/findings"].as_str();
    assert!(told.unwrap_or_default().contains("AVY-1104"), "{stored}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_agent_deletes_nothing() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let before = names(&simulator, "pool");
    simulator.clear_log();
    agent.stop().await;
    cluster.delete(&ingress("shop", "shop", "", None));
    tokio::time::sleep(LONG).await;
    assert_eq!(names(&simulator, "pool"), before);
    assert!(writes(&simulator).is_empty());
    // Once it is back, the delete is heard.
    let _agent = translator.agent(&cluster, everywhere());
    let version = cluster.put(ingress("shop", "new", "new.avi.internal", None));
    translator.shows(("shop", "new"), &version).await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .all(|name| name.contains("new"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_goes_takes_what_its_agent_told_along() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let wide = translator.agent(&cluster, named(&[], true));
    let own = translator.agent(&cluster, named(&["shop"], false));
    translator.settle().await;
    assert!(!names(&simulator, "pool").is_empty());
    // The agent goes with its namespace and cannot tell that all in it is gone.
    own.stop().await;
    tokio::time::sleep(LONG).await;
    assert!(!names(&simulator, "pool").is_empty());
    for object in all_of_it() {
        cluster.delete(&object);
    }
    tokio::time::sleep(LONG).await;
    assert_eq!(names(&simulator, "pool"), Vec::<String>::new());
    drop(wide);
}

/// The Namespace and all that is in it.
fn all_of_it() -> Vec<serde_json::Value> {
    let mut objects = shop("shop", "shop.avi.internal");
    let all = base(&["shop"]).into_iter();
    objects.extend(all.filter(|object| object["kind"] == "Namespace"));
    objects
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_no_json_is_refused_and_its_last_form_goes_on() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let before = names(&simulator, "pool");
    let mut broken = ingress("shop", "shop", "moved.avi.internal", None);
    broken["raw"] = json!("{\"spec\": ");
    let version = cluster.put(broken);
    translator.shows(("shop", "shop"), &version).await;
    assert_eq!(names(&simulator, "pool"), before);
    let nacks = cluster.nacks();
    assert_eq!(nacks[0].finding.as_ref().unwrap().code, "AVY-1001");
}

#[tokio::test(start_paused = true)]
async fn namespace_agents_and_a_cluster_agent_do_the_same_together() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _wide = translator.agent(&cluster, named(&[], true));
    let _own = translator.agent(&cluster, named(&["shop"], false));
    let version = cluster.put(ingress("shop", "shop", "shop.avi.internal", None));
    translator.shows(("shop", "shop"), &version).await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .any(|name| name.contains("shop.avi.internal"))
    );
}

#[tokio::test(start_paused = true)]
async fn observing_writes_nothing() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let plan = Plan {
        observe_only: true,
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    let _agent = translator.agent(&cluster, everywhere());
    let version = cluster.put(ingress("shop", "shop", "shop.avi.internal", None));
    translator.shows(("shop", "shop"), &version).await;
    tokio::time::sleep(LONG).await;
    assert!(writes(&simulator).is_empty());
    assert!(cluster.intents().is_empty());
    assert!(!translator.snapshots.borrow().sites[0].ops.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_others_change_is_put_right() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let pool = names(&simulator, "pool")
        .into_iter()
        .find(|it| it.contains("shop"))
        .unwrap();
    change(&simulator, "pool", &pool, |body| {
        body["servers"] = json!([]);
    })
    .await;
    simulator.clear_log();
    tokio::time::sleep(LONG).await;
    translator.settle().await;
    let written = writes(&simulator);
    assert_eq!(written.len(), 1, "{written:?}");
    assert_eq!(written[0].name, pool);
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_is_away_at_the_start_is_waited_for() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    simulator.set_faults(vec![aviary_sim::FaultRule {
        status: Some(503),
        ..aviary_sim::FaultRule::default()
    }]);
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!translator.snapshots.borrow().is_read());
    simulator.set_faults(Vec::new());
    let version = cluster.put(ingress("shop", "shop", "shop.avi.internal", None));
    translator.shows(("shop", "shop"), &version).await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .any(|name| name.contains("shop.avi.internal"))
    );
}
