//! What became of an operation.

use aviary_avi::{Observed, ObservedObject};
use aviary_boot::trace::Context;
use aviary_plan::Op;
use aviary_session::{Class, Error};
use aviary_types::EcoString;
use std::sync::Arc;

/// The end of one operation. Its effect on what is observed is in it, and nowhere else.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Counts the outcomes of one executor, from 1.
    pub number: u64,
    /// The operation, with its sources.
    pub op: Arc<Op>,
    /// How it ended.
    pub end: End,
    /// The span in which it was carried out, if it was and somebody exports it.
    pub trace: Option<Context>,
}

/// How an operation ended.
#[derive(Debug, Clone)]
pub enum End {
    /// The Controller has it.
    Done(Done),
    /// The Controller has it not, or it is not known.
    Failed(Failure),
    /// It was never sent.
    NotTried(NotTried),
}

/// What the Controller has after a success.
#[derive(Debug, Clone)]
pub struct Done {
    /// The object; `None` after a delete.
    pub now: Option<Arc<ObservedObject>>,
    /// Whether it is as it was sent. If not, the Controller makes something else of it each time,
    /// and sending it again would not help.
    pub as_sent: bool,
}

/// A failure.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What to do about it.
    pub class: Class,
    /// The Controller's words, or ours where there was no answer.
    pub message: EcoString,
    /// What was found meanwhile.
    pub found: Found,
}

/// What a failed operation learned about its object.
#[derive(Debug, Clone)]
pub enum Found {
    /// Nothing.
    Unknown,
    /// It does not exist (any more).
    Gone,
    /// It is like this now.
    Object(Arc<ObservedObject>),
}

/// Why an operation was never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTried {
    /// Something that it waited for failed, or contradicts a newer plan.
    Dropped,
    /// A newer operation of the same object took its place.
    Replaced,
    /// There was no room for it.
    NoRoom,
    /// The executor was stopped.
    Stopped,
}

impl Failure {
    pub(crate) fn new(class: Class, message: impl Into<EcoString>) -> Self {
        Self {
            class,
            message: message.into(),
            found: Found::Unknown,
        }
    }

    pub(crate) fn found(self, object: ObservedObject) -> Self {
        Self {
            found: Found::Object(Arc::new(object)),
            ..self
        }
    }

    pub(crate) fn gone(self) -> Self {
        Self {
            found: Found::Gone,
            ..self
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.class(), error.message())
    }
}

impl Outcome {
    /// Whether the operation was done.
    pub fn is_done(&self) -> bool {
        matches!(self.end, End::Done(_))
    }

    /// What the Controller has of the object now (`Some(None)`: nothing); `None` where that was not
    /// learnt.
    pub fn learnt(&self) -> Option<Option<&Arc<ObservedObject>>> {
        match &self.end {
            End::Done(Done { now, .. }) => Some(now.as_ref()),
            End::Failed(Failure { found, .. }) => match found {
                Found::Object(now) => Some(Some(now)),
                Found::Gone => Some(None),
                Found::Unknown => None,
            },
            End::NotTried(_) => None,
        }
    }

    /// Brings what is observed up to date with it.
    pub fn apply(&self, observed: &mut Observed) {
        match self.learnt() {
            Some(Some(now)) => observed.insert(now.clone()),
            Some(None) => observed.remove(&self.op.key.object),
            None => {}
        }
    }
}

/// What became of a whole plan.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Operations that were done.
    pub done: Vec<Outcome>,
    /// Operations that failed.
    pub failed: Vec<Outcome>,
    /// Operations that were not tried.
    pub not_tried: Vec<Outcome>,
}

impl Report {
    pub(crate) fn add(&mut self, outcome: Outcome) {
        match outcome.end {
            End::Done(_) => self.done.push(outcome),
            End::Failed(_) => self.failed.push(outcome),
            End::NotTried(_) => self.not_tried.push(outcome),
        }
    }

    /// Whether everything was done.
    pub fn is_clean(&self) -> bool {
        self.failed.is_empty() && self.not_tried.is_empty()
    }
}
