//! `aviary.sync.v1.SyncService`: one task per stream. It verifies who speaks, hands messages to the
//! core as fast as that takes them, and ends with the identity.

use super::{Outbound, Session, Way, way};
use crate::core::wake::{Join, Wake, Wakes};
use crate::identity::{Caller, Denied, Gate, Grant};
use aviary_boot::Clock;
use aviary_link::translator::SessionId;
use aviary_proto::sync::v1::sync_service_server::SyncService;
use aviary_proto::sync::v1::{Hello, SyncRequest, sync_request};
use aviary_proto::types::v1::Coverage;
use aviary_query::view::About;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming};

/// A stream that says nothing is closed.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// Agents say something every 15 s.
const SILENCE_MAX: Duration = Duration::from_mins(1);
/// A token may be renewed for so long after its end.
const AFTER_EXPIRY: Duration = Duration::from_mins(1);
/// Further away than any token's end.
const FOREVER: Duration = Duration::from_hours(24 * 365);
/// Namespaces of one coverage.
const NAMESPACES_MAX: usize = 10_000;

/// The door to the core for agents.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) wakes: Wakes,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: Clock,
}

#[tonic::async_trait]
impl SyncService for Door {
    type SyncStream = Outbound;

    async fn sync(
        &self,
        request: Request<Streaming<SyncRequest>>,
    ) -> Result<Response<Outbound>, Status> {
        let caller = Caller::of(&request)?;
        let (way, outbound) = way();
        let stream = Stream {
            door: self.clone(),
            caller,
            inbound: request.into_inner(),
            way,
            agent: String::new(),
        };
        aviary_boot::spawn("agent stream", stream.run());
        Ok(Response::new(outbound))
    }
}

struct Stream {
    door: Door,
    caller: Caller,
    inbound: Streaming<SyncRequest>,
    way: Way,
    /// Who it says to be, for people.
    agent: String,
}

/// An admitted stream.
struct Admitted {
    id: SessionId,
    about: Arc<About>,
    ended: oneshot::Receiver<()>,
    ends_at: Instant,
}

/// Why a stream ends.
enum End {
    /// The agent ended it, or the core did, which then has told why.
    Told,
    /// We end it.
    Because(Status),
}

impl Stream {
    async fn run(mut self) {
        let admitted = match self.admit().await {
            Ok(admitted) => admitted,
            Err(status) => {
                tracing::info!(agent = ?self.agent, %status, "an agent was not admitted");
                // Nobody reads any more, if this fails.
                let _unread = self.way.out.try_send(Err(status));
                return;
            }
        };
        let id = admitted.id;
        // A stream that panics has left like any other: what it told is frozen, not forgotten.
        let served = AssertUnwindSafe(self.serve(admitted)).catch_unwind();
        let why = match served.await {
            Ok(End::Told) => None,
            Ok(End::Because(status)) => Some(status),
            Err(_) => Some(Status::internal("a fault of the translator's own")),
        };
        // Without a core there is nothing to leave.
        let _gone = self.door.wakes.send(Wake::Left(id, why)).await;
    }

    async fn admit(&mut self) -> Result<Admitted, Status> {
        let first = tokio::time::timeout(HELLO_WITHIN, self.inbound.message()).await;
        let first = first.map_err(|_| Status::deadline_exceeded("no hello came"))??;
        let Some(sync_request::Message::Hello(hello)) = first.and_then(|first| first.message)
        else {
            return Err(Status::failed_precondition(
                "the first message of a stream is its hello",
            ));
        };
        self.agent = format!("{} of {}", hello.name, hello.cluster);
        let coverage = checked(hello.coverage.clone())?;
        let grant = self
            .door
            .gate
            .admit(&self.caller, &hello.cluster, &coverage);
        let grant = grant.await.map_err(|why| denied(&why))?;
        self.join(hello, coverage, grant).await
    }

    async fn join(
        &mut self,
        hello: Hello,
        coverage: Coverage,
        grant: Grant,
    ) -> Result<Admitted, Status> {
        let now = self.door.clock.now();
        let about = Arc::new(About {
            cluster: hello.cluster.as_str().into(),
            coverage,
            name: hello.name.as_str().into(),
            build: hello.build.as_str().into(),
            identity: grant.subject.clone(),
            connected: now,
            last_heard: AtomicI64::new(now.as_second()),
            expires: AtomicI64::new(grant.expires.map_or(0, jiff::Timestamp::as_second)),
        });
        let (alive, ended) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let session = Session::new(about.clone(), &self.way, alive);
        let join = Join {
            hello: Box::new(hello),
            session,
            reply,
        };
        let stopping = || Status::unavailable("the translator is stopping");
        self.door
            .wakes
            .send(Wake::Join(join))
            .await
            .map_err(|_| stopping())?;
        let id = answer.await.map_err(|_| stopping())?;
        let id = id.map_err(|refusal| Status::failed_precondition(refusal.to_string()))?;
        Ok(Admitted {
            id,
            about,
            ended,
            ends_at: self.ends_at(&grant),
        })
    }

    fn ends_at(&self, grant: &Grant) -> Instant {
        let now = self.door.clock.now();
        let left = grant
            .expires
            .map(|at| Duration::try_from(at.duration_since(now)));
        let left = left.map_or(FOREVER, Result::unwrap_or_default);
        Instant::now() + left.min(FOREVER) + AFTER_EXPIRY
    }

    async fn serve(&mut self, mut admitted: Admitted) -> End {
        loop {
            let silent = tokio::time::sleep(SILENCE_MAX);
            tokio::select! {
                biased;
                _ = &mut admitted.ended => return End::Told,
                () = tokio::time::sleep_until(admitted.ends_at) => {
                    return End::Because(Status::unauthenticated("the agent's identity has expired"));
                }
                () = self.way.room.freed() => {
                    if self.door.wakes.send(Wake::Room(admitted.id)).await.is_err() {
                        return End::Told;
                    }
                }
                message = self.inbound.message() => match message {
                    Ok(Some(message)) => {
                        admitted.about.heard(self.door.clock.now());
                        if self.take(&mut admitted, message).await.is_err() {
                            return End::Told;
                        }
                    }
                    Ok(None) | Err(_) => return End::Told,
                },
                () = silent => {
                    return End::Because(Status::deadline_exceeded("nothing was heard for a minute"));
                }
            }
        }
    }

    /// Hands a message on; a newer token is looked at here.
    async fn take(&self, admitted: &mut Admitted, message: SyncRequest) -> Result<(), ()> {
        if let Some(sync_request::Message::TokenRenewal(renewal)) = &message.message {
            let caller = self.caller.with_token(&renewal.token);
            let about = &admitted.about;
            let grant = self
                .door
                .gate
                .admit(&caller, about.cluster.as_str(), &about.coverage);
            match grant.await {
                Ok(grant) if grant.subject == about.identity => {
                    let expires = grant.expires.map_or(0, jiff::Timestamp::as_second);
                    about.expires.store(expires, Ordering::Relaxed);
                    admitted.ends_at = self.ends_at(&grant);
                }
                Ok(_) => {
                    tracing::warn!(session = %admitted.id, "a renewed token names somebody else");
                }
                Err(error) => {
                    tracing::warn!(session = %admitted.id, %error, "a renewed token is not valid");
                }
            }
        }
        self.door
            .wakes
            .send(Wake::Said(admitted.id, Box::new(message)))
            .await
            .map_err(|_| ())
    }
}

fn checked(coverage: Option<Coverage>) -> Result<Coverage, Status> {
    let coverage =
        coverage.ok_or_else(|| Status::invalid_argument("the hello names no coverage"))?;
    if coverage.namespaces.len() > NAMESPACES_MAX {
        return Err(Status::invalid_argument(
            "more than 10,000 namespaces in one coverage",
        ));
    }
    if coverage.namespaces.iter().any(String::is_empty) {
        return Err(Status::invalid_argument(
            "a namespace without a name in the coverage",
        ));
    }
    Ok(coverage)
}

fn denied(denied: &Denied) -> Status {
    if denied.is_unknown() {
        Status::unauthenticated(denied.to_string())
    } else {
        Status::permission_denied(denied.to_string())
    }
}
