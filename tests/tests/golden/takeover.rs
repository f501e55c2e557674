//! What AKO left is taken over without a write, by settings that do not say how things are named.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use aviary_settings::NamingScheme;
use aviary_tests::corpus::{Played, Reached, block_on, goldens, listed, seed_of};
use aviary_tests::takeover::{State, leave};
use aviary_tests::tools::root;
use serde_json::Value;

use crate::silent::{Start, start};

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
fn departed() -> Result<BTreeSet<String>> {
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
    let read = |tree: &str| -> Result<Value> {
        let file = goldens().join(format!("{tree}{}/{}.json", played.name, state.name));
        Ok(serde_json::from_slice(
            &fs::read(&file).with_context(|| file.display().to_string())?,
        )?)
    };
    let told = state.objects.told(&state.settings.home.name);
    let left = leave(&State {
        golden: &read("")?,
        checksums: &read("_cksum/")?,
        objects: &told,
        seed: seed_of(&played.name)?.as_deref(),
    })
    .await?;
    let Some(left) = left else {
        return Ok(None);
    };
    let mut settings = state.settings.clone();
    for instance in &mut settings.home.instances {
        instance.ako.naming_scheme = NamingScheme::Auto;
    }
    let start = start(Start {
        simulator: &left.simulator,
        settings: &settings,
        objects: &state.objects,
        scripts: Some(left.scripts),
        seed: 0,
    });
    let (settled, _) = start.await?;
    let operations = settled.operations.iter();
    let operations = operations.map(|op| format!("{:?} {}", op.method, op.key.object));
    let holds = settled.holds.iter().map(|hold| format!("held {hold:?}"));
    Ok(Some(operations.chain(holds).collect()))
}
