//! The corpus: scenarios of ours, and the states that AKO brought a Controller to with them.
//!
//! [`play`] plays one with the command line's own player on a simulated Controller, and keeps what
//! each state came to.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow};
use aviary::plan::{Objects, Outcome, Player, Scenario, State, read_scenario, read_settings, seed};
use aviary_avi::{Desired, Observed};
use aviary_graph::Built;
use aviary_settings::{Raw, Settings};
use aviary_sim::{Options, Simulator};

use crate::tools::root;

/// The scenarios that must come out as AKO has them, but for docs/departures.yaml.
pub const LISTED: &[&str] = &[
    "boot/03",
    "boot/05",
    "boot/07",
    "dedicated/01",
    "dedicated/03",
    "dedicated/09",
    "infra/01",
    "infra/03",
    "infra/05",
    "infra/07",
    "infra/09",
    "infra/11",
    "infra/13",
    "ingclass/01",
    "ingclass/03",
    "ingclass/05",
    "ingclass/07",
    "ingclass/09",
    "l4/01",
    "l4/03",
    "l4/05",
    "l4/07",
    "l4/09",
    "l4/11",
    "l4/13",
    "l4/15",
    "l4/17",
    "l4/19",
    "l4/21",
    "l4/23",
    "l4/25",
    "l7/01",
    "l7/03",
    "l7/05",
    "l7/07",
    "l7/09",
    "l7/11",
    "l7/13",
    "l7/15",
    "l7/17",
    "l7/19",
    "l7/21",
    "l7/23",
    "l7/25",
    "l7/27",
    "l7/29",
    "l7/31",
    "l7/33",
    "l7/35",
    "l7/37",
    "l7/39",
    "l7/41",
    "l7/43",
    "l7/45",
    "l7/47",
    "multi/01",
    "multi/03",
    "multi/05",
    "multi/09",
    "nodeport/01",
    "nodeport/03",
    "nodeport/05",
    "nodeport/07",
    "nodeport/09",
    "nodes/01",
    "nodes/03",
    "npl/01",
    "npl/03",
    "npl/05",
    "npl/07",
    "npl/09",
    "nssel/01",
    "nssel/03",
    "seq/01",
    "seq/03",
    "seq/05",
    "seq/07",
    "seq/09",
    "seq/11",
    "seq/13",
    "seq/15",
    "seq/17",
    "seq/19",
    "share/01",
    "share/03",
    "share/05",
    "share/07",
    "share/09",
    "share/11",
];

/// A scenario that was played to its end.
pub struct Played {
    /// `area/nn-slug`.
    pub name: String,
    /// Its states in order.
    pub states: Vec<Reached>,
    /// The Controller as it stands at the end.
    pub simulator: Simulator,
    /// The cluster's objects at the end.
    pub objects: Objects,
    /// The settings at the end.
    pub settings: Settings,
}

/// One state of a scenario.
pub struct Reached {
    /// `00-boot`, or the step's file without `.yaml`.
    pub name: String,
    /// What the Controller had before.
    pub before: Observed,
    /// What was done, and what stands now.
    pub outcome: Outcome,
    /// What the Controller has now.
    pub after: Observed,
    /// What should exist.
    pub desired: Desired,
    /// What that was made from.
    pub built: Built,
    /// The cluster's objects.
    pub objects: Objects,
    /// The settings.
    pub settings: Settings,
    /// Whether the core ran: one that was stopped knows nothing of what came after.
    pub is_running: bool,
}

/// The folder of all scenarios.
pub fn scenarios() -> PathBuf {
    root().join("tests/scenarios")
}

/// The folder of all goldens, with the programs that compare them.
pub fn goldens() -> PathBuf {
    root().join("tests/goldens")
}

/// The full name of a scenario, `area/nn-slug`, from `area/nn`.
pub fn name_of(id: &str) -> Result<String> {
    let (area, number) = id.split_once('/').context("a scenario is called area/nn")?;
    let folder = scenarios().join(area);
    let entries = fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
    let names: BTreeSet<String> = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    let name = names.iter().find(|name| name.starts_with(number));
    Ok(format!(
        "{area}/{}",
        name.with_context(|| format!("no scenario {id}"))?
    ))
}

/// What a scenario adds to the Controller's seed.
///
/// # Errors
/// When it cannot be read.
pub fn seed_of(name: &str) -> Result<Option<PathBuf>> {
    Ok(read_scenario(&scenarios().join(name))?.seed)
}

/// The listed scenarios, played once for all tests of the process.
pub fn listed() -> Result<&'static [Played]> {
    static PLAYED: OnceLock<Result<Vec<Played>, String>> = OnceLock::new();
    let played = PLAYED.get_or_init(|| {
        let played = LISTED
            .iter()
            .map(|id| play(id, false))
            .collect::<Result<_>>();
        played.map_err(|error| format!("{error:#}"))
    });
    played
        .as_ref()
        .map(Vec::as_slice)
        .map_err(|error| anyhow!("{error}"))
}

/// Plays a scenario from an empty Controller. With `fill_defaults` that Controller answers with all
/// the fields that a real one fills in.
pub fn play(id: &str, fill_defaults: bool) -> Result<Played> {
    let name = name_of(id)?;
    let played = block_on(play_all(&name, fill_defaults))?;
    played.with_context(|| format!("play {name}"))
}

/// Runs a future to its end, in this thread.
pub fn block_on<F: Future>(future: F) -> Result<F::Output> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().build().context("start a runtime")?;
    Ok(runtime.block_on(future))
}

/// A player on an empty Controller as the scenario expects it.
async fn player_of(scenario: &Scenario, fill_defaults: bool) -> Result<(Player, Simulator)> {
    let simulator = Simulator::new(Options {
        seed: seed(scenario.seed.as_deref())?,
        fill_defaults,
        ..Options::default()
    })?;
    let player = Player::over(read_settings(&scenario.settings)?, simulator.clone()).await?;
    Ok((player, simulator))
}

/// A player in the first state of a scenario, its settings with this tree laid over, if there is one,
/// and its Controller.
///
/// # Errors
/// When the scenario cannot be read or played.
pub async fn booted(id: &str, over: &str) -> Result<(Player, Raw, Simulator)> {
    let mut scenario = read_scenario(&scenarios().join(name_of(id)?))?;
    if !over.is_empty() {
        scenario.settings = scenario.settings.layer(&Raw::read(over)?);
    }
    let (mut player, simulator) = player_of(&scenario, false).await?;
    let boot = scenario.states.into_iter().next();
    reach(&mut player, boot.context("a first state")?).await?;
    Ok((player, scenario.settings, simulator))
}

async fn play_all(name: &str, fill_defaults: bool) -> Result<Played> {
    let scenario = read_scenario(&scenarios().join(name))?;
    let (mut player, simulator) = player_of(&scenario, fill_defaults).await?;
    let mut states = Vec::new();
    for state in scenario.states {
        states.push(reach(&mut player, state).await?);
    }
    Ok(Played {
        name: name.to_owned(),
        states,
        simulator,
        objects: player.objects().clone(),
        settings: player.core().settings().clone(),
    })
}

/// Takes the steps of a state and keeps what it came to.
pub async fn reach(player: &mut Player, state: State) -> Result<Reached> {
    let before = observed(player)?;
    let outcome = player.reach(state.steps).await?;
    Ok(Reached {
        name: state.name,
        before,
        outcome,
        after: observed(player)?,
        desired: player.core().lane().built().desired.clone(),
        built: player.core().lane().built().clone(),
        objects: player.objects().clone(),
        settings: player.core().settings().clone(),
        is_running: player.is_running(),
    })
}

fn observed(player: &Player) -> Result<Observed> {
    let observed = player.core().lane().observed().cloned();
    observed.context("the Controller was not read")
}
