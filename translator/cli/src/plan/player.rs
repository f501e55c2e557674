//! Plays states on an embedded simulated Controller.

use super::objects::Objects;
use super::read_settings;
use super::scenario::Step;
use aviary_avi::{AviKind, Body};
use aviary_runtime::offline::{self, Offline, Settled};
use aviary_runtime::transport;
use aviary_settings::Settings;
use aviary_sim::{Options, Seed, Simulator};
use aviary_store::Store;
use serde_json::Value;
use std::collections::BTreeMap;

/// Why a state could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The seed of the Controller is wrong.
    #[error("seeding the simulated Controller")]
    Seed(#[from] aviary_sim::SeedError),
    /// The Controller could not be read or does not fit the settings.
    #[error(transparent)]
    Controller(#[from] offline::Error),
}

/// What one state came to.
pub struct Outcome {
    /// Operations, holds and findings.
    pub settled: Settled,
    /// The domains' objects, as the Controller answers a GET, by type.
    pub avi: BTreeMap<String, Vec<Value>>,
}

/// A cluster, a Controller and the core between them.
pub struct Player {
    objects: Objects,
    store: Store,
    core: Offline,
    simulator: Simulator,
    /// Steps so far: the only time that a scenario knows.
    steps: usize,
    is_running: bool,
    /// Shared objects as they stood at first, to tell which of them were touched.
    untouched: BTreeMap<String, Value>,
}

impl Player {
    /// A fresh Controller with this seed.
    ///
    /// # Errors
    /// When the seed is wrong, or the settings do not fit it.
    pub async fn new(settings: Settings, seed: Seed) -> Result<Self, Error> {
        let options = Options {
            seed,
            ..Options::default()
        };
        Self::over(settings, Simulator::new(options)?).await
    }

    /// A core over this Controller.
    ///
    /// # Errors
    /// When it cannot be read, or lacks what the settings name.
    pub async fn over(settings: Settings, simulator: Simulator) -> Result<Self, Error> {
        let core = Offline::connect(settings, transport::in_process(simulator.router())).await?;
        Ok(Self {
            objects: Objects::default(),
            store: Store::default(),
            core,
            untouched: shared(&simulator.dump()),
            simulator,
            steps: 0,
            is_running: true,
        })
    }

    /// Takes the steps of a state and settles, unless a step stopped the process.
    ///
    /// # Errors
    /// When settings of a step are not valid or do not fit the Controller.
    pub async fn reach(&mut self, steps: Vec<Step>) -> anyhow::Result<Outcome> {
        for step in steps {
            self.steps += 1;
            let created = self.steps;
            match step {
                Step::Apply(list) => list
                    .into_iter()
                    .for_each(|object| self.objects.apply(object, created)),
                Step::Status(list) => list.iter().for_each(|o| self.objects.set_status(o)),
                Step::Delete(list) => list.iter().for_each(|o| self.objects.delete(o)),
                Step::Settings(raw) => self.configure(read_settings(&raw)?).await?,
                Step::Stop => self.is_running = false,
                Step::Start => self.is_running = true,
            }
        }
        Ok(if self.is_running {
            self.settle().await
        } else {
            self.rest()
        })
    }

    /// The core, to look at.
    pub fn core(&self) -> &Offline {
        &self.core
    }

    /// Whether the core runs: one that was stopped knows nothing of what came after.
    pub fn is_running(&self) -> bool {
        self.is_running
    }

    /// The cluster's objects, to change them.
    pub fn objects(&mut self) -> &mut Objects {
        &mut self.objects
    }

    /// From here on these settings hold.
    ///
    /// # Errors
    /// When they do not fit the Controller.
    pub async fn configure(&mut self, settings: Settings) -> Result<(), Error> {
        Ok(self.core.configure(settings).await?)
    }

    /// Brings the Controller to the state that the objects ask for.
    pub async fn settle(&mut self) -> Outcome {
        let cluster = self.core.settings().home.name.clone();
        let rejected = self.objects.hand_over(&cluster, &mut self.store);
        let mut settled = self.core.settle(&self.store.snapshot()).await;
        settled.findings.extend(rejected);
        settled.findings.extend(self.objects.unread(&cluster));
        settled.findings.sort();
        settled.findings.dedup();
        Outcome {
            settled,
            avi: self.owned(),
        }
    }

    /// What stands on the Controller without writing anything.
    pub fn rest(&self) -> Outcome {
        Outcome {
            settled: self.core.rest(),
            avi: self.owned(),
        }
    }

    /// The domains' objects, and shared ones that are not as they were found.
    fn owned(&self) -> BTreeMap<String, Vec<Value>> {
        let dump = self.simulator.dump();
        let mut owned: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (kind, object) in objects_of(&dump) {
            let Some(room) = AviKind::of_path(kind) else {
                continue;
            };
            let ours = if room.is_shared() {
                self.untouched.get(uuid(object)) != Some(object)
            } else {
                room.read(object).is_ok_and(|body| self.is_ours(&body))
            };
            if ours {
                owned
                    .entry(kind.to_owned())
                    .or_default()
                    .push(object.clone());
            }
        }
        owned
    }

    fn is_ours(&self, body: &Body) -> bool {
        use aviary_avi::Owned;
        self.core.settings().instances().any(|instance| {
            matches!(
                body.owner(&instance.domain()),
                Owned::Yes | Owned::IfReferred
            )
        })
    }
}

/// Objects that nobody owns as a whole, by uuid.
fn shared(dump: &Value) -> BTreeMap<String, Value> {
    let shared =
        objects_of(dump).filter(|(kind, _)| AviKind::of_path(kind).is_some_and(AviKind::is_shared));
    shared
        .map(|(_, object)| (uuid(object).to_owned(), object.clone()))
        .collect()
}

fn objects_of(dump: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let kinds = dump.as_object().into_iter().flatten();
    kinds.flat_map(|(kind, objects)| {
        objects
            .as_array()
            .into_iter()
            .flatten()
            .map(move |object| (kind.as_str(), object))
    })
}

fn uuid(object: &Value) -> &str {
    object
        .get("uuid")
        .and_then(Value::as_str)
        .unwrap_or_default()
}
