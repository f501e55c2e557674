//! One operation on its way: asks for the right to write, sends, and learns from the answer.

use crate::Bounds;
use crate::fence::{Fence, Journal};
use crate::limit::Limit;
use crate::outcome::{Done, End, Failure};
use aviary_avi::{AviKey, Body, ObservedObject};
use aviary_boot::trace::attempt::numbered;
use aviary_plan::{Method, Op};
use aviary_session::{Class, Error, Session};
use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What all operations share.
pub(crate) struct Context {
    pub(crate) session: Session,
    pub(crate) fence: Arc<dyn Fence>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) bounds: Bounds,
    limit: Mutex<Limit>,
}

impl Context {
    pub(crate) fn new(
        session: Session,
        fence: Arc<dyn Fence>,
        journal: Arc<dyn Journal>,
        bounds: Bounds,
    ) -> Self {
        let limit = Mutex::new(Limit::new(bounds.writes_in_flight_max));
        Self {
            session,
            fence,
            journal,
            bounds,
            limit,
        }
    }

    pub(crate) fn limit(&self) -> MutexGuard<'_, Limit> {
        self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One operation with what it needs.
pub(crate) struct Attempt {
    pub(crate) context: Arc<Context>,
    pub(crate) op: Arc<Op>,
    /// What the Controller has under this key, as far as known.
    pub(crate) current: Option<Arc<ObservedObject>>,
    /// When everything was last read.
    pub(crate) read_at: Instant,
}

impl Attempt {
    /// Runs the operation to its end.
    pub(crate) async fn run(self) -> (Arc<Op>, End) {
        let started = Instant::now();
        let result = match (self.op.method, self.op.body.clone()) {
            (Method::Delete, _) => self.delete().await,
            (Method::Create, Some(body)) => self.create(&body).await,
            (Method::Update, Some(body)) => self.update(&body).await,
            (_, None) => Err(Failure::new(Class::Refuse, "the operation has no body")),
        };
        let (method, object, took) = (self.op.method, &self.op.key.object, started.elapsed());
        match &result {
            Ok(_) => tracing::debug!(?method, %object, ?took, "done"),
            Err(Failure { class, message, .. }) => {
                tracing::info!(?method, %object, %class, %message, ?took, "failed");
            }
        }
        let end = result.map_or_else(End::Failed, End::Done);
        (self.op, end)
    }

    pub(crate) fn key(&self) -> &AviKey {
        &self.op.key.object
    }

    /// Whether one more try is left after so many failures.
    pub(crate) fn may_try_again(&self, failures: u32) -> bool {
        failures < self.context.bounds.tries_max
    }

    pub(crate) async fn pause(&self, failures: u32, error: &Error) {
        let pause = self.context.session.pause(failures, error.retry_after());
        tracing::debug!(%error, failures, ?pause, "tried again after a pause");
        tokio::time::sleep(pause).await;
    }

    /// Refuses early, before anything is read or noted for a write that may not be sent.
    pub(crate) fn check_fence(&self) -> Result<(), Failure> {
        let time = self.context.session.config().request_timeout;
        if self.context.fence.may_write(&self.op.domain, time) {
            return Ok(());
        }
        Err(Failure::new(Class::Stop, "this process may not write now"))
    }

    /// Sends it, after so many failures.
    pub(crate) async fn send_create(
        &self,
        body: &Body,
        failures: u32,
    ) -> Result<ObservedObject, Error> {
        let permit = |time| self.context.fence.may_write(&self.op.domain, time);
        let sent = self.context.session.create(self.key(), body, &permit);
        let sent = numbered(failures + 1, sent).await;
        self.learn(Method::Create, sent.as_ref().map(|written| written.took));
        sent.map(|written| written.object)
    }

    pub(crate) async fn send_update<B: Serialize + Sync>(
        &self,
        uuid: &str,
        body: &B,
        failures: u32,
    ) -> Result<ObservedObject, Error> {
        let permit = |time| self.context.fence.may_write(&self.op.domain, time);
        let session = &self.context.session;
        let sent = session.update(self.key(), uuid, body, &permit);
        let sent = numbered(failures + 1, sent).await;
        self.learn(Method::Update, sent.as_ref().map(|written| written.took));
        sent.map(|written| written.object)
    }

    pub(crate) async fn send_delete(&self, uuid: &str, failures: u32) -> Result<(), Error> {
        let fence = &self.context.fence;
        let permit = |time| fence.may_delete(&self.op.domain, self.read_at, time);
        let sent = self.context.session.delete(self.key(), uuid, &permit);
        let sent = numbered(failures + 1, sent).await;
        self.learn(Method::Delete, sent.as_ref().copied());
        sent.map(|_| ())
    }

    fn learn(&self, method: Method, answer: Result<Duration, &Error>) {
        let mut limit = self.context.limit();
        let what = (method, self.key().kind);
        match answer {
            Ok(took) => limit.answered(what, took),
            Err(
                Error::Answered {
                    status: 429 | 503, ..
                }
                | Error::Unanswered { .. }
                | Error::TimedOut { .. },
            ) => limit.refused(),
            Err(Error::Answered { took, .. }) => limit.answered(what, *took),
            Err(_) => {}
        }
    }

    /// What to make of an object that the Controller just answered with. An answer to a write does
    /// not tell everything (certificates come without PEM), so that a difference is looked at twice.
    pub(crate) async fn settled(&self, body: &Body, answered: ObservedObject) -> Done {
        let mut now = answered;
        if !body.same(&now.body)
            && let Ok(Some(read)) = self.context.session.fetch(self.key(), &now.uuid).await
        {
            now = read;
        }
        let as_sent = body.same(&now.body);
        // One copy is enough of what is the same to the letter, as it nearly always is.
        if let Some(sent) = &self.op.body {
            now.body = Body::sharing(sent, &now.body);
        }
        if !as_sent {
            tracing::warn!(object = %self.key(), "the Controller keeps it in another form than sent");
        }
        Done {
            now: Some(Arc::new(now)),
            as_sent,
        }
    }
}
