//! One admitted stream, as the core sees it: who it is, and a bounded way back.

use aviary_proto::sync::v1::SyncResponse;
use aviary_query::view::About;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_stream::Stream;
use tonic::Status;

/// Messages that wait for one agent's connection.
const OUT_MAX: usize = 64;

/// The core's end of a stream.
pub(crate) struct Session {
    pub(crate) about: Arc<About>,
    out: mpsc::Sender<Result<SyncResponse, Status>>,
    room: Arc<Room>,
    /// Tells the stream's task that the session has ended, by being dropped.
    _alive: oneshot::Sender<()>,
}

/// The stream task's end of the same.
pub(crate) struct Way {
    pub(crate) room: Arc<Room>,
    pub(crate) out: mpsc::Sender<Result<SyncResponse, Status>>,
}

/// Says when a full way has room again.
#[derive(Default)]
pub(crate) struct Room {
    full: AtomicBool,
    freed: Notify,
}

impl Room {
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }
}

/// A way to an agent, and the stream that carries it.
pub(crate) fn way() -> (Way, Outbound) {
    let (out, messages) = mpsc::channel(OUT_MAX);
    let room = Arc::new(Room::default());
    (
        Way {
            room: room.clone(),
            out,
        },
        Outbound { messages, room },
    )
}

impl Session {
    pub(crate) fn new(about: Arc<About>, way: &Way, alive: oneshot::Sender<()>) -> Self {
        Self {
            about,
            out: way.out.clone(),
            room: way.room.clone(),
            _alive: alive,
        }
    }

    /// Sends what is next while there is room.
    pub(crate) fn fill(&self, mut next: impl FnMut() -> Option<SyncResponse>) {
        loop {
            self.room.full.store(true, Ordering::Release);
            let Ok(slot) = self.out.try_reserve() else {
                return;
            };
            self.room.full.store(false, Ordering::Release);
            let Some(message) = next() else { return };
            slot.send(Ok(message));
        }
    }

    /// Ends the stream with a status. If the agent takes nothing, it only sees the end.
    pub(crate) fn refuse(&self, why: Status) {
        // A full way cannot carry the reason: the agent then sees the stream end without one.
        let _unsaid = self.out.try_send(Err(why));
    }
}

/// What goes to an agent.
pub(crate) struct Outbound {
    messages: mpsc::Receiver<Result<SyncResponse, Status>>,
    room: Arc<Room>,
}

impl Stream for Outbound {
    type Item = Result<SyncResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.messages.poll_recv(cx);
        if matches!(next, Poll::Ready(Some(_))) && self.room.full.swap(false, Ordering::AcqRel) {
            self.room.freed.notify_one();
        }
        next
    }
}
