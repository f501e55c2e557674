//! A corpus scenario: settings, and steps that apply, change and delete objects.

use crate::manifest;
use aviary_settings::Raw;
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A scenario with its files read.
pub struct Scenario {
    /// The settings tree of the first step, over the corpus's baseline.
    pub settings: Raw,
    /// What the Controller has before the first step.
    pub seed: Option<PathBuf>,
    /// The documents to write, each with the steps that lead to it.
    pub states: Vec<State>,
}

/// Steps that end in one state.
pub struct State {
    /// Name of the state: `00-boot`, or the step's file without `.yaml`.
    pub name: String,
    /// Steps in order.
    pub steps: Vec<Step>,
}

/// One step.
pub enum Step {
    /// Server-side apply.
    Apply(Vec<Value>),
    /// Status subresource.
    Status(Vec<Value>),
    /// Delete.
    Delete(Vec<Value>),
    /// From here on these settings hold.
    Settings(Raw),
    /// From here on nothing is written.
    Stop,
    /// Writing goes on.
    Start,
}

/// Why a scenario cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("reading {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The scenario's own file is wrong.
    #[error("{path}: {why}")]
    Shape {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The settings cannot be laid over each other.
    #[error("settings of {path}")]
    Settings {
        /// Which.
        path: PathBuf,
        /// Why.
        source: aviary_settings::SettingError,
    },
    /// A step's objects cannot be read.
    #[error("objects of a step")]
    Objects(#[from] manifest::Error),
}

#[derive(Deserialize)]
struct Sheet {
    #[serde(default)]
    settings: Value,
    steps: Vec<StepSheet>,
}

#[derive(Deserialize)]
struct StepSheet {
    file: String,
    action: String,
}

/// Reads a scenario folder. `baseline.yaml` and `controller.json` lie two folders above.
pub fn read(folder: &Path) -> Result<Scenario, Error> {
    let path = folder.join("scenario.yaml");
    let sheet: Sheet = serde_saphyr::from_str(&text(&path)?).map_err(|error| Error::Shape {
        path: path.clone(),
        why: error.to_string(),
    })?;
    let root = folder.join("../..");
    let baseline_path = root.join("baseline.yaml");
    let failed = |source| Error::Settings {
        path: path.clone(),
        source,
    };
    let baseline = if baseline_path.exists() {
        Raw::read(&text(&baseline_path)?).map_err(failed)?
    } else {
        Raw::from_value(Value::Object(serde_json::Map::new())).map_err(failed)?
    };
    let settings = over(&baseline, sheet.settings).map_err(failed)?;
    let mut states: Vec<State> = Vec::new();
    for step in &sheet.steps {
        let name = match step.file.split_once('-') {
            Some(("00", _)) => "00-boot",
            _ => step.file.trim_end_matches(".yaml"),
        };
        let steps = read_step(&folder.join(&step.file), &step.action, &settings)?;
        match states.last_mut().filter(|state| state.name == name) {
            Some(state) => state.steps.extend(steps),
            None => states.push(State {
                name: name.to_owned(),
                steps,
            }),
        }
    }
    let seed = Some(root.join("controller.json")).filter(|seed| seed.exists());
    Ok(Scenario {
        settings,
        seed,
        states,
    })
}

fn read_step(path: &Path, action: &str, settings: &Raw) -> Result<Vec<Step>, Error> {
    let documents =
        || -> Result<Vec<Value>, Error> { Ok(manifest::documents(path, &text(path)?)?) };
    Ok(match action {
        "apply" => vec![Step::Apply(documents()?)],
        "status" => vec![Step::Status(documents()?)],
        "delete" => vec![Step::Delete(documents()?)],
        "control" => control(path, settings)?,
        other => {
            let why = format!("action {other} is none of apply, status, delete, control");
            return Err(Error::Shape {
                path: path.to_owned(),
                why,
            });
        }
    })
}

/// Stop, start or restart of the process; settings it names are laid over the scenario's.
fn control(path: &Path, settings: &Raw) -> Result<Vec<Step>, Error> {
    let control: Value = serde_saphyr::from_str(&text(path)?).map_err(|error| Error::Shape {
        path: path.to_owned(),
        why: error.to_string(),
    })?;
    let mut steps = Vec::new();
    if let Some(changed) = control.get("settings") {
        let failed = |source| Error::Settings {
            path: path.to_owned(),
            source,
        };
        steps.push(Step::Settings(
            over(settings, changed.clone()).map_err(failed)?,
        ));
    }
    steps.push(match control.get("control").and_then(Value::as_str) {
        Some("stop") => Step::Stop,
        _ => Step::Start,
    });
    Ok(steps)
}

fn over(baseline: &Raw, settings: Value) -> Result<Raw, aviary_settings::SettingError> {
    if settings.is_null() {
        return Ok(baseline.clone());
    }
    Ok(baseline.layer(&Raw::from_value(settings)?))
}

fn text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}
