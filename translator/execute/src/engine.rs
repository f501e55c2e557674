//! The scheduler, the operations under way and what they brought, driven step by step by whoever
//! owns them. Nothing is spawned: dropping the engine cuts every call off.

use crate::Bounds;
use crate::actor::Submission;
use crate::attempt::{Attempt, Context};
use crate::outcome::{End, Failure, NotTried, Outcome};
use crate::trace::{self, Traces};
use crate::view::View;
use aviary_boot::trace::Context as TraceContext;
use aviary_plan::{Ending, Op, Scheduler};
use aviary_session::Class;
use futures::FutureExt;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tracing::Instrument;

type Ended = (Arc<Op>, End, Option<TraceContext>);

pub(crate) struct Engine {
    context: Arc<Context>,
    scheduler: Scheduler,
    running: FuturesUnordered<BoxFuture<'static, Ended>>,
    /// What the waiting operations are done for.
    traces: Traces,
    view: View,
    numbers: u64,
    outcomes: VecDeque<Outcome>,
}

impl Engine {
    pub(crate) fn new(context: Context, bounds: Bounds) -> Self {
        Self {
            context: Arc::new(context),
            scheduler: Scheduler::new(bounds.waiting_max),
            running: FuturesUnordered::new(),
            traces: Traces::new(),
            view: View::new(),
            numbers: 0,
            outcomes: VecDeque::new(),
        }
    }

    /// What all its operations share.
    pub(crate) fn context(&self) -> Arc<Context> {
        self.context.clone()
    }

    /// Takes a plan in, with what was observed when it was made.
    pub(crate) fn submit(&mut self, submission: Submission) {
        let Submission {
            ops,
            observed,
            read_at,
            seen,
            traces,
        } = submission;
        self.view.replace(observed, read_at, seen);
        let admission = self.scheduler.admit(ops);
        self.not_tried(admission.replaced, NotTried::Replaced);
        self.not_tried(admission.dropped, NotTried::Dropped);
        self.not_tried(admission.refused, NotTried::NoRoom);
        self.traces.extend(traces);
    }

    /// Drops what waits. What is under way goes on.
    pub(crate) fn stop(&mut self) {
        let waiting = self.scheduler.clear();
        self.not_tried(waiting, NotTried::Stopped);
    }

    /// Whether nothing waits and nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.scheduler.is_idle()
    }

    /// How many outcomes wait to be taken.
    pub(crate) fn outcomes(&self) -> usize {
        self.outcomes.len()
    }

    pub(crate) fn take_outcome(&mut self) -> Option<Outcome> {
        self.outcomes.pop_front()
    }

    /// Starts what may go now.
    pub(crate) fn start(&mut self) {
        let limit = self.context.limit().now();
        let room = limit.saturating_sub(self.running.len());
        for op in self.scheduler.ready(room) {
            let span = trace::execute(&op, self.traces.remove(&op.key));
            let attempt = Attempt {
                context: self.context.clone(),
                current: self.view.get(&op.key.object),
                read_at: self.view.read_at(),
                op,
            };
            let op = attempt.op.clone();
            self.running.push(Box::pin(async move {
                let run = AssertUnwindSafe(attempt.run().instrument(span.clone()));
                let (op, end) = run.catch_unwind().await.unwrap_or_else(|_| fault(op));
                trace::executed(&span, &end);
                let context = TraceContext::of(&span);
                (op, end, context)
            }));
        }
    }

    /// Waits until something ends. `false` if nothing is under way.
    pub(crate) async fn step(&mut self) -> bool {
        let Some((op, end, trace)) = self.running.next().await else {
            return false;
        };
        let ending = match &end {
            End::Done(_) => Ending::Success,
            End::Failed(_) | End::NotTried(_) => Ending::Failure,
        };
        let is_for_all = matches!(&end, End::Failed(failure) if failure.class.is_for_all());
        let dropped = self.scheduler.finish(&op.key, ending);
        let outcome = self.outcome((op, end, trace));
        self.view.note(&outcome);
        self.outcomes.push_back(outcome);
        self.not_tried(dropped, NotTried::Dropped);
        if is_for_all {
            self.stop();
        }
        true
    }

    fn not_tried(&mut self, ops: Vec<Arc<Op>>, why: NotTried) {
        for op in ops {
            self.traces.remove(&op.key);
            let outcome = self.outcome((op, End::NotTried(why), None));
            self.outcomes.push_back(outcome);
        }
    }

    fn outcome(&mut self, (op, end, trace): Ended) -> Outcome {
        self.numbers += 1;
        Outcome {
            number: self.numbers,
            op,
            end,
            trace,
        }
    }
}

/// It panicked: whether it had its effect is not known. All others go on.
fn fault(op: Arc<Op>) -> (Arc<Op>, End) {
    let object = &op.key.object;
    tracing::error!(%object, "writing it failed by a fault of Aviary's own; it is tried again");
    let failure = Failure::new(Class::Lost, "a fault of Aviary's own");
    (op, End::Failed(failure))
}
