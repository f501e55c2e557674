//! One translator replica: its stream, its session, its watches.
//!
//! Replicas share nothing but the source. A slow one holds up its own watches alone.

mod link;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aviary_boot::Shutdown;
use aviary_link::agent::{Command, Identity, Object, Observation, Session};
use aviary_link::key::{Lane, Name};
use aviary_link::trace::TraceContext;
use aviary_link::{OBJECT_BYTES_MAX, Violation, watch as lanes};
use aviary_proto::sync::v1::{SyncRequest, SyncResponse, WatchItem};
use aviary_proto::types::v1::Finding;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use self::link::{Link, Progress, room};
use self::work::{Done, Work};
use crate::chance::{Backoff, Chance};
use crate::config::Config;
use crate::connect::Connector;
use crate::findings::too_large;
use crate::health::{Streams, Welcomed};
use crate::source::{Sight, Source};
use crate::token::{Token, TokenFile};
use crate::trace::Watched;
use crate::trim::{Trimmer, sighting};
use crate::watches::Watches;

/// A sign of life is sent when nothing else was for this long.
const BEAT: Duration = Duration::from_secs(15);
/// The token's file is read this often.
const TOKEN_CHECK: Duration = Duration::from_secs(30);
/// Waits between tries to connect.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LONGEST: Duration = Duration::from_secs(30);
/// A stream that lasted this long was a good one.
const STEADY: Duration = Duration::from_secs(30);
/// Intents taken before their outcomes are reported.
const INTENT_WINDOW: u32 = 64;

/// What all replicas of an agent share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) streams: Streams,
}

/// What a lane's objects are trimmed by.
struct Cut {
    trimmer: Trimmer,
    item: Arc<WatchItem>,
    by_name: bool,
    listing: bool,
}

/// One replica.
pub(crate) struct Replica {
    shared: Arc<Shared>,
    address: String,
    session: Session,
    link: Link,
    watches: Watches,
    cuts: BTreeMap<Lane, Cut>,
    work: Work,
    findings: watch::Receiver<Vec<Finding>>,
    /// Objects that cannot be sent.
    unsent: BTreeMap<(Lane, Name), Finding>,
    retired: watch::Receiver<bool>,
    outgoing: Option<SyncRequest>,
    sent: Instant,
    called: Option<Instant>,
    /// The stream counts as one that is heard.
    welcomed: Option<Welcomed>,
    backoff: Backoff,
    watched: Watched,
    tokens: TokenFile,
    token: Option<Token>,
}

/// What happened.
enum Event {
    Stop,
    Link(Progress),
    Room(mpsc::OwnedPermit<SyncRequest>),
    Sight(Lane, Sight),
    Done(Done),
    Findings,
    Beat,
    TokenCheck,
}

impl Replica {
    pub(crate) fn new(
        shared: Arc<Shared>,
        address: String,
        retired: watch::Receiver<bool>,
    ) -> Self {
        let config = &shared.config;
        let chance = Chance::new(config.seed, &format!("connect {address}"));
        let session = Session::new(Identity {
            cluster: config.cluster.clone(),
            coverage: config.coverage.clone(),
            build: env!("CARGO_PKG_VERSION").to_owned(),
            name: config.name.clone(),
            intent_window: INTENT_WINDOW,
        });
        let findings = shared.source.findings();
        Self {
            session,
            link: Link::opening(&shared.connector, &address),
            watches: Watches::default(),
            cuts: BTreeMap::new(),
            work: Work::new(shared.source.clone(), &config.cluster),
            findings,
            unsent: BTreeMap::new(),
            retired,
            outgoing: None,
            sent: Instant::now(),
            called: None,
            welcomed: None,
            backoff: Backoff::new(chance, RETRY_FIRST, RETRY_LONGEST),
            watched: Watched::default(),
            tokens: TokenFile::new(config.token_file.clone(), config.blocking),
            token: None,
            shared,
            address,
        }
    }

    /// Runs until shutdown, or until the replica is retired and its stream has ended.
    pub(crate) async fn run(mut self, mut shutdown: Shutdown) {
        self.report();
        let mut beats = ticks(BEAT);
        let mut checks = ticks(TOKEN_CHECK);
        loop {
            self.prepare();
            match self.next(&mut shutdown, &mut beats, &mut checks).await {
                Event::Stop => return,
                Event::Link(progress) => {
                    if !self.progress(progress).await {
                        return;
                    }
                }
                other => self.take(other).await,
            }
        }
    }

    /// Readies whatever may go on.
    fn prepare(&mut self) {
        if self.outgoing.is_none() {
            self.outgoing = self.session.poll();
        }
        while self.work.has_room() {
            let Some((lane, name, _)) = self.session.next_fetch() else {
                break;
            };
            if let Some(cut) = self.cuts.get(&lane) {
                self.work
                    .fetch(lane, name, (cut.item.clone(), cut.trimmer.clone()));
            }
        }
        let session = &self.session;
        self.watches.resume(|lane| session.may_read(lane));
    }

    /// The next thing that happens. The order is that of urgency: what the translator says frees the
    /// window, and what waits to be sent frees memory.
    async fn next(
        &mut self,
        shutdown: &mut Shutdown,
        beats: &mut Interval,
        checks: &mut Interval,
    ) -> Event {
        let reads = self.session.has_room();
        let sender = self.link.sender();
        tokio::select! {
            biased;
            () = shutdown.requested() => Event::Stop,
            progress = self.link.progress() => Event::Link(progress),
            permit = room(sender), if self.outgoing.is_some() => Event::Room(permit),
            done = self.work.next() => Event::Done(done),
            changed = self.findings.changed() => match changed {
                Ok(()) => Event::Findings,
                Err(_) => std::future::pending().await,
            },
            _ = beats.tick() => Event::Beat,
            _ = checks.tick() => Event::TokenCheck,
            (lane, sight) = self.watches.next(), if reads => Event::Sight(lane, sight),
        }
    }

    async fn take(&mut self, event: Event) {
        match event {
            Event::Room(permit) => {
                if let Some(request) = self.outgoing.take() {
                    self.watched.sent(&request);
                    permit.send(request);
                    self.sent = Instant::now();
                }
            }
            Event::Sight(lane, sight) => self.see(&lane, sight),
            Event::Done(Done::Read(lane, name, object)) => {
                let object = object.map(|mut object| {
                    let cluster = &self.shared.config.cluster;
                    object.trace = self.watched.begin(cluster, &lane.kind, &name);
                    *object
                });
                self.session.fetched(&lane, &name, object);
            }
            Event::Done(Done::Unread(lane, name)) => self.session.refetch(&lane, &name),
            Event::Done(Done::Carried(stream, outcome)) => self.session.outcome(stream, outcome),
            Event::Findings => self.report(),
            Event::Beat => {
                if self.sent.elapsed() >= BEAT {
                    self.session.beat();
                }
            }
            Event::TokenCheck => self.check_token().await,
            Event::Stop | Event::Link(_) => {}
        }
    }

    /// Moves the stream on; returns false if this replica has come to its end.
    async fn progress(&mut self, progress: Progress) -> bool {
        match progress {
            Progress::Retry => self.link = Link::opening(&self.shared.connector, &self.address),
            Progress::Opened(channel) => {
                self.token = self.tokens.read().await;
                let hello = self.session.connect();
                self.link = Link::calling(channel, hello, self.token.as_ref());
            }
            Progress::Called => {
                self.called = Some(Instant::now());
                tracing::info!(replica = self.address, "stream opened");
            }
            Progress::Said(response) => {
                if let Err(violation) = self.hear(*response) {
                    return self.lost(&violation);
                }
                if self.welcomed.is_none() && self.session.is_open() {
                    self.welcomed = Some(self.shared.streams.welcome());
                }
            }
            Progress::Lost(reason) => return self.lost(&reason),
        }
        true
    }

    fn hear(&mut self, response: SyncResponse) -> Result<(), Violation> {
        for command in self.session.receive(response)? {
            match command {
                Command::Start(lane, item) => self.start(lane, *item),
                Command::Stop(lane) => {
                    self.watches.stop(&lane);
                    self.cuts.remove(&lane);
                    self.unsent.retain(|(other, _), _| *other != lane);
                }
                Command::Carry { stream, intent } => self.work.carry(stream, *intent),
                Command::Refused(nack) => {
                    let text = nack.finding.map(|finding| finding.text);
                    tracing::warn!(key = ?nack.key, ?text, "the translator cannot use an object");
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, lane: Lane, item: WatchItem) {
        tracing::debug!(%lane, replica = self.address, "watching");
        let feed = self.shared.source.watch(&lane, &item);
        self.watches.start(lane.clone(), feed);
        let cut = Cut {
            trimmer: Trimmer::new(&item),
            by_name: lanes::by_name(&item),
            item: Arc::new(item),
            listing: false,
        };
        self.cuts.insert(lane, cut);
    }

    /// Trims what a watch says and gives it to the session. The whole object ends here.
    fn see(&mut self, lane: &Lane, sight: Sight) {
        let Some(cut) = self.cuts.get_mut(lane) else {
            return;
        };
        // A listing is no change: what it tells belongs to no trace.
        let live = !cut.listing && !cut.by_name;
        let observation = match sight {
            Sight::Listing => {
                cut.listing = true;
                self.unsent.retain(|(other, _), _| other != lane);
                Observation::Listing
            }
            Sight::Listed => {
                cut.listing = false;
                Observation::Listed
            }
            Sight::Gone(name) => {
                if self.unsent.remove(&(lane.clone(), name.clone())).is_some() {
                    self.report();
                }
                Observation::Gone(name)
            }
            Sight::Failed(condition, reason) => Observation::Failed(condition, reason),
            Sight::Object(whole) => {
                let object = if cut.by_name {
                    sighting(&whole)
                } else {
                    cut.trimmer.trim(whole)
                };
                let Some(object) = object else {
                    return;
                };
                self.measure(lane, object)
            }
        };
        let (watched, cluster) = (&mut self.watched, &self.shared.config.cluster);
        let mut trace = |name: &Name| {
            if live {
                watched.begin(cluster, &lane.kind, name)
            } else {
                TraceContext::default()
            }
        };
        self.session.observe_traced(lane, observation, &mut trace);
    }

    /// An object that is too large for a message stays behind; its last version stands.
    fn measure(&mut self, lane: &Lane, object: Object) -> Observation {
        let place = (lane.clone(), object.name.clone());
        let bytes = object.weight();
        if bytes <= OBJECT_BYTES_MAX as u64 {
            if self.unsent.remove(&place).is_some() {
                self.report();
            }
            return Observation::Object(object);
        }
        let key = object.name.to_wire(&lane.kind);
        let cluster = &self.shared.config.cluster;
        let finding = too_large(cluster, key, bytes, OBJECT_BYTES_MAX);
        self.unsent.insert(place, finding);
        self.report();
        Observation::Kept(object.name)
    }

    /// Says what is wrong with the source, and with what it gives.
    fn report(&mut self) {
        let mut found = self.findings.borrow_and_update().clone();
        found.extend(self.unsent.values().cloned());
        self.session.find(found);
    }

    /// The stream is gone; returns false if nobody wants another.
    fn lost(&mut self, reason: &(dyn std::error::Error + 'static)) -> bool {
        // A stream that ends at once is a failed try, whatever was said on it.
        if self
            .called
            .take()
            .is_some_and(|called| called.elapsed() >= STEADY)
        {
            self.backoff.reset();
        }
        let wait = self.backoff.next();
        let reason = aviary_boot::chain(reason);
        tracing::warn!(replica = self.address, %reason, ?wait, "no stream to the translator");
        self.session.disconnect();
        self.welcomed = None;
        self.work.forget();
        self.watched.forget();
        self.outgoing = None;
        self.link = Link::waiting(wait);
        !*self.retired.borrow()
    }

    async fn check_token(&mut self) {
        let token = self.tokens.read().await;
        if let Some(newer) = token.filter(|token| self.token.as_ref() != Some(token)) {
            self.session.renew(newer.expose().to_owned());
            self.token = Some(newer);
        }
    }
}

fn ticks(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
