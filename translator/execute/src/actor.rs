//! The executor as a task of its own: plans in, outcomes out, both through bounded channels.

use crate::attempt::Context;
use crate::engine::Engine;
use crate::outcome::Outcome;
use crate::trace::Traces;
use aviary_avi::Observed;
use aviary_plan::Op;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// A plan, with what it was made from.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The operations of the plan, in its order.
    pub ops: Vec<Arc<Op>>,
    /// What the Controller was observed to have.
    pub observed: Observed,
    /// When everything was last read from it.
    pub read_at: Instant,
    /// The number of the last outcome that `observed` contains; 0 for none.
    pub seen: u64,
    /// What its operations are done for, as far as that is traced.
    pub traces: Traces,
}

/// The executor has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("hand a plan to the executor: it has ended")]
pub struct Ended;

/// The way to a running executor. When it is dropped, what waits is given up and what is under way
/// is brought to its end.
pub struct Handle {
    submissions: mpsc::Sender<Submission>,
    task: AbortHandle,
    context: Arc<Context>,
}

impl Handle {
    /// Hands a plan in; waits while the executor has as many as it takes.
    pub async fn submit(&self, submission: Submission) -> Result<(), Ended> {
        self.submissions.send(submission).await.map_err(|_| Ended)
    }

    /// Allows so many writes at the same time from here on; what is under way goes on.
    pub fn set_writes_in_flight_max(&self, most: u32) {
        self.context.limit().set_most(most);
    }

    /// Cuts everything off at once: for the moment when the right to write is lost. The outcomes of
    /// what was under way are unknown.
    pub fn abort(&self) {
        self.task.abort();
    }
}

pub(crate) fn spawn(
    engine: Engine,
    plans_max: usize,
    outcomes_max: usize,
) -> (Handle, mpsc::Receiver<Outcome>) {
    let (submissions, plans) = mpsc::channel(plans_max.max(1));
    let (out, outcomes) = mpsc::channel(outcomes_max.max(1));
    let context = engine.context();
    let task = tokio::spawn(run(engine, plans, out, outcomes_max));
    let handle = Handle {
        submissions,
        task: task.abort_handle(),
        context,
    };
    (handle, outcomes)
}

/// Ends when no plan can come any more and everything is told, or when nobody listens.
async fn run(
    mut engine: Engine,
    mut plans: mpsc::Receiver<Submission>,
    out: mpsc::Sender<Outcome>,
    outcomes_max: usize,
) {
    let mut is_open = true;
    while is_open || !engine.is_idle() || engine.outcomes() > 0 {
        if engine.outcomes() < outcomes_max {
            engine.start();
        }
        tokio::select! {
            biased;
            slot = out.reserve(), if engine.outcomes() > 0 => {
                let Ok(slot) = slot else { return };
                if let Some(outcome) = engine.take_outcome() {
                    slot.send(outcome);
                }
            }
            plan = plans.recv(), if is_open => {
                if let Some(plan) = plan {
                    engine.submit(plan);
                } else {
                    is_open = false;
                    engine.stop();
                }
            }
            true = engine.step() => {}
            () = out.closed() => return,
        }
    }
}
