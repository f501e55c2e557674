//! What all watches of things have in common: first everything is told, piece by piece, then what
//! changes, from a position in the log of changes that a reader can come back to.

use super::{End, Teller, too_slow};
use crate::desk::Desk;
use crate::feed::{Change, Feed};
use crate::page::BYTES_MAX;
use crate::refusal::bad_field;
use aviary_types::Digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use std::collections::BTreeSet;
use std::sync::Arc;
use tonic::Status;

/// Things of one message.
const THINGS_MAX: usize = 1_000;
/// After so many changes that do not concern the reader, it is told how to resume.
const MARK_EVERY: u64 = 4_096;

/// What one reader wants to see.
pub(super) trait Sight: Send + Sync + 'static {
    /// A message to the reader.
    type Message: Send + 'static;
    /// What is told of one thing.
    type Shown: Message + 'static;
    /// A place in the order of all things.
    type At: Send + 'static;

    /// The question and the start of the program that positions belong to.
    fn place(&self) -> &Place;

    /// Whether a change is of something that is meant.
    fn concerns(&self, change: &Change) -> bool;

    /// What has changed, as it stands now.
    fn now(&self, feed: &Feed, change: &Change) -> Option<Self::Shown>;

    /// All that is meant after a place, in order.
    fn all<'a>(
        &'a self,
        feed: &'a Feed,
        after: Option<&'a Self::At>,
    ) -> Box<dyn Iterator<Item = (Self::At, Self::Shown)> + 'a>;

    /// The message that tells this.
    fn message(told: Told<Self::Shown>) -> Self::Message;
}

/// What a message tells.
pub(super) struct Told<T> {
    pub(super) generation: u64,
    pub(super) reset: bool,
    pub(super) changes: Vec<T>,
    pub(super) complete: bool,
    pub(super) resume_token: String,
}

/// Names the start of the program and the question: positions mean nothing elsewhere.
pub(super) struct Place(String);

impl Place {
    /// The place of a question.
    pub(super) fn of(desk: &Desk, question: &impl Message) -> Self {
        let question = Digest::of(&question.encode_to_vec());
        Self(format!("{}\0{question}", desk.start))
    }

    fn token(&self, position: u64) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}\0{position}", self.0))
    }

    /// Where a token says to go on; `None` if it tells nothing that is known.
    pub(super) fn resume(&self, token: &str) -> Result<Option<u64>, Status> {
        if token.is_empty() {
            return Ok(None);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let parts = text.as_ref().and_then(|text| text.rsplit_once('\0'));
        let wrong = || bad_field("resume_token", "it is not one that was answered");
        let (place, position) = parts.ok_or_else(wrong)?;
        let position: u64 = position.parse().map_err(|_| wrong())?;
        // One of another question, or of a former start, brings everything anew.
        Ok((self.0 == place).then_some(position))
    }
}

/// Changes that are still to be told.
type Changes = std::vec::IntoIter<Change>;

/// Tells everything, or what changed since a position, then what changes.
pub(super) async fn watch<S: Sight>(
    mut teller: Teller<S::Message>,
    sight: Arc<S>,
    resume: Option<u64>,
) -> Result<(), End> {
    let mut feed = teller.newest();
    let known = resume.filter(|at| feed.since(*at).is_some());
    let mut position = if let Some(position) = known {
        position
    } else {
        let start = tell_all(&mut teller, &sight).await?;
        feed = teller.newest();
        start
    };
    let mut unmarked = None;
    loop {
        // The first message of all must come, whatever it has to tell.
        let quiet = unmarked.map(|marked| position - marked);
        if tell_changes(&teller, &sight, (&feed, position), quiet).await? {
            unmarked = Some(feed.next);
        }
        position = feed.next;
        feed = teller.next().await?;
    }
}

/// Tells everything there is, piece by piece, each from the newest state: no state is kept for the
/// reader's sake. Answers the position from which on changes must be told.
async fn tell_all<S: Sight>(teller: &mut Teller<S::Message>, sight: &Arc<S>) -> Result<u64, End> {
    let start = teller.newest().next;
    let mut after: Option<S::At> = None;
    let mut reset = true;
    loop {
        let feed = teller.newest();
        let (piece_of, of) = (feed.clone(), sight.clone());
        let from = after.take();
        let (changes, last) = run(teller, move || piece(&*of, &piece_of, from.as_ref())).await?;
        after = last;
        let message = S::message(Told {
            generation: feed.snapshot.generation().0,
            reset,
            changes,
            complete: false,
            resume_token: String::new(),
        });
        teller.tell(message).await?;
        reset = false;
        if after.is_none() {
            return Ok(start);
        }
    }
}

/// Tells what changed between a position and a state. Answers whether it told anything: where
/// nothing concerns the reader, it is told where it stands only now and then, by how many changes
/// passed since (`None`: it must be told).
async fn tell_changes<S: Sight>(
    teller: &Teller<S::Message>,
    sight: &Arc<S>,
    (feed, position): (&Arc<Feed>, u64),
    quiet: Option<u64>,
) -> Result<bool, End> {
    let changes = feed.since(position).ok_or_else(too_slow)?;
    let ours = changes.filter(|it| sight.concerns(it));
    let mut seen = BTreeSet::new();
    let mut due: Vec<Change> = Vec::new();
    due.extend(ours.filter(|it| seen.insert(*it)).cloned());
    let passed = quiet.map(|passed| passed + feed.next - position);
    if due.is_empty() && passed.is_some_and(|passed| passed < MARK_EVERY) {
        return Ok(false);
    }
    let mut rest = Some(due.into_iter());
    while let Some(now) = rest.take() {
        let (of, state) = (sight.clone(), feed.clone());
        let (changes, more) = run(teller, move || batch(&*of, &state, now)).await?;
        let complete = more.is_none();
        let token = complete.then(|| sight.place().token(feed.next));
        let message = S::message(Told {
            generation: feed.snapshot.generation().0,
            reset: false,
            changes,
            complete,
            resume_token: token.unwrap_or_default(),
        });
        teller.tell(message).await?;
        rest = more;
    }
    Ok(true)
}

async fn run<M, T: Send + 'static>(
    teller: &Teller<M>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, End> {
    let done = teller.desk.blocking.run(work).await;
    Ok(done.map_err(|_| Status::internal("the watch broke off"))?)
}

/// Some of all things, and after which there are more.
fn piece<S: Sight>(
    sight: &S,
    feed: &Feed,
    after: Option<&S::At>,
) -> (Vec<S::Shown>, Option<S::At>) {
    let (mut changes, mut bytes) = (Vec::new(), 0);
    let mut last = None;
    for (at, shown) in sight.all(feed, after) {
        bytes += shown.encoded_len();
        if is_full(changes.len(), bytes) {
            return (changes, last);
        }
        changes.push(shown);
        last = Some(at);
    }
    (changes, None)
}

/// Some of these changes, as they stand now, and those that are left.
fn batch<S: Sight>(sight: &S, feed: &Feed, mut rest: Changes) -> (Vec<S::Shown>, Option<Changes>) {
    let (mut changes, mut bytes) = (Vec::new(), 0);
    while let Some(change) = rest.as_slice().first() {
        if let Some(shown) = sight.now(feed, change) {
            bytes += shown.encoded_len();
            if is_full(changes.len(), bytes) {
                return (changes, Some(rest));
            }
            changes.push(shown);
        }
        rest.next();
    }
    (changes, None)
}

fn is_full(count: usize, bytes: usize) -> bool {
    count == THINGS_MAX || (bytes > BYTES_MAX && count > 0)
}
