//! What clusters share on a Controller: the routes of one VRF, and the label of one group of Service
//! Engines. Each writes its own entries, and takes them away alone.

use crate::agent::{Agent, Cluster, identity};
use crate::lab::{Plan, Running, SETTINGS, change, everywhere, simulator, start};
use crate::objects::{base, shop};
use aviary_link::agent::Identity;
use aviary_sim::Simulator;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Two clusters, and whether either is to go.
fn settings(blue_goes: bool, green_goes: bool) -> String {
    let blue = SETTINGS.replace(
        "clusterName: blue",
        &format!("clusterName: blue\n  deleteConfig: {blue_goes}"),
    );
    format!(
        "{blue}\nclusters:\n- name: green\n  values: {{AKOSettings: {{deleteConfig: {green_goes}}}}}\n"
    )
}

/// A cluster of one node, whose pods have this network.
fn cluster(namespace: &str, address: &str, network: &str) -> Cluster {
    let cluster = Cluster::default();
    let host = format!("{namespace}.avi.internal");
    for object in base(&[namespace]).into_iter().chain(shop(namespace, &host)) {
        cluster.put(object);
    }
    cluster.put(node("one", address, network));
    cluster
}

fn node(name: &str, address: &str, network: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "spec": {"podCIDRs": [network]},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    })
}

/// The routes of the VRF: whose, and to where.
fn routes(simulator: &Simulator) -> BTreeSet<(String, String)> {
    let dump = simulator.dump();
    let all = dump["vrfcontext"].as_array().unwrap();
    let global = all.iter().find(|it| it["name"] == "global").unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let routes = global["static_routes"].as_array().cloned();
    let routes = routes.unwrap_or_default().into_iter();
    let told = routes.map(|route| {
        let hop = text(&route["next_hop"]["addr"]);
        (text(&route["labels"][0]["value"]), hop)
    });
    told.collect()
}

/// Whose label the group bears.
fn labels(simulator: &Simulator) -> Vec<String> {
    let dump = simulator.dump();
    let all = dump["serviceenginegroup"].as_array().unwrap();
    let group = all.iter().find(|it| it["name"] == "Default-Group").unwrap();
    let labels = group["labels"].as_array().cloned().unwrap_or_default();
    let value = |label: &Value| label["value"].as_str().unwrap().to_owned();
    labels.iter().map(value).collect()
}

fn told(routes: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    let owned = |(whose, hop): &(&str, &str)| ((*whose).to_owned(), (*hop).to_owned());
    routes.iter().map(owned).collect()
}

const OTHERS: (&str, &str) = ("", "172.16.0.1");
const BLUE: (&str, &str) = ("blue", "10.8.0.1");
const GREEN: (&str, &str) = ("green", "10.9.0.1");

fn agent(translator: &Running, name: &str, cluster: &Cluster) -> Agent {
    let identity = Identity {
        cluster: name.into(),
        ..identity(everywhere())
    };
    Agent::with_token(cluster.clone(), identity, translator.channel(), None)
}

async fn take_up(translator: &Running, settings: &str) {
    translator.configure(settings).await.unwrap();
    translator.settle().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    translator.settle().await;
}

#[tokio::test(start_paused = true)]
async fn clusters_write_and_take_away_their_own_routes_and_label_alone() {
    let simulator = simulator();
    let route = json!({
        "route_id": "by-hand", "next_hop": {"addr": OTHERS.1, "type": "V4"},
        "prefix": {"ip_addr": {"addr": "192.0.2.0", "type": "V4"}, "mask": 24},
    });
    change(&simulator, "vrfcontext", "global", |body| {
        body["static_routes"] = json!([route]);
    })
    .await;
    // Both call their node the same, and their pods have the same network.
    let blue = cluster("shop", BLUE.1, "10.244.0.0/24");
    let green = cluster("cafe", GREEN.1, "10.244.0.0/24");
    let plan = Plan {
        settings: settings(false, false),
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    let _blue = agent(&translator, "blue", &blue);
    translator.settle().await;
    let _green = agent(&translator, "green", &green);
    translator.settle().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    translator.settle().await;
    assert_eq!(routes(&simulator), told(&[OTHERS, BLUE, GREEN]));
    // The first one owns the group, as with AKO; what follows must not take it away.
    assert_eq!(labels(&simulator), ["blue"]);

    // An edit by hand while they run, and an edit of either, meet in one list.
    change(&simulator, "vrfcontext", "global", |body| {
        body["static_routes"][0]["next_hop"]["addr"] = json!("172.16.0.2");
    })
    .await;
    green.put(node("two", "10.9.0.2", "10.244.1.0/24"));
    translator.settle().await;
    let edited = ("", "172.16.0.2");
    let second = ("green", "10.9.0.2");
    assert_eq!(routes(&simulator), told(&[edited, BLUE, GREEN, second]));

    take_up(&translator, &settings(false, true)).await;
    assert_eq!(routes(&simulator), told(&[edited, BLUE]));
    assert_eq!(labels(&simulator), ["blue"]);
    take_up(&translator, &settings(false, false)).await;
    assert_eq!(routes(&simulator), told(&[edited, BLUE, GREEN, second]));

    // The owner of the group goes, and the next has it.
    take_up(&translator, &settings(true, false)).await;
    assert_eq!(routes(&simulator), told(&[edited, GREEN, second]));
    assert_eq!(labels(&simulator), ["green"]);
    take_up(&translator, &settings(true, true)).await;
    assert_eq!(routes(&simulator), told(&[edited]));
    assert_eq!(labels(&simulator), [""; 0]);
}
