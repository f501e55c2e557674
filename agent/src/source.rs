//! Where objects come from and intents go to: a cluster, or a folder of manifests.

use async_trait::async_trait;
use aviary_link::key::{Lane, Name};
use aviary_proto::sync::v1::{Intent, IntentOutcome, IntentResult, LaneCondition, WatchItem};
use aviary_proto::types::v1::Finding;
use futures::stream::BoxStream;
use serde_json::Value;
use tokio::sync::watch;

/// One step of a lane's watch, with whole objects. See [`aviary_link::agent::Observation`].
#[derive(Clone, Debug, PartialEq)]
pub enum Sight {
    /// A listing starts.
    Listing,
    /// The object exists, as it is now.
    Object(Value),
    /// The object exists no more.
    Gone(Name),
    /// The listing is complete.
    Listed,
    /// The lane cannot be listed or watched, and why.
    Failed(LaneCondition, String),
}

/// An object asked for by name could not be read, which says nothing about its existence.
#[derive(Debug, thiserror::Error)]
#[error("could not read {name} of {lane}: {reason}")]
pub struct FetchError {
    /// The lane.
    pub lane: Lane,
    /// The object.
    pub name: Name,
    /// Why.
    pub reason: String,
}

/// A source of objects.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// Watches a lane from a fresh listing on. The stream is endless, waits between tries by itself,
    /// and reads no further than it is polled. Kinds that are watched by name give metadata alone.
    fn watch(&self, lane: &Lane, item: &WatchItem) -> BoxStream<'static, Sight>;

    /// Reads one object; `None` if it does not exist.
    async fn fetch(
        &self,
        lane: &Lane,
        item: &WatchItem,
        name: &Name,
    ) -> Result<Option<Value>, FetchError>;

    /// Carries an intent out. Whatever happens is an outcome.
    async fn carry(&self, intent: &Intent) -> IntentOutcome;

    /// What is wrong with the source itself, always as a whole.
    fn findings(&self) -> watch::Receiver<Vec<Finding>>;
}

/// The outcome of an intent that was not carried out.
pub fn refused(id: u64, result: IntentResult, detail: impl Into<String>) -> IntentOutcome {
    IntentOutcome {
        id,
        result: result.into(),
        detail: detail.into(),
        resource_version: String::new(),
    }
}
