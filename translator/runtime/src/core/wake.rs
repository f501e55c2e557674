//! Why the core wakes: the closed list of everything that can happen to it.

use crate::control::Told;
use crate::hub::Session;
use crate::retain;
use aviary_avi::AviKey;
use aviary_execute::{JournalError, Outcome};
use aviary_link::translator::{Refusal, SessionId};
use aviary_proto::sync::v1::{Hello, SyncRequest};
use aviary_settings::Settings;
use aviary_types::{DomainId, Generation, ScopeKey};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

/// How many wakes wait. Whoever brings more waits: agents through their window and HTTP/2, the
/// executors through their outcomes.
pub(crate) const WAKES_MAX: usize = 1_024;

/// The way to the core.
pub(crate) type Wakes = mpsc::Sender<Wake>;

/// The place of a Controller in the core.
pub(crate) type SiteId = usize;

/// One thing that happened.
pub(crate) enum Wake {
    /// An agent whose identity was verified said hello.
    Join(Join),
    /// An agent said something.
    Said(SessionId, Box<SyncRequest>),
    /// An agent's stream takes more again.
    Room(SessionId),
    /// A stream ended; with the reason to tell, if it was ended here.
    Left(SessionId, Option<Status>),
    /// What was to survive a crash does, or cannot be written.
    Stored(Result<(), retain::Error>),
    /// A name is to survive a crash before its object is made.
    Journal(AviKey, oneshot::Sender<Result<(), JournalError>>),
    /// A Controller was read, or cannot be.
    Told(SiteId, Box<Told>),
    /// An executor has taken a plan.
    Submitted(SiteId),
    /// An operation ended.
    Outcome(SiteId, Box<Outcome>),
    /// Somebody asks or orders something.
    Order(Order),
}

/// A stream that wants to be admitted.
pub(crate) struct Join {
    pub(crate) hello: Box<Hello>,
    pub(crate) session: Session,
    pub(crate) reply: oneshot::Sender<Result<SessionId, Refusal>>,
}

/// What people and the settings reader ask of the core.
pub(crate) enum Order {
    /// Where the facts stand now: everything heard before is in that generation.
    Mark(oneshot::Sender<Generation>),
    /// Gives a scope up.
    Release(ScopeKey, oneshot::Sender<Result<usize, Refused>>),
    /// Frees a plan that the guard holds.
    Approve(String, oneshot::Sender<Result<usize, Refused>>),
    /// Stops writes for a while, or until they are resumed.
    Pause(Target, Option<Timestamp>, oneshot::Sender<()>),
    /// Ends a pause; answers whether there was one.
    Resume(Target, oneshot::Sender<bool>),
    /// Other settings are in force.
    Configure(Box<Settings>),
}

/// What a pause is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// Everything of a domain.
    Domain(DomainId),
    /// Everything that comes from a namespace.
    Scope(ScopeKey),
}

/// Why an order is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The scope is heard.
    #[error("{0} is heard now: its objects count by what its agent says")]
    Heard(ScopeKey),
    /// Nothing is known of the scope.
    #[error("nothing is known of {0}")]
    UnknownScope(ScopeKey),
    /// No plan of that digest waits.
    #[error("no plan with this digest waits for approval; it may have changed: see GetPlan")]
    UnknownPlan,
}
