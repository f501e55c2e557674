//! Many hosts at once, and several clusters.

use crate::agent::{Agent, Cluster, identity};
use crate::lab::{Plan, SETTINGS, everywhere, names, simulator, start, writes};
use crate::objects::{base, endpoints, ingress, secret, service, shop};
use aviary_link::agent::Identity;
use aviary_runtime::view::Snapshot;
use std::collections::BTreeMap;
use std::time::Duration;

const HOSTS: usize = 200;
/// More often than this a start does not translate, however many Secrets come.
const GENERATIONS_MAX: u64 = 20;

#[tokio::test(start_paused = true)]
async fn nothing_is_written_twice_at_the_start() {
    let (simulator, cluster) = (simulator(), Cluster::default());
    for object in base(&["shop"]) {
        cluster.put(object);
    }
    cluster.put(service("shop", "web"));
    cluster.put(endpoints("shop", "web", &["10.1.0.1"]));
    cluster.put(secret("shop", "pay", "pay.avi.internal"));
    for number in 0..HOSTS {
        let host = format!("h{number}.avi.internal");
        let secret = (number % 2 == 0).then_some("pay");
        cluster.put(ingress("shop", &format!("i{number}"), &host, secret));
    }
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    tokio::time::sleep(Duration::from_mins(1)).await;
    translator.settle().await;
    assert_eq!(names(&simulator, "virtualservice").len(), HOSTS / 2 + 1);
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for write in writes(&simulator) {
        *counts.entry((write.kind, write.name)).or_default() += 1;
    }
    counts.retain(|_, count| *count > 1);
    assert!(counts.is_empty(), "{counts:?}");
}

/// Secrets are told one by one, and each turns a host that is shown with others.
#[tokio::test(start_paused = true)]
async fn what_is_asked_for_by_name_at_the_start_is_translated_together() {
    let (simulator, cluster) = (simulator(), Cluster::default());
    for object in base(&["shop"]) {
        cluster.put(object);
    }
    cluster.put(service("shop", "web"));
    cluster.put(endpoints("shop", "web", &["10.1.0.1"]));
    let mut certificate = secret("shop", "any", "any.avi.internal");
    for number in 0..HOSTS {
        let (host, name) = (format!("h{number}.avi.internal"), format!("s{number}"));
        certificate["metadata"]["name"] = name.as_str().into();
        cluster.put(certificate.clone());
        cluster.put(ingress("shop", &format!("i{number}"), &host, Some(&name)));
    }
    let translator = start(&simulator, Plan::default()).await;
    let mut snapshots = translator.snapshots.clone();
    let _agent = translator.agent(&cluster, everywhere());
    let is_open = |it: &Snapshot| it.sites.iter().any(|site| site.progress.open);
    let generation = snapshots.wait_for(is_open).await.unwrap().facts.generation;
    translator.settle().await;
    let certificates = names(&simulator, "sslkeyandcertificate").into_iter();
    let certificates = certificates.filter(|it| it.starts_with("blue--"));
    assert_eq!(certificates.count(), HOSTS);
    assert!(generation.0 < GENERATIONS_MAX, "{generation:?}");
}

#[tokio::test(start_paused = true)]
async fn several_clusters_share_a_controller_and_stay_apart() {
    let settings = format!(
        "{SETTINGS}
clusters:
- name: green
  issuer: https://green
  jwks: /none
"
    );
    let (simulator, blue, green) = (simulator(), Cluster::default(), Cluster::default());
    let plan = Plan {
        settings,
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    for (cluster, host) in [(&blue, "blue.avi.internal"), (&green, "green.avi.internal")] {
        for object in base(&["shop"]).into_iter().chain(shop("shop", host)) {
            cluster.put(object);
        }
    }
    let _blue = translator.agent(&blue, everywhere());
    let who = Identity {
        cluster: "green".into(),
        ..identity(everywhere())
    };
    let _green = Agent::with_token(green.clone(), who, translator.channel(), None);
    tokio::time::sleep(Duration::from_mins(1)).await;
    translator.settle().await;
    let pools = names(&simulator, "pool");
    assert!(
        pools
            .iter()
            .any(|it| it.starts_with("blue--") && it.contains("blue.avi"))
    );
    assert!(
        pools
            .iter()
            .any(|it| it.starts_with("green--") && it.contains("green.avi"))
    );
    simulator.clear_log();
    for object in shop("shop", "green.avi.internal") {
        green.delete(&object);
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    translator.settle().await;
    let touched: Vec<String> = writes(&simulator).into_iter().map(|it| it.name).collect();
    assert!(!touched.is_empty());
    assert!(
        touched.iter().all(|name| name.starts_with("green--")),
        "{touched:?}"
    );
}
