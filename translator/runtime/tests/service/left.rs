//! An instance that was left, and is configured again: what this program made goes on at once, what
//! others changed meanwhile is theirs.

use crate::agent::{Agent, Cluster};
use crate::lab::{Plan, Running, SETTINGS, change, everywhere, names, simulator, start, writes};
use crate::objects::{base, ingress, shop};
use aviary_proto::query::v1::{Adoption, AdoptionState, GetSettingsRequest, ListAdoptionsRequest};
use aviary_runtime::StoreAt;
use aviary_sim::Simulator;
use serde_json::json;
use std::time::Duration;
use tempfile::TempDir;

/// Longer than others must be silent.
const WHILE: Duration = Duration::from_secs(30);

/// The first instance takes namespace shop; the second one, if it is there, pay. Nothing of what they
/// make bears our hand.
fn settings(second: bool) -> String {
    let select = |value| format!("namespaceSelector: {{labelKey: owner, labelValue: {value}}}");
    let first = SETTINGS.replace("SMALL", "DEDICATED").replace(
        "clusterName: blue",
        &format!(
            "clusterName: blue\n  namingScheme: ako\n  {}",
            select("first")
        ),
    );
    if !second {
        return first;
    }
    let values = format!("{{AKOSettings: {{{}}}}}", select("second"));
    format!("{first}\ninstances:\n- namespace: second\n  values: {values}\n")
}

fn cluster() -> Cluster {
    let cluster = Cluster::default();
    let both = shop("shop", "shop.avi.internal").into_iter();
    let both = both.chain(shop("pay", "pay.avi.internal"));
    for object in base(&[]).into_iter().chain(both) {
        cluster.put(object);
    }
    for (name, owner) in [("shop", "first"), ("pay", "second")] {
        cluster.put(json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {"owner": owner}}}));
    }
    cluster
}

/// A cluster whose second instance was served, and is left.
struct Case {
    simulator: Simulator,
    cluster: Cluster,
    store: TempDir,
    running: Option<(Running, Agent)>,
}

impl Case {
    async fn left() -> Self {
        let mut case = Self {
            simulator: simulator(),
            cluster: cluster(),
            store: tempfile::tempdir().unwrap(),
            running: None,
        };
        case.start(true).await;
        case.now().settle().await;
        assert!(case.has("pay.avi.internal"));
        case.configure(false).await;
        assert_eq!(case.told_as_left().await, 1);
        case.simulator.clear_log();
        case
    }

    fn now(&self) -> &Running {
        &self.running.as_ref().unwrap().0
    }

    async fn start(&mut self, second: bool) {
        let plan = Plan {
            settings: settings(second),
            store: StoreAt::Folder(self.store.path().to_owned()),
            ..Plan::default()
        };
        let translator = start(&self.simulator, plan).await;
        let agent = translator.agent(&self.cluster, everywhere());
        self.running = Some((translator, agent));
        tokio::time::sleep(WHILE).await;
    }

    async fn stop(&mut self) {
        let (translator, agent) = self.running.take().unwrap();
        agent.stop().await;
        translator.stop().await;
    }

    async fn configure(&self, second: bool) {
        self.now().configure(&settings(second)).await.unwrap();
        tokio::time::sleep(WHILE).await;
    }

    async fn told_as_left(&self) -> usize {
        let answer = self.now().query().get_settings(GetSettingsRequest {}).await;
        answer.unwrap().into_inner().left.len()
    }

    async fn second(&self) -> Adoption {
        let request = ListAdoptionsRequest::default();
        let answer = self.now().query().list_adoptions(request).await;
        let all = answer.unwrap().into_inner().adoptions.into_iter();
        let mut second = all.filter(|it| {
            let domain = it.domain.as_ref();
            domain.is_some_and(|domain| domain.instance == "second")
        });
        second.next().unwrap()
    }

    fn has(&self, host: &str) -> bool {
        names(&self.simulator, "pool")
            .iter()
            .any(|it| it.contains(host))
    }

    /// Somebody else takes the servers of the second instance's pool away.
    async fn spoil(&self) {
        let mut pools = names(&self.simulator, "pool").into_iter();
        let pool = pools.find(|it| it.contains("pay.avi.internal")).unwrap();
        change(&self.simulator, "pool", &pool, |body| {
            body["servers"] = json!([]);
        })
        .await;
        self.simulator.clear_log();
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_comes_back_goes_on_where_it_was_left() {
    for restarts in [false, true] {
        let mut case = Case::left().await;
        if restarts {
            case.stop().await;
            case.start(false).await;
            assert_eq!(case.told_as_left().await, 1);
        }
        case.configure(true).await;
        case.now().settle().await;
        assert!(
            writes(&case.simulator).is_empty(),
            "{:?}",
            writes(&case.simulator)
        );
        assert_eq!(case.second().await.state(), AdoptionState::Ours);
        assert_eq!(case.told_as_left().await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_its_users_asked_for_meanwhile_is_made_without_an_approval() {
    for restarts in [false, true] {
        let mut case = Case::left().await;
        case.cluster
            .put(ingress("pay", "new", "new.avi.internal", None));
        tokio::time::sleep(WHILE).await;
        assert!(writes(&case.simulator).is_empty() && !case.has("new.avi.internal"));
        if restarts {
            case.stop().await;
            case.start(true).await;
        } else {
            case.configure(true).await;
        }
        case.now().settle().await;
        assert!(case.has("new.avi.internal") && case.has("pay.avi.internal"));
        assert_eq!(case.second().await.state(), AdoptionState::Ours);
    }
}

#[tokio::test(start_paused = true)]
async fn what_others_changed_meanwhile_waits_for_an_approval() {
    for restarts in [false, true] {
        let mut case = Case::left().await;
        if restarts {
            case.stop().await;
        }
        case.spoil().await;
        if restarts {
            case.start(true).await;
        } else {
            case.configure(true).await;
        }
        case.now().settle().await;
        assert!(
            writes(&case.simulator).is_empty(),
            "{:?}",
            writes(&case.simulator)
        );
        let stand = case.second().await;
        assert_eq!(stand.state(), AdoptionState::NeedsApproval, "{stand:?}");
        // The other instance is nobody else's for that.
        let version = case
            .cluster
            .put(ingress("shop", "more", "more.avi.internal", None));
        case.now().shows(("shop", "more"), &version).await;
        assert!(case.has("more.avi.internal"));
    }
}
