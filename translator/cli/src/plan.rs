//! `aviary plan`: what the objects of a folder or scenario come to on an Avi Controller.

mod moves;
mod objects;
mod output;
mod player;
mod scenario;
mod to_come;

use crate::manifest;
use anyhow::Context;
use aviary_settings::{DEFAULT_NAMESPACE, Raw, Settings};
use aviary_sim::Seed;
use aviary_types::Namespace;
use clap::{Args, ValueEnum};
use output::Document;

use std::path::{Path, PathBuf};

pub use moves::{Address, Change, Move, Places};
pub use objects::Objects;
pub use player::{Outcome, Player};
pub use scenario::{Scenario, State, Step, read as read_scenario};

/// Settings of the demo, used where none are named.
const DEMO_SETTINGS: &str = include_str!("../../../examples/values.yaml");

/// Arguments of `aviary plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Manifests: a YAML file or a folder of them; may be given several times.
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE|DIR",
        conflicts_with = "scenario"
    )]
    files: Vec<PathBuf>,
    /// A scenario folder; its steps are played in order.
    #[arg(long, value_name = "DIR", required_unless_present = "files")]
    scenario: Option<PathBuf>,
    /// AKO's values.yaml; the demo's where none is given.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// The settings in force: show what comes of changing them to --settings while the objects stay,
    /// which hosts move and which addresses change.
    #[arg(
        long,
        value_name = "FILE",
        requires = "settings",
        conflicts_with = "scenario"
    )]
    from: Option<PathBuf>,
    /// What the Controller has before, as JSON: {type: [objects]}.
    #[arg(long, value_name = "FILE")]
    controller_seed: Option<PathBuf>,
    /// Write one document per state into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How to print.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON document, or one a line for a scenario.
    Json,
    /// Operations and findings as a table.
    Table,
    /// The bodies of the operations as they would be sent.
    Diff,
}

/// Plans and prints. Answers whether there is something to do.
///
/// # Errors
/// When arguments, files or settings are wrong.
pub async fn run(args: PlanArgs) -> anyhow::Result<bool> {
    match &args.scenario {
        Some(folder) => play(&args, folder).await.map(|()| false),
        None => plan(&args).await,
    }
}

async fn plan(args: &PlanArgs) -> anyhow::Result<bool> {
    let settings = settings_of(args.settings.as_deref())?;
    let first = match &args.from {
        Some(path) => settings_of(Some(path))?,
        None => settings.clone(),
    };
    if let Some(refused) = first.refused_change(&settings) {
        anyhow::bail!("the settings may not change so: {refused}");
    }
    let mut player = Player::new(first, seed(args.controller_seed.as_deref())?).await?;
    for path in &args.files {
        for object in manifest::read(path)? {
            player.objects().apply(object, 0);
        }
    }
    let mut outcome = player.settle().await;
    let mut change = None;
    if args.from.is_some() {
        let before = moves::Places::of(player.core().lane());
        player.configure(settings).await?;
        outcome = player.settle().await;
        change = Some(before.until(&moves::Places::of(player.core().lane())));
    }
    let changes = !outcome.settled.operations.is_empty();
    emit(args, "plan", (&outcome, change.as_ref()), false)?;
    Ok(changes)
}

/// The settings of a file, or the demo's.
fn settings_of(path: Option<&Path>) -> anyhow::Result<Settings> {
    let text = match path {
        Some(path) => {
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?
        }
        None => DEMO_SETTINGS.to_owned(),
    };
    let settings = read_settings(&Raw::read(&text)?);
    match path {
        Some(path) => settings.with_context(|| format!("{}", path.display())),
        None => settings,
    }
}

async fn play(args: &PlanArgs, folder: &Path) -> anyhow::Result<()> {
    let scenario = scenario::read(folder)?;
    let settings = match &args.settings {
        Some(path) => Raw::read(&std::fs::read_to_string(path)?)?,
        None => scenario.settings,
    };
    let controller = args.controller_seed.as_deref().or(scenario.seed.as_deref());
    let mut player = Player::new(read_settings(&settings)?, seed(controller)?).await?;
    for State { name, steps } in scenario.states {
        let outcome = player.reach(steps).await?;
        emit(args, &name, (&outcome, None), true)?;
    }
    Ok(())
}

fn emit(
    args: &PlanArgs,
    state: &str,
    (outcome, change): (&Outcome, Option<&moves::Change>),
    many: bool,
) -> anyhow::Result<()> {
    let mut document = Document::of(state, outcome, many);
    document.change = change;
    match &args.out {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            let text = serde_json::to_string_pretty(&document)?;
            Ok(std::fs::write(folder.join(format!("{state}.json")), text)?)
        }
        None => output::print(args.output, &document, outcome),
    }
}

/// What a Controller starts with: the objects of a file, or the demo's.
///
/// # Errors
/// When the file cannot be read.
pub fn seed(path: Option<&Path>) -> anyhow::Result<Seed> {
    let Some(path) = path else {
        return Ok(Seed::Lab);
    };
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let objects = serde_json::from_str(&text).with_context(|| format!("{}", path.display()))?;
    Ok(Seed::Objects(objects))
}

/// Settings that hold, or all that is wrong with them.
///
/// # Errors
/// When they are not valid.
pub fn read_settings(raw: &Raw) -> anyhow::Result<Settings> {
    let parsed = aviary_settings::check(raw, &Namespace::from(DEFAULT_NAMESPACE));
    parsed.settings.map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the settings are not valid:\n  {}", lines.join("\n  "))
    })
}
