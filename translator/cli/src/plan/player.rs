//! Plays states on an embedded simulated Controller, with the service's own core and executor.

use super::objects::Objects;
use aviary_avi::{AviKey, AviKind, Observed};
use aviary_plan::{Hold, Op, Plan};
use aviary_runtime::execute::{AlwaysMay, End, Executor, NoJournal};
use aviary_runtime::lane::Lane;
use aviary_runtime::scope;
use aviary_session::{Config, Credentials, Proof, Session, transport};
use aviary_settings::Settings;
use aviary_sim::{Options, Seed, Simulator};
use aviary_store::Store;
use aviary_types::{EcoString, Finding, Secret};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rounds of build and write until a state must be at rest.
const ROUNDS_MAX: usize = 8;

/// Why a state could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The seed of the Controller is wrong.
    #[error("seeding the simulated Controller")]
    Seed(#[from] aviary_sim::SeedError),
    /// The Controller could not be read.
    #[error("reading the simulated Controller")]
    Session(#[from] aviary_session::Error),
    /// What the settings name does not exist.
    #[error("the settings do not fit the Controller: {0}")]
    Settings(String),
}

/// What one state came to.
pub struct Outcome {
    /// Operations in the order of the plans.
    pub operations: Vec<Op>,
    /// What waits.
    pub holds: Vec<Hold>,
    /// What is wrong with the objects.
    pub findings: Vec<Finding>,
    /// Operations that the Controller refused, with its words.
    pub refused: Vec<(AviKey, String)>,
    /// The domains' objects, as the Controller answers a GET, by type.
    pub avi: BTreeMap<String, Vec<Value>>,
}

/// A cluster, a Controller and the core between them.
pub struct Player {
    objects: Objects,
    store: Store,
    lane: Lane,
    simulator: Simulator,
    session: Session,
    executor: Executor,
    settings: Settings,
    /// Shared objects as they stood at first, to tell which of them were touched.
    untouched: BTreeMap<(String, String), Value>,
}

impl Player {
    /// A fresh Controller with this seed.
    pub async fn new(settings: Settings, seed: Seed) -> Result<Self, Error> {
        let simulator = Simulator::new(Options { seed, ..Options::default() })?;
        let credentials =
            Credentials { username: "admin".into(), proof: Proof::Password(Secret::new("embedded")) };
        let base = http::Uri::from_static("http://controller.embedded");
        let transport = transport::in_process(simulator.router());
        let session = Session::new(Config::new(base), transport, Arc::new(credentials));
        let mut player = Self {
            objects: Objects::default(),
            store: Store::default(),
            lane: Lane::new(settings.instances().cloned().collect()),
            untouched: shared(&simulator.dump()),
            executor: Executor::new(session.clone(), Arc::new(AlwaysMay), Arc::new(NoJournal)),
            simulator,
            session,
            settings,
        };
        player.read().await?;
        Ok(player)
    }

    /// The cluster's objects, to change them.
    pub fn objects(&mut self) -> &mut Objects {
        &mut self.objects
    }

    /// From here on these settings hold.
    pub async fn configure(&mut self, settings: Settings) -> Result<(), Error> {
        self.lane.configure(settings.instances().cloned().collect());
        self.settings = settings;
        self.read().await
    }

    /// Brings the Controller to the state that the objects ask for.
    pub async fn settle(&mut self) -> Result<Outcome, Error> {
        self.objects.hand_over(&self.settings.home.name, &mut self.store);
        let facts = self.store.snapshot();
        let built = self.lane.build(&facts).clone();
        let mut operations = Vec::new();
        let mut holds = Vec::new();
        let mut refused = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let plan: Plan = self.lane.plan(&BTreeSet::new());
            holds.extend(plan.holds.iter().cloned());
            if plan.ops.is_empty() {
                break;
            }
            operations.extend(plan.ops.iter().cloned());
            refused.extend(self.write(plan).await);
        }
        holds.sort_by(|a, b| a.object.cmp(&b.object));
        holds.dedup();
        Ok(Outcome { operations, holds, findings: built.findings(), refused, avi: self.owned() })
    }

    /// What stands on the Controller without writing anything.
    pub fn rest(&self) -> Outcome {
        Outcome {
            operations: Vec::new(),
            holds: Vec::new(),
            findings: self.lane.built().findings(),
            refused: Vec::new(),
            avi: self.owned(),
        }
    }

    /// Works the plan off; answers what the Controller refused.
    async fn write(&mut self, plan: Plan) -> Vec<(AviKey, String)> {
        let Some(mut observed) = self.lane.observed().cloned() else { return Vec::new() };
        let keys: BTreeSet<AviKey> = plan.ops.iter().map(|op| op.key.object.clone()).collect();
        let report = self.executor.run_to_end(plan, &mut observed).await;
        for key in keys {
            self.lane.written(&key, observed.objects.get(&key).map(|object| (**object).clone()));
        }
        let failed = report.failed.into_iter().filter_map(|outcome| match outcome.end {
            End::Failed(failure) => Some((outcome.op.key.object, failure.message.to_string())),
            _ => None,
        });
        failed.collect()
    }

    async fn read(&mut self) -> Result<(), Error> {
        let mut observed = Observed::default();
        let mut problems = BTreeSet::new();
        for settings in self.settings.instances() {
            let found = self.session.discover(&scope::wanted(settings)).await?;
            problems.extend(found.problems.iter().map(ToString::to_string));
            let scope = scope::of(settings, &found.inventory.vrf);
            let reading = self.session.observe(&scope).await?;
            for object in reading.observed.objects.values() {
                observed.insert((**object).clone());
            }
            self.lane.discover(&settings.domain(), found.inventory);
        }
        self.lane.observe(observed);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Error::Settings(problems.into_iter().collect::<Vec<_>>().join("; ")))
        }
    }

    /// The domains' objects, and shared ones that are not as they were found.
    fn owned(&self) -> BTreeMap<String, Vec<Value>> {
        let users: BTreeSet<EcoString> = self.settings.instances().map(|i| i.domain().user()).collect();
        let clusters: BTreeSet<&str> = self.settings.all_clusters().map(|c| c.name.as_str()).collect();
        let dump = self.simulator.dump();
        let mut owned: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (kind, objects) in dump.as_object().into_iter().flatten() {
            let Some(room) = AviKind::of_path(kind) else { continue };
            for object in objects.as_array().into_iter().flatten() {
                let ours = if room.is_shared() {
                    let key = (kind.clone(), text(object, "uuid").to_owned());
                    self.untouched.get(&key) != Some(object)
                } else {
                    users.contains(text(object, "created_by"))
                        || (object.get("created_by").is_none() && is_marked(object, &clusters))
                };
                if ours {
                    owned.entry(kind.clone()).or_default().push(object.clone());
                }
            }
        }
        owned
    }
}

/// Objects of kinds that others own, by type and uuid.
fn shared(dump: &Value) -> BTreeMap<(String, String), Value> {
    let kinds = dump.as_object().into_iter().flatten();
    let shared = kinds.filter(|(kind, _)| AviKind::of_path(kind).is_some_and(AviKind::is_shared));
    shared
        .flat_map(|(kind, objects)| {
            let objects = objects.as_array().into_iter().flatten();
            objects.map(|o| ((kind.clone(), text(o, "uuid").to_owned()), o.clone()))
        })
        .collect()
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Whether the marker of the cluster is one of these.
fn is_marked(object: &Value, clusters: &BTreeSet<&str>) -> bool {
    let markers = object.get("markers").and_then(Value::as_array);
    markers.into_iter().flatten().any(|marker| {
        let value = marker.get("values").and_then(|values| values.get(0)).and_then(Value::as_str);
        text(marker, "key") == "clustername" && value.is_some_and(|value| clusters.contains(value))
    })
}
