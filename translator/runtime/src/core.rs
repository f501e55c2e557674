//! The one loop that owns facts, graphs and plans. What happens only marks dirty; then, at its own
//! pace, the loop translates what is known, compares, hands operations out, and publishes.

mod access;
mod adopt;
mod boot;
mod ingest;
mod orders;
mod overlaps;
mod plan;
pub(crate) mod progress;
mod publish;
mod rebuild;
mod settings;
mod site;
mod status;
mod sync;
mod unused;
pub(crate) mod wake;

pub(crate) use boot::{ControllerParts, Parts};

use crate::hub::Hub;
use crate::retain::Retain;
use crate::trace::Causes;
use aviary_boot::{Clock, Shutdown};
use aviary_disk::{Epochs, Noted};
use aviary_query::Target;
use aviary_query::view::{ScopeView, SettingsView, Snapshot};
use aviary_settings::Settings;
use aviary_store::Store;
use aviary_types::{DomainId, EcoString, Generation, ObjectKey, ScopeKey};
use imbl::OrdMap;
use jiff::Timestamp;
use progress::Progress;
use rebuild::Wants;
use site::Site;
use status::Statuses;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use wake::{WAKES_MAX, Wake, Wakes};

/// Wakes that are taken before the loop translates: a burst coalesces, a single edit goes at once.
const BURST_MAX: usize = 256;
/// The loop looks after what waits for time at least this often.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The owner of everything.
pub(crate) struct Core {
    clock: Clock,
    wakes: Wakes,
    settings: Settings,
    settings_view: SettingsView,
    /// Until when old parents of hosts that moved serve.
    overlaps: BTreeMap<DomainId, Timestamp>,
    observe_only: bool,
    started: Instant,
    grace: Duration,
    hub: Hub,
    /// Numbers of the kept paths of each kind.
    epochs: Epochs,
    store: Store,
    retain: Retain,
    wants: Wants,
    sites: Vec<Site>,
    statuses: Statuses,
    progress: Progress,
    causes: Causes,
    pauses: BTreeMap<Target, Option<Timestamp>>,
    /// Scopes whose freshness may have changed, with the kinds to look at.
    stirred: BTreeSet<ScopeKey>,
    scopes: OrdMap<ScopeKey, ScopeView>,
    versions: OrdMap<ObjectKey, EcoString>,
    /// Something must be translated although no fact changed.
    rebuild: bool,
    /// When to look for shard parents without hosts.
    unused_due: Instant,
    /// Who waits to be told where the facts stand.
    marks: Vec<oneshot::Sender<Generation>>,
    /// Something that is published changed.
    news: bool,
    published: watch::Sender<Snapshot>,
    /// A task without which nothing can go on.
    panicked: Option<&'static str>,
}

impl Core {
    /// Runs until it is asked to stop, or nobody can wake it any more, or a task that everything
    /// rests on has panicked: answers which.
    pub(crate) async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Wake>,
        mut shutdown: Shutdown,
    ) -> Result<(), &'static str> {
        debug_assert!(inbox.max_capacity() <= WAKES_MAX);
        self.start();
        let mut burst = Vec::with_capacity(BURST_MAX);
        loop {
            self.turn();
            let due = self.next_due();
            tokio::select! {
                biased;
                () = shutdown.requested() => break,
                count = inbox.recv_many(&mut burst, BURST_MAX) => if count == 0 { break },
                () = tokio::time::sleep_until(due) => {}
            }
            for wake in burst.drain(..) {
                self.take(wake);
            }
            if self.panicked.is_some() {
                break;
            }
        }
        self.sites.iter().for_each(Site::close);
        self.panicked.map_or(Ok(()), Err)
    }

    fn take(&mut self, wake: Wake) {
        match wake {
            Wake::Join(join) => self.join(join),
            Wake::Said(session, request) => self.said(session, *request),
            Wake::Room(session) => self.hub.pump_one(session),
            Wake::Left(session, why) => self.left(session, why),
            Wake::Stored(result) => self.retain.stored(result),
            Wake::Journal(name, reply) => {
                for site in &mut self.sites {
                    let Noted {
                        name,
                        domain,
                        right,
                    } = name.clone();
                    site.lane.remember(name, domain, right);
                }
                self.retain.journal(name, reply);
            }
            Wake::Told(site, told) => self.told(site, *told),
            Wake::Refused(site) => self.refused(site),
            Wake::LoggedIn(site, logins) => self.logged_in(site, logins),
            Wake::Submitted(site) => self.submitted(site),
            Wake::Outcome(site, outcome) => self.outcome(site, *outcome),
            Wake::Order(order) => self.order(order),
            Wake::Settings(news) => self.settings_news(news),
            Wake::Panicked(task) => self.panicked = Some(task),
        }
    }

    /// Brings everything that follows from what was taken up to date.
    fn turn(&mut self) {
        let now = Instant::now();
        self.end_pauses();
        self.freshen();
        self.translate(now);
        self.look_at_unused();
        self.look_at_overlaps();
        self.look_at_noted();
        self.plan(now);
        self.look_at_progress();
        self.report();
        self.keep_schemes();
        self.retain.flush(&self.wakes);
        // Where nothing is kept on disk, it was noted at once.
        if self.look_at_noted() {
            self.plan(now);
        }
        self.acknowledge();
        self.hub.pump();
        self.publish();
        self.forget_causes();
    }

    fn keep_schemes(&mut self) {
        for site in &mut self.sites {
            for (domain, scheme) in site.lane.take_schemes() {
                self.retain.scheme(domain, scheme);
            }
        }
    }

    /// When the loop must look again although nothing happened.
    fn next_due(&self) -> Instant {
        let latest = Instant::now() + LOOK_EVERY;
        let grace = self.started + self.grace;
        let grace = self.sites.iter().any(|site| !site.open).then_some(grace);
        let sites = self.sites.iter().filter_map(Site::next_due);
        let due = sites
            .chain(grace)
            .chain(self.statuses.next_due())
            .chain(self.retain.next_due());
        due.filter(|at| *at > Instant::now())
            .min()
            .unwrap_or(latest)
            .min(latest)
    }
}
