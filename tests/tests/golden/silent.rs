//! A converged system is silent (invariant 3), whatever order its objects arrive in (invariant 2).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use aviary::plan::Objects;
use aviary_avi::Desired;
use aviary_avi::ds_set::KnownScripts;
use aviary_kinds::{RawObject, namespace, rooms_of};
use aviary_runtime::offline::{Offline, Settled};
use aviary_runtime::transport;
use aviary_settings::Settings;
use aviary_sim::Simulator;
use aviary_store::Store;
use aviary_tests::corpus::{LISTED, Played, block_on, listed, play};
use aviary_types::{ClusterName, EcoString, Kind, ObjectKey, ScopeKey};

use crate::shuffle::Dice;

/// Orders of arrival that each scenario's last state is tried with.
const ORDERS: u64 = 3;

#[test]
fn a_second_run_writes_nothing() -> Result<()> {
    for played in listed()? {
        for seed in 0..ORDERS {
            silent(played, seed).with_context(|| format!("{}, order {seed}", played.name))?;
        }
    }
    Ok(())
}

#[test]
fn a_second_run_writes_nothing_where_the_controller_fills_in_defaults() -> Result<()> {
    for id in LISTED {
        let played = play(id, true)?;
        silent(&played, 0).with_context(|| format!("{}, with defaults", played.name))?;
    }
    Ok(())
}

/// A core without memory reads the Controller and hears one scope after the other. What was not heard
/// yet is not absent, so nothing is written on the way either (invariant 1).
fn silent(played: &Played, seed: u64) -> Result<()> {
    let (settled, desired) = block_on(run(played, seed))??;
    let keys: Vec<String> = settled
        .operations
        .iter()
        .map(|op| format!("{:?} {}", op.method, op.key.object))
        .collect();
    ensure!(keys.is_empty(), "written: {keys:?}");
    ensure!(settled.holds.is_empty(), "held: {:?}", settled.holds);
    let last = played.states.last().context("a state")?;
    ensure!(desired == last.desired, "another order, another result");
    Ok(())
}

async fn run(played: &Played, seed: u64) -> Result<(Settled, Desired)> {
    let start = Start {
        simulator: &played.simulator,
        settings: &played.settings,
        objects: &played.objects,
        scripts: None,
        seed,
        pace: Pace::ScopeByScope,
    };
    self::start(start).await
}

/// A start of a core without memory.
pub(crate) struct Start<'a> {
    pub(crate) simulator: &'a Simulator,
    pub(crate) settings: &'a Settings,
    pub(crate) objects: &'a Objects,
    /// In place of the scripts that AKO is known to write.
    pub(crate) scripts: Option<KnownScripts>,
    /// Of the order of arrival.
    pub(crate) seed: u64,
    pub(crate) pace: Pace,
}

/// When a core that starts acts on what it was told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// Once it was told everything.
    AtOnce,
    /// After each scope.
    ScopeByScope,
}

pub(crate) async fn start(with: Start<'_>) -> Result<(Settled, Desired)> {
    let cluster = with.settings.home.name.clone();
    let transport = transport::in_process(with.simulator.router());
    let mut core = Offline::connect(with.settings.clone(), transport).await?;
    if let Some(scripts) = with.scripts {
        core.recognise(scripts);
    }
    let mut dice = Dice::new(with.seed);
    let mut scopes = scopes(&cluster, with.objects.told(&cluster));
    dice.shuffle(&mut scopes);
    let mut store = Store::default();
    let mut settled = Settled::default();
    let mut scopes = scopes.into_iter().peekable();
    while let Some((scope, mut told)) = scopes.next() {
        dice.shuffle(&mut told);
        complete(&mut store, &scope, told);
        if with.pace == Pace::AtOnce && scopes.peek().is_some() {
            continue;
        }
        let heard = core.settle(&store.snapshot()).await;
        settled.operations.extend(heard.operations);
        settled.holds = heard.holds;
    }
    Ok((settled, core.lane().built().desired.clone()))
}

/// The objects by the scope they stand in, and a scope for each namespace. What stands in a namespace
/// shows that there is one, though some scenarios do not name it.
fn scopes(cluster: &ClusterName, mut told: Vec<RawObject>) -> Vec<(ScopeKey, Vec<RawObject>)> {
    let mut scopes = BTreeMap::from([(ScopeKey::cluster_wide(cluster), Vec::new())]);
    let named = |object: &&RawObject| !object.key.namespace.as_str().is_empty();
    let namespaces = told
        .iter()
        .filter(named)
        .map(|object| namespace(&object.key));
    let implied: BTreeMap<ObjectKey, RawObject> = namespaces
        .map(|object| (object.key.clone(), object))
        .collect();
    let is_told = |key: &ObjectKey| told.iter().any(|object| object.key == *key);
    let implied: Vec<RawObject> = implied
        .into_iter()
        .filter(|(key, _)| !is_told(key))
        .map(|(_, object)| object)
        .collect();
    told.extend(implied);
    for object in told {
        if object.key.kind.kind == "Namespace" {
            let scope = ScopeKey {
                cluster: cluster.clone(),
                namespace: object.key.name.as_str().into(),
            };
            scopes.entry(scope).or_default();
        }
        scopes.entry(object.key.scope()).or_default().push(object);
    }
    scopes.into_iter().collect()
}

/// The Namespace that an object stands in, with nothing to say.
fn namespace(key: &ObjectKey) -> RawObject {
    RawObject {
        key: ObjectKey::new(
            &key.cluster,
            namespace::KIND,
            "",
            key.namespace.text().clone(),
        ),
        uid: EcoString::new(),
        resource_version: "1".into(),
        created: EcoString::new(),
        json: serde_json::json!({}),
        contents: true,
    }
}

/// An agent tells everything of a scope.
fn complete(store: &mut Store, scope: &ScopeKey, told: Vec<RawObject>) {
    let mut names: BTreeMap<Kind, BTreeSet<EcoString>> = BTreeMap::new();
    for object in told {
        let of_kind = names.entry(object.key.kind).or_default();
        of_kind.insert(object.key.name.clone());
        store.apply(object);
    }
    for room in rooms_of(scope) {
        store.complete(
            scope,
            room.kind,
            &names.remove(&room.kind).unwrap_or_default(),
        );
    }
}
