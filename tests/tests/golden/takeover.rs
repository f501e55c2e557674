//! What AKO left is taken over without a write, by settings that do not say how things are named.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use aviary_runtime::offline::Settled;
use aviary_settings::{NamingScheme, Settings};
use aviary_tests::corpus::{Played, Reached, block_on, goldens, listed, seed_of};
use aviary_tests::takeover::{Left, State, leave};
use aviary_tests::tools::root;
use serde_json::{Value, json};

use crate::silent::{Pace, Start, start};

/// States whose certificates have no Secret any more, so that their text is not to be had.
const WITHOUT_SECRET: &[&str] = &[];

#[test]
fn what_ako_left_is_taken_over_without_a_write() -> Result<()> {
    let departed = departed()?;
    let mut wrong = Vec::new();
    let mut without = BTreeSet::new();
    let mut alike = 0;
    for played in listed()? {
        for state in played.states.iter().filter(|state| state.is_running) {
            let place = format!("{} {}", played.name, state.name);
            match block_on(take_over(played, state))?.with_context(|| place.clone())? {
                None => {
                    without.insert(place);
                }
                Some(writes) if !writes.is_empty() && !departed.contains(&place) => {
                    wrong.push(format!("{place}: {writes:#?}"));
                }
                Some(_) if departed.contains(&place) => {}
                Some(_) => alike += 1,
            }
        }
    }
    ensure!(alike > 100, "only {alike} states");
    ensure!(wrong.is_empty(), "written:\n{}", wrong.join("\n"));
    ensure!(without.iter().eq(WITHOUT_SECRET), "no Secret: {without:?}");
    Ok(())
}

/// The states with departures, which are not as AKO leaves them.
pub(crate) fn departed() -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(root().join("docs/departures.yaml"))?;
    let rows: Vec<Value> = serde_saphyr::from_str(&text)?;
    let mut places = BTreeSet::new();
    for played in listed()? {
        for state in &played.states {
            let is_meant = |row: &&Value| {
                let scenario = row["scenario"].as_str().unwrap_or_default();
                let is_avi = !row["kind"]
                    .as_str()
                    .unwrap_or_default()
                    .starts_with("status:");
                let step = row["step"].as_str().unwrap_or(&state.name);
                is_avi
                    && played.name.starts_with(scenario.trim_end_matches('*'))
                    && (step == state.name || step == "*")
            };
            if rows.iter().any(|row| is_meant(&row)) {
                places.insert(format!("{} {}", played.name, state.name));
            }
        }
    }
    Ok(places)
}

/// The writes of a start on what AKO left; `None` where that cannot be restored.
async fn take_over(played: &Played, state: &Reached) -> Result<Option<Vec<String>>> {
    let Some(left) = left(played, state).await? else {
        return Ok(None);
    };
    let mut settings = state.settings.clone();
    for instance in &mut settings.home.instances {
        instance.ako.naming_scheme = NamingScheme::Auto;
    }
    let settled = begin(&left, state, &settings).await?;
    let operations = settled.operations.iter();
    let operations = operations.map(|op| format!("{:?} {}", op.method, op.key.object));
    let holds = settled.holds.iter().map(|hold| format!("held {hold:?}"));
    Ok(Some(operations.chain(holds).collect()))
}

async fn left(played: &Played, state: &Reached) -> Result<Option<Left>> {
    let read = |tree: &str| -> Result<Value> {
        let file = goldens().join(format!("{tree}{}/{}.json", played.name, state.name));
        let text = fs::read(&file).with_context(|| file.display().to_string())?;
        Ok(serde_json::from_slice(&text)?)
    };
    let told = state.objects.told(&state.settings.home.name);
    leave(&State {
        golden: &read("")?,
        checksums: &read("_cksum/")?,
        objects: &told,
        seed: seed_of(&played.name)?.as_deref(),
    })
    .await
}

async fn begin(left: &Left, state: &Reached, settings: &Settings) -> Result<Settled> {
    let start = start(Start {
        simulator: &left.simulator,
        settings,
        objects: &state.objects,
        scripts: Some(left.scripts.clone()),
        seed: 0,
        pace: Pace::ScopeByScope,
    });
    Ok(start.await?.0)
}

/// Here an AviInfraSetting is gone whose Service Engine group keeps its label, as with AKO.
const GROUP_OF_NO_SETTING: &str = "infra/11-deleted-in-use";

#[test]
fn what_ako_left_goes_where_everything_is_to_go() -> Result<()> {
    for played in listed()? {
        let mut running = played.states.iter().filter(|state| state.is_running);
        let state = running.next_back().context("a state")?;
        block_on(clear(played, state))?.with_context(|| played.name.clone())?;
    }
    Ok(())
}

/// With `deleteConfig` what stands on the Controller is what stood there before AKO, and with the
/// setting gone all is as it was.
async fn clear(played: &Played, state: &Reached) -> Result<()> {
    let Some(left) = left(played, state).await? else {
        return Ok(());
    };
    let mut settings = state.settings.clone();
    for instance in &mut settings.home.instances {
        instance.ako.delete_config = true;
    }
    let leaked = leaked(&left.simulator.dump());
    let settled = begin(&left, state, &settings).await?;
    ensure!(settled.holds.is_empty(), "held: {:?}", settled.holds);
    ensure!(settled.refused.is_empty(), "{:?}", settled.refused);
    let before = plain(left.before.clone());
    for (kind, objects) in left.simulator.dump().as_object().context("kinds")? {
        let mut rest = objects.clone();
        let objects = rest.as_array_mut().context("objects")?;
        objects.retain(|object| !leaked.contains(&object["uuid"].to_string()));
        if kind == "serviceenginegroup" && played.name == GROUP_OF_NO_SETTING {
            continue;
        }
        let rest = plain(rest);
        let had = before.get(kind).cloned().unwrap_or(json!([]));
        ensure!(had == rest, "{kind}: {rest:#}");
    }
    let again = begin(&left, state, &settings).await?;
    ensure!(again.operations.is_empty(), "{:?}", again.operations);
    let settled = begin(&left, state, &state.settings).await?;
    ensure!(settled.refused.is_empty(), "{:?}", settled.refused);
    let again = begin(&left, state, &state.settings).await?;
    ensure!(again.operations.is_empty(), "{:?}", again.operations);
    Ok(())
}

/// Addresses that nothing refers to, which AKO leaks at times. They do not show whose they are.
fn leaked(dump: &Value) -> BTreeSet<String> {
    let services = dump["virtualservice"].to_string();
    let addresses = dump["vsvip"].as_array().into_iter().flatten();
    let uuids = addresses.filter_map(|address| address["uuid"].as_str());
    let leaked = uuids.filter(|uuid| !services.contains(uuid));
    leaked.map(|uuid| Value::from(uuid).to_string()).collect()
}

/// Without what each write changes, and with empty lists as absent ones.
fn plain(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            fields.remove("_last_modified");
            fields.retain(|_, value| !matches!(value, Value::Array(list) if list.is_empty()));
            fields
                .values_mut()
                .for_each(|value| *value = plain(value.take()));
        }
        Value::Array(list) => list
            .iter_mut()
            .for_each(|value| *value = plain(value.take())),
        _ => {}
    }
    value
}
