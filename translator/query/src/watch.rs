//! Server streams. Each has a task that waits for the newest state and for its reader, and keeps
//! nothing for either: a reader that is too slow is cut off, and told how to go on.

mod claims;
mod converged;
mod objects;
mod sight;

pub(super) use claims::claims;
pub(super) use converged::converged;
pub(super) use objects::objects;

use super::desk::Desk;
use super::feed::{Feed, Feeds};
use super::refusal::{self, too_much};
use aviary_identity::Caller;
use futures::{Stream, StreamExt, stream};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Interval;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Watches at the same time.
pub(super) const WATCHES_MAX: usize = 256;
/// Messages that wait for a reader, beside those that its connection holds.
const WAITING_MAX: usize = 4;
/// A message waits so long for its reader.
const PATIENCE: Duration = Duration::from_secs(30);
/// The caller's right is looked at again this often.
const RIGHT: Duration = Duration::from_mins(1);
/// When somebody who was turned away may try again.
const PAUSE: Duration = Duration::from_secs(5);

/// What a watch answers.
pub(super) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// One end of a watch: what it reads from, and whom it tells.
pub(super) struct Teller<T> {
    desk: Desk,
    caller: Caller,
    feeds: Feeds,
    rights: Interval,
    out: mpsc::Sender<T>,
}

/// Why a watch ends. A reader that has gone needs no reason.
enum End {
    Gone,
    Told(Status),
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self::Told(status)
    }
}

/// Starts a watch: a task that tells through a `Teller` until something ends it.
fn start<T, W>(
    desk: &Desk,
    caller: Caller,
    name: &'static str,
    watch: impl FnOnce(Teller<T>) -> W,
) -> Result<Answers<T>, Status>
where
    T: Send + 'static,
    W: Future<Output = Result<(), End>> + Send + 'static,
{
    let turn = desk.watches.clone().try_acquire_owned();
    let turn = turn.map_err(|_| {
        let what = format!("{WATCHES_MAX} of them are open: end some, or try again later");
        too_much("watches", &what, PAUSE)
    })?;
    let (out, told) = mpsc::channel(WAITING_MAX);
    let watch = watch(Teller {
        desk: desk.clone(),
        caller,
        feeds: desk.feeds.clone(),
        rights: tokio::time::interval(RIGHT),
        out,
    });
    let task = aviary_boot::spawn(name, async move {
        let end = watch.await;
        drop(turn);
        end
    });
    // What was told before the end is read first.
    let end = async move {
        match task.await {
            Ok(Ok(()) | Err(End::Gone)) => None,
            Ok(Err(End::Told(status))) => Some(Err(status)),
            Err(_) => Some(Err(Status::internal("the watch broke off"))),
        }
    };
    let end = stream::once(end).filter_map(std::future::ready);
    Ok(Box::pin(ReceiverStream::new(told).map(Ok).chain(end)))
}

impl<T> Teller<T> {
    /// The newest state.
    fn newest(&mut self) -> Arc<Feed> {
        self.feeds.borrow_and_update().clone()
    }

    /// Waits for a newer state.
    async fn next(&mut self) -> Result<Arc<Feed>, End> {
        loop {
            tokio::select! {
                biased;
                () = self.out.closed() => return Err(End::Gone),
                _ = self.rights.tick() => {
                    let may = self.desk.gate.may_query(&self.caller).await;
                    may.map_err(|why| refusal::denied(&why))?;
                }
                changed = self.feeds.changed() => {
                    changed.map_err(|_| Status::unavailable("the translator is stopping"))?;
                    return Ok(self.newest());
                }
            }
        }
    }

    /// Tells something, once the reader takes it.
    async fn tell(&self, message: T) -> Result<(), End> {
        match tokio::time::timeout(PATIENCE, self.out.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(too_slow()),
        }
    }
}

/// The reader does not keep up.
fn too_slow() -> End {
    let what = "it is read too slowly: watch again, with the last resume_token where there is one, \
                and read faster or ask for less";
    too_much("watch", what, PAUSE).into()
}
