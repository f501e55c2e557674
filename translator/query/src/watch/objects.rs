//! Avi objects as they change: first all of them, then what changes.

use super::{Answers, End, Teller, start, too_slow};
use crate::convert;
use crate::desk::Desk;
use crate::feed::{Change, Feed};
use crate::mask::{self, Mask};
use crate::objects::{Filter, Found, OBJECT};
use crate::page::BYTES_MAX;
use crate::refusal::bad_field;
use aviary_identity::Caller;
use aviary_proto::query::v1::{
    AviObject, ChangeKind, ListObjectsRequest, ObjectChange, WatchObjectsRequest,
    WatchObjectsResponse,
};
use aviary_types::Digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use std::collections::BTreeSet;
use std::sync::Arc;
use tonic::Status;

/// Objects of one message.
const OBJECTS_MAX: usize = 1_000;
/// After so many changes that do not concern the reader, it is told how to resume.
const MARK_EVERY: u64 = 4_096;

/// What one reader wants to see.
struct View {
    filter: Filter,
    mask: Option<Mask>,
    with_body: bool,
    /// Names the start of the program and the question: positions mean nothing elsewhere.
    place: String,
}

/// Changes that are still to be told.
type Changes = std::vec::IntoIter<Change>;

/// Some changes, and where they end if there are more.
struct Batch {
    changes: Vec<ObjectChange>,
    last: Option<String>,
}

/// Tells all objects that are meant, then what changes.
pub(crate) fn objects(
    desk: &Desk,
    caller: Caller,
    asked: &WatchObjectsRequest,
) -> Result<Answers<WatchObjectsResponse>, Status> {
    let view = Arc::new(View::of(desk, asked)?);
    let resume = view.resume(&asked.resume_token)?;
    start(desk, caller, "watch objects", move |teller| {
        watch(teller, view, resume)
    })
}

async fn watch(
    mut teller: Teller<WatchObjectsResponse>,
    view: Arc<View>,
    resume: Option<u64>,
) -> Result<(), End> {
    let mut feed = teller.newest();
    let known = resume.filter(|at| feed.since(*at).is_some());
    let mut position = if let Some(position) = known {
        position
    } else {
        let start = tell_all(&mut teller, &view).await?;
        feed = teller.newest();
        start
    };
    let mut unmarked = None;
    loop {
        // The first message of all must come, whatever it has to tell.
        let quiet = unmarked.map(|marked| position - marked);
        if tell_changes(&teller, &view, (&feed, position), quiet).await? {
            unmarked = Some(feed.next);
        }
        position = feed.next;
        feed = teller.next().await?;
    }
}

/// Tells everything there is, piece by piece, each from the newest state: no state is kept for the
/// reader's sake. Answers the position from which on changes must be told.
async fn tell_all(teller: &mut Teller<WatchObjectsResponse>, view: &Arc<View>) -> Result<u64, End> {
    let start = teller.newest().next;
    let mut after: Option<String> = None;
    let mut reset = true;
    loop {
        let feed = teller.newest();
        let (piece_of, of) = (feed.clone(), view.clone());
        let from = after.take();
        let piece = move || of.piece(&piece_of, from.as_deref());
        let batch = run(teller, piece).await?;
        after = batch.last;
        let message = WatchObjectsResponse {
            generation: feed.snapshot.generation().0,
            reset,
            changes: batch.changes,
            ..WatchObjectsResponse::default()
        };
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
async fn tell_changes(
    teller: &Teller<WatchObjectsResponse>,
    view: &Arc<View>,
    (feed, position): (&Arc<Feed>, u64),
    quiet: Option<u64>,
) -> Result<bool, End> {
    let changes = feed.since(position).ok_or_else(too_slow)?;
    let ours = changes
        .filter(|it| it.is_observed == view.filter.is_observed && view.filter.meets(&it.key));
    let mut seen = BTreeSet::new();
    let mut due: Vec<Change> = Vec::new();
    due.extend(ours.filter(|it| seen.insert((it.site, &it.key))).cloned());
    let passed = quiet.map(|passed| passed + feed.next - position);
    if due.is_empty() && passed.is_some_and(|passed| passed < MARK_EVERY) {
        return Ok(false);
    }
    let mut rest = Some(due.into_iter());
    while let Some(now) = rest.take() {
        let (of, state) = (view.clone(), feed.clone());
        let (changes, more) = run(teller, move || of.batch(&state, now)).await?;
        let message = view.message(feed, changes, more.is_none());
        teller.tell(message).await?;
        rest = more;
    }
    Ok(true)
}

async fn run<T: Send + 'static>(
    teller: &Teller<WatchObjectsResponse>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, End> {
    let done = teller.desk.blocking.run(work).await;
    Ok(done.map_err(|_| Status::internal("the watch broke off"))?)
}

impl View {
    fn of(desk: &Desk, asked: &WatchObjectsRequest) -> Result<Self, Status> {
        let list = ListObjectsRequest {
            side: asked.side,
            r#type: asked.r#type.clone(),
            tenant: asked.tenant.clone(),
            name: asked.name.clone(),
            cluster: asked.cluster.clone(),
            ..ListObjectsRequest::default()
        };
        let mask = mask::read(asked.read_mask.as_ref(), OBJECT)?;
        let question = Digest::of(&list.encode_to_vec());
        Ok(Self {
            filter: Filter::of(&list)?,
            with_body: asked.with_body || mask::names(mask.as_ref(), "body"),
            mask,
            place: format!("{}\0{question}\0", desk.start),
        })
    }

    /// Where a token says to go on; `None` if it tells nothing that is known.
    fn resume(&self, token: &str) -> Result<Option<u64>, Status> {
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
        Ok((self.place.strip_suffix('\0') == Some(place)).then_some(position))
    }

    fn message(
        &self,
        feed: &Feed,
        changes: Vec<ObjectChange>,
        complete: bool,
    ) -> WatchObjectsResponse {
        let token = || URL_SAFE_NO_PAD.encode(format!("{}{}", self.place, feed.next));
        WatchObjectsResponse {
            generation: feed.snapshot.generation().0,
            reset: false,
            changes,
            complete,
            resume_token: if complete { token() } else { String::new() },
        }
    }

    /// Some of all objects, after a place in their list.
    fn piece(&self, feed: &Feed, after: Option<&str>) -> Batch {
        let all = self.filter.list(&feed.snapshot, after);
        let rest = all.skip_while(|(key, _)| after.is_some_and(|after| **key <= *after));
        let (mut changes, mut bytes) = (Vec::new(), 0);
        let mut last = None;
        for (key, found) in rest {
            let change = self.upserted(found);
            bytes += change.encoded_len();
            if is_full(changes.len(), bytes) {
                return Batch { changes, last };
            }
            changes.push(change);
            last = Some(key);
        }
        Batch {
            changes,
            last: None,
        }
    }

    /// Some of these changes, as they stand now, and those that are left.
    fn batch(&self, feed: &Feed, mut rest: Changes) -> (Vec<ObjectChange>, Option<Changes>) {
        let (mut changes, mut bytes) = (Vec::new(), 0);
        while let Some(change) = rest.as_slice().first() {
            if let Some(shown) = self.now(feed, change) {
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

    fn now(&self, feed: &Feed, change: &Change) -> Option<ObjectChange> {
        let site = feed.snapshot.sites.get(change.site)?;
        Some(match self.filter.find(site, &change.key) {
            Some(found) => self.upserted(found),
            None => ObjectChange {
                kind: ChangeKind::Deleted.into(),
                object: Some(AviObject {
                    r#ref: Some(convert::avi_ref(&change.key)),
                    controller: site.controller.to_string(),
                    ..AviObject::default()
                }),
            },
        })
    }

    /// Whatever the mask says, the object is named.
    fn upserted(&self, found: Found<'_>) -> ObjectChange {
        let shown = found.show(self.with_body);
        let (name, controller) = (shown.r#ref.clone(), shown.controller.clone());
        ObjectChange {
            kind: ChangeKind::Upserted.into(),
            object: Some(AviObject {
                r#ref: name,
                controller,
                ..mask::apply(self.mask.as_ref(), shown)
            }),
        }
    }
}

fn is_full(count: usize, bytes: usize) -> bool {
    count == OBJECTS_MAX || (bytes > BYTES_MAX && count > 0)
}
