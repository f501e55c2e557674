//! Make before break for settings: each setting in turn takes other values while plain and secure
//! hosts, hosts that TLS is passed through to, and load balancers are served.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use aviary::plan::{Places, Player, State, Step, read_settings};
use aviary_plan::{Ending, Scheduler, interruptions};
use aviary_settings::{Effect, Raw, registry};
use aviary_sim::Simulator;
use aviary_tests::corpus::{Reached, block_on, booted, reach};
use aviary_tests::tools::root;
use serde_json::{Value, json};

use crate::objects::{service, slice};
use crate::served::hold;

/// Hosts, of which those with an odd number are secure.
const HOSTS: usize = 8;

/// Settings that no plan follows from, with the reason.
const WITHOUT: &[(&str, &str)] = &[
    ("AKOSettings.apiServerPort", "not built"),
    ("AKOSettings.clusterName", "a change is refused"),
    ("AKOSettings.deleteConfig", "all goes: the document of that"),
    ("AKOSettings.enableEVH", "not built"),
    ("AKOSettings.enableEvents", "Events alone"),
    ("AKOSettings.fullSyncFrequency", "nothing to do"),
    ("AKOSettings.istioEnabled", "not built"),
    ("AKOSettings.logLevel", "logs alone"),
    ("AKOSettings.namespaceSelector.labelValue", "with its key"),
    (
        "AKOSettings.primaryInstance",
        "another domain: the tests of the service",
    ),
    ("AKOSettings.servicesAPI", "not built"),
    ("AKOSettings.useDefaultSecretsOnly", "OpenShift alone"),
    ("AKOSettings.vipPerNamespace", "not built"),
    ("AviarySettings.adoption", "a hold alone"),
    ("AviarySettings.adoptionQuiet", "time alone"),
    ("AviarySettings.autoAnnotateServices", "annotations alone"),
    ("AviarySettings.crossClusterHosts", "one cluster"),
    ("AviarySettings.deleteGuardPercent", "the service alone"),
    ("AviarySettings.drift", "the service alone"),
    ("AviarySettings.driftInterval", "the service alone"),
    ("AviarySettings.maxWritesInFlight", "the service alone"),
    ("AviarySettings.reshardOverlap", "time alone"),
    ("AviarySettings.unusedShards", "time alone"),
    ("ControllerSettings.cloudName", "a change is refused"),
    ("ControllerSettings.controllerHost", "another Controller"),
    ("ControllerSettings.controllerVersion", "the session alone"),
    ("L7Settings.defaultIngController", "the chart alone"),
    ("L7Settings.enableMCI", "not built"),
    ("ako-crd-operator.enabled", "not built"),
    ("clusters", "they come and go: the tests of the service"),
    ("featureGates.EnablePrometheus", "not built"),
    ("featureGates.GatewayAPI", "not built"),
    ("instances", "they come and go: the tests of the service"),
    ("nodePortSelector.value", "with its key"),
];

/// Other values of each setting, as trees over the baseline.
#[rustfmt::skip]
const CHANGES: &[(&str, &str)] = &[
    ("AKOSettings.blockedNamespaceList", "AKOSettings: {blockedNamespaceList: [green]}"),
    ("AKOSettings.cniPlugin", "AKOSettings: {cniPlugin: antrea}"),
    ("AKOSettings.disableStaticRouteSync", "AKOSettings: {disableStaticRouteSync: 'true'}"),
    ("AKOSettings.ipFamily", "AKOSettings: {ipFamily: V4}"),
    ("AKOSettings.layer7Only", "AKOSettings: {layer7Only: true}"),
    ("AKOSettings.namespaceSelector.labelKey",
        "AKOSettings: {namespaceSelector: {labelKey: team, labelValue: green}}"),
    ("AKOSettings.namingScheme", "AKOSettings: {namingScheme: documented}"),
    ("AviarySettings.defaultBackend", "AviarySettings: {defaultBackend: serve}"),
    ("AviarySettings.duplicatePaths", "AviarySettings: {duplicatePaths: oldest}"),
    ("ControllerSettings.dedicatedTenantMode", "ControllerSettings: {dedicatedTenantMode: true}"),
    ("ControllerSettings.serviceEngineGroupName",
        "ControllerSettings: {serviceEngineGroupName: lab-seg}"),
    ("ControllerSettings.tenantName", "ControllerSettings: {tenantName: tn-blue}"),
    ("ControllerSettings.vrfName", "ControllerSettings: {vrfName: lab-vrf}"),
    ("L4Settings.autoFQDN", "L4Settings: {autoFQDN: flat}"),
    ("L4Settings.autoFQDN", "L4Settings: {autoFQDN: disabled}"),
    ("L4Settings.defaultDomain", "L4Settings: {defaultDomain: second.lab}"),
    ("L4Settings.defaultLBController", "L4Settings: {defaultLBController: 'false'}"),
    ("L7Settings.noPGForSNI", "L7Settings: {noPGForSNI: true}"),
    ("L7Settings.passthroughShardSize", "L7Settings: {passthroughShardSize: MEDIUM}"),
    ("L7Settings.passthroughShardSize", "L7Settings: {passthroughShardSize: LARGE}"),
    ("L7Settings.serviceType", "L7Settings: {serviceType: NodePort}"),
    ("L7Settings.serviceType",
        "{AKOSettings: {cniPlugin: antrea}, L7Settings: {serviceType: NodePortLocal}}"),
    ("L7Settings.shardVSSize", "L7Settings: {shardVSSize: SMALL}"),
    ("L7Settings.shardVSSize", "L7Settings: {shardVSSize: MEDIUM}"),
    ("L7Settings.shardVSSize", "L7Settings: {shardVSSize: DEDICATED}"),
    ("NetworkSettings.bgpPeerLabels", "NetworkSettings: {enableRHI: true, bgpPeerLabels: [rack]}"),
    ("NetworkSettings.defaultDomain", "NetworkSettings: {defaultDomain: second.lab}"),
    ("NetworkSettings.enableRHI", "NetworkSettings: {enableRHI: true}"),
    ("NetworkSettings.nodeNetworkList",
        "NetworkSettings: {nodeNetworkList: [{networkName: lab-node, cidrs: [10.10.32.0/20]}]}"),
    ("NetworkSettings.vipNetworkList",
        "NetworkSettings: {vipNetworkList: [{networkName: lab-vip-2, cidr: 10.10.16.0/20}]}"),
    ("nodePortSelector.key",
        "{L7Settings: {serviceType: NodePort}, nodePortSelector: {key: pool, value: a}}"),
];

/// The same for what counts elsewhere only: what holds there before stands between.
#[rustfmt::skip]
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("AKOSettings.vpcMode",
        "{ControllerSettings: {cloudName: lab-nsxt},
          NetworkSettings: {nsxtT1LR: /orgs/o/projects/p/vpcs/v,
                            vipNetworkList: [{networkName: lab-vip-2}]}}",
        "AKOSettings: {vpcMode: true}"),
    ("L7Settings.fqdnReusePolicy",
        "AKOSettings: {namingScheme: documented}", "L7Settings: {fqdnReusePolicy: Strict}"),
    ("NetworkSettings.nodeNetworkList",
        "{ControllerSettings: {cloudName: lab-vcenter},
          NetworkSettings: {vipNetworkList: [{networkName: lab-vip}]}}",
        "NetworkSettings: {nodeNetworkList: [{networkName: lab-node, cidrs: [10.10.32.0/20]}]}"),
    ("NetworkSettings.nsxtT1LR",
        "{ControllerSettings: {cloudName: lab-nsxt},
          NetworkSettings: {nsxtT1LR: /infra/tier-1s/a, vipNetworkList: [{networkName: lab-vip}]}}",
        "NetworkSettings: {nsxtT1LR: /infra/tier-1s/b}"),
    ("NetworkSettings.vipNetworkList",
        "{ControllerSettings: {cloudName: lab-aws},
          NetworkSettings: {vipNetworkList: [{networkName: lab-vip}]}}",
        "NetworkSettings: {vipNetworkList: [{networkName: lab-vip}, {networkName: lab-vip-2}]}"),
];

/// Every change: the key, what holds before, and what is laid over that.
fn changes() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let here = CHANGES.iter().map(|(key, tree)| (*key, "", *tree));
    here.chain(ELSEWHERE.iter().copied())
}

#[test]
fn every_setting_is_tried_or_excused() -> Result<()> {
    let tried = changes().map(|(key, ..)| key);
    let known: BTreeSet<&str> = tried.chain(WITHOUT.iter().map(|(key, _)| *key)).collect();
    let all: BTreeSet<&str> = registry().map(|about| about.key).collect();
    ensure!(known == all, "{:?}", known.symmetric_difference(&all));
    for about in registry() {
        let excuse = WITHOUT.iter().find(|(key, _)| *key == about.key);
        let is_built = about.effect == Effect::Now;
        let is_excused = excuse.is_some_and(|(_, why)| *why == "not built");
        ensure!(!is_excused || !is_built, "{} is built", about.key);
    }
    Ok(())
}

/// What changes of a setting were seen to do.
#[derive(Default)]
struct Seen {
    moves: bool,
    addresses: bool,
    breaks: BTreeSet<&'static str>,
}

impl Seen {
    /// The first cells of its row in the document.
    fn cells(&self) -> String {
        let told = |yes: bool| if yes { "yes" } else { "no" };
        let breaks: Vec<String> = self.breaks.iter().map(|it| format!("`{it}`")).collect();
        let breaks = if breaks.is_empty() {
            "no".to_owned()
        } else {
            breaks.join(", ")
        };
        format!("{} | {} | {breaks}", told(self.moves), told(self.addresses))
    }
}

/// The document has a row for every setting, and it says what was seen.
fn check_document(seen: &BTreeMap<&str, Seen>) -> Result<()> {
    let text = std::fs::read_to_string(root().join("docs/changing-settings.md"))?;
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: BTreeMap<&str, &str> = rows.filter_map(|row| row.split_once("` | ")).collect();
    let known: BTreeSet<&str> = registry().map(|about| about.key).collect();
    let written: BTreeSet<&str> = rows.keys().copied().collect();
    ensure!(
        known == written,
        "{:?}",
        known.symmetric_difference(&written)
    );
    let mut wrong = Vec::new();
    for (key, row) in rows {
        let cells = seen
            .get(key)
            .map_or_else(|| "- | - | -".to_owned(), Seen::cells);
        if !row.starts_with(&format!("{cells} | ")) {
            wrong.push(format!("| `{key}` | {cells} |"));
        }
    }
    ensure!(wrong.is_empty(), "should be:\n{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn every_host_is_served_while_each_setting_changes() -> Result<()> {
    let mut broken = BTreeSet::new();
    let mut kept = 0;
    let secret = secret()?;
    let mut all: BTreeMap<&str, Seen> = BTreeMap::new();
    for (key, base, tree) in changes() {
        let seen = all.entry(key).or_default();
        match block_on(go((base, tree), &secret, seen, &mut broken))? {
            Ok(count) => kept += count,
            Err(error) => drop(broken.insert(format!("{error:#}"))),
        }
    }
    let lines: Vec<String> = broken.into_iter().collect();
    ensure!(lines.is_empty(), "{}", lines.join("\n"));
    ensure!(kept > 1_000, "only {kept} questions were asked");
    check_document(&all)
}

#[test]
fn secure_hosts_move_one_at_a_time_with_nothing_between() -> Result<()> {
    let secret = secret()?;
    let state = block_on(async {
        let (mut player, settings, _) = player(&secret, "").await?;
        let small = json!({"L7Settings": {"shardVSSize": "SMALL"}});
        let steps = vec![Step::Settings(settings.layer(&Raw::from_value(small)?))];
        let name = "small".to_owned();
        reach(&mut player, State { name, steps }).await
    })??;
    let ops = &state.outcome.settled.operations;
    let groups = interruptions(ops);
    let moved: BTreeSet<_> = groups.iter().map(BTreeSet::len).collect();
    ensure!(
        groups.len() == 5 && moved == BTreeSet::from([3]),
        "{groups:#?}"
    );
    let names: BTreeSet<&str> = ops
        .iter()
        .filter_map(|op| Some(op.breaks?.name()))
        .collect();
    ensure!(names == BTreeSet::from(["new_parent"]), "{names:?}");

    let mut scheduler = Scheduler::new(1_000);
    let refused = scheduler.admit(ops.clone());
    ensure!(
        refused.refused.is_empty() && refused.dropped.is_empty(),
        "{refused:?}"
    );
    let mut done = Vec::new();
    while !scheduler.is_idle() {
        let batch = scheduler.ready(8);
        let marked = batch.iter().any(|op| op.breaks.is_some());
        ensure!(
            !batch.is_empty(),
            "nothing can go: {} wait",
            scheduler.waiting()
        );
        ensure!(
            !marked || batch.len() == 1,
            "beside an interruption: {batch:#?}"
        );
        for op in batch {
            scheduler.finish(&op.key, Ending::Success);
            done.push(op.key.clone());
        }
    }
    for group in groups {
        let places = done
            .iter()
            .enumerate()
            .filter(|(_, key)| group.contains(key));
        let places: Vec<usize> = places.map(|(at, _)| at).collect();
        ensure!(places[2] - places[0] == 2, "{group:#?} at {places:?}");
    }
    Ok(())
}

/// A Controller moves no object to another cloud: nothing is written for it, and the key is named.
#[test]
fn another_cloud_is_refused_and_all_stays() -> Result<()> {
    let secret = secret()?;
    block_on(async {
        let (mut player, settings, simulator) = player(&secret, "").await?;
        let before = simulator.dump();
        let cloud = Raw::read("ControllerSettings: {cloudName: lab-vcenter}")?;
        let other = read_settings(&settings.layer(&cloud))?;
        let live = player.configure(other.clone()).await;
        let anew = Player::over(other, simulator.clone()).await.map(drop);
        for refused in [live, anew] {
            let why = refused.err().context("it is taken")?.to_string();
            ensure!(why.contains("ControllerSettings.cloudName"), "{why}");
        }
        ensure!(simulator.dump() == before, "something was written");
        Ok(())
    })?
}

/// A certificate for all hosts.
fn secret() -> Result<Value> {
    let certificate = rcgen::generate_simple_self_signed(["*.avi.lab".to_owned()])?;
    Ok(json!({
        "tls.crt": certificate.cert.pem(),
        "tls.key": certificate.signing_key.serialize_pem(),
    }))
}

/// The small world, served with the baseline's settings and these.
async fn player(secret: &Value, base: &str) -> Result<(Player, Raw, Simulator)> {
    let (mut player, settings, simulator) = booted("l7/01", base).await?;
    let world = State {
        name: "world".to_owned(),
        steps: vec![Step::Apply(world(secret))],
    };
    check("world", &reach(&mut player, world).await?)?;
    Ok((player, settings, simulator))
}

/// To other values and back.
async fn go(
    (base, tree): (&str, &str),
    secret: &Value,
    seen: &mut Seen,
    broken: &mut BTreeSet<String>,
) -> Result<usize> {
    let (mut player, settings, _) = player(secret, base).await?;
    let next = settings.layer(&Raw::read(tree)?);
    let mut kept = 0;
    for (way, settings) in [("to", next), ("from", settings)] {
        let place = format!("{tree} on '{base}', {way}");
        let state = State {
            name: place.clone(),
            steps: vec![Step::Settings(settings)],
        };
        let before = Places::of(player.core().lane());
        let state = reach(&mut player, state).await?;
        let change = before.until(&Places::of(player.core().lane()));
        seen.moves |= !change.moves.is_empty();
        seen.addresses |= !change.addresses.is_empty();
        let ops = state.outcome.settled.operations.iter();
        let breaks = ops.filter_map(|op| Some(op.breaks?.name()));
        seen.breaks.extend(breaks);
        check(&place, &state)?;
        kept += hold(&place, &state, |_| false, broken);
    }
    Ok(kept)
}

/// One plan led there, and nothing of it was refused or held.
fn check(place: &str, state: &Reached) -> Result<()> {
    let settled = &state.outcome.settled;
    ensure!(settled.refused.is_empty(), "{place}: {:?}", settled.refused);
    ensure!(settled.holds.is_empty(), "{place}: {:?}", settled.holds);
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for op in &settled.operations {
        *counts.entry(&op.key).or_default() += 1;
    }
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    ensure!(twice.is_empty(), "{place}: planned twice: {twice:?}");
    Ok(())
}

/// Two namespaces, of which one has a label, with a Service each, hosts, and load balancers.
fn world(secret: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for (namespace, team) in [("blue", "blue"), ("green", "green")] {
        let metadata = json!({"name": namespace, "labels": {"team": team}});
        all.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
        let base = if namespace == "blue" { 30_000 } else { 31_000 };
        for (name, kind, port) in [("web", "NodePort", base), ("lb", "LoadBalancer", base + 1)] {
            let ports = json!([{
                "name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP", "nodePort": port,
            }]);
            let targets = json!([{"name": "http", "port": 8080, "protocol": "TCP"}]);
            all.push(service(namespace, name, kind, &ports));
            all.push(slice(namespace, name, &targets, 2));
        }
        all.push(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"namespace": namespace, "name": "tls"}, "stringData": secret,
        }));
    }
    for number in 0..HOSTS {
        let namespace = ["blue", "green"][number / 2 % 2];
        all.push(ingress(
            namespace,
            &format!("h{number}.avi.lab"),
            number % 2 == 1,
            false,
        ));
    }
    for number in 0..3 {
        all.push(ingress("blue", &format!("p{number}.avi.lab"), false, true));
    }
    all.extend(sharing());
    // One host of two namespaces, secure in one of them.
    all.push(ingress("blue", "both.avi.lab", true, false));
    all.push(ingress("green", "both.avi.lab", false, false));
    all
}

/// Two load balancers that share an address which they do not ask for.
fn sharing() -> Vec<Value> {
    let mut all = Vec::new();
    for (name, number, protocol) in [("one", 8000, "TCP"), ("two", 8001, "UDP")] {
        let ports = json!([{
            "name": "p", "port": number, "targetPort": 8080, "protocol": protocol,
            "nodePort": number + 24_000,
        }]);
        let mut made = service("blue", name, "LoadBalancer", &ports);
        made["metadata"]["annotations"] = json!({"ako.vmware.com/enable-shared-vip": "pair"});
        let targets = json!([{"name": "p", "port": 8080, "protocol": protocol}]);
        all.extend([made, slice("blue", name, &targets, 1)]);
    }
    all
}

fn ingress(namespace: &str, host: &str, secure: bool, passthrough: bool) -> Value {
    let path = if namespace == "blue" || passthrough {
        "/"
    } else {
        "/green"
    };
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let paths = json!([{"path": path, "pathType": "Prefix", "backend": backend}]);
    let tls = secure.then(|| json!({"hosts": [host], "secretName": "tls"}));
    let tls: Vec<Value> = tls.into_iter().collect();
    let annotations = if passthrough {
        json!({"passthrough.ako.vmware.com/enabled": "true"})
    } else {
        json!({})
    };
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {
            "namespace": namespace, "name": host.replace('.', "-"), "annotations": annotations,
        },
        "spec": {"rules": [{"host": host, "http": {"paths": paths}}], "tls": tls},
    })
}
