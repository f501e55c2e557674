//! The listed scenarios of the corpus, played by the real programs on a real apiserver, and held
//! against what AKO left on the Controller and on the objects.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use aviary::plan::{State, Step, read_scenario};
use aviary_kinds::room_of;
use aviary_kinds::secret::DEFAULT_NAME;
use aviary_tests::corpus::{LISTED, name_of, scenarios};
use futures::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cluster::{Cluster, key_of};
use crate::normal::{compare, normalise};
use crate::stack::{Stack, baseline, over};
use crate::stage::Stage;

/// The areas whose scenarios leave alone what is common to all namespaces.
const AREAS: &[&str] = &[
    "boot",
    "dedicated",
    "l4",
    "l7",
    "npl",
    "nssel",
    "seq",
    "share",
];

/// The areas whose scenarios change what is common to all namespaces: one runs after the other, in
/// a cluster that no other test looks at.
const AREAS_ALONE: &[&str] = &["infra", "ingclass", "multi", "nodeport", "nodes"];

/// Steps with two Ingresses of one host. Service metadata alone are never written anew, by AKO
/// neither, so they name what was there at the first write: these steps are heard as a whole.
const AT_ONCE: &[(&str, &str)] = &[("dedicated/03", "01-both")];

/// How many scenarios run at a time.
const POOL: usize = 2;

/// What a scenario says of itself.
#[derive(Deserialize)]
pub(crate) struct Sheet {
    settings: Value,
    pub(crate) namespaces: Vec<String>,
}

impl Sheet {
    /// That of a scenario.
    pub(crate) fn of(name: &str) -> Result<Self> {
        let file = scenarios().join(name).join("scenario.yaml");
        serde_saphyr::from_str(&fs::read_to_string(file)?).context("read a scenario")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_every_listed_scenario_ends_as_with_ako_on_controller_and_objects() -> Result<()> {
    let (cluster, apart) = (Cluster::shared().await?, Cluster::another().await?);
    // Where AKO lives, and its default certificates with it.
    let home = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "avi-system"}});
    cluster.apply(&home).await?;
    apart.apply(&home).await?;
    let folder = Arc::new(tempfile::tempdir()?);
    let mut names = names_in(AREAS)?;
    let alone = names_in(AREAS_ALONE)?;
    let mut played: Vec<Result<()>> = stream::iter(names.clone())
        .map(|name| {
            let (cluster, folder) = (cluster.clone(), folder.clone());
            // A task of its own, so that two scenarios run on two cores.
            let task = tokio::spawn(async move { play_into(&cluster, &name, folder.path()).await });
            async move { task.await? }
        })
        .buffer_unordered(POOL)
        .collect()
        .await;
    for name in &alone {
        played.push(play_into(&apart, name, folder.path()).await);
    }
    names.extend(alone);
    let failed: Vec<String> = played
        .into_iter()
        .filter_map(|played| played.err().map(|error| format!("{error:#}")))
        .collect();
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    normalise(folder.path(), "raw", "got")?;
    compare(&names, &folder.path().join("got"))
}

#[test]
fn every_listed_scenario_is_played_by_the_real_programs() -> Result<()> {
    let played = [names_in(AREAS)?, names_in(AREAS_ALONE)?].concat();
    let listed = LISTED.iter().map(|id| name_of(id));
    let listed: BTreeSet<String> = listed.collect::<Result<_>>()?;
    ensure!(played.len() == listed.len(), "one is played twice");
    let played: BTreeSet<String> = played.into_iter().collect();
    let left: Vec<_> = listed.difference(&played).collect();
    ensure!(left.is_empty(), "never played: {left:?}");
    Ok(())
}

/// The listed scenarios of these areas.
fn names_in(areas: &[&str]) -> Result<Vec<String>> {
    let ours = LISTED.iter().filter(|id| {
        let area = id.split('/').next().unwrap_or_default();
        areas.contains(&area)
    });
    ours.map(|id| name_of(id)).collect()
}

async fn play_into(cluster: &Cluster, name: &str, folder: &Path) -> Result<()> {
    let played = play(cluster, name, &folder.join("raw").join(name)).await;
    played.with_context(|| format!("play {name}"))
}

/// Plays a scenario and writes down each state as it stands on the Controller and in the cluster.
async fn play(cluster: &Cluster, name: &str, place: &Path) -> Result<()> {
    fs::create_dir_all(place)?;
    let folder = scenarios().join(name);
    let sheet = Sheet::of(name)?;
    let settings = over(&baseline()?, &sheet.settings);
    let mut stage = Stage::set(cluster, sheet.namespaces, &settings).await?;
    let scenario = name;
    let mut wide: Vec<Value> = Vec::new();
    for State { name, steps } in read_scenario(&folder)?.states {
        let mut at_once = AT_ONCE.iter();
        let at_once = at_once.any(|(id, step)| scenario.starts_with(id) && name == *step);
        for step in steps {
            // What is common to all scenarios stands already, and must not be touched.
            if name != "00-boot" {
                wide.extend(wide_of(&step));
                let done = match step {
                    Step::Apply(objects) if at_once => make(cluster, &stage.stack, &objects).await,
                    step => stage.take(step).await,
                };
                done.with_context(|| format!("step {name}"))?;
            }
        }
        let statuses = cluster.statuses(&stage.namespaces).await?;
        let avi = touched(&stage.stack.sim.dump().await?, &stage.found);
        let told = json!({"avi": avi, "status": statuses});
        fs::write(place.join(format!("{name}.json")), told.to_string())?;
    }
    // The next scenario finds the cluster as this one did.
    for object in wide {
        cluster.remove(&object).await?;
    }
    Ok(())
}

/// What a step makes for all namespaces.
fn wide_of(step: &Step) -> Vec<Value> {
    let Step::Apply(objects) = step else {
        return Vec::new();
    };
    let is_wide = |object: &&Value| {
        let key = key_of(object);
        key.namespace.is_empty() && key.kind != "Namespace"
    };
    objects.iter().filter(is_wide).cloned().collect()
}

/// The objects of a Controller that do not stand as they were found.
pub(crate) fn touched(now: &Value, found: &Value) -> Value {
    let kinds = now.as_object().into_iter().flatten();
    let touched = kinds.map(|(kind, objects)| {
        let known = found[kind].as_array().cloned().unwrap_or_default();
        let objects = objects.as_array().into_iter().flatten();
        let changed = objects.filter(|object| !known.contains(object));
        (kind.clone(), changed.cloned().collect::<Value>())
    });
    Value::Object(touched.collect())
}

/// Makes new objects of a namespace; they are written to the Controller once all of them were heard.
async fn make(cluster: &Cluster, stack: &Stack, objects: &[Value]) -> Result<()> {
    let keys = objects.iter().map(key_of);
    let places: BTreeSet<_> = keys.map(|key| (key.kind, key.namespace)).collect();
    stack.pause().await?;
    for object in objects {
        cluster.apply(object).await?;
    }
    for (kind, namespace) in &places {
        let made = objects.iter().map(key_of);
        let made = made.filter(|key| (&key.kind, &key.namespace) == (kind, namespace));
        stack.hears(kind, namespace, made.count()).await?;
    }
    stack.unpause().await?;
    stack.converged().await
}

/// Takes a step, and waits until the Controller shows it.
pub(crate) async fn carry_out(cluster: &Cluster, stack: &Stack, step: Step) -> Result<()> {
    let mut versions = Vec::new();
    match step {
        Step::Apply(objects) => {
            for object in &objects {
                let version = cluster.apply(object).await?;
                if is_read(cluster, object).await? {
                    versions.push(version);
                }
            }
        }
        Step::Status(objects) => {
            for object in &objects {
                versions.push(cluster.apply_status(object).await?);
            }
        }
        Step::Delete(objects) => return delete(cluster, stack, &objects).await,
        Step::Settings(_) | Step::Stop | Step::Start => {
            return Err(anyhow!("this is for who started the programs"));
        }
    }
    stack.carried_out(versions).await
}

/// Whether translation looks at the object: one of a kind that has a room, and of Secrets only those
/// that an Ingress names, and the default one.
async fn is_read(cluster: &Cluster, object: &Value) -> Result<bool> {
    let key = key_of(object);
    if room_of(&key.group, &key.kind).is_none() {
        return Ok(false);
    }
    if key.kind != "Secret" {
        return Ok(true);
    }
    if key.name == DEFAULT_NAME {
        return Ok(true);
    }
    let ingresses = cluster.list("Ingress", &key.namespace).await?;
    let mut named = ingresses.iter().flat_map(|ingress| {
        let tls = ingress["spec"]["tls"].as_array().into_iter().flatten();
        tls.filter_map(|tls| tls["secretName"].as_str())
    });
    Ok(named.any(|name| name == key.name))
}

/// Deletes objects and waits until the translator holds that many less.
async fn delete(cluster: &Cluster, stack: &Stack, objects: &[Value]) -> Result<()> {
    let mut left: BTreeMap<(String, String), u64> = BTreeMap::new();
    for object in objects {
        let key = key_of(object);
        let place = (key.kind, key.namespace);
        let held = stack.held(&place.0, &place.1).await?;
        *left.entry(place).or_insert(held) -= 1;
    }
    for object in objects {
        cluster.delete(object).await?;
    }
    for ((kind, namespace), count) in left {
        stack.holds(&kind, &namespace, count).await?;
    }
    Ok(())
}
