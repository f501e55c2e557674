//! What people ask of the loops, and the way there.

use async_trait::async_trait;
use aviary_avi::AviKey;
use aviary_types::{DomainId, Generation, ScopeKey};
use jiff::Timestamp;
use tokio::sync::oneshot;

/// Takes orders to whoever carries them out.
#[async_trait]
pub trait Orders: Send + Sync {
    /// Hands an order over. `false` if nobody takes orders any more.
    async fn give(&self, order: Order) -> bool;
}

/// One order.
pub enum Order {
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
}

/// What a pause is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Everything of a domain.
    Domain(DomainId),
    /// Everything that comes from a namespace.
    Scope(ScopeKey),
}

/// Why an order is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The scope is heard.
    #[error("{0} is heard now: its objects count by what its agent says")]
    Heard(ScopeKey),
    /// Nothing is known of the scope.
    #[error("nothing is known of {0}")]
    UnknownScope(ScopeKey),
    /// Others write what would be written.
    #[error("somebody else still writes the objects of {0}, last {1}: stop it and try again")]
    OthersWrite(DomainId, AviKey),
    /// It was not watched for long enough.
    #[error("whether somebody else writes the objects of {0} is still being watched: try again")]
    TooEarly(DomainId),
    /// No plan of that digest waits.
    #[error("no plan with this digest waits for approval; it may have changed: see GetPlan")]
    UnknownPlan,
}
