//! Settings change while all goes on, and those that cannot be used change nothing.

use crate::agent::{Agent, Cluster, identity};
use crate::lab::{Plan, Running, SETTINGS, everywhere, names, simulator, start, writes};
use crate::objects::{base, ingress, secret, service, shop_cluster};
use aviary_link::agent::Identity;
use aviary_proto::query::v1::GetSettingsResponse;
use aviary_sim::Simulator;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Longer than it takes to look again for what settings name.
const LONG: Duration = Duration::from_mins(2);

fn cluster() -> Cluster {
    let cluster = shop_cluster();
    for number in 0..6 {
        let (name, host) = (format!("h{number}"), format!("h{number}.avi.internal"));
        cluster.put(secret("shop", &name, &host));
        let tls = (number % 2 == 0).then_some(name.as_str());
        cluster.put(ingress("shop", &name, &host, tls));
    }
    cluster
}

async fn served() -> (Simulator, Running, Agent, Cluster) {
    let (simulator, cluster) = (simulator(), cluster());
    let translator = start(&simulator, Plan::default()).await;
    let agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    (simulator, translator, agent, cluster)
}

fn with(change: (&str, &str)) -> String {
    let text = SETTINGS.replace(change.0, change.1);
    assert_ne!(text, SETTINGS);
    text
}

fn parents(simulator: &Simulator) -> usize {
    let services = names(simulator, "virtualservice");
    services
        .iter()
        .filter(|name| name.contains("Shared-L7"))
        .count()
}

fn objects(simulator: &Simulator, kind: &str) -> Vec<Value> {
    simulator.dump()[kind]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn another_number_of_shards_counts_at_once() {
    let (simulator, translator, _agent, _) = served().await;
    assert_eq!(parents(&simulator), 1);
    let before = translator.settings().await;
    translator
        .configure(&with(("SMALL", "LARGE")))
        .await
        .unwrap();
    translator.settle().await;
    assert!(
        parents(&simulator) > 1,
        "{:?}",
        names(&simulator, "virtualservice")
    );
    let vips = objects(&simulator, "vsvip");
    let at_first = vips
        .iter()
        .find(|it| it["name"] == "blue--Shared-L7-0")
        .unwrap();
    let hosts = at_first["dns_info"].as_array().unwrap().len();
    assert!(hosts < 7, "{at_first}");
    let after = translator.settings().await;
    assert_ne!(before.digest, after.digest);
    assert!(after.in_force.contains("\"LARGE\""), "{}", after.in_force);
    simulator.clear_log();
    translator
        .configure(&with(("SMALL", "LARGE")))
        .await
        .unwrap();
    translator.settle().await;
    assert!(writes(&simulator).is_empty());
}

#[tokio::test(start_paused = true)]
async fn another_cluster_name_is_refused_and_all_goes_on() {
    let (simulator, translator, _agent, cluster) = served().await;
    simulator.clear_log();
    let refused = translator.configure(&with(("blue", "green"))).await;
    let why = refused.unwrap_err().to_string();
    assert!(
        why.contains("clusterName") && why.contains("green"),
        "{why}"
    );
    let told = translator.settings().await;
    assert!(told.refused.contains("clusterName"), "{told:?}");
    assert!(told.in_force.contains("\"blue\""), "{told:?}");
    tokio::time::sleep(LONG).await;
    assert!(writes(&simulator).is_empty());
    let version = cluster.put(ingress("shop", "new", "new.avi.internal", None));
    translator.shows(("shop", "new"), &version).await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .any(|name| name.starts_with("blue--new."))
    );
    translator.reconfigure.as_in_force().await.unwrap();
    assert_eq!(translator.settings().await.refused, "");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_changes_nothing_and_is_told() {
    let (simulator, translator, _agent, _) = served().await;
    let before = translator.settings().await;
    simulator.clear_log();
    let why = "the settings are not valid: x";
    translator.reconfigure.unfit(why.into()).await.unwrap();
    tokio::time::sleep(LONG).await;
    translator.reconfigure.unfit(why.into()).await.unwrap();
    let told = translator.settings().await;
    assert_eq!(
        (told.refused.as_str(), &told.in_force),
        (why, &before.in_force)
    );
    let since = told.refused_since.unwrap().seconds - before.since.unwrap().seconds;
    assert!(since < 60, "since it was refused first: {since}");
    assert!(writes(&simulator).is_empty());
}

#[tokio::test(start_paused = true)]
async fn settings_wait_for_what_they_name() {
    let (simulator, translator, _agent, _) = served().await;
    simulator.clear_log();
    let other = with(("networkName: vip-net", "networkName: nowhere"));
    translator.configure(&other).await.unwrap();
    tokio::time::sleep(LONG).await;
    let told = translator.settings().await;
    assert!(
        told.waiting_for.iter().any(|it| it.contains("nowhere")),
        "{told:?}"
    );
    assert!(writes(&simulator).is_empty());
    // What else they say waits, too; other settings do not.
    translator
        .configure(&with(("SMALL", "MEDIUM")))
        .await
        .unwrap();
    translator.settle().await;
    assert!(translator.settings().await.waiting_for.is_empty());
    assert!(parents(&simulator) > 1);
}

/// A Controller changes no object's cloud: neither while it runs nor over a restart is anything
/// written for another one.
#[tokio::test(start_paused = true)]
async fn another_cloud_waits_while_objects_stand_in_the_former_one() {
    let (simulator, translator, _agent, cluster) = served().await;
    let version = cluster.put(ingress("shop", "new", "new.avi.internal", None));
    translator.shows(("shop", "new"), &version).await;
    translator.settle().await;
    simulator.clear_log();
    let other = with(("Default-Cloud", "elsewhere"));
    translator.configure(&other).await.unwrap();
    tokio::time::sleep(LONG).await;
    let waits = |told: &GetSettingsResponse| {
        let mut told = told.waiting_for.iter();
        told.any(|it| it.contains("cloudName") && it.contains("Default-Cloud"))
    };
    assert!(waits(&translator.settings().await));
    assert!(writes(&simulator).is_empty());
    drop(translator);

    let plan = Plan {
        settings: other,
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    let _agent = translator.agent(&cluster, everywhere());
    tokio::time::sleep(LONG).await;
    assert!(waits(&translator.settings().await));
    cluster.put(ingress("shop", "newer", "newer.avi.internal", None));
    tokio::time::sleep(LONG).await;
    assert!(writes(&simulator).is_empty());

    // As it was: all goes on.
    translator.configure(SETTINGS).await.unwrap();
    translator.settle().await;
    assert!(translator.settings().await.waiting_for.is_empty());
    let pools = names(&simulator, "pool");
    assert!(pools.iter().any(|name| name.starts_with("blue--newer.")));
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_read_no_more_is_left_empty() {
    let (simulator, translator, _agent, _) = served().await;
    let own = "  controllerHost: controller\n  dedicatedTenantMode: true\n";
    let text = with(("  controllerHost: controller\n", own));
    translator.configure(&text).await.unwrap();
    translator.settle().await;
    let blue = text.replace(
        "dedicatedTenantMode",
        "tenantName: green\n  dedicatedTenantMode",
    );
    translator.configure(&blue).await.unwrap();
    translator.settle().await;
    let pools = objects(&simulator, "pool");
    assert!(pools.len() > 6);
    for pool in pools {
        let tenant = pool["tenant_ref"].as_str().unwrap();
        assert!(tenant.contains("green"), "{pool}");
    }
}

#[tokio::test(start_paused = true)]
async fn clusters_come_and_go() {
    let (simulator, translator, _agent, _) = served().await;
    let row = format!("{SETTINGS}\nclusters:\n- {{name: green, issuer: x, jwks: /none}}\n");
    let who = || Identity {
        cluster: "green".into(),
        ..identity(everywhere())
    };
    let green = Cluster::default();
    let shop = [
        service("shop", "web"),
        ingress("shop", "shop", "green.avi.internal", None),
    ];
    for object in base(&["shop"]).into_iter().chain(shop) {
        green.put(object);
    }
    translator.configure(&row).await.unwrap();
    let agent = Agent::with_token(green, who(), translator.channel(), None);
    tokio::time::sleep(LONG).await;
    translator.settle().await;
    let of_green = |name: &String| name.starts_with("green--green.avi.internal");
    assert!(
        names(&simulator, "pool").iter().any(of_green),
        "{:?}",
        names(&simulator, "pool")
    );
    simulator.clear_log();
    translator.configure(SETTINGS).await.unwrap();
    let why = agent.ended().await;
    assert!(why.contains("configured here no more"), "{why}");
    tokio::time::sleep(LONG).await;
    translator.settle().await;
    // Nothing of it is deleted, and what is left is told.
    assert!(names(&simulator, "pool").iter().any(of_green));
    assert!(writes(&simulator).is_empty(), "{:?}", writes(&simulator));
    let left = translator.settings().await.left;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].cluster, "green");
    let scopes = translator.snapshots.borrow().scopes.clone();
    assert!(
        scopes.keys().all(|scope| scope.cluster.as_str() == "blue"),
        "{scopes:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_controller_is_served_from_its_first_reading_on() {
    let (simulator, translator, _agent, cluster) = served().await;
    let text = with(("controllerHost: controller", "controllerHost: other"));
    simulator.clear_log();
    translator.configure(&text).await.unwrap();
    translator.settle().await;
    // It is the same one by another name: nothing is to be done, and all goes on there.
    assert!(writes(&simulator).is_empty(), "{:?}", writes(&simulator));
    let sites = translator.snapshots.borrow().sites.len();
    assert_eq!(sites, 1);
    let version = cluster.put(ingress("shop", "new", "new.avi.internal", None));
    translator.shows(("shop", "new"), &version).await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .any(|name| name.starts_with("blue--new."))
    );
}

#[tokio::test(start_paused = true)]
async fn old_parents_serve_plain_hosts_beside_the_new_ones_for_a_while() {
    let (simulator, cluster) = (simulator(), cluster());
    let settings = |size: &str| {
        let text = with(("SMALL", size));
        format!("{text}AviarySettings: {{reshardOverlap: 1h}}\n")
    };
    let plan = Plan {
        settings: settings("LARGE"),
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let members = |name: &str| {
        let groups = objects(&simulator, "poolgroup");
        let group = groups.iter().find(|it| it["name"] == name)?;
        Some(group["members"].as_array().map_or(0, Vec::len))
    };
    let old = ["blue--Shared-L7-1", "blue--Shared-L7-6"];
    let before: Vec<_> = old.iter().map(|name| members(name)).collect();
    assert!(before.iter().any(|count| *count > Some(0)), "{before:?}");
    translator
        .configure(&settings("SMALL # again"))
        .await
        .unwrap();
    translator.settle().await;
    for (name, before) in old.iter().zip(&before).filter(|it| *it.1 > Some(0)) {
        assert_eq!(members(name), *before, "{name}");
        let vips = objects(&simulator, "vsvip");
        let vip = vips.iter().find(|it| it["name"] == *name).unwrap();
        let names = vip["dns_info"].as_array().map_or(0, Vec::len);
        assert!(names <= 1, "its hosts are found at the new address: {vip}");
    }
    let (new, moved) = (
        members("blue--Shared-L7-0"),
        members(old[0]).max(members(old[1])),
    );
    assert!(new > moved, "{new:?}");
    tokio::time::sleep(Duration::from_mins(62)).await;
    translator.settle().await;
    assert_eq!(parents(&simulator), 1);
    assert!(old.iter().all(|name| members(name).is_none()));
}

/// The AviInfraSetting of a Namespace asks for another number of shards.
#[tokio::test(start_paused = true)]
async fn old_parents_serve_plain_hosts_beside_those_of_another_avi_infra_setting() {
    let (simulator, cluster) = (simulator(), cluster());
    let sized = |size: &str| {
        json!({
            "apiVersion": "ako.vmware.com/v1beta1", "kind": "AviInfraSetting",
            "metadata": {"name": "sized"},
            "spec": {"network": {}, "l7Settings": {"shardSize": size}},
        })
    };
    cluster.put(sized("LARGE"));
    cluster.put(json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "shop", "annotations": {
            "aviinfrasetting.ako.vmware.com/name": "sized",
        }},
    }));
    let plan = Plan {
        settings: format!("{SETTINGS}AviarySettings: {{reshardOverlap: 1h}}\n"),
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let members = || -> BTreeMap<String, usize> {
        let groups = objects(&simulator, "poolgroup").into_iter();
        let parents = groups.filter(|it| it["implicit_priority_labels"] == true);
        let of = |it: Value| {
            (
                it["name"].to_string(),
                it["members"].as_array().map_or(0, Vec::len),
            )
        };
        parents.map(of).filter(|(_, count)| *count > 0).collect()
    };
    let before = members();
    assert!(before.len() > 1, "{before:?}");
    cluster.put(sized("SMALL"));
    translator.settle().await;
    let during = members();
    let is_kept = |(name, count): (&String, &usize)| during.get(name).is_some_and(|it| it >= count);
    assert!(before.iter().all(is_kept), "{before:?} {during:?}");
    let of_all: usize = before.values().sum();
    assert!(during.values().any(|count| *count == of_all), "{during:?}");
    tokio::time::sleep(Duration::from_mins(62)).await;
    translator.settle().await;
    let after = members();
    assert_eq!(after.values().collect::<Vec<_>>(), [&of_all]);
}
