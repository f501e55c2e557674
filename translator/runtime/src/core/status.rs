//! What is written back to Kubernetes: made from what should be and what is, sent to the agent that
//! speaks for the object, and sent again where that helps.

mod target;

use self::target::Target;
use super::Core;
use aviary_boot::trace::Context;
use aviary_graph::project;
use aviary_kinds::status::Wish;
use aviary_link::translator::{SessionId, Unsent};
use aviary_proto::sync::v1::{
    ApplyWrite, EventType, EventWrite, Intent, IntentOutcome, IntentResult, MergeWrite, intent,
};
use aviary_query::convert;
use aviary_store::Facts;
use aviary_types::{ClusterName, EcoString, ObjectKey, ScopeKey};
use imbl::OrdMap;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// The pause after a write that failed doubles from this to `RETRY_MAX`.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_mins(5);
/// An Event's note is cut to this many bytes.
const NOTE_MAX: usize = 1_024;

/// What was told of one object.
#[derive(Default)]
struct Told {
    wishes: Vec<Wish>,
    failures: u32,
}

/// The Controller was not read yet.
struct Early;

/// A write that was sent.
struct Open {
    key: ObjectKey,
    wish: Wish,
    /// The version of the object that it was made from.
    version: EcoString,
    /// To whom.
    session: SessionId,
    /// What led to it.
    trace: Option<Context>,
}

/// All writes to Kubernetes.
#[derive(Default)]
pub(super) struct Statuses {
    touched: BTreeSet<ObjectKey>,
    /// What led to the writes that are still to be made, as far as that is traced.
    traces: BTreeMap<ObjectKey, Context>,
    told: BTreeMap<ObjectKey, Told>,
    open: BTreeMap<u64, Open>,
    /// Objects that have changed since a write was made for them; the change is under way to us.
    stale: BTreeMap<ObjectKey, Instant>,
    /// Objects whose agent takes no more now: they have their turn when it has room.
    crowded: BTreeMap<SessionId, BTreeSet<ObjectKey>>,
    /// Agents that have reported an outcome since.
    room: BTreeSet<SessionId>,
    /// Objects of Controllers that were not read yet.
    early: BTreeSet<ObjectKey>,
    /// Objects of clusters whose objects on the Controller are not ours yet: others may tell them.
    withheld: BTreeSet<ObjectKey>,
    /// Objects for which no agent speaks.
    homeless: BTreeSet<ObjectKey>,
    retries: BTreeMap<ObjectKey, Instant>,
    next: u64,
}

impl Statuses {
    /// What there is to tell about these may have changed, because of something that is traced.
    pub(super) fn touch<'a>(
        &mut self,
        sources: impl Iterator<Item = &'a ObjectKey>,
        trace: impl Fn(&ObjectKey) -> Option<Context>,
    ) {
        for source in sources {
            if let Some(context) = trace(source) {
                self.traces.insert(source.clone(), context);
            }
            self.touched.insert(source.clone());
        }
    }

    /// Nothing more is to be told of an object now.
    fn told_all(&mut self, source: &ObjectKey) {
        self.traces.remove(source);
    }

    /// Writes that are not acknowledged, or that are to be made again.
    pub(super) fn pending(&self) -> usize {
        let crowded: usize = self.crowded.values().map(BTreeSet::len).sum();
        let again = self.stale.len() + self.retries.len();
        self.open.len() + crowded + self.touched.len() + self.early.len() + again
    }

    /// When something is to be tried again.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.retries
            .values()
            .chain(self.stale.values())
            .min()
            .copied()
    }

    /// A version of an object was heard: a write that had to wait for it is made anew.
    pub(super) fn heard(&mut self, key: &ObjectKey) {
        if self.stale.remove(key).is_some() {
            self.touched.insert(key.clone());
        }
    }

    /// A new session may speak for objects that had none.
    pub(super) fn rejoin(&mut self, cluster: &ClusterName) {
        let back = self.homeless.extract_if(.., |key| key.cluster == *cluster);
        self.touched.extend(back.collect::<Vec<_>>());
    }

    /// A Controller was read: what its objects are told can be said.
    pub(super) fn opened(&mut self) {
        self.touched.append(&mut self.early);
    }

    /// Objects on the Controller are ours now.
    pub(super) fn adopted(&mut self) {
        self.touched.append(&mut self.withheld);
    }

    /// A session has ended; another may speak for what waited for it.
    pub(super) fn left(&mut self, id: SessionId) {
        self.touched
            .extend(self.crowded.remove(&id).unwrap_or_default());
    }

    fn is_crowded(&self, id: SessionId) -> bool {
        self.crowded.contains_key(&id)
    }

    fn crowd(&mut self, id: SessionId, source: ObjectKey) {
        self.crowded.entry(id).or_default().insert(source);
    }

    fn next_crowded(&mut self, id: SessionId) -> Option<ObjectKey> {
        let waiting = self.crowded.get_mut(&id)?;
        let next = waiting.pop_first();
        if waiting.is_empty() {
            self.crowded.remove(&id);
        }
        next
    }

    /// The agents of these writes are gone.
    pub(super) fn lost(&mut self, ids: &[u64]) {
        for id in ids {
            self.reopen(*id);
        }
    }

    /// What became of a write; with the version last heard of each object.
    pub(super) fn outcome(
        &mut self,
        outcome: &IntentOutcome,
        versions: &OrdMap<ObjectKey, EcoString>,
    ) {
        let result = outcome.result();
        self.room
            .extend(self.open.get(&outcome.id).map(|open| open.session));
        match result {
            IntentResult::Done | IntentResult::NotFound => {
                self.open.remove(&outcome.id);
            }
            IntentResult::Forbidden | IntentResult::Invalid => {
                if let Some(Open { key: object, .. }) = self.open.remove(&outcome.id) {
                    tracing::warn!(%object, ?result, detail = outcome.detail, "an agent cannot write");
                }
            }
            IntentResult::Conflict => self.conflict(outcome.id, versions),
            _ => {
                tracing::debug!(
                    ?result,
                    detail = outcome.detail,
                    "a write to Kubernetes is tried again"
                );
                if let Some(Open { key, .. }) = self.reopen(outcome.id) {
                    self.retry_later(&key);
                }
            }
        }
    }

    /// The object changed meanwhile. What it is now was heard already, or will be at once.
    fn conflict(&mut self, id: u64, versions: &OrdMap<ObjectKey, EcoString>) {
        let Some(Open { key, version, .. }) = self.reopen(id) else {
            return;
        };
        if versions.get(&key).is_some_and(|heard| *heard == version) {
            self.touched.remove(&key);
            self.stale.insert(key, Instant::now() + RETRY_MIN);
        }
    }

    fn reopen(&mut self, id: u64) -> Option<Open> {
        let open = self.open.remove(&id)?;
        if let Some(told) = self.told.get_mut(&open.key) {
            told.wishes.retain(|it| *it != open.wish);
        }
        self.touched.insert(open.key.clone());
        if let Some(context) = &open.trace {
            self.traces.insert(open.key.clone(), context.clone());
        }
        Some(open)
    }

    fn retry_later(&mut self, key: &ObjectKey) {
        let told = self.told.entry(key.clone()).or_default();
        told.failures += 1;
        let pause = RETRY_MIN
            .saturating_mul(1 << told.failures.min(10))
            .min(RETRY_MAX);
        self.touched.remove(key);
        self.retries.insert(key.clone(), Instant::now() + pause);
    }

    fn due(&mut self, now: Instant) {
        let due = self.retries.extract_if(.., |_, at| *at <= now);
        let late = self.stale.extract_if(.., |_, at| *at <= now);
        self.touched
            .extend(due.chain(late).map(|(key, _)| key).collect::<Vec<_>>());
    }
}

impl Core {
    /// Tells agents what changed for their objects.
    pub(super) fn report(&mut self) {
        self.statuses.due(Instant::now());
        if self.observe_only {
            self.statuses.touched.clear();
            self.statuses.traces.clear();
            return;
        }
        for source in std::mem::take(&mut self.statuses.touched) {
            self.news = true;
            if self.is_watching(&source) {
                self.statuses.withheld.insert(source);
                continue;
            }
            match self.hub.speaker(&self.scope_of(&source)) {
                Some(id) if self.statuses.is_crowded(id) => self.statuses.crowd(id, source),
                _ => {
                    self.report_one(&source);
                }
            }
        }
        for id in std::mem::take(&mut self.statuses.room) {
            while let Some(source) = self.statuses.next_crowded(id) {
                if !self.report_one(&source) {
                    break;
                }
            }
        }
    }

    /// Whether others may tell an object's status, since what it comes to is not ours yet.
    fn is_watching(&self, source: &ObjectKey) -> bool {
        let cluster = &source.cluster;
        let mut sites = self.sites.iter().filter(|site| site.serves(cluster));
        sites.any(|site| site.adoption.is_watching_cluster(cluster)) && !self.progress.is_on(source)
    }

    /// Tells one object's agent. `false` if that takes no more.
    fn report_one(&mut self, source: &ObjectKey) -> bool {
        let Ok(found) = self.wishes(source) else {
            self.statuses.early.insert(source.clone());
            return true;
        };
        let Some((target, wishes)) = found else {
            self.statuses.told.remove(source);
            self.statuses.told_all(source);
            return true;
        };
        let (mut has_room, mut is_homeless) = (true, false);
        let mut told = self.statuses.told.remove(source).unwrap_or_default();
        told.wishes.retain(|wish| wishes.contains(wish));
        for wish in wishes {
            if told.wishes.contains(&wish) {
                continue;
            }
            match self.intend(&target, &wish) {
                Ok(()) => told.wishes.push(wish),
                Err(Unsent::NoAgent) => {
                    is_homeless = true;
                    self.statuses.homeless.insert(source.clone());
                }
                Err(Unsent::Busy) => has_room = self.wait_for_room(source),
            }
        }
        self.statuses.told.insert(source.clone(), told);
        if has_room && !is_homeless {
            self.statuses.told_all(source);
        }
        has_room
    }

    /// An agent without an open intent takes none at all: another may come that does.
    fn wait_for_room(&mut self, source: &ObjectKey) -> bool {
        match self.hub.speaker(&self.scope_of(source)) {
            Some(id) if self.hub.open_intents(id) > 0 => {
                self.statuses.crowd(id, source.clone());
                false
            }
            _ => {
                self.statuses.homeless.insert(source.clone());
                true
            }
        }
    }

    /// What an object's agent is to write, and onto what; `None` for nothing.
    fn wishes(&self, source: &ObjectKey) -> Result<Option<(Target, Vec<Wish>)>, Early> {
        if self.progress.is_on(source) {
            let wishes = vec![self.progress.wish()];
            return Ok(Some((Target::workload(source), wishes)));
        }
        let site = self.sites.iter().find(|it| it.serves(&source.cluster));
        let Some(site) = site else { return Ok(None) };
        let observed = site.lane.observed().filter(|_| site.open);
        let observed = observed.ok_or(Early)?;
        let built = site.lane.built();
        let refused = site.refused(source);
        let mut wishes = project(built, observed, source, &refused);
        // The status makes a new version of the object, on which the annotations would depend.
        wishes.sort_by_key(|wish| !matches!(wish, Wish::Annotations(_)));
        let known = uid_of(&built.facts, source).filter(|_| !wishes.is_empty());
        let target = known.and_then(|known| Target::of(source, known, &self.versions));
        Ok(target.map(|target| (target, wishes)))
    }

    /// The scope whose agent writes to an object.
    fn scope_of(&self, source: &ObjectKey) -> ScopeKey {
        if self.progress.is_on(source) {
            ScopeKey::cluster_wide(&source.cluster)
        } else {
            source.scope()
        }
    }

    fn intend(&mut self, target: &Target, wish: &Wish) -> Result<(), Unsent> {
        let trace = self.statuses.traces.get(&target.key).cloned();
        let speaker = self.scope_of(&target.key);
        self.statuses.next += 1;
        let id = self.statuses.next;
        let intent = Intent {
            id,
            key: Some(convert::object_key(&target.key)),
            version: target.api_version.to_owned(),
            resource: target.plural.to_owned(),
            uid: target.uid.to_string(),
            write: Some(write(&target.version, wish)),
            traceparent: trace.as_ref().map(Context::traceparent).unwrap_or_default(),
        };
        let session = self.hub.intend(&speaker, intent)?;
        let open = Open {
            session,
            trace,
            key: target.key.clone(),
            wish: wish.clone(),
            version: target.version.clone(),
        };
        self.statuses.open.insert(id, open);
        Ok(())
    }
}

/// uid and version of an object, also of one that was never accepted.
fn uid_of(facts: &Facts, key: &ObjectKey) -> Option<(EcoString, EcoString)> {
    let known = facts.get(key);
    let known = known.map(|entry| (entry.uid.clone(), entry.resource_version.clone()));
    known.or_else(|| Some((facts.rejected().get(key)?.clone(), EcoString::new())))
}

fn write(version: &EcoString, wish: &Wish) -> intent::Write {
    match wish {
        Wish::Status(status) => intent::Write::Apply(ApplyWrite {
            subresource: "status".to_owned(),
            body: json!({"status": status}).to_string().into_bytes(),
        }),
        Wish::Annotations(changes) => intent::Write::Merge(MergeWrite {
            subresource: String::new(),
            patch: annotations(changes).to_string().into_bytes(),
            resource_version: version.to_string(),
            digest: Vec::new(),
        }),
        Wish::Event {
            warning,
            reason,
            note,
        } => intent::Write::Event(EventWrite {
            r#type: if *warning {
                EventType::Warning.into()
            } else {
                EventType::Normal.into()
            },
            reason: reason.to_string(),
            note: cut(note).to_owned(),
            action: String::new(),
        }),
    }
}

fn annotations(changes: &BTreeMap<EcoString, Option<EcoString>>) -> Value {
    let value = |text: &Option<EcoString>| {
        text.as_ref()
            .map_or(Value::Null, |text| Value::String(text.to_string()))
    };
    let fields: Map<String, Value> = changes
        .iter()
        .map(|(key, text)| (key.to_string(), value(text)))
        .collect();
    json!({"metadata": {"annotations": fields}})
}

fn cut(note: &str) -> &str {
    let end = (0..=NOTE_MAX.min(note.len()))
        .rev()
        .find(|at| note.is_char_boundary(*at));
    note.get(..end.unwrap_or(0)).unwrap_or_default()
}
