//! One Controller with everything that is known and planned for it.

mod reading;
mod rest;

pub(crate) use reading::Reading;
use rest::Rest;

use crate::adoption::Adoption;
use crate::control::Reader;
use crate::lane::{Busy, Lane};
use crate::scope;
use crate::trace::Due;
use aviary_avi::{AviKey, Named, ObservedObject};
use aviary_boot::trace::Context;
use aviary_execute::{Done, End, Failure, Found, Handle, NotTried, Outcome};
use aviary_plan::{Op, OpKey, Plan};
use aviary_query::view::{Held, Progress};
use aviary_session::{Logins, LookedUp, Scope};
use aviary_settings::{ControllerAccess, InstanceSettings};
use aviary_types::{ClusterName, Code, DomainId, EcoString, Finding, ObjectKey, eco_format};
use imbl::OrdMap;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The pause after a failed write doubles from this to `RETRY_MAX` for what the Controller does not
/// want, and to `AWAY_MAX` where it was not able to.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_mins(5);
const AWAY_MAX: Duration = Duration::from_secs(30);
/// The Controller makes something else of it each time: not sent again before this.
const STUBBORN: Duration = Duration::from_hours(1);
/// While operations run, what their ends may bring about is looked at this often.
const BETWEEN_PLANS: Duration = Duration::from_millis(50);

/// A Controller.
pub(crate) struct Site {
    pub(crate) name: EcoString,
    /// Clusters with this access are served here.
    pub(crate) access: ControllerAccess,
    /// No cluster is served here any more. The place stays, for others are numbered after it.
    pub(crate) closed: bool,
    pub(crate) reading: Reading,
    pub(crate) instances: Vec<InstanceSettings>,
    pub(crate) lane: Lane,
    pub(crate) reader: Reader,
    pub(crate) executor: Option<Arc<Handle>>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) trouble: EcoString,
    /// The last login, if one was heard of.
    pub(crate) logins: Option<Logins>,
    /// Nothing is sent for now.
    rest: Option<Rest>,
    /// Everything was read once, so that plans may be made.
    pub(crate) open: bool,
    /// Names that are being looked for.
    looking: BTreeSet<(DomainId, Named)>,
    look: Look,
    planned_at: Option<Instant>,
    /// A plan is on its way to the executor.
    pub(crate) submitting: bool,
    pub(crate) read_at: Instant,
    /// The last outcome that was taken in.
    pub(crate) seen: u64,
    pub(crate) drift_due: Option<Instant>,
    /// Objects with operations at the executor, and how many.
    busy: OrdMap<AviKey, usize>,
    /// When each object was written last, counted in outcomes.
    written: BTreeMap<AviKey, u64>,
    /// Objects that are not written again before a time, unless they change.
    waits: BTreeMap<AviKey, Wait>,
    pub(crate) ops: OrdMap<u64, Arc<Op>>,
    numbers: u64,
    by_key: BTreeMap<OpKey, u64>,
    pub(crate) holds: OrdMap<AviKey, Held>,
    /// Operations that a pause or the guard keeps back: compared again with each plan.
    pub(crate) parked: BTreeMap<OpKey, Op>,
    pub(crate) guarded: EcoString,
    pub(crate) guard: Option<Plan>,
    /// Whose hand the objects of each domain are in.
    pub(crate) adoption: Adoption,
    /// When the look for changes of others that is under way began.
    pub(crate) look_began: Option<Instant>,
    pub(crate) refusals: OrdMap<AviKey, Arc<Vec<Finding>>>,
    /// Since when each shard parent has been without hosts.
    pub(crate) emptied: BTreeMap<AviKey, Timestamp>,
    /// Those that may go.
    pub(crate) expired: BTreeSet<AviKey>,
    /// The traces that the next plan belongs to.
    pub(crate) due: Due,
    /// The last plan, while it is carried out: what follows from its outcomes belongs to it.
    pub(crate) diff: Option<Context>,
}

/// Whether something must be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    /// Nothing.
    No,
    /// What operations wrote, which is seldom news.
    Soon,
    /// Something changed.
    Now,
}

#[derive(Debug, Clone, Copy)]
struct Wait {
    until: Instant,
    failures: u32,
    /// The write has failed for a reason that passes: it is still to be done.
    undone: bool,
    /// The time has come: it is compared again, and only remembered for the next pause.
    over: bool,
}

/// Objects that the next plan must leave alone.
struct Blocked<'a> {
    busy: &'a OrdMap<AviKey, usize>,
    waits: &'a BTreeMap<AviKey, Wait>,
}

impl Busy for Blocked<'_> {
    fn has(&self, key: &AviKey) -> bool {
        self.busy.contains_key(key) || self.waits.get(key).is_some_and(|wait| !wait.over)
    }

    fn is_idle(&self) -> bool {
        self.busy.is_empty() && self.waits.is_empty()
    }
}

impl Site {
    pub(crate) fn new(
        (name, access): (EcoString, ControllerAccess),
        instances: Vec<InstanceSettings>,
        reader: Reader,
        executor: Option<Arc<Handle>>,
    ) -> Self {
        Self {
            name,
            access,
            closed: false,
            reading: Reading::default(),
            lane: Lane::new(instances.clone()),
            instances,
            reader,
            executor,
            scopes: Vec::new(),
            trouble: EcoString::new(),
            logins: None,
            rest: None,
            open: false,
            looking: BTreeSet::new(),
            look: Look::No,
            planned_at: None,
            submitting: false,
            read_at: Instant::now(),
            seen: 0,
            drift_due: None,
            busy: OrdMap::new(),
            written: BTreeMap::new(),
            waits: BTreeMap::new(),
            ops: OrdMap::new(),
            numbers: 0,
            by_key: BTreeMap::new(),
            holds: OrdMap::new(),
            parked: BTreeMap::new(),
            guarded: EcoString::new(),
            guard: None,
            adoption: Adoption::default(),
            look_began: None,
            refusals: OrdMap::new(),
            emptied: BTreeMap::new(),
            expired: BTreeSet::new(),
            due: Due::default(),
            diff: None,
        }
    }

    /// Ends everything that talks to the Controller.
    pub(crate) fn close(&self) {
        self.reader.session.close();
    }

    /// The clusters whose domains are here.
    pub(crate) fn clusters(&self) -> BTreeSet<&ClusterName> {
        self.instances
            .iter()
            .map(|settings| &settings.cluster)
            .collect()
    }

    /// Whether a cluster's domains are here.
    pub(crate) fn serves(&self, cluster: &ClusterName) -> bool {
        self.instances.iter().any(|it| it.cluster == *cluster)
    }

    /// Looks for names on the Controller, but for those that are being looked for already.
    pub(crate) fn look_up(&mut self, mut names: BTreeSet<(DomainId, Named)>) {
        names.retain(|named| !self.looking.contains(named));
        let new = names;
        self.looking.extend(new.iter().cloned());
        for (domain, names) in scope::by_domain(new) {
            let mut instances = self.instances.iter();
            let Some(settings) = instances.find(|it| it.domain() == domain) else {
                continue;
            };
            let cloud = settings.controller.cloud.clone();
            self.reader.clone().look_up(domain, cloud, names, self.seen);
        }
    }

    /// What was found under names. A group that was written since is newer than what was read of it.
    pub(crate) fn learn(&mut self, domain: &DomainId, mut found: LookedUp, writes: u64) {
        for named in found.named.keys() {
            self.looking.remove(&(domain.clone(), named.clone()));
        }
        found
            .groups
            .retain(|group| !self.is_newer(&group.key, writes));
        for scope in self
            .scopes
            .iter_mut()
            .filter(|it| it.domains.contains(domain))
        {
            let known: BTreeSet<EcoString> = scope.se_groups.iter().cloned().collect();
            let names = found.groups.iter().map(|group| &group.key.name);
            let new = names.filter(|name| !known.contains(*name)).cloned();
            scope.se_groups.extend(new.collect::<Vec<_>>());
        }
        self.lane.learn(domain, found);
    }

    /// Compares what changed, but for what is being written or has to wait.
    pub(crate) fn compare(&mut self) -> Plan {
        let Self {
            lane, busy, waits, ..
        } = self;
        lane.plan(&Blocked { busy, waits })
    }

    /// Whether it is time to compare.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let soon = || self.busy.is_empty() || self.next_look().is_none_or(|at| at <= now);
        let due = self.look == Look::Now || (self.look == Look::Soon && soon());
        self.open && due && !self.submitting && !self.is_resting(now)
    }

    fn next_look(&self) -> Option<Instant> {
        Some(self.planned_at? + BETWEEN_PLANS)
    }

    /// Something changed: it is compared at once.
    pub(crate) fn mark(&mut self) {
        self.look = Look::Now;
    }

    /// Everything was compared, and this is the plan. What was to be tried again and needs nothing
    /// any more is forgotten.
    pub(crate) fn compared(&mut self, plan: &Plan) {
        self.look = Look::No;
        self.planned_at = Some(Instant::now());
        if plan.ops.is_empty() {
            self.rest = None;
        }
        let busy = &self.busy;
        let planned = |key: &AviKey| plan.ops.iter().any(|op| op.key.object == *key);
        self.waits
            .retain(|key, wait| !wait.over || busy.contains_key(key) || planned(key));
    }

    /// Objects with a write that waits or is under way.
    pub(crate) fn under_way(&self) -> BTreeSet<&AviKey> {
        self.busy.keys().collect()
    }

    /// Whether an object was written since so many outcomes, or is being written.
    pub(crate) fn is_newer(&self, key: &AviKey, writes: u64) -> bool {
        let written = self.written.get(key).is_some_and(|at| *at > writes);
        written || self.busy.contains_key(key)
    }

    /// Forgets when objects were written: no list that is older is under way.
    pub(crate) fn forget_writes(&mut self) {
        self.written.clear();
    }

    /// Whether nothing is under way, waits to be planned, or is to be tried again.
    pub(crate) fn is_settled(&self) -> bool {
        let undone = self.waits.values().any(|wait| wait.undone);
        let is_over = self.open
            && !self.reading.is_awaited()
            && !self.is_comparing()
            && self.busy.is_empty()
            && !undone;
        self.closed || is_over
    }

    fn is_comparing(&self) -> bool {
        self.look != Look::No
            || self.submitting
            || !self.looking.is_empty()
            || (self.executor.is_some() && self.adoption.is_under_way())
    }

    /// How far it is.
    pub(crate) fn progress(&self) -> Progress {
        // While it takes nothing, all that is to be done counts as one that is tried again.
        let rests = self.is_resting(Instant::now());
        let undone = self.waits.values().filter(|wait| wait.undone).count();
        Progress {
            open: self.open,
            comparing: self.is_comparing() && !rests,
            sending: self.busy.clone(),
            retries: undone + usize::from(rests),
        }
    }

    /// When something has to be looked at again.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let waits = self.waits.values().filter(|wait| !wait.over);
        let look = self.next_look().filter(|_| self.look == Look::Soon);
        let due = waits.map(|wait| wait.until).chain(self.drift_due);
        let due = due.chain(self.reading.again());
        let due = due.chain(self.rest.as_ref().map(|rest| rest.until));
        due.chain(look).min()
    }

    /// Objects whose pause is over are compared again.
    pub(crate) fn look_at_waits(&mut self, now: Instant) {
        let mut due = Vec::new();
        for (key, wait) in &mut self.waits {
            if wait.until <= now && !wait.over {
                wait.over = true;
                due.push(key.clone());
            }
        }
        for key in due {
            self.lane.doubt(&key);
            self.look = Look::Now;
        }
    }

    /// The desired form changed: what was refused before may be taken now. Answers whether there is
    /// anything to compare.
    pub(crate) fn changed(&mut self) -> bool {
        let changed = &self.lane.built().changed;
        self.waits.retain(|key, _| !changed.contains(key));
        for key in changed.iter() {
            self.refusals.remove(key);
        }
        let is_news = !changed.is_empty() || self.lane.built().unknown_changed;
        if is_news {
            self.look = Look::Now;
        }
        is_news
    }

    /// Somebody else changed an object.
    pub(crate) fn found(&mut self, key: &AviKey, now: Option<Arc<ObservedObject>>) {
        self.lane.written(key, now);
        self.waits.remove(key);
        self.look = Look::Now;
    }

    /// Shows operations, and counts them as busy if they go to the executor.
    pub(crate) fn show(&mut self, ops: &[Arc<Op>], busy: bool) {
        for op in ops {
            self.numbers += 1;
            if let Some(former) = self.by_key.insert(op.key.clone(), self.numbers) {
                self.ops.remove(&former);
            }
            self.ops.insert(self.numbers, op.clone());
            if busy {
                *self.busy.entry(op.key.object.clone()).or_default() += 1;
            }
        }
    }

    /// Takes what was shown and held of the compared objects away (`None`: of all).
    pub(crate) fn clear_compared(&mut self, compared: Option<&BTreeSet<AviKey>>) {
        let Some(compared) = compared else {
            self.holds.clear();
            self.parked.clear();
            let shown: Vec<OpKey> = self.by_key.keys().cloned().collect();
            self.hide_idle(&shown);
            return;
        };
        for object in compared {
            self.holds.remove(object);
            let stages = |stage| OpKey {
                object: object.clone(),
                stage,
            };
            let stages = stages(u16::MIN)..=stages(u16::MAX);
            let shown: Vec<OpKey> = self
                .by_key
                .range(stages.clone())
                .map(|it| it.0.clone())
                .collect();
            self.hide_idle(&shown);
            let parked: Vec<OpKey> = self.parked.range(stages).map(|it| it.0.clone()).collect();
            for key in &parked {
                self.parked.remove(key);
            }
        }
    }

    /// Shows operations no more, but for those that are at the executor.
    fn hide_idle(&mut self, keys: &[OpKey]) {
        for key in keys {
            if !self.busy.contains_key(&key.object) {
                self.hide(key);
            }
        }
    }

    fn hide(&mut self, key: &OpKey) {
        if let Some(number) = self.by_key.remove(key) {
            self.ops.remove(&number);
        }
    }

    /// Takes the end of an operation in.
    pub(crate) fn finish(&mut self, outcome: Outcome) {
        let Outcome {
            number, op, end, ..
        } = outcome;
        self.seen = number;
        let key = op.key.object.clone();
        if let Some(count) = self.busy.get_mut(&key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.busy.remove(&key);
            }
        }
        // A newer operation of the same name is shown in its place.
        if !matches!(end, End::NotTried(NotTried::Replaced)) {
            self.hide(&op.key);
        }
        self.look = self.look.max(Look::Soon);
        match end {
            End::Done(done) => self.done(&key, done),
            End::Failed(failure) => self.failed(&op, failure),
            End::NotTried(NotTried::Replaced) => {}
            End::NotTried(_) => self.lane.doubt(&key),
        }
    }

    fn done(&mut self, key: &AviKey, done: Done) {
        self.written.insert(key.clone(), self.seen);
        self.rest = None;
        self.lane.written(key, done.now);
        self.refusals.remove(key);
        if done.as_sent {
            self.waits.remove(key);
        } else {
            let until = Instant::now() + STUBBORN;
            self.waits.insert(
                key.clone(),
                Wait {
                    until,
                    failures: 0,
                    undone: false,
                    over: false,
                },
            );
        }
    }

    fn failed(&mut self, op: &Op, failure: Failure) {
        let key = &op.key.object;
        self.written.insert(key.clone(), self.seen);
        match failure.found {
            Found::Unknown => self.lane.doubt(key),
            Found::Gone => self.lane.written(key, None),
            Found::Object(now) => self.lane.written(key, Some(now)),
        }
        if failure.class.is_for_all() {
            return self.rest(failure.message);
        }
        let failures = self.waits.get(key).map_or(0, |wait| wait.failures) + 1;
        let undone = !failure.class.is_for_the_user();
        let longest = if undone { AWAY_MAX } else { RETRY_MAX };
        let until = Instant::now() + pause(failures, longest);
        self.waits.insert(
            key.clone(),
            Wait {
                until,
                failures,
                undone,
                over: false,
            },
        );
        if undone {
            return;
        }
        let text = eco_format!("the Controller refused {key}: {}", failure.message);
        let hint = "correct what it names, or see the event log of the Controller";
        let finding = |source| Finding::new(source, Code::ControllerRefused, text.clone(), hint);
        let findings = op.provenance.objects().map(finding).collect();
        self.refusals.insert(key.clone(), Arc::new(findings));
    }

    /// What the Controller refused of what an object asks for.
    pub(crate) fn refused(&self, source: &ObjectKey) -> Vec<Finding> {
        let all = self.refusals.values().flat_map(|findings| findings.iter());
        all.filter(|finding| finding.object == *source)
            .cloned()
            .collect()
    }
}

/// The pause after so many failures.
fn pause(failures: u32, longest: Duration) -> Duration {
    let doubled = RETRY_MIN.saturating_mul(1 << failures.min(10));
    doubled.min(longest)
}
