//! Takeovers: what others made is written only if nobody else does, and after an approval.

use crate::agent::{Agent, Cluster};
use crate::lab::{
    Plan, Running, SETTINGS, all_names, change, everywhere, names, simulator, start, writes,
};
use crate::objects::{base, endpoints, ingress, service, shop};
use aviary_proto::admin::v1::ApprovePlanRequest;
use aviary_proto::query::v1::{
    Adoption, AdoptionState, GetPlanRequest, Hold, ListAdoptionsRequest, OthersChangeKind,
};
use aviary_runtime::StoreAt;
use aviary_sim::Simulator;
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

const HOST: &str = "shop.avi.internal";
/// Longer than others must be silent.
const WHILE: Duration = Duration::from_secs(30);

/// Nothing of what stands in this way bears our hand: names are AKO's, and there are no scripts.
fn as_ako() -> String {
    let text = SETTINGS.replace("SMALL", "DEDICATED");
    text.replace(
        "clusterName: blue",
        "clusterName: blue\n  namingScheme: ako",
    )
}

fn cluster() -> Cluster {
    let cluster = Cluster::default();
    let objects = base(&["shop"]).into_iter().chain(shop("shop", HOST));
    objects.for_each(|object| {
        cluster.put(object);
    });
    cluster
}

/// A Controller as somebody else left it for this cluster.
async fn left_for(cluster: &Cluster, settings: &str) -> Simulator {
    let simulator = simulator();
    let plan = Plan {
        settings: settings.into(),
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    let agent = translator.agent(cluster, everywhere());
    translator.settle().await;
    translator.settle().await;
    agent.stop().await;
    translator.stop().await;
    assert!(!names(&simulator, "virtualservice").is_empty());
    simulator.clear_log();
    cluster.clear_intents();
    simulator
}

/// A translator that has heard all, after others had time to show themselves.
async fn takes_over(
    simulator: &Simulator,
    cluster: &Cluster,
    (settings, store): (&str, &TempDir),
) -> (Running, Agent) {
    let plan = Plan {
        settings: settings.into(),
        store: StoreAt::Folder(store.path().to_owned()),
        ..Plan::default()
    };
    let translator = start(simulator, plan).await;
    let agent = translator.agent(cluster, everywhere());
    tokio::time::sleep(WHILE).await;
    (translator, agent)
}

async fn adoption(translator: &Running) -> Adoption {
    let answer = translator
        .query()
        .list_adoptions(ListAdoptionsRequest::default())
        .await;
    answer.unwrap().into_inner().adoptions.remove(0)
}

async fn holds(translator: &Running) -> Vec<Hold> {
    let answer = translator.query().get_plan(GetPlanRequest::default()).await;
    answer.unwrap().into_inner().holds
}

async fn approve(translator: &Running, digest: &str) -> Result<u64, String> {
    let request = ApprovePlanRequest {
        digest: digest.into(),
        reason: "a test".into(),
    };
    let answer = translator.admin().approve_plan(request).await;
    let answer = answer.map_err(|status| status.message().to_owned())?;
    Ok(answer.into_inner().operations)
}

fn pool(simulator: &Simulator) -> String {
    let mut pools = names(simulator, "pool").into_iter();
    pools.find(|name| name.contains(HOST)).unwrap()
}

/// Somebody else takes the servers of the host's pool away.
async fn spoil(simulator: &Simulator) {
    let pool = pool(simulator);
    change(simulator, "pool", &pool, |body| body["servers"] = json!([])).await;
    simulator.clear_log();
}

/// Somebody else writes a pool as it is.
async fn touch(simulator: &Simulator) {
    let pool = pool(simulator);
    change(simulator, "pool", &pool, |_| {}).await;
    simulator.clear_log();
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_where_a_takeover_writes_nothing() {
    let cluster = cluster();
    let simulator = left_for(&cluster, &as_ako()).await;
    let store = tempfile::tempdir().unwrap();
    let (translator, agent) = takes_over(&simulator, &cluster, (&as_ako(), &store)).await;
    assert!(writes(&simulator).is_empty());
    let stand = adoption(&translator).await;
    assert_eq!(stand.state(), AdoptionState::Ours, "{stand:?}");
    assert_eq!((stand.naming_scheme.as_str(), stand.operations), ("ako", 0));
    let version = cluster.put(ingress("shop", "new", "new.avi.internal", None));
    translator.shows(("shop", "new"), &version).await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .any(|it| it.contains("new."))
    );
    agent.stop().await;
    translator.stop().await;
    // From then on it is ours, whatever it finds.
    spoil(&simulator).await;
    let (translator, _agent) = takes_over(&simulator, &cluster, (&as_ako(), &store)).await;
    translator.settle().await;
    assert_eq!(writes(&simulator).len(), 1, "{:?}", writes(&simulator));
}

#[tokio::test(start_paused = true)]
async fn what_a_takeover_would_write_waits_until_it_is_approved() {
    let cluster = cluster();
    let simulator = left_for(&cluster, &as_ako()).await;
    spoil(&simulator).await;
    let store = tempfile::tempdir().unwrap();
    let (translator, agent) = takes_over(&simulator, &cluster, (&as_ako(), &store)).await;
    cluster.put(ingress("shop", "new", "new.avi.internal", None));
    tokio::time::sleep(WHILE * 100).await;
    translator.settle().await;
    assert!(writes(&simulator).is_empty(), "{:?}", writes(&simulator));
    assert!(cluster.intents().is_empty(), "{:?}", cluster.intents());
    let stand = adoption(&translator).await;
    assert_eq!(stand.state(), AdoptionState::NeedsApproval, "{stand:?}");
    let holds = holds(&translator).await;
    assert_eq!(stand.operations, holds.len() as u64);
    assert!(holds.iter().all(|hold| hold.approvable), "{holds:?}");
    let name = pool(&simulator);
    let spoilt = holds.iter().filter_map(|hold| hold.operation.as_ref());
    let mut spoilt = spoilt.filter(|it| it.r#ref.as_ref().is_some_and(|it| it.name == name));
    assert_eq!(spoilt.next().unwrap().fields, ["servers"]);
    let other = approve(&translator, "another").await.unwrap_err();
    assert!(other.contains("no plan with this digest"), "{other}");
    assert!(writes(&simulator).is_empty());

    let freed = approve(&translator, &stand.digest).await;
    assert_eq!(freed, Ok(stand.operations));
    translator.settle().await;
    assert!(writes(&simulator).len() as u64 >= stand.operations);
    assert!(!cluster.intents().is_empty());
    assert_eq!(adoption(&translator).await.state(), AdoptionState::Ours);
    agent.stop().await;
    translator.stop().await;
    cluster.put(ingress("shop", "more", "more.avi.internal", None));
    let (translator, _agent) = takes_over(&simulator, &cluster, (&as_ako(), &store)).await;
    translator.settle().await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .any(|it| it.contains("more."))
    );
}

#[tokio::test(start_paused = true)]
async fn one_approval_is_enough_for_a_takeover_that_deletes() {
    let cluster = cluster();
    for number in 0..15 {
        let name = format!("old-{number}");
        let host = format!("{name}.avi.internal");
        cluster.put(ingress("shop", &name, &host, None));
    }
    let simulator = left_for(&cluster, &as_ako()).await;
    for number in 0..15 {
        cluster.delete(&ingress("shop", &format!("old-{number}"), "", None));
    }
    let store = tempfile::tempdir().unwrap();
    let (translator, _agent) = takes_over(&simulator, &cluster, (&as_ako(), &store)).await;
    let stand = adoption(&translator).await;
    assert_eq!(stand.state(), AdoptionState::NeedsApproval, "{stand:?}");
    approve(&translator, &stand.digest).await.unwrap();
    translator.settle().await;
    assert_eq!(names(&simulator, "virtualservice").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_while_others_write_and_then_it_goes_on() {
    let cluster = cluster();
    let simulator = left_for(&cluster, &as_ako()).await;
    cluster.put(ingress("shop", "new", "new.avi.internal", None));
    let store = tempfile::tempdir().unwrap();
    let (translator, _agent) = takes_over(&simulator, &cluster, (&as_ako(), &store)).await;
    let digest = adoption(&translator).await.digest;
    for _ in 0..40 {
        touch(&simulator).await;
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
    assert!(writes(&simulator).is_empty(), "{:?}", writes(&simulator));
    let stand = adoption(&translator).await;
    assert_eq!(stand.state(), AdoptionState::OthersWrite, "{stand:?}");
    assert_eq!(stand.changes.len(), 1, "{stand:?}");
    assert_eq!(stand.changes[0].kind(), OthersChangeKind::Changed);
    assert_eq!(
        stand.changes[0].r#ref.as_ref().unwrap().name,
        pool(&simulator)
    );
    let refused = approve(&translator, &digest).await.unwrap_err();
    assert!(refused.contains("somebody else still writes"), "{refused}");
    tokio::time::sleep(WHILE).await;
    let stand = adoption(&translator).await;
    assert_eq!(stand.state(), AdoptionState::NeedsApproval, "{stand:?}");
    approve(&translator, &stand.digest).await.unwrap();
    translator.settle().await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .any(|it| it.contains("new."))
    );
}

#[tokio::test(start_paused = true)]
async fn what_others_write_is_read_while_it_is_watched_though_drift_is_not_looked_for() {
    let settings = format!(
        "{}AviarySettings: {{drift: \"off\", adoption: auto}}\n",
        as_ako()
    );
    let cluster = cluster();
    let simulator = left_for(&cluster, &as_ako()).await;
    let store = tempfile::tempdir().unwrap();
    let plan = Plan {
        settings: settings.clone(),
        store: StoreAt::Folder(store.path().to_owned()),
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    let _agent = translator.agent(&cluster, everywhere());
    tokio::time::sleep(Duration::from_secs(3)).await;
    spoil(&simulator).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let stand = adoption(&translator).await;
    assert_eq!(stand.state(), AdoptionState::OthersWrite, "{stand:?}");
    assert_eq!(stand.changes[0].fields, ["servers"]);
    assert!(writes(&simulator).is_empty());
    // With `adoption: auto` nobody is asked once they have ended.
    tokio::time::sleep(WHILE).await;
    translator.settle().await;
    assert_eq!(writes(&simulator).len(), 1);
}

/// Scripts show that it was this program, though its store is lost.
#[tokio::test(start_paused = true)]
async fn what_bears_our_hand_goes_on_without_the_store() {
    let cluster = cluster();
    let simulator = left_for(&cluster, SETTINGS).await;
    cluster.put(ingress("shop", "new", "new.avi.internal", None));
    let store = tempfile::tempdir().unwrap();
    let (translator, _agent) = takes_over(&simulator, &cluster, (SETTINGS, &store)).await;
    translator.settle().await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .any(|it| it.contains("new."))
    );
    assert_eq!(adoption(&translator).await.state(), AdoptionState::Ours);
}

#[tokio::test(start_paused = true)]
async fn who_observes_sees_at_once_what_the_other_hand_has_done() {
    let cluster = cluster();
    let simulator = left_for(&cluster, &as_ako()).await;
    let plan = Plan {
        settings: as_ako(),
        observe_only: true,
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    let _agent = translator.agent(&cluster, everywhere());
    tokio::time::sleep(WHILE).await;
    let stand = adoption(&translator).await;
    assert_eq!(stand.state(), AdoptionState::Ready, "{stand:?}");
    assert!(stand.observes && stand.operations == 0, "{stand:?}");
    spoil(&simulator).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let stand = adoption(&translator).await;
    assert_eq!(stand.state(), AdoptionState::OthersWrite, "{stand:?}");
    assert_eq!(stand.operations, 1, "{stand:?}");
    let servers = json!([{"ip": {"addr": "10.244.1.5", "type": "V4"}, "port": 8080}]);
    let name = pool(&simulator);
    let kept = left_for(&cluster, &as_ako()).await.dump();
    let kept = kept["pool"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == name.as_str());
    let kept = kept.map_or(servers, |it| it["servers"].clone());
    change(&simulator, "pool", &name, |body| body["servers"] = kept).await;
    tokio::time::sleep(WHILE).await;
    let stand = adoption(&translator).await;
    assert_eq!(
        (stand.state(), stand.operations),
        (AdoptionState::Ready, 0),
        "{stand:?}"
    );
    let refused = approve(&translator, "any").await;
    assert!(refused.is_err(), "who observes approves nothing");
}

/// Load balancers have no scripts either: with the scheme said, nothing of them bears our hand.
#[tokio::test(start_paused = true)]
async fn a_lost_store_asks_for_nothing_where_nothing_is_to_be_written() {
    let cluster = cluster();
    let mut balancer = service("shop", "lb");
    balancer["spec"]["type"] = "LoadBalancer".into();
    cluster.put(balancer);
    cluster.put(endpoints("shop", "lb", &["10.244.1.9"]));
    cluster.delete(&ingress("shop", "shop", "", None));
    let simulator = left_for(&cluster, &as_ako()).await;
    assert_eq!(names(&simulator, "virtualservice").len(), 1);
    let store = tempfile::tempdir().unwrap();
    let (translator, _agent) = takes_over(&simulator, &cluster, (&as_ako(), &store)).await;
    let stand = adoption(&translator).await;
    assert_eq!(
        (stand.state(), stand.operations),
        (AdoptionState::Ours, 0),
        "{stand:?}"
    );
    assert!(holds(&translator).await.is_empty());
    assert!(writes(&simulator).is_empty(), "{:?}", writes(&simulator));
}

/// How a takeover that is killed so long after it began, and after it was approved, ends.
async fn taken_over(watched: Duration, approved: Duration) -> (Vec<String>, Value) {
    let cluster = cluster();
    let simulator = left_for(&cluster, &as_ako()).await;
    spoil(&simulator).await;
    cluster.put(ingress("shop", "new", "new.avi.internal", None));
    let store = tempfile::tempdir().unwrap();
    let plan = || Plan {
        settings: as_ako(),
        store: StoreAt::Folder(store.path().to_owned()),
        ..Plan::default()
    };
    for life in 0..3 {
        let translator = start(&simulator, plan()).await;
        let agent = translator.agent(&cluster, everywhere());
        tokio::time::sleep(if life == 0 { watched } else { WHILE }).await;
        let stand = adoption(&translator).await;
        if life == 0 {
            assert!(writes(&simulator).is_empty(), "{:?}", writes(&simulator));
            assert_ne!(stand.state(), AdoptionState::Ours, "{stand:?}");
        }
        if life == 1 {
            assert_eq!(stand.state(), AdoptionState::NeedsApproval, "{stand:?}");
            approve(&translator, &stand.digest).await.unwrap();
            tokio::time::sleep(approved).await;
        }
        if life == 2 {
            // What was approved is not asked for again once one write has gone out.
            if stand.state() == AdoptionState::NeedsApproval {
                assert!(writes(&simulator).is_empty(), "{:?}", writes(&simulator));
                approve(&translator, &stand.digest).await.unwrap();
            }
            translator.settle().await;
            assert_eq!(adoption(&translator).await.state(), AdoptionState::Ours);
        }
        agent.stop().await;
        translator.kill().await;
    }
    let pools = simulator.dump()["pool"].clone();
    let name = pool(&simulator);
    let pools = pools.as_array().unwrap();
    let spoilt = pools.iter().find(|it| it["name"] == name.as_str()).unwrap();
    (all_names(&simulator), spoilt["servers"].clone())
}

#[tokio::test(start_paused = true)]
async fn a_takeover_that_is_cut_off_goes_on_and_ends_the_same() {
    let whole = taken_over(WHILE, WHILE).await;
    assert!(
        whole.0.iter().any(|it| it.contains("new.")) && whole.1 != json!([]),
        "{whole:?}"
    );
    for step in 0..12 {
        let watched = Duration::from_millis(step * 900);
        let approved = Duration::from_millis(step * step);
        let ended = taken_over(watched, approved).await;
        assert_eq!(ended, whole, "cut off after {watched:?} and {approved:?}");
    }
}
