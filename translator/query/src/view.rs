//! What the core publishes: immutable values that queries answer from.

use aviary_avi::{AviKey, Observed};
use aviary_graph::Built;
use aviary_link::translator::SessionId;
use aviary_plan::{Hold, Op};
use aviary_proto::types::v1::Coverage;
use aviary_store::Facts;
use aviary_types::{
    ClusterName, DomainId, EcoString, Finding, Generation, Kind, ObjectKey, Scheme, ScopeKey,
};
use imbl::OrdMap;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The state of everything at one moment. Clones share what did not change.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// The facts.
    pub facts: Facts,
    /// What each Controller should have, has, and waits for.
    pub sites: Vec<SiteView>,
    /// How fresh each scope is.
    pub scopes: OrdMap<ScopeKey, ScopeView>,
    /// The version last heard of each object, whether or not it could be used.
    pub versions: OrdMap<ObjectKey, EcoString>,
    /// Writes to Kubernetes that are not acknowledged.
    pub intents: usize,
    /// Whether agents were asked for objects and have not answered.
    pub asking: bool,
    /// The connected agents.
    pub agents: Arc<Vec<AgentView>>,
    /// The settings.
    pub settings: Arc<SettingsView>,
}

/// The settings in force, and what came of the last look at their file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsView {
    /// What they mean, as JSON; they hold no secrets.
    pub in_force: EcoString,
    /// Tells two of them apart.
    pub digest: EcoString,
    /// Since when they are in force.
    pub since: Timestamp,
    /// Why newer ones are not taken over, and since when; `None` if there are none.
    pub refused: Option<(Timestamp, EcoString)>,
    /// What newer ones wait for on the Controllers.
    pub waiting: Vec<EcoString>,
    /// Domains that were configured and are no more, and of which something was left.
    pub left: Vec<DomainId>,
}

/// One Controller.
#[derive(Clone, Default)]
pub struct SiteView {
    /// Its host or address.
    pub controller: EcoString,
    /// The domains on it.
    pub domains: Vec<DomainId>,
    /// How many shards each of them has.
    pub shards: BTreeMap<DomainId, u32>,
    /// How each of them names its objects, once the Controller was read.
    pub schemes: BTreeMap<DomainId, Scheme>,
    /// What it should have.
    pub built: Built,
    /// What it has; `None` until it was read.
    pub observed: Option<Observed>,
    /// Operations that are planned and not done, by number.
    pub ops: OrdMap<u64, Arc<Op>>,
    /// What is held back, by object.
    pub holds: OrdMap<AviKey, Held>,
    /// Names what waits for approval; empty if nothing does.
    pub guarded: EcoString,
    /// Whose hand the objects of each domain are in, as far as they were read.
    pub adoptions: BTreeMap<DomainId, AdoptionView>,
    /// Whether nothing is ever written, whatever is planned.
    pub observes: bool,
    /// What the Controller refused.
    pub refusals: OrdMap<AviKey, Arc<Vec<Finding>>>,
    /// Whether everything up to the generation of `built` was done, held or refused.
    pub settled: bool,
    /// How far it is, if it is not settled.
    pub progress: Progress,
    /// Why it cannot be read; empty if it can.
    pub trouble: EcoString,
}

/// How far the writes to a Controller are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether plans are made: everything was read once.
    pub open: bool,
    /// Whether something is still to be compared.
    pub comparing: bool,
    /// Objects with operations that were handed out, and how many.
    pub sending: OrdMap<AviKey, usize>,
    /// Objects whose write failed for a reason that passes.
    pub retries: usize,
}

/// Something held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What and why.
    pub hold: Hold,
    /// Whose it is, if known.
    pub domain: Option<DomainId>,
    /// Whether an operator may free it.
    pub approvable: bool,
    /// The operation in full, if it was planned.
    pub op: Option<Arc<Op>>,
}

/// Whose hand the objects of a domain are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptionView {
    /// What that means for writes.
    pub stand: AdoptionStand,
    /// Names what would be written, to approve it by; empty if nothing would.
    pub digest: EcoString,
    /// What others were seen to change, by object.
    pub changes: Vec<Change>,
}

/// What becomes of writes to the objects of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptionStand {
    /// Nothing of it serves anything yet: they go out.
    Fresh,
    /// The objects are ours: they go out.
    Ours,
    /// Others may have made the objects, or still write: it is being watched.
    Watched,
    /// Others still write: nothing goes out.
    OthersWrite,
    /// They wait for approval.
    NeedsApproval,
    /// They would go out.
    Ready,
}

/// A change that was not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Of what.
    pub object: AviKey,
    /// When it was seen.
    pub seen: Timestamp,
    /// What became of it.
    pub how: ChangeKind,
    /// The fields that differ from before, as far as they were read.
    pub fields: Vec<EcoString>,
}

/// What becomes of an object that others change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was made.
    Made,
    /// It is another.
    Changed,
    /// It is gone.
    Deleted,
}

/// How fresh a scope is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeView {
    /// Who speaks for it.
    pub session: Option<SessionId>,
    /// When it was last heard.
    pub last_heard: Option<Timestamp>,
    /// Its kinds, and why each stands still; `None` if it is complete and heard.
    pub kinds: Vec<(Kind, Option<(Timestamp, EcoString)>)>,
}

/// A connected agent.
#[derive(Clone)]
pub struct AgentView {
    /// Its session.
    pub id: SessionId,
    /// What it said of itself, and when it was heard.
    pub about: Arc<About>,
    /// Writes that it was asked for and has not answered.
    pub intents_open: usize,
}

/// Who an agent is.
#[derive(Debug)]
pub struct About {
    /// Its cluster.
    pub cluster: ClusterName,
    /// What it watches.
    pub coverage: Coverage,
    /// What it calls itself.
    pub name: EcoString,
    /// Which build it is.
    pub build: EcoString,
    /// Who it was shown to be.
    pub identity: EcoString,
    /// When it came.
    pub connected: Timestamp,
    /// Seconds since the epoch; written by the stream's task.
    pub last_heard: AtomicI64,
    /// Seconds since the epoch, or 0 for an identity without end.
    pub expires: AtomicI64,
}

impl About {
    /// It was heard now.
    pub fn heard(&self, now: Timestamp) {
        self.last_heard.store(now.as_second(), Ordering::Relaxed);
    }
}

impl Snapshot {
    /// Which state of the facts it is.
    pub fn generation(&self) -> Generation {
        self.facts.generation
    }

    /// Whether everything known is carried out, held or refused, and told.
    pub fn is_settled(&self) -> bool {
        self.intents == 0 && !self.asking && self.sites.iter().all(|site| site.settled)
    }

    /// Every domain with the Controller that it is on.
    pub fn places(&self) -> impl Iterator<Item = (&SiteView, &DomainId)> {
        let sites = self.sites.iter();
        sites.flat_map(|site| site.domains.iter().map(move |domain| (site, domain)))
    }

    /// Whether every Controller was read once.
    pub fn is_read(&self) -> bool {
        self.sites.iter().all(|site| site.observed.is_some())
    }

    /// All findings, sorted: of reading, of translating, and of the Controllers.
    pub fn findings(&self) -> Vec<Finding> {
        let built = self.sites.iter().flat_map(|site| site.built.findings());
        let refused = self.sites.iter().flat_map(|site| site.refusals.values());
        let refused = refused.flat_map(|findings| findings.iter().cloned());
        let mut all: Vec<Finding> = built.chain(refused).collect();
        all.sort();
        all.dedup();
        all
    }
}
