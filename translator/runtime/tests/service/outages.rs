//! The Controller is upgraded, starts, is not reached, is led by another node, or refuses the login:
//! nothing is lost, nothing goes, and what is left is written once.

use crate::agent::Cluster;
use crate::lab::{Plan, Running, everywhere, names, simulator, start, writes, written_twice};
use crate::objects::{endpoints, ingress, secret, service, shop_cluster};
use aviary_runtime::StoreAt;
use aviary_session::{CredentialSource, Credentials, Proof, SourceError};
use aviary_sim::{Credentials as Users, Drop, FaultRule, LogEntry, Phase, Simulator};
use aviary_types::Secret;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Credentials that a test changes, as somebody changes a Secret.
struct Changing(Mutex<String>);

impl Changing {
    fn of(password: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(password.into())))
    }

    fn set(&self, password: &str) {
        *self.0.lock().unwrap() = password.into();
    }
}

impl CredentialSource for Changing {
    fn read(&self) -> Result<Credentials, SourceError> {
        let password = self.0.lock().unwrap().clone();
        Ok(Credentials {
            username: "admin".into(),
            proof: Proof::Password(Secret::new(password)),
        })
    }
}

fn only(password: &str) -> Users {
    Users::Users([("admin".to_owned(), password.to_owned())].into())
}

/// What happens while the Controller is away: a host comes, one goes, one changes.
fn edit(cluster: &Cluster) {
    cluster.put(secret("shop", "pay", "pay.avi.internal"));
    cluster.put(ingress("shop", "pay", "pay.avi.internal", Some("pay")));
    cluster.put(ingress("shop", "news", "news.avi.internal", None));
    cluster.delete(&ingress("shop", "shop", "shop.avi.internal", None));
}

fn logins(simulator: &Simulator) -> Vec<LogEntry> {
    let mut log = simulator.log();
    log.retain(|entry| entry.kind == "login");
    log
}

fn trouble(translator: &Running) -> String {
    translator.snapshots.borrow().sites[0].trouble.to_string()
}

/// Every object by kind and name: nothing stands twice.
fn all(simulator: &Simulator) -> BTreeSet<String> {
    let dump = simulator.dump();
    let mut all = BTreeSet::new();
    for (kind, objects) in dump.as_object().unwrap() {
        for object in objects.as_array().unwrap() {
            let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
            let place = (text("name"), text("tenant_ref"), text("cloud_ref"));
            assert!(
                all.insert(format!("{kind} {place:?}")),
                "{kind} {place:?} twice"
            );
        }
    }
    all
}

/// What the same cluster comes to on a Controller that never was away.
async fn undisturbed(cluster: &Cluster) -> BTreeSet<String> {
    let simulator = simulator();
    let translator = start(&simulator, Plan::default()).await;
    let agent = translator.agent(cluster, everywhere());
    translator.settle().await;
    agent.stop().await;
    translator.stop().await;
    all(&simulator)
}

/// Nobody was told that his object is at fault.
fn nobody_is_blamed(translator: &Running) {
    let now = translator.snapshots.borrow();
    assert!(
        now.sites.iter().all(|site| site.refusals.is_empty()),
        "{:?}",
        now.findings()
    );
}

async fn minutes(count: u64) {
    tokio::time::sleep(Duration::from_mins(count)).await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_within_the_pause_of_a_refused_login_makes_none() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let folder = tempfile::tempdir().unwrap();
    let (wrong, right) = (Changing::of("wrong"), Changing::of("right"));
    simulator.set_credentials(only("right"));
    let plan = |credentials: &Arc<Changing>, later| Plan {
        store: StoreAt::Folder(folder.path().to_owned()),
        credentials: credentials.clone(),
        later: Duration::from_mins(later),
        ..Plan::default()
    };
    let translator = start(&simulator, plan(&wrong, 0)).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(logins(&simulator).len(), 1);
    translator.kill().await;
    let store = std::fs::read(folder.path().join("aviary.redb")).unwrap();
    assert!(!store.windows(5).any(|part| part == b"wrong"));
    let translator = start(&simulator, plan(&wrong, 1)).await;
    minutes(10).await;
    assert_eq!(logins(&simulator).len(), 1);
    assert!(trouble(&translator).contains("refused the login"));
    translator.kill().await;
    // The right ones are tried at once.
    let translator = start(&simulator, plan(&right, 12)).await;
    let agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    assert_eq!(logins(&simulator).len(), 2);
    agent.stop().await;
    translator.kill().await;
    // They worked, so that what was refused before is forgotten, and may be tried by the next start.
    let translator = start(&simulator, plan(&wrong, 13)).await;
    minutes(1).await;
    assert_eq!(logins(&simulator).len(), 3);
    translator.kill().await;
}

#[tokio::test(start_paused = true)]
async fn a_password_that_changes_is_followed_and_nothing_is_lost() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let credentials = Changing::of("one");
    simulator.set_credentials(only("one"));
    let plan = Plan {
        credentials: credentials.clone(),
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    // The Controller has the other one before the Secret does.
    simulator.set_credentials(only("two"));
    simulator.expire_sessions();
    let before = writes(&simulator).iter().filter(|it| it.is_write()).count();
    edit(&cluster);
    minutes(5).await;
    assert_eq!(
        logins(&simulator)
            .iter()
            .filter(|it| it.status == 401)
            .count(),
        1
    );
    assert_eq!(
        writes(&simulator).iter().filter(|it| it.is_write()).count(),
        before
    );
    assert!(
        trouble(&translator).contains("refused the login"),
        "{}",
        trouble(&translator)
    );
    nobody_is_blamed(&translator);
    assert!(!translator.snapshots.borrow().is_settled());
    credentials.set("two");
    minutes(1).await;
    translator.settle().await;
    assert_eq!(logins(&simulator).len(), 3);
    assert_eq!(trouble(&translator), "");
    assert_eq!(all(&simulator), undisturbed(&cluster).await);
    assert_eq!(written_twice(&simulator), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_is_waited_for_and_what_is_left_is_written_then() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    simulator.set_version("22.1.4");
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let standing = all(&simulator);
    let until_now = simulator.log().len();
    simulator.set_phase(Phase::Upgrading);
    edit(&cluster);
    minutes(20).await;
    // A few are tried, and none is taken.
    let log = simulator.log().split_off(until_now);
    let tried = log.iter().filter(|it| it.status == 403).count();
    assert!((1..200).contains(&tried), "{tried}");
    assert!(
        trouble(&translator).contains("upgrade"),
        "{}",
        trouble(&translator)
    );
    simulator.set_phase(Phase::Starting);
    minutes(10).await;
    assert_eq!(all(&simulator), standing);
    nobody_is_blamed(&translator);
    assert!(!translator.snapshots.borrow().is_settled());
    simulator.set_version("30.2.1");
    simulator.set_phase(Phase::Up);
    let ended = simulator.log().len();
    minutes(2).await;
    translator.settle().await;
    assert_eq!(all(&simulator), undisturbed(&cluster).await);
    assert_eq!(written_twice(&simulator), [""; 0]);
    assert_eq!(trouble(&translator), "");
    // Another release: what the Controller has is found out anew.
    let log = simulator.log().split_off(ended);
    assert!(
        log.iter()
            .any(|it| it.kind == "cloud" && it.method == "GET")
    );
    nobody_is_blamed(&translator);
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_is_not_reached_is_waited_for() {
    let gone = FaultRule {
        drop: Some(Drop::Before),
        ..FaultRule::default()
    };
    let unavailable = FaultRule {
        status: Some(503),
        ..FaultRule::default()
    };
    for away in [gone, unavailable] {
        let (simulator, cluster) = (simulator(), shop_cluster());
        let translator = start(&simulator, Plan::default()).await;
        let _agent = translator.agent(&cluster, everywhere());
        translator.settle().await;
        let standing = all(&simulator);
        simulator.set_faults(vec![away]);
        edit(&cluster);
        minutes(30).await;
        assert_eq!(all(&simulator), standing);
        assert!(!translator.snapshots.borrow().is_settled());
        nobody_is_blamed(&translator);
        simulator.set_faults(Vec::new());
        minutes(1).await;
        let late = translator.snapshots.borrow().is_settled();
        assert!(late, "a minute later all is written");
        assert_eq!(all(&simulator), undisturbed(&cluster).await);
        assert_eq!(written_twice(&simulator), [""; 0]);
        translator.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_while_the_controller_starts_waits_for_it() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    simulator.set_phase(Phase::Starting);
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    minutes(10).await;
    assert!(writes(&simulator).is_empty());
    simulator.set_phase(Phase::Up);
    // It answers, but what it shows may be a part of what there is.
    let body = serde_json::json!({"cluster_state": {"state": "CLUSTER_STARTING"}});
    simulator.set_faults(vec![FaultRule {
        kind: Some("cluster".into()),
        status: Some(200),
        body: Some(body),
        ..FaultRule::default()
    }]);
    minutes(10).await;
    assert!(writes(&simulator).is_empty());
    assert!(
        trouble(&translator).contains("CLUSTER_STARTING"),
        "{}",
        trouble(&translator)
    );
    simulator.set_faults(Vec::new());
    translator.settle().await;
    assert_eq!(written_twice(&simulator), [""; 0]);
}

/// A new leader shows for a while what was there before the last writes.
async fn led_by_another(stale: Duration, during: impl FnOnce(&Cluster)) {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    simulator.replicate();
    edit(&cluster);
    translator.settle().await;
    let uuids = |dump: Value| -> BTreeSet<String> {
        let objects = dump["pool"].as_array().unwrap().iter();
        objects
            .map(|it| it["uuid"].as_str().unwrap().to_owned())
            .collect()
    };
    let before = uuids(simulator.dump());
    simulator.change_leader(stale);
    during(&cluster);
    minutes(10).await;
    translator.settle().await;
    assert!(
        before.is_subset(&uuids(simulator.dump())),
        "nothing is made anew"
    );
    assert_eq!(all(&simulator), undisturbed(&cluster).await);
    assert_eq!(written_twice(&simulator), [""; 0]);
    assert_eq!(names(&simulator, "virtualservice").len(), 2);
    nobody_is_blamed(&translator);
}

#[tokio::test(start_paused = true)]
async fn another_leader_costs_a_login_and_nothing_is_made_twice() {
    led_by_another(Duration::ZERO, |_| {}).await;
    led_by_another(Duration::from_secs(2), |_| {}).await;
    led_by_another(Duration::from_mins(4), |_| {}).await;
}

#[tokio::test(start_paused = true)]
async fn edits_while_another_leader_is_behind_end_as_they_would_have() {
    for stale in [2, 20, 240] {
        led_by_another(Duration::from_secs(stale), |cluster| {
            cluster.put(endpoints("shop", "web", &["10.1.0.7"]));
            cluster.put(service("shop", "other"));
            cluster.put(ingress("shop", "late", "late.avi.internal", None));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_changes_while_agents_are_away_or_half_heard_takes_nothing() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let folder = tempfile::tempdir().unwrap();
    let plan = |later| Plan {
        store: StoreAt::Folder(folder.path().to_owned()),
        later: Duration::from_mins(later),
        ..Plan::default()
    };
    let translator = start(&simulator, plan(0)).await;
    let agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    simulator.replicate();
    edit(&cluster);
    translator.settle().await;
    let (standing, dump) = (all(&simulator), simulator.dump());
    agent.stop().await;
    simulator.change_leader(Duration::from_secs(90));
    minutes(20).await;
    assert_eq!(simulator.dump(), dump);
    translator.kill().await;
    // The next start hears everything but what the certificates are.
    cluster.set_deaf(true);
    let translator = start(&simulator, plan(30)).await;
    let _agent = translator.agent(&cluster, everywhere());
    minutes(1).await;
    simulator.change_leader(Duration::from_secs(90));
    minutes(20).await;
    assert_eq!(simulator.dump(), dump);
    cluster.set_deaf(false);
    translator.settle().await;
    assert_eq!(simulator.dump(), dump);
    assert_eq!(standing, undisturbed(&cluster).await);
    assert_eq!(written_twice(&simulator), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_runs_out_is_followed_by_a_look_for_changes() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    simulator.expire_sessions();
    let seen = simulator.log().len();
    cluster.put(endpoints("shop", "web", &["10.1.0.7"]));
    translator.settle().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let log = simulator.log().split_off(seen);
    let listed = |kind: &str| log.iter().any(|it| it.kind == kind && it.method == "GET");
    assert!(listed("virtualservice") && listed("vsvip"), "{log:?}");
}
