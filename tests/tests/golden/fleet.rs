//! Several instances of one cluster, side by side: each makes what AKO makes when it is alone.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use aviary::plan::{Player, Step, read_scenario, read_settings, seed};
use aviary_avi::{AviKey, Body};
use aviary_settings::Raw;
use aviary_sim::{Options, Simulator};
use aviary_tests::corpus::{block_on, listed, name_of, scenarios};
use serde_json::{Value, json};
use std::sync::Arc;

/// A scenario of a primary instance, and one of an instance that is not, of the same cluster.
const PRIMARY: &str = "multi/05";
const SECOND: &str = "multi/09";

/// The primary instance stands beside the other one, for namespaces of a label that its scenario
/// does not know.
const ROW: &str = "
instances:
- namespace: first
  values:
    AKOSettings: {primaryInstance: true, namespaceSelector: {labelKey: side, labelValue: first}}
";

type Bodies = BTreeMap<AviKey, Arc<Body>>;

#[test]
fn instances_side_by_side_are_as_each_alone() -> Result<()> {
    let together = block_on(together())??;
    let mut alone = Bodies::new();
    for id in [PRIMARY, SECOND] {
        let name = name_of(id)?;
        let mut played = listed()?.iter();
        let played = played.find(|it| it.name == name);
        let state = played.and_then(|it| it.states.last());
        let desired = &state
            .with_context(|| format!("{id} is not listed"))?
            .desired;
        for object in desired.objects.values() {
            alone.insert(object.key.clone(), object.body.clone());
        }
    }
    for (key, body) in &alone {
        let found = together.get(key);
        let found = found.with_context(|| format!("{key} is missing"))?;
        ensure!(found == body, "{key} differs");
    }
    let more = together.keys().find(|key| !alone.contains_key(key));
    ensure!(more.is_none(), "{more:?} is nobody's");
    ensure!(alone.len() > 30, "only {} objects", alone.len());
    Ok(())
}

/// The objects of both scenarios, under the settings of both.
async fn together() -> Result<Bodies> {
    let read = |id: &str| -> Result<_> { Ok(read_scenario(&scenarios().join(name_of(id)?))?) };
    let (primary, second) = (read(PRIMARY)?, read(SECOND)?);
    let settings = second.settings.layer(&Raw::read(ROW)?);
    let simulator = Simulator::new(Options {
        seed: seed(second.seed.as_deref())?,
        ..Options::default()
    })?;
    let mut player = Player::over(read_settings(&settings)?, simulator).await?;
    for (scenario, is_labelled) in [(primary, true), (second, false)] {
        for step in scenario.states.into_iter().flat_map(|state| state.steps) {
            match step {
                Step::Apply(objects) => {
                    for object in objects {
                        let object = if is_labelled {
                            labelled(object)
                        } else {
                            object
                        };
                        player.objects().apply(object, 0);
                    }
                }
                Step::Status(objects) => {
                    for object in &objects {
                        player.objects().set_status(object);
                    }
                }
                _ => anyhow::bail!("neither scenario does this"),
            }
        }
    }
    let outcome = player.settle().await;
    ensure!(
        outcome.settled.refused.is_empty(),
        "{:?}",
        outcome.settled.refused
    );
    let desired = &player.core().lane().built().desired.objects;
    let bodies = desired
        .iter()
        .map(|(key, it)| (key.clone(), it.body.clone()));
    Ok(bodies.collect())
}

/// A Namespace that the primary instance takes.
fn labelled(mut object: Value) -> Value {
    if object["kind"] == "Namespace" {
        object["metadata"]["labels"]["side"] = json!("first");
    }
    object
}
