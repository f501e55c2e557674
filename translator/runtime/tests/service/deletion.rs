//! `deleteConfig` of one instance beside another: its progress is told once.

use crate::agent::{Agent, Cluster};
use crate::lab::{
    Plan, Running, SETTINGS, all_names, everywhere, names, simulator, simulator_slow, start,
};
use crate::objects::{base, ingress, shop};
use aviary_proto::sync::v1::intent::Write;
use aviary_runtime::StoreAt;
use aviary_runtime::service::Workload;
use aviary_sim::Simulator;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// The first instance takes namespace shop, the second one pay.
fn settings(delete_second: bool) -> String {
    let select = |value| format!("namespaceSelector: {{labelKey: owner, labelValue: {value}}}");
    let first = SETTINGS.replace(
        "clusterName: blue",
        &format!("clusterName: blue\n  {}", select("first")),
    );
    format!(
        "{first}
instances:
- namespace: second
  values: {{AKOSettings: {{deleteConfig: {delete_second}, {}}}}}
",
        select("second")
    )
}

fn cluster() -> Cluster {
    let cluster = Cluster::default();
    let both = shop("shop", "shop.avi.internal").into_iter();
    for object in base(&[])
        .into_iter()
        .chain(both)
        .chain(shop("pay", "pay.avi.internal"))
    {
        cluster.put(object);
    }
    for (name, owner) in [("shop", "first"), ("pay", "second")] {
        cluster.put(json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {"owner": owner}}}));
    }
    cluster.put(json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"namespace": "avi-system", "name": "aviary"}}));
    cluster
}

fn plan(delete_second: bool, store: StoreAt) -> Plan {
    Plan {
        settings: settings(delete_second),
        store,
        workload: Some(Workload {
            namespace: "avi-system".into(),
            name: "aviary".into(),
        }),
        ..Plan::default()
    }
}

async fn served() -> (Simulator, Cluster, Running, Agent) {
    let (simulator, cluster) = (simulator(), cluster());
    let plan = plan(false, StoreAt::Memory);
    let translator = start(&simulator, plan).await;
    let agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    (simulator, cluster, translator, agent)
}

/// The reasons that were written onto the StatefulSet, oldest first; empty where the condition went.
fn reasons(cluster: &Cluster) -> Vec<String> {
    let intents = cluster.intents().into_iter();
    let written = intents.filter(|it| it.key.as_ref().is_some_and(|key| key.kind == "StatefulSet"));
    let reason = |write| {
        let body = match write {
            Some(Write::Apply(apply)) => apply.body,
            Some(Write::Merge(merge)) => merge.patch,
            _ => return None,
        };
        let body: Value = serde_json::from_slice(&body).ok()?;
        let reason = body.pointer("/status/conditions/0/reason");
        Some(
            reason
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        )
    };
    written.filter_map(|it| reason(it.write)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_stays_told_while_another_instance_works() {
    let (simulator, cluster, translator, _agent) = served().await;
    let own = |name: &String| name.contains("pay");
    assert!(names(&simulator, "pool").iter().any(own));
    translator.configure(&settings(true)).await.unwrap();
    translator.settle().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let left = names(&simulator, "pool");
    assert!(!left.is_empty() && !left.iter().any(own), "{left:?}");
    let told = reasons(&cluster);
    assert_eq!(told.last().map(String::as_str), Some("Done"), "{told:?}");

    for number in 0..5 {
        let (name, host) = (format!("h{number}"), format!("h{number}.avi.internal"));
        let version = cluster.put(ingress("shop", &name, &host, None));
        translator.shows(("shop", &name), &version).await;
    }
    translator.settle().await;
    assert_eq!(reasons(&cluster), told);

    translator.configure(&settings(false)).await.unwrap();
    translator.settle().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(names(&simulator, "pool").iter().any(own));
    assert_eq!(reasons(&cluster).last().map(String::as_str), Some(""));
}

/// A removal that is cut off so long after it began, or never, and goes on after a start.
async fn removed(cut: Option<Duration>, folder: &Path) -> (Vec<String>, Vec<String>) {
    let (simulator, cluster) = (simulator_slow(), cluster());
    let store = || StoreAt::Folder(folder.to_owned());
    let mut translator = start(&simulator, plan(false, store())).await;
    let mut agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    translator.configure(&settings(true)).await.unwrap();
    if let Some(cut) = cut {
        tokio::time::sleep(cut).await;
        agent.stop().await;
        translator.kill().await;
        translator = start(&simulator, plan(true, store())).await;
        agent = translator.agent(&cluster, everywhere());
    }
    tokio::time::sleep(Duration::from_mins(2)).await;
    translator.settle().await;
    agent.stop().await;
    translator.stop().await;
    // Before it began, what stood there was not known.
    let told = reasons(&cluster).into_iter();
    let told = told.skip_while(String::is_empty).collect();
    (all_names(&simulator), told)
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_is_cut_off_goes_on_and_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, told) = removed(None, folder.path()).await;
    assert!(
        !whole.is_empty() && !whole.iter().any(|it| it.contains("pay")),
        "{whole:?}"
    );
    assert_eq!(told, ["Started", "Done"]);
    for after in 0..20 {
        let cut = Duration::from_millis(after * 17);
        let folder = tempfile::tempdir().unwrap();
        let (left, told) = removed(Some(cut), folder.path()).await;
        assert_eq!(left, whole, "cut off after {cut:?}");
        assert_eq!(
            told.last().map(String::as_str),
            Some("Done"),
            "{cut:?}: {told:?}"
        );
        assert!(!told.iter().any(String::is_empty), "{cut:?}: {told:?}");
    }
}
