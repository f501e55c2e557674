//! Instances that are taken out of the settings, or are to go: what is theirs, and what becomes of
//! the others.

use crate::agent::{Agent, Cluster, identity};
use crate::lab::{Plan, Running, SETTINGS, everywhere, names, simulator, start, writes};
use crate::objects::{base, ingress, secret, shop};
use aviary_link::agent::Identity;
use aviary_proto::query::v1::{ClaimState, ListClaimsRequest, ListFindingsRequest};
use aviary_runtime::StoreAt;
use aviary_sim::Simulator;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const LONG: Duration = Duration::from_mins(20);
/// The host of both.
const BOTH: &str = "both.avi.internal";

/// The primary instance, for namespaces of `is: one`.
fn alone() -> String {
    let selector = "clusterName: blue\n  namespaceSelector: {labelKey: is, labelValue: one}";
    SETTINGS.replace("clusterName: blue", selector)
}

/// The same, and a second instance for those of `is: two`.
fn both(delete_config: bool) -> String {
    format!(
        "{}
instances:
- namespace: second
  values:
    AKOSettings:
      namespaceSelector: {{labelValue: two}}
      deleteConfig: '{delete_config}'
",
        alone()
    )
}

fn labelled(namespace: &str, is: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": namespace, "labels": {"is": is}}})
}

/// Namespaces `one` and `two`, each with a host of its own, one with TLS, an address, and the host
/// of both, which `two` asked for first.
fn cluster() -> Cluster {
    let cluster = Cluster::default();
    for object in base(&[]) {
        cluster.put(object);
    }
    for (number, namespace) in ["one", "two"].into_iter().enumerate() {
        cluster.put(labelled(namespace, namespace));
        let (plain, safe) = (
            format!("{namespace}.avi.internal"),
            format!("safe.{namespace}.avi.internal"),
        );
        for object in shop(namespace, &plain) {
            cluster.put(object);
        }
        cluster.put(secret(namespace, "safe", &safe));
        cluster.put(ingress(namespace, "safe", &safe, Some("safe")));
        let mut wanted = ingress(namespace, "both", BOTH, None);
        let day = 9 - number;
        wanted["metadata"]["creationTimestamp"] = json!(format!("2026-01-0{day}T00:00:00Z"));
        cluster.put(wanted);
        cluster.put(json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"namespace": namespace, "name": "tcp"},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 53, "targetPort": 53}]},
        }));
    }
    cluster
}

fn kept(folder: &Path, settings: String) -> Plan {
    Plan {
        settings,
        store: StoreAt::Folder(folder.to_owned()),
        ..Plan::default()
    }
}

async fn served(simulator: &Simulator, cluster: &Cluster, plan: Plan) -> (Running, Agent) {
    let translator = start(simulator, plan).await;
    let agent = translator.agent(cluster, everywhere());
    tokio::time::sleep(LONG).await;
    translator.settle().await;
    (translator, agent)
}

/// All of it stands as it did.
fn check_same(simulator: &Simulator, theirs: &BTreeMap<String, Value>) {
    let now = of_user(simulator, "ako-blue-second");
    for (name, body) in theirs {
        assert_eq!(now.get(name), Some(body), "{name}: {:?}", said(simulator));
    }
    assert_eq!(now.len(), theirs.len());
}

/// The writes, in words.
fn said(simulator: &Simulator) -> Vec<String> {
    let log = writes(simulator);
    let words = log
        .iter()
        .map(|it| format!("{} {} {} {}", it.method, it.kind, it.name, it.status));
    words.collect()
}

/// The domains that are told as left.
async fn left(translator: &Running) -> Vec<String> {
    let left = translator.settings().await.left.into_iter();
    left.map(|domain| format!("{} {}", domain.cluster, domain.instance))
        .collect()
}

/// The objects of a user by name, and the addresses of its virtual services.
fn of_user(simulator: &Simulator, user: &str) -> BTreeMap<String, Value> {
    let dump = simulator.dump();
    let mut found = BTreeMap::new();
    for (kind, objects) in dump.as_object().unwrap() {
        for object in objects.as_array().unwrap() {
            let name = object["name"].as_str().unwrap_or_default();
            let is_its = |it: &Value| it["created_by"] == user;
            let services = dump["virtualservice"].as_array().unwrap();
            let mut services = services.iter().filter(|it| is_its(it));
            if is_its(object) || kind == "vsvip" && services.any(|it| it["name"] == name) {
                let mut body = object.clone();
                // Whose write was the last.
                body.as_object_mut().unwrap().remove("_last_modified");
                found.insert(format!("{kind} {name}"), body);
            }
        }
    }
    found
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_configured_no_more_leaves_everything_and_is_told() {
    let (simulator, cluster) = (simulator(), cluster());
    let folder = tempfile::tempdir().unwrap();
    let (translator, agent) = served(&simulator, &cluster, kept(folder.path(), both(false))).await;
    let theirs = of_user(&simulator, "ako-blue-second");
    assert!(theirs.len() > 12, "{:#?}", theirs.keys());
    simulator.clear_log();
    translator.configure(&alone()).await.unwrap();
    translator.settle().await;
    tokio::time::sleep(LONG).await;
    // The younger claim of the primary instance is granted now; nothing else is written.
    let wrote = said(&simulator);
    assert!(
        wrote.iter().all(|it| !it.starts_with("DELETE")),
        "{wrote:#?}"
    );
    check_same(&simulator, &theirs);
    assert_eq!(left(&translator).await, ["blue second"]);
    agent.stop().await;
    translator.stop().await;

    // Also after a restart.
    simulator.clear_log();
    let (translator, agent) = served(&simulator, &cluster, kept(folder.path(), alone())).await;
    assert_eq!(left(&translator).await, ["blue second"]);
    assert!(writes(&simulator).is_empty(), "{:?}", writes(&simulator));
    check_same(&simulator, &theirs);

    // Configured again it goes on; told to go it goes, and is told as left no more.
    translator.configure(&both(false)).await.unwrap();
    translator.settle().await;
    assert!(left(&translator).await.is_empty());
    translator.configure(&both(true)).await.unwrap();
    translator.settle().await;
    assert!(of_user(&simulator, "ako-blue-second").is_empty());
    translator.configure(&alone()).await.unwrap();
    translator.settle().await;
    assert!(left(&translator).await.is_empty());
    agent.stop().await;
    translator.stop().await;
    let (translator, _agent) = served(&simulator, &cluster, kept(folder.path(), alone())).await;
    assert!(left(&translator).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_an_instance_left_is_nobodys_and_who_wants_its_names_is_told() {
    let (simulator, cluster) = (simulator(), cluster());
    let folder = tempfile::tempdir().unwrap();
    let (translator, agent) = served(&simulator, &cluster, kept(folder.path(), both(false))).await;
    let theirs = of_user(&simulator, "ako-blue-second");
    translator.configure(&alone()).await.unwrap();
    translator.settle().await;
    // Its namespace comes to the primary instance: same cluster, same tenant, same names.
    cluster.put(labelled("two", "one"));
    tokio::time::sleep(LONG).await;
    translator.settle().await;
    check_same(&simulator, &theirs);
    let told = findings(&translator, "safe").await;
    assert!(
        told.iter()
            .any(|it| it.contains("belongs to somebody else")),
        "{told:?}"
    );
    agent.stop().await;
    translator.stop().await;
    let (translator, _agent) = served(&simulator, &cluster, kept(folder.path(), alone())).await;
    check_same(&simulator, &theirs);
    assert_eq!(findings(&translator, "safe").await, told);
}

/// The primary instance is a domain of its own: one that ceases to be it begins anew beside what it
/// left, which goes on serving, and takes it up again when it is primary again.
#[tokio::test(start_paused = true)]
async fn an_instance_that_is_primary_no_more_leaves_everything_and_finds_it_again() {
    let (simulator, cluster) = (simulator(), cluster());
    let folder = tempfile::tempdir().unwrap();
    let (translator, _agent) = served(&simulator, &cluster, kept(folder.path(), alone())).await;
    let before = of_user(&simulator, "ako-blue");
    assert!(before.len() > 12, "{:#?}", before.keys());
    let primary = "clusterName: blue";
    let second = alone().replace(primary, &format!("{primary}\n  primaryInstance: false"));
    translator.configure(&second).await.unwrap();
    translator.settle().await;
    tokio::time::sleep(LONG).await;
    assert_eq!(of_user(&simulator, "ako-blue"), before);
    assert_eq!(left(&translator).await, ["blue "]);
    let told = findings_in(&translator, ("one", "safe")).await;
    let is_told = told
        .iter()
        .any(|it| it.contains("belongs to somebody else"));
    assert!(is_told, "{told:?}");

    translator.configure(&alone()).await.unwrap();
    translator.settle().await;
    tokio::time::sleep(LONG).await;
    assert_eq!(of_user(&simulator, "ako-blue"), before);
    assert!(findings_in(&translator, ("one", "safe")).await.is_empty());
}

/// What is told at the Ingress of this name in namespace `two`.
async fn findings(translator: &Running, name: &str) -> Vec<String> {
    findings_in(translator, ("two", name)).await
}

/// What is told at the Ingress of this namespace and name.
async fn findings_in(translator: &Running, (namespace, name): (&str, &str)) -> Vec<String> {
    let mut query = translator.query();
    let all = query.list_findings(ListFindingsRequest::default());
    let all = all.await.unwrap().into_inner().findings.into_iter();
    let its = all.filter(|finding| {
        let key = finding.object.as_ref();
        key.is_some_and(|key| key.name == name && key.namespace == namespace)
    });
    its.map(|finding| finding.text).collect()
}

#[tokio::test(start_paused = true)]
async fn delete_config_of_one_instance_leaves_the_others_as_they_are() {
    for (gone, stays) in [("second", ""), ("", "second")] {
        let (simulator, cluster) = (simulator(), cluster());
        let (translator, _agent) = served(
            &simulator,
            &cluster,
            Plan {
                settings: both(false),
                ..Plan::default()
            },
        )
        .await;
        let user = |instance: &str| match instance {
            "" => "ako-blue".to_owned(),
            other => format!("ako-blue-{other}"),
        };
        // The host of both has its owner, so that it is no part of what must not change.
        let before = of_user(&simulator, &user(stays));
        let to_go = match gone {
            "" => both(false).replace(
                "clusterName: blue\n",
                "clusterName: blue\n  deleteConfig: 'true'\n",
            ),
            _ => both(true),
        };
        translator.configure(&to_go).await.unwrap();
        translator.settle().await;
        tokio::time::sleep(LONG).await;
        assert!(of_user(&simulator, &user(gone)).is_empty());
        let after = of_user(&simulator, &user(stays));
        let has = |text: &str| after.keys().any(|it| it.contains(text));
        assert!(has(BOTH), "the host of both has passed to {stays:?}");
        for (name, body) in before
            .iter()
            .filter(|(name, _)| !name.contains("Shared-L7"))
        {
            assert_eq!(after.get(name), Some(body), "{name}");
        }
        assert!(names(&simulator, "virtualservice").len() >= 3);
    }
}

/// A claim is one on a Controller: over two of them a host overlaps, whatever the setting says.
#[tokio::test(start_paused = true)]
async fn over_two_controllers_both_clusters_serve_a_host_and_it_is_shown() {
    let one_alone = "AviarySettings: {crossClusterHosts: exclusive}\n";
    let own = "controller: {host: other, usernameFile: /none/u, passwordFile: /none/p}";
    for (controller, serving) in [(own, 2), ("controller: null", 1)] {
        let (simulator, blue, green) = (simulator(), Cluster::default(), Cluster::default());
        for cluster in [&blue, &green] {
            let shop = shop("shop", BOTH);
            for object in base(&["shop"]).into_iter().chain(shop) {
                cluster.put(object);
            }
        }
        let plan = Plan {
            settings: format!(
                "{SETTINGS}\n{one_alone}clusters:\n- {{name: green, {controller}}}\n"
            ),
            ..Plan::default()
        };
        let translator = start(&simulator, plan).await;
        let _blue = translator.agent(&blue, everywhere());
        let who = Identity {
            cluster: "green".into(),
            ..identity(everywhere())
        };
        let _green = Agent::with_token(green, who, translator.channel(), None);
        tokio::time::sleep(LONG).await;
        translator.settle().await;
        let asked = ListClaimsRequest::default();
        let claims = translator.query().list_claims(asked).await.unwrap();
        let claims = claims.into_inner().claims;
        let held = claims.iter().filter(|it| it.state() == ClaimState::Held);
        assert_eq!(
            (claims.len(), held.clone().count()),
            (2, serving),
            "{claims:?}"
        );
        let shown = held.filter(|it| it.overlap && it.elsewhere.len() == 1);
        assert_eq!(
            shown.count(),
            if serving == 2 { 2 } else { 0 },
            "{claims:?}"
        );
        let pools = names(&simulator, "pool");
        let pools = pools.iter().filter(|name| name.contains(BOTH));
        assert_eq!(pools.count(), serving);
    }
}

/// Without a store nobody knows what a cluster claims whose agents are gone: that is said, and
/// nothing of it is touched.
#[tokio::test(start_paused = true)]
async fn after_a_lost_store_it_is_said_whose_claims_are_not_known() {
    let (simulator, cluster) = (simulator(), cluster());
    let plan = || Plan {
        settings: both(false),
        ..Plan::default()
    };
    let (translator, agent) = served(&simulator, &cluster, plan()).await;
    assert_eq!(unheard(&translator).await, Vec::<String>::new());
    agent.stop().await;
    translator.stop().await;
    let before = simulator.dump();
    let translator = start(&simulator, plan()).await;
    tokio::time::sleep(LONG).await;
    assert_eq!(unheard(&translator).await, ["blue "]);
    let wide = crate::lab::named(&["one"], true);
    let _agent = translator.agent(&cluster, wide);
    tokio::time::sleep(LONG).await;
    assert_eq!(unheard(&translator).await, ["blue two"]);
    assert_eq!(simulator.dump(), before);
}

async fn unheard(translator: &Running) -> Vec<String> {
    let claims = translator
        .query()
        .list_claims(ListClaimsRequest::default())
        .await;
    let scopes = claims.unwrap().into_inner().unheard.into_iter();
    scopes
        .map(|it| format!("{} {}", it.cluster, it.namespace))
        .collect()
}
