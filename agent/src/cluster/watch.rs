//! The watch of one lane: lists, then watches without a gap, and lists again where there was one.
//!
//! Written on the client's lists and watches themselves: a listing must begin at a known point, so
//! that no object of an earlier, torn one counts as seen; and a failure must be told from silence.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aviary_link::key::{Lane, Name};
use aviary_proto::sync::v1::{LaneCondition, WatchItem};
use futures::stream::{self, BoxStream, StreamExt};
use kube::Client;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::discover;
use super::reader::{Page, Reader, Step, code, reason};
use crate::chance::{Backoff, Chance};
use crate::source::Sight;
use crate::trim::sighting;

/// Waits between tries.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LONGEST: Duration = Duration::from_mins(1);
/// API servers end a watch after five minutes at the latest; a longer silence is a lost connection.
const SILENCE: Duration = Duration::from_secs(330);
/// Watches that break in a row before the lane counts as failed and is listed again.
const BREAKS_MAX: u32 = 3;

type Steps = BoxStream<'static, Result<Step, kube::Error>>;

enum State {
    /// Which version the API server has is to be found out.
    Discover,
    List(Reader),
    /// In the midst of a paged list.
    Pages(Reader, VecDeque<Value>, Page),
    /// In the midst of a streamed list.
    Initial(Reader, Steps),
    /// Listed up to a version.
    Resume(Reader, String),
    Watching(Reader, String, Steps),
}

struct Watch {
    client: Client,
    lane: Lane,
    item: Arc<WatchItem>,
    streaming: Arc<AtomicBool>,
    backoff: Backoff,
    /// Said next, before anything else.
    said: VecDeque<Sight>,
    /// The listing's first sight was said.
    begun: bool,
    breaks: u32,
    /// The next try waits; what was said before does not.
    pausing: bool,
}

/// Watches a lane.
pub(super) fn watch(
    client: Client,
    lane: Lane,
    item: Arc<WatchItem>,
    streaming: Arc<AtomicBool>,
    chance: Chance,
) -> BoxStream<'static, Sight> {
    let watch = Watch {
        client,
        lane,
        item,
        streaming,
        backoff: Backoff::new(chance, RETRY_FIRST, RETRY_LONGEST),
        said: VecDeque::new(),
        begun: false,
        breaks: 0,
        pausing: false,
    };
    stream::unfold(
        (watch, State::Discover),
        |(mut watch, mut state)| async move {
            loop {
                if let Some(sight) = watch.said.pop_front() {
                    return Some((sight, (watch, state)));
                }
                state = watch.advance(state).await;
            }
        },
    )
    .boxed()
}

impl Watch {
    async fn advance(&mut self, state: State) -> State {
        if std::mem::take(&mut self.pausing) {
            sleep(self.backoff.next()).await;
        }
        match state {
            State::Discover => self.discover().await,
            State::List(reader) => self.list(reader).await,
            State::Pages(reader, items, page) => self.pages(reader, items, page).await,
            State::Initial(reader, steps) => self.initial(reader, steps).await,
            State::Resume(reader, version) => self.resume(reader, version).await,
            State::Watching(reader, version, steps) => self.follow(reader, version, steps).await,
        }
    }

    async fn discover(&mut self) -> State {
        match discover::version(&self.client, &self.item).await {
            Ok(Some(version)) => {
                State::List(Reader::new(&self.client, &self.lane, &self.item, &version))
            }
            Ok(None) => {
                let reason = format!("the API server does not have {}", self.lane.kind);
                self.said
                    .push_back(Sight::Failed(LaneCondition::NotInstalled, reason));
                self.pausing = true;
                State::Discover
            }
            Err(error) => self.failed(&error, "could not ask which kinds there are"),
        }
    }

    async fn list(&mut self, reader: Reader) -> State {
        self.begun = false;
        if self.streaming.load(Ordering::Relaxed) {
            match reader.watch("", true).await {
                Ok(steps) => return State::Initial(reader, steps),
                // Servers that do not know streaming lists call the request invalid.
                Err(error) if matches!(code(&error), 400 | 422) => {
                    tracing::info!("the API server streams no lists: paging");
                    self.streaming.store(false, Ordering::Relaxed);
                }
                Err(error) => return self.failed(&error, "could not list"),
            }
        }
        self.page(reader, "").await
    }

    async fn page(&mut self, reader: Reader, token: &str) -> State {
        match reader.page(token).await {
            Ok(mut page) => {
                let items = std::mem::take(&mut page.items).into();
                State::Pages(reader, items, page)
            }
            Err(error) => self.failed(&error, "could not list"),
        }
    }

    async fn pages(&mut self, reader: Reader, mut items: VecDeque<Value>, page: Page) -> State {
        self.begin();
        if let Some(object) = items.pop_front() {
            self.said.push_back(Sight::Object(object));
            return State::Pages(reader, items, page);
        }
        if !page.next.is_empty() {
            return self.page(reader, &page.next).await;
        }
        self.end();
        State::Resume(reader, page.version)
    }

    async fn initial(&mut self, reader: Reader, mut steps: Steps) -> State {
        match timeout(SILENCE, steps.next()).await {
            Ok(Some(Ok(Step::Set(object)))) => {
                self.begin();
                self.said.push_back(Sight::Object(object));
                State::Initial(reader, steps)
            }
            Ok(Some(Ok(Step::Mark(version, true)))) => {
                self.begin();
                self.end();
                State::Watching(reader, version, steps)
            }
            Ok(Some(Ok(Step::Gone(_) | Step::Mark(_, false)))) => State::Initial(reader, steps),
            Ok(Some(Err(error))) if matches!(code(&error), 400 | 422) => {
                self.streaming.store(false, Ordering::Relaxed);
                State::List(reader)
            }
            // A refusal of metadata alone is not told from a garbled event: a page tells it.
            Ok(Some(Err(error))) if code(&error) == 0 => self.page(reader, "").await,
            Ok(Some(Err(error))) => self.failed(&error, "could not list"),
            // The list was torn: the next one starts afresh.
            Ok(None) | Err(_) => {
                let reason = "the API server ended the list before it was complete".to_owned();
                self.said
                    .push_back(Sight::Failed(LaneCondition::Failed, reason));
                self.pausing = true;
                State::List(reader)
            }
        }
    }

    async fn resume(&mut self, reader: Reader, version: String) -> State {
        match reader.watch(&version, false).await {
            Ok(steps) => State::Watching(reader, version, steps),
            Err(error) => self.broken(reader, version, &error).await,
        }
    }

    async fn follow(&mut self, reader: Reader, version: String, mut steps: Steps) -> State {
        match timeout(SILENCE, steps.next()).await {
            Ok(Some(Ok(step))) => {
                self.breaks = 0;
                self.backoff.reset();
                let version = self.say(step, version);
                State::Watching(reader, version, steps)
            }
            Ok(Some(Err(error))) => self.broken(reader, version, &error).await,
            // Servers end watches now and then; nothing is missed from a known version on.
            Ok(None) | Err(_) => {
                sleep(self.backoff.next()).await;
                State::Resume(reader, version)
            }
        }
    }

    /// Says a step; returns the version that was reached.
    fn say(&mut self, step: Step, version: String) -> String {
        let (object, gone) = match step {
            Step::Mark(version, _) => return version,
            Step::Set(object) => (object, false),
            Step::Gone(object) => (object, true),
        };
        let Some(seen) = sighting(&object) else {
            return version;
        };
        self.said.push_back(if gone {
            Sight::Gone(Name::clone(&seen.name))
        } else {
            Sight::Object(object)
        });
        seen.version
    }

    /// A watch broke. It goes on from its version, unless that is too old or it breaks repeatedly.
    async fn broken(&mut self, reader: Reader, version: String, error: &kube::Error) -> State {
        if code(error) == 410 {
            return State::List(reader);
        }
        self.breaks += 1;
        if self.breaks < BREAKS_MAX && code(error) != 403 {
            tracing::debug!(lane = %self.lane, reason = reason(error), "a watch broke");
            sleep(self.backoff.next()).await;
            return State::Resume(reader, version);
        }
        self.breaks = 0;
        self.failed(error, "could not watch")
    }

    /// The lane cannot be read. What is known stands; it is tried again from discovery on, which
    /// tells a kind that is gone from a failure.
    fn failed(&mut self, error: &kube::Error, what: &str) -> State {
        let condition = match code(error) {
            403 => LaneCondition::Forbidden,
            _ => LaneCondition::Failed,
        };
        if code(error) == 410 {
            // A page's token grew too old: nothing is wrong but the listing.
            return State::Discover;
        }
        let reason = format!("{what} {}: {}", self.lane, reason(error));
        tracing::warn!(reason, "a lane cannot be read");
        self.said.push_back(Sight::Failed(condition, reason));
        self.pausing = true;
        State::Discover
    }

    fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            self.said.push_back(Sight::Listing);
        }
    }

    fn end(&mut self) {
        self.said.push_back(Sight::Listed);
        self.breaks = 0;
        self.backoff.reset();
    }
}
