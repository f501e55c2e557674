//! What is done beside the stream: objects read by name, intents carried out. Both bounded.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use aviary_link::OBJECT_BYTES_MAX;
use aviary_link::agent::Object;
use aviary_link::key::{Lane, Name, split};
use aviary_proto::sync::v1::{Intent, IntentOutcome, IntentResult, WatchItem};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use crate::source::{Source, refused};
use crate::trace;
use crate::trim::Trimmer;

/// Objects read at once.
const FETCHES_MAX: usize = 8;
/// Intents carried out at once.
const INTENTS_MAX: usize = 8;
/// A write that takes longer has failed.
const INTENT_TIMEOUT: Duration = Duration::from_secs(30);
/// An object that could not be read is tried again after this.
const FETCH_RETRY: Duration = Duration::from_secs(5);

type Place = (aviary_link::key::Kind, Name);

/// What came to its end.
pub(super) enum Done {
    /// An object was read; `None` if it does not exist.
    Read(Lane, Name, Option<Box<Object>>),
    /// An object could not be read and is to be tried again.
    Unread(Lane, Name),
    /// An intent of a stream was carried out, or was not.
    Carried(u64, IntentOutcome),
}

/// Work under way.
pub(super) struct Work {
    source: Arc<dyn Source>,
    cluster: String,
    fetches: FuturesUnordered<BoxFuture<'static, Done>>,
    running: FuturesUnordered<BoxFuture<'static, (u64, Place, IntentOutcome)>>,
    /// Objects that are written now: intents of one object keep their order.
    busy: BTreeSet<Place>,
    /// Bounded by the session's intent window.
    waiting: VecDeque<(u64, Intent)>,
}

impl Work {
    pub(super) fn new(source: Arc<dyn Source>, cluster: &str) -> Self {
        Self {
            source,
            cluster: cluster.to_owned(),
            fetches: FuturesUnordered::new(),
            running: FuturesUnordered::new(),
            busy: BTreeSet::new(),
            waiting: VecDeque::new(),
        }
    }

    /// True if one more object may be read.
    pub(super) fn has_room(&self) -> bool {
        self.fetches.len() < FETCHES_MAX
    }

    /// Reads an object by name.
    pub(super) fn fetch(&mut self, lane: Lane, name: Name, by: (Arc<WatchItem>, Trimmer)) {
        let source = self.source.clone();
        self.fetches.push(Box::pin(async move {
            let (item, trimmer) = by;
            let read = source.fetch(&lane, &item, &name).await;
            let found = read.map(|whole| whole.and_then(|whole| trimmer.trim(whole)));
            let reason = match found {
                Ok(Some(object)) if object.weight() > OBJECT_BYTES_MAX as u64 => {
                    format!("{name} of {lane} is too large to be sent")
                }
                Ok(object) => return Done::Read(lane, name, object.map(Box::new)),
                Err(error) => error.to_string(),
            };
            tracing::warn!(reason, "an object asked for cannot be sent");
            sleep(FETCH_RETRY).await;
            Done::Unread(lane, name)
        }));
    }

    /// Carries an intent out, once its turn comes.
    pub(super) fn carry(&mut self, stream: u64, intent: Intent) {
        self.waiting.push_back((stream, intent));
        self.begin();
    }

    /// The next thing that comes to its end. Waits for ever if nothing is under way.
    pub(super) async fn next(&mut self) -> Done {
        tokio::select! {
            biased;
            Some((stream, place, outcome)) = self.running.next() => {
                self.busy.remove(&place);
                self.begin();
                Done::Carried(stream, outcome)
            }
            Some(done) = self.fetches.next() => done,
            else => std::future::pending().await,
        }
    }

    /// The stream is gone: what did not begin is left to the next one.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
    }

    fn begin(&mut self) {
        while self.running.len() < INTENTS_MAX {
            let free = |(_, intent): &(u64, Intent)| !self.busy.contains(&place(intent));
            let Some(at) = self.waiting.iter().position(free) else {
                return;
            };
            let Some((stream, intent)) = self.waiting.remove(at) else {
                return;
            };
            let place = place(&intent);
            self.busy.insert(place.clone());
            let source = self.source.clone();
            let span = trace::status(&self.cluster, &intent);
            self.running.push(Box::pin(async move {
                let carry = source.carry(&intent).instrument(span.clone());
                let carried = timeout(INTENT_TIMEOUT, carry).await;
                let late = |_| refused(intent.id, IntentResult::Failed, "the write took too long");
                let outcome = carried.unwrap_or_else(late);
                trace::carried(&span, &outcome);
                (stream, place, outcome)
            }));
        }
    }
}

fn place(intent: &Intent) -> Place {
    intent.key.as_ref().map(split).unwrap_or_default()
}
