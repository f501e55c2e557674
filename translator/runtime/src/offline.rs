//! The service's core and executor without agents: facts in, one Controller out, in one task.

use crate::embedded::anybody;
use crate::lane::Lane;
use crate::scope;
use aviary_avi::ds_set::KnownScripts;
use aviary_avi::{AviKey, Observed};
use aviary_execute::{AlwaysMay, End, Executor, NoJournal};
use aviary_plan::{Hold, Op, Plan};
use aviary_session::{Config, Session, Transport};
use aviary_settings::Settings;
use aviary_store::Facts;
use aviary_types::{EcoString, Finding};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rounds of comparing and writing until a state must be at rest.
const ROUNDS_MAX: usize = 8;

/// Why a state could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Controller could not be read.
    #[error("reading the Controller")]
    Read(#[from] aviary_session::Error),
    /// What the settings name does not exist on the Controller.
    #[error("the settings do not fit the Controller: {0}")]
    Settings(String),
}

/// What one state came to.
#[derive(Debug, Default)]
pub struct Settled {
    /// Operations in the order of the plans.
    pub operations: Vec<Op>,
    /// What waits.
    pub holds: Vec<Hold>,
    /// What is wrong with the objects.
    pub findings: Vec<Finding>,
    /// Objects that the Controller refused, with its words.
    pub refused: Vec<(AviKey, EcoString)>,
}

/// One Controller and the core of all its domains.
pub struct Offline {
    lane: Lane,
    session: Session,
    executor: Executor,
    settings: Settings,
}

impl Offline {
    /// Reads the Controller behind a transport. It must accept any user: it is an embedded one.
    ///
    /// # Errors
    /// When it cannot be read, or lacks what the settings name.
    pub async fn connect(settings: Settings, transport: Transport) -> Result<Self, Error> {
        let credentials = anybody();
        let base = http::Uri::from_static("http://controller.embedded");
        let session = Session::new(Config::new(base), transport, Arc::new(credentials));
        let executor = Executor::new(session.clone(), Arc::new(AlwaysMay), Arc::new(NoJournal));
        let lane = Lane::new(settings.instances().cloned().collect());
        let mut offline = Self {
            lane,
            session,
            executor,
            settings,
        };
        offline.read().await?;
        Ok(offline)
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The core itself, to look at.
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// From here on these settings hold.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn configure(&mut self, settings: Settings) -> Result<(), Error> {
        self.lane.configure(settings.instances().cloned().collect());
        self.settings = settings;
        self.read().await
    }

    /// Leaves these scripts of the Controller alone, in place of those that AKO is known to write.
    pub fn recognise(&mut self, scripts: KnownScripts) {
        self.lane.recognise(scripts);
    }

    /// Brings the Controller to the state that the facts ask for.
    pub async fn settle(&mut self, facts: &Facts) -> Settled {
        self.translate(facts).await;
        let mut settled = self.rest();
        for _ in 0..ROUNDS_MAX {
            let plan = self.lane.plan(&BTreeSet::<AviKey>::new());
            settled.holds.extend(plan.holds.iter().cloned());
            if plan.ops.is_empty() {
                break;
            }
            settled.operations.extend(plan.ops.iter().cloned());
            let (is_of_use, refused) = self.write(plan).await;
            settled.refused.extend(refused);
            if !is_of_use {
                break;
            }
        }
        settled.holds.sort_by(|a, b| a.object.cmp(&b.object));
        settled.holds.dedup();
        settled
    }

    /// Translates, and looks for what objects name on the Controller until all of it is known. What
    /// cannot be looked for stays unknown, and what needs it waits.
    async fn translate(&mut self, facts: &Facts) {
        self.lane.build(facts);
        let mut asked = self.lane.unfound();
        while !asked.is_empty() {
            for (domain, names) in scope::by_domain(asked) {
                let settings = self.settings.instance(&domain);
                let Some(cloud) = settings.map(|it| it.controller.cloud.clone()) else {
                    return;
                };
                let found = self.session.look_up(&domain.cluster, &cloud, &names).await;
                match found {
                    Ok(found) => self.lane.learn(&domain, found),
                    Err(error) => {
                        tracing::warn!(%error, "names cannot be looked for");
                        return;
                    }
                }
            }
            self.lane.build(facts);
            asked = self.lane.unnamed();
        }
    }

    /// What there is to say without writing.
    pub fn rest(&self) -> Settled {
        Settled {
            findings: self.lane.built().findings(),
            ..Settled::default()
        }
    }

    /// Works a plan off; answers whether anything was done, and what the Controller refused.
    async fn write(&mut self, plan: Plan) -> (bool, Vec<(AviKey, EcoString)>) {
        let Some(mut observed) = self.lane.observed().cloned() else {
            return (false, Vec::new());
        };
        let keys: BTreeSet<AviKey> = plan.ops.iter().map(|op| op.key.object.clone()).collect();
        let report = self.executor.run_to_end(plan, &mut observed).await;
        for key in keys {
            let now = observed.objects.get(&key).cloned();
            self.lane.written(&key, now);
        }
        let failed = report
            .failed
            .into_iter()
            .filter_map(|outcome| match outcome.end {
                End::Failed(failure) => Some((outcome.op.key.object.clone(), failure.message)),
                _ => None,
            });
        (!report.done.is_empty(), failed.collect())
    }

    async fn read(&mut self) -> Result<(), Error> {
        let mut observed = Observed::default();
        let mut problems = BTreeSet::new();
        for settings in self.settings.instances() {
            let found = self.session.discover(&scope::wanted(settings)).await?;
            let bars = found.problems.iter().filter(|it| it.is_bar());
            problems.extend(bars.map(ToString::to_string));
            let scope = scope::of(settings, &found.inventory.vrf);
            let reading = self.session.observe(&scope).await?;
            problems.extend(scope::misplaced(settings, &reading.observed).map(String::from));
            observed.extend(reading.observed);
            self.lane.discover(&settings.domain(), found.inventory);
        }
        self.lane.observe(observed);
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::Settings(
            problems.into_iter().collect::<Vec<_>>().join("; "),
        ))
    }
}
