//! Many hosts at once, and several clusters.

use crate::agent::{Agent, Cluster, identity};
use crate::lab::{Plan, SETTINGS, everywhere, names, simulator, start, writes};
use crate::objects::{base, endpoints, ingress, secret, service, shop};
use aviary_link::agent::Identity;
use std::collections::BTreeMap;
use std::time::Duration;

const HOSTS: usize = 200;

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
