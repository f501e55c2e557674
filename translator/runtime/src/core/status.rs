//! What is written back to Kubernetes: made from what should be and what is, sent to the agent that
//! speaks for the object, and sent again where that helps.

use super::Core;
use crate::convert;
use crate::project::project;
use aviary_kinds::status::Wish;
use aviary_kinds::{Entry, room};
use aviary_link::translator::Unsent;
use aviary_proto::sync::v1::{
    ApplyWrite, EventType, EventWrite, Intent, IntentOutcome, IntentResult, MergeWrite, intent,
};
use aviary_types::{ClusterName, EcoString, ObjectKey};
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

/// A write that was sent.
struct Open {
    key: ObjectKey,
    wish: Wish,
    /// The version of the object that it was made from.
    version: EcoString,
}

/// All writes to Kubernetes.
#[derive(Default)]
pub(super) struct Statuses {
    touched: BTreeSet<ObjectKey>,
    told: BTreeMap<ObjectKey, Told>,
    open: BTreeMap<u64, Open>,
    /// Objects that have changed since a write was made for them; the change is under way to us.
    stale: BTreeMap<ObjectKey, Instant>,
    /// Objects whose agent takes no more now.
    crowded: BTreeSet<ObjectKey>,
    /// Objects for which no agent speaks.
    homeless: BTreeSet<ObjectKey>,
    retries: BTreeMap<ObjectKey, Instant>,
    next: u64,
}

impl Statuses {
    /// What there is to tell about these may have changed.
    pub(super) fn touch<'a>(&mut self, sources: impl Iterator<Item = &'a ObjectKey>) {
        self.touched.extend(sources.cloned());
    }

    /// Writes that are not acknowledged, or that are to be made again.
    pub(super) fn pending(&self) -> usize {
        let again = self.stale.len() + self.retries.len();
        self.open.len() + self.crowded.len() + self.touched.len() + again
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
        let crowded = std::mem::take(&mut self.crowded);
        self.touched.extend(crowded);
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
            return;
        }
        if self.statuses.touched.is_empty() || self.sites.iter().any(|site| !site.open) {
            return;
        }
        for source in std::mem::take(&mut self.statuses.touched) {
            self.report_one(&source);
            self.news = true;
        }
    }

    fn report_one(&mut self, source: &ObjectKey) {
        let site = self.sites.iter().find(|it| it.serves(&source.cluster));
        let Some((site, observed)) = site.and_then(|site| Some((site, site.lane.observed()?)))
        else {
            return;
        };
        let built = site.lane.built();
        let refused = site.refused(source);
        let mut wishes = project(built, observed, source, &refused);
        // The status makes a new version of the object, on which the annotations would depend.
        wishes.sort_by_key(|wish| !matches!(wish, Wish::Annotations(_)));
        let Some(entry) = built.facts.get(source).filter(|_| !wishes.is_empty()) else {
            self.statuses.told.remove(source);
            return;
        };
        let entry = entry.clone();
        let mut told = self.statuses.told.remove(source).unwrap_or_default();
        told.wishes.retain(|wish| wishes.contains(wish));
        for wish in wishes {
            if told.wishes.contains(&wish) {
                continue;
            }
            match self.intend(&entry, &wish) {
                Ok(()) => told.wishes.push(wish),
                Err(Unsent::NoAgent) => {
                    self.statuses.homeless.insert(source.clone());
                }
                Err(Unsent::Busy) => {
                    self.statuses.crowded.insert(source.clone());
                }
            }
        }
        self.statuses.told.insert(source.clone(), told);
    }

    fn intend(&mut self, entry: &Entry, wish: &Wish) -> Result<(), Unsent> {
        let Some(room) = room(entry.key.kind) else {
            return Ok(());
        };
        // The version last heard, which need not be the one in force.
        let version = self
            .versions
            .get(&entry.key)
            .unwrap_or(&entry.resource_version)
            .clone();
        self.statuses.next += 1;
        let id = self.statuses.next;
        let intent = Intent {
            id,
            key: Some(convert::object_key(&entry.key)),
            version: room.version.to_owned(),
            resource: room.plural.to_owned(),
            uid: entry.uid.to_string(),
            write: Some(write(&version, wish)),
            traceparent: String::new(),
        };
        self.hub.intend(&entry.key.cluster, intent)?;
        let open = Open {
            key: entry.key.clone(),
            wish: wish.clone(),
            version,
        };
        self.statuses.open.insert(id, open);
        Ok(())
    }
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
        Wish::Event { reason, note } => intent::Write::Event(EventWrite {
            r#type: EventType::Warning.into(),
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
