//! One session: signs calls, keeps to the pace that the Controller asks for, logs in again when it
//! must, and tells what became of each call.

use crate::backoff::Backoff;
use crate::class::Class;
use crate::config::Config;
use crate::credentials::CredentialSource;
use crate::error::{Attempt, Error, NotSent, message_of};
use crate::login::{Auth, Login, Logins, RefusedLogin};
use crate::objects::Permit;
use crate::trace;
use crate::transport::Transport;
use aviary_boot::trace::attempt::numbered;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use serde_json::Value;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::Instrument;

/// A session with one Controller, for any number of tenants. Cheap to clone; clones share the login.
#[derive(Clone)]
pub struct Session {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    transport: Transport,
    pub(crate) login: Login,
    pub(crate) backoff: Backoff,
    /// Nothing is sent before this instant: the Controller asked for a pause.
    gate: Mutex<Option<Instant>>,
    closed: CancellationToken,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("base", &self.inner.config.base)
            .finish_non_exhaustive()
    }
}

/// A call before it is signed. Its body may hold a key, so it has no `Debug`.
pub(crate) struct Call {
    pub(crate) attempt: Attempt,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) tenant: String,
    pub(crate) body: Option<Bytes>,
}

/// How a call stands to a login.
#[derive(Clone, Copy)]
pub(crate) enum Signature<'a> {
    /// Sent within it.
    With(&'a Auth),
    /// The same, after the login ran out on the way.
    Anew(&'a Auth),
    /// Sent without it; what the reply sets goes into it.
    Taking(&'a Auth),
}

/// A success. Its body is dropped once it is read.
pub(crate) struct Reply {
    pub(crate) body: Bytes,
    pub(crate) took: Duration,
    /// HTTP status.
    pub(crate) status: u16,
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self, attempt: &Attempt) -> Result<Value, Error> {
        serde_json::from_slice(&self.body).map_err(|error| unreadable(attempt, &error))
    }
}

/// An answer that is not what it should be; its place is told, for the words could quote it.
pub(crate) fn unreadable(attempt: &Attempt, error: &serde_json::Error) -> Error {
    Error::Unreadable {
        attempt: attempt.clone(),
        why: aviary_types::eco_format!("line {} column {}", error.line(), error.column()),
    }
}

impl Session {
    /// A session over a transport. Nothing is sent before the first call.
    pub fn new(
        config: Config,
        transport: Transport,
        credentials: Arc<dyn CredentialSource>,
    ) -> Self {
        let backoff = Backoff::seeded(config.seed);
        Self {
            inner: Arc::new(Inner {
                login: Login::new(credentials, &config),
                config,
                transport,
                backoff,
                gate: Mutex::new(None),
                closed: CancellationToken::new(),
            }),
        }
    }

    /// The settings it was made with.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Logins that were refused lately, and each change of them: what a next start must be told.
    pub fn refusals(&self) -> watch::Receiver<Vec<RefusedLogin>> {
        self.inner.login.refusals()
    }

    /// What a former start was refused is not tried again before its time. To be told before the
    /// first call.
    pub fn restore_refusals(&self, refusals: Vec<RefusedLogin>) {
        self.inner.login.restore(refusals);
    }

    /// The logins so far, and each further one.
    pub fn logins(&self) -> watch::Receiver<Logins> {
        self.inner.login.logins()
    }

    /// Ends the session: calls under way are cut off, no further call is sent. For the moment when
    /// the right to write is lost.
    pub fn close(&self) {
        self.inner.closed.cancel();
    }

    /// The pause before the next try, after so many failures and what the Controller asked for.
    pub fn pause(&self, failures: u32, asked: Option<Duration>) -> Duration {
        self.inner.backoff.pause(failures, asked)
    }

    /// Sends a call and, if the login has run out, logs in anew. All but a POST are then sent again;
    /// a POST may have had its effect, so its caller looks by name first.
    pub(crate) async fn exchange(&self, call: &Call, permit: Permit<'_>) -> Result<Reply, Error> {
        let auth = self.inner.authenticated(&call.attempt).await?;
        let first = self.inner.send(call, Signature::With(&auth), permit).await;
        let Err(error) = first else { return first };
        if error.class() != Class::Relogin {
            return Err(error);
        }
        self.inner.login.forget(&auth).await;
        let auth = self.inner.authenticated(&call.attempt).await?;
        if call.attempt.method == Method::POST {
            return Err(error);
        }
        self.inner.send(call, Signature::Anew(&auth), permit).await
    }

    /// A read: may be tried again, needs no permit.
    pub(crate) async fn read(&self, call: &Call) -> Result<Reply, Error> {
        let mut failures = 0;
        loop {
            let exchange = self.exchange(call, &|_| true);
            let error = match numbered(failures + 1, exchange).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            failures += 1;
            if !error.class().is_transient() || failures >= self.inner.config.tries {
                return Err(error);
            }
            let pause = self.pause(failures, error.retry_after());
            tracing::debug!(%error, failures, ?pause, "read again after a pause");
            tokio::time::sleep(pause).await;
        }
    }
}

impl Inner {
    /// Sends once. The permit is asked last, when nothing can delay the request any more.
    pub(crate) async fn send(
        &self,
        call: &Call,
        signature: Signature<'_>,
        permit: Permit<'_>,
    ) -> Result<Reply, Error> {
        self.wait_at_gate().await;
        let limit = self.config.request_timeout;
        let not_sent = |why| Error::NotSent {
            attempt: call.attempt.clone(),
            why,
        };
        let request = self.request(call, signature);
        let request = request.ok_or_else(|| not_sent(NotSent::Malformed))?;
        if self.closed.is_cancelled() {
            return Err(not_sent(NotSent::Closed));
        }
        if !permit(limit) {
            return Err(not_sent(NotSent::Fenced));
        }
        let resends = u32::from(matches!(signature, Signature::Anew(_)));
        let span = trace::rest(call, &self.config.base, resends);
        let sent = self
            .carry(call, signature, request)
            .instrument(span.clone());
        let result = tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(not_sent(NotSent::Closed)),
            result = sent => result,
        };
        trace::answered(&span, &result);
        result
    }

    async fn carry(
        &self,
        call: &Call,
        signature: Signature<'_>,
        request: Request<Bytes>,
    ) -> Result<Reply, Error> {
        let (started, limit) = (Instant::now(), self.config.request_timeout);
        let answer = tokio::time::timeout(limit, self.transport.clone().oneshot(request));
        let reply = answer
            .await
            .map_err(|_| Error::TimedOut {
                attempt: call.attempt.clone(),
                limit,
            })?
            .map_err(|source| Error::Unanswered {
                attempt: call.attempt.clone(),
                source,
            })?;
        let (Signature::With(auth) | Signature::Anew(auth) | Signature::Taking(auth)) = signature;
        auth.absorb(reply.headers());
        self.judge(call, reply, started.elapsed())
    }

    fn judge(&self, call: &Call, reply: Response<Bytes>, took: Duration) -> Result<Reply, Error> {
        let status = reply.status();
        tracing::trace!(attempt = %call.attempt, %status, ?took, "answered");
        if status.is_success() {
            let body = reply.into_body();
            let status = status.as_u16();
            return Ok(Reply { body, took, status });
        }
        let message = message_of(reply.body());
        let retry_after = retry_after(reply.headers());
        if matches!(status.as_u16(), 429 | 503) {
            self.close_gate(retry_after);
        }
        Err(Error::Answered {
            attempt: call.attempt.clone(),
            status: status.as_u16(),
            class: Class::of(&call.attempt.method, status.as_u16(), &message),
            message,
            retry_after,
            took,
        })
    }

    fn request(&self, call: &Call, signature: Signature<'_>) -> Option<Request<Bytes>> {
        let base = self.config.base.to_string();
        let base = base.trim_end_matches('/');
        let mut request = Request::builder()
            .method(call.attempt.method.clone())
            .uri(format!("{base}{}", call.path))
            .body(call.body.clone().unwrap_or_default())
            .ok()?;
        let headers = request.headers_mut();
        let text = |text: &str| HeaderValue::from_str(text).ok();
        headers.insert(header::REFERER, text(&format!("{base}/"))?);
        headers.insert(header::ACCEPT, text("application/json")?);
        if call.body.is_some() {
            headers.insert(header::CONTENT_TYPE, text("application/json")?);
        }
        if let Signature::With(auth) | Signature::Anew(auth) = signature {
            headers.insert("x-avi-tenant", text(&call.tenant)?);
            if !auth.sign(headers) {
                return None;
            }
        }
        Some(request)
    }

    async fn wait_at_gate(&self) {
        loop {
            let until = *self.gate.lock().unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }

    /// Everyone waits when the Controller says that it gets too much and for how long.
    fn close_gate(&self, asked: Option<Duration>) {
        let Some(asked) = asked else { return };
        let until = Instant::now() + self.backoff.pause(1, Some(asked));
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        *gate = Some(gate.map_or(until, |former| former.max(until)));
    }
}

/// `Retry-After` in seconds. Its other form, a date, is not used by Controllers.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}
