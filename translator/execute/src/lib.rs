//! The executor: sends the operations of plans to the Controller and tells what became of each. It
//! makes no choice: what is sent was decided by the plan, in which order by the scheduler, and
//! whether at all by the fence.
//!
//! Every operation that is handed in has exactly one [`Outcome`].

mod actor;
mod attempt;
mod create;
mod delete;
mod engine;
mod fence;
mod limit;
mod outcome;
mod trace;
mod update;
mod view;

pub use actor::{Ended, Handle, Submission};
pub use fence::{AlwaysMay, Fence, Journal, JournalError, NoJournal};
pub use outcome::{Done, End, Failure, Found, NotTried, Outcome, Report};
pub use trace::{Cause, Traces};

use attempt::Context;
use aviary_avi::Observed;
use aviary_plan::Plan;
use aviary_session::Session;
use engine::Engine;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What the executor allows itself.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Most writes at the same time.
    pub writes_in_flight_max: u32,
    /// Most operations that wait.
    pub waiting_max: usize,
    /// How often one operation is sent.
    pub tries_max: u32,
    /// Most outcomes that wait for whoever takes them; then nothing new is sent.
    pub outcomes_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            writes_in_flight_max: 32,
            // Ten thousand hosts with all their objects, twice.
            waiting_max: 200_000,
            tries_max: 4,
            outcomes_max: 1_024,
        }
    }
}

/// Sends operations.
#[derive(Clone)]
pub struct Executor {
    session: Session,
    fence: Arc<dyn Fence>,
    journal: Arc<dyn Journal>,
    bounds: Bounds,
}

impl Executor {
    /// An executor over a session. The fence says whether it may write, the journal remembers names.
    pub fn new(session: Session, fence: Arc<dyn Fence>, journal: Arc<dyn Journal>) -> Self {
        Self {
            session,
            fence,
            journal,
            bounds: Bounds::default(),
        }
    }

    /// With other bounds than the usual ones.
    #[must_use]
    pub fn with_bounds(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// Works a plan off in this task and brings what is observed up to date.
    pub async fn run_to_end(&self, plan: Plan, observed: &mut Observed) -> Report {
        let mut engine = self.engine();
        engine.submit(Submission {
            ops: plan.ops.into_iter().map(Arc::new).collect(),
            observed: observed.clone(),
            read_at: Instant::now(),
            seen: 0,
            traces: Traces::new(),
        });
        let mut report = Report::default();
        loop {
            engine.start();
            while let Some(outcome) = engine.take_outcome() {
                outcome.apply(observed);
                report.add(outcome);
            }
            if !engine.step().await {
                return report;
            }
        }
    }

    /// Starts a task that works off what is submitted to it. `plans_max` submissions wait at most.
    pub fn spawn(self, plans_max: usize) -> (Handle, mpsc::Receiver<Outcome>) {
        actor::spawn(self.engine(), plans_max, self.bounds.outcomes_max)
    }

    fn engine(&self) -> Engine {
        let context = Context::new(
            self.session.clone(),
            self.fence.clone(),
            self.journal.clone(),
            self.bounds,
        );
        Engine::new(context, self.bounds)
    }
}
