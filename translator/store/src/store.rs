//! The one place that changes facts.

use crate::facts::{Changes, Facts, Indexed};
use crate::scope::{Frozen, ScopeState, kinds_of};
use aviary_kinds::{Entry, Extent, Fact, Parsed, RawObject, Watch, room};
use aviary_types::{Digest, EcoString, Finding, Kind, ObjectKey, ScopeKey};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What became of an object that was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It is in force; worth keeping.
    Accepted,
    /// It cannot be used; the last accepted version, if there is one, stays in force.
    Rejected(Vec<Finding>),
    /// Nobody knows the kind, or it does not stand where objects of its kind do.
    UnknownKind,
}

/// All facts, with what changed since the last snapshot.
#[derive(Debug, Default)]
pub struct Store {
    facts: Facts,
    changes: Changes,
    /// Objects of scopes that are not published yet.
    staged: BTreeMap<ScopeKey, BTreeMap<ObjectKey, Told>>,
}

/// An object with what reading it said.
#[derive(Debug, Clone)]
struct Told {
    entry: Option<Arc<Entry>>,
    findings: Vec<Finding>,
    uid: EcoString,
}

impl Store {
    /// An object exists in this form.
    pub fn apply(&mut self, raw: RawObject) -> Applied {
        let (key, scope) = (raw.key.clone(), raw.key.scope());
        let Some(told) = read(raw, self.current(&key)) else {
            return Applied::UnknownKind;
        };
        let findings = told.findings.clone();
        let accepted = told.entry.is_some();
        if self.facts.is_published(&scope) {
            self.publish(&key, told);
        } else {
            self.stage(scope, key, told);
        }
        if accepted {
            Applied::Accepted
        } else {
            Applied::Rejected(findings)
        }
    }

    /// An object is gone: known from a watch event or a complete list.
    pub fn delete(&mut self, key: &ObjectKey) {
        if let Some(staged) = self.staged.get_mut(&key.scope()) {
            staged.remove(key);
        }
        self.retract(key);
    }

    /// A complete list of one kind in one scope: what it does not name is gone.
    pub fn complete(&mut self, scope: &ScopeKey, kind: Kind, present: &BTreeSet<EcoString>) {
        let gone: Vec<ObjectKey> = self
            .keys_of(scope, kind)
            .filter(|key| !present.contains(&key.name))
            .collect();
        for key in gone {
            self.delete(&key);
        }
        self.heard(scope, kind);
    }

    /// The kind is known not to be installed, so there are no objects of it.
    pub fn not_installed(&mut self, scope: &ScopeKey, kind: Kind) {
        self.heard(scope, kind);
    }

    /// Nobody tells about the scope any more. Its facts stay in force; it is frozen until all its
    /// kinds were heard in full again.
    pub fn freeze(&mut self, scope: &ScopeKey, since: EcoString, why: EcoString) {
        let state = self.facts.scopes.entry(scope.clone()).or_default();
        state.heard.clear();
        state.frozen.get_or_insert(Frozen { since, why });
    }

    /// The scope is told about again, and what is known of it was found to be all there is.
    pub fn thaw(&mut self, scope: &ScopeKey) {
        if let Some(state) = self.facts.scopes.get_mut(scope) {
            state.frozen = None;
        }
    }

    /// Takes a scope out of force until all its kinds were heard: one of them was not asked for
    /// before. What is known of it waits with it.
    pub fn withdraw(&mut self, scope: &ScopeKey) {
        let state = self.facts.scopes.entry(scope.clone()).or_default();
        state.heard.clear();
        if !std::mem::replace(&mut state.published, false) {
            return;
        }
        self.changes.scopes.insert(scope.clone());
        let kinds: Vec<Kind> = kinds_of(scope).collect();
        for key in kinds
            .into_iter()
            .flat_map(|kind| self.keys_of(scope, kind))
            .collect::<Vec<_>>()
        {
            let told = Told {
                uid: self.facts.rejected.get(&key).cloned().unwrap_or_default(),
                entry: self.facts.objects.get(&key).cloned(),
                findings: self
                    .facts
                    .findings_of(&key)
                    .map_or_else(Vec::new, |it| it.to_vec()),
            };
            self.retract(&key);
            self.staged
                .entry(scope.clone())
                .or_default()
                .insert(key, told);
        }
    }

    /// Takes a retained scope into force before anybody told about it: kept facts are knowledge.
    pub fn retain(&mut self, scope: &ScopeKey, since: EcoString) {
        self.publish_scope(scope);
        self.freeze(scope, since, "not heard since the start".into());
    }

    /// Forgets all that is known of a scope, so that it accounts for nothing any more: what stands
    /// for it on a Controller may go. Nothing of it is translated until it is heard in full again.
    pub fn release(&mut self, scope: &ScopeKey) {
        let kinds: Vec<Kind> = kinds_of(scope).collect();
        let keys: Vec<ObjectKey> = kinds
            .into_iter()
            .flat_map(|kind| self.keys_of(scope, kind))
            .collect();
        for key in keys {
            self.delete(&key);
        }
        self.staged.remove(scope);
        let released = ScopeState {
            released: true,
            ..ScopeState::default()
        };
        let former = self.facts.scopes.insert(scope.clone(), released);
        if former.is_none_or(|former| !former.released) {
            self.changes.scopes.insert(scope.clone());
        }
    }

    /// The facts as they stand, with what changed since the last call.
    pub fn snapshot(&mut self) -> Facts {
        let next = self.facts.generation.next();
        let mut changes = std::mem::take(&mut self.changes);
        changes.since = self.facts.generation;
        self.changes.since = next;
        self.facts.generation = next;
        self.facts.changes = Arc::new(changes);
        self.facts.clone()
    }

    /// Whether something changed since the last snapshot.
    pub fn is_dirty(&self) -> bool {
        let Changes {
            objects,
            versions,
            index,
            scopes,
            ..
        } = &self.changes;
        !(objects.is_empty() && versions.is_empty() && index.is_empty() && scopes.is_empty())
    }

    /// Whether anything changed since the last snapshot but objects that are watched by name: these have
    /// nobody ask for more.
    pub fn is_dirty_beside_named(&self) -> bool {
        let Changes {
            objects,
            versions,
            index,
            scopes,
            ..
        } = &self.changes;
        let mut last: Option<(Kind, bool)> = None;
        let mut is_named = |kind: Kind| match last {
            Some((known, is_named)) if known == kind => is_named,
            _ => {
                let is_named = room(kind).is_some_and(|it| it.watch == Watch::ByName);
                last = Some((kind, is_named));
                is_named
            }
        };
        let mut kinds = objects.iter().chain(versions).map(|key| key.kind);
        !(index.is_empty() && scopes.is_empty() && kinds.all(&mut is_named))
    }

    /// The facts as of now, without closing the generation.
    pub fn peek(&self) -> &Facts {
        &self.facts
    }

    /// Every object known of a kind in a scope, published or not.
    pub fn keys_of(&self, scope: &ScopeKey, kind: Kind) -> impl Iterator<Item = ObjectKey> {
        let first = ObjectKey::new(&scope.cluster, kind, scope.namespace.clone(), "");
        let in_scope = {
            let scope = scope.clone();
            move |key: &&ObjectKey| key.kind == kind && key.scope() == scope
        };
        let published = self
            .facts
            .objects
            .range(first.clone()..)
            .map(|(key, _)| key);
        let rejected = self
            .facts
            .rejected
            .range(first..)
            .map(|(key, _)| key)
            .take_while(in_scope.clone());
        let staged = self.staged.get(scope).into_iter().flat_map(BTreeMap::keys);
        let keys: BTreeSet<ObjectKey> = published
            .take_while(in_scope.clone())
            .chain(rejected)
            .chain(staged.filter(in_scope))
            .cloned()
            .collect();
        keys.into_iter()
    }

    /// The version of the object that is in force or waits for its scope.
    pub fn current(&self, key: &ObjectKey) -> Option<&Arc<Entry>> {
        let staged = self
            .staged
            .get(&key.scope())
            .and_then(|staged| staged.get(key));
        staged
            .and_then(|told| told.entry.as_ref())
            .or_else(|| self.facts.objects.get(key))
    }

    fn heard(&mut self, scope: &ScopeKey, kind: Kind) {
        let state = self.facts.scopes.entry(scope.clone()).or_default();
        state.heard.insert(kind);
        if state.is_complete(scope) {
            state.frozen = None;
            if !state.published {
                self.publish_scope(scope);
            }
        }
    }

    /// Keeps an object until its scope is published; an unusable one leaves the last accepted one.
    fn stage(&mut self, scope: ScopeKey, key: ObjectKey, mut told: Told) {
        let staged = self.staged.entry(scope).or_default();
        if told.entry.is_none() {
            told.entry = staged.remove(&key).and_then(|former| former.entry);
        }
        staged.insert(key, told);
    }

    fn publish_scope(&mut self, scope: &ScopeKey) {
        let state: &mut ScopeState = self.facts.scopes.entry(scope.clone()).or_default();
        state.released = false;
        if !std::mem::replace(&mut state.published, true) {
            self.changes.scopes.insert(scope.clone());
        }
        for (key, told) in self.staged.remove(scope).unwrap_or_default() {
            self.publish(&key, told);
        }
    }

    fn publish(&mut self, key: &ObjectKey, told: Told) {
        let Told {
            entry,
            findings,
            uid,
        } = told;
        self.tell(key, findings);
        match entry {
            Some(entry) => self.replace(entry),
            None if self.facts.objects.contains_key(key) => {}
            None => {
                if self.facts.rejected.insert(key.clone(), uid).is_none() {
                    self.changes.objects.insert(key.clone());
                }
            }
        }
    }

    fn tell(&mut self, key: &ObjectKey, findings: Vec<Finding>) {
        let former = if findings.is_empty() {
            self.facts.findings.remove(key)
        } else {
            self.facts.findings.insert(key.clone(), Arc::new(findings))
        };
        if former.as_ref() != self.facts.findings.get(key) {
            self.changes.versions.insert(key.clone());
        }
    }

    fn replace(&mut self, entry: Arc<Entry>) {
        let key = entry.key.clone();
        self.facts.rejected.remove(&key);
        let former = self.facts.objects.get(&key).cloned();
        let unchanged = former
            .as_ref()
            .is_some_and(|former| former.digest == entry.digest && former.created == entry.created);
        if !unchanged {
            if let Some(former) = &former {
                self.unindex(former);
            }
            self.index(&entry);
            self.changes.objects.insert(key.clone());
        }
        if former.is_none_or(|former| former.resource_version != entry.resource_version) {
            self.changes.versions.insert(key.clone());
        }
        self.facts.objects.insert(key, entry);
    }

    fn retract(&mut self, key: &ObjectKey) {
        self.facts.findings.remove(key);
        if self.facts.rejected.remove(key).is_some() {
            self.changes.objects.insert(key.clone());
        }
        if let Some(former) = self.facts.objects.remove(key) {
            self.unindex(&former);
            self.changes.objects.insert(key.clone());
        }
    }

    fn index(&mut self, entry: &Entry) {
        let identity = identity(entry);
        self.facts.digest = self.facts.digest.plus(identity);
        for index in entry.fact.index(&entry.key) {
            let found: &mut Indexed = self.facts.index.entry(index.clone()).or_default();
            if found.keys.insert(entry.key.clone()) {
                found.digest = found.digest.plus(identity);
            }
            self.changes.index.insert(index);
        }
    }

    fn unindex(&mut self, entry: &Entry) {
        let identity = identity(entry);
        self.facts.digest = self.facts.digest.minus(identity);
        for index in entry.fact.index(&entry.key) {
            if let Some(found) = self.facts.index.get_mut(&index) {
                if found.keys.remove(&entry.key) {
                    found.digest = found.digest.minus(identity);
                }
                if found.keys.is_empty() {
                    self.facts.index.remove(&index);
                }
            }
            self.changes.index.insert(index);
        }
    }
}

/// Digest of an object with its key, a member of the digest of the set.
fn identity(entry: &Entry) -> Digest {
    Digest::of_value(&(&entry.key, entry.digest, &entry.created))
}

/// Lets the room read the object. Metadata of a kind watched by name keeps the contents that are
/// known, until the new ones come.
fn read(mut raw: RawObject, former: Option<&Arc<Entry>>) -> Option<Told> {
    let room = room(raw.key.kind)?;
    if raw.key.namespace.as_str().is_empty() != (room.extent == Extent::Cluster) {
        return None;
    }
    let uid = raw.uid.clone();
    strip_nulls(&mut raw.json);
    let Parsed { fact, findings } = Fact::parse(&raw)?;
    let keep = room.watch == Watch::ByName && !raw.contents;
    let fact = match former {
        Some(former) if keep => Some(former.fact.clone()),
        _ => fact,
    };
    let entry = fact.map(|fact| {
        let digest = fact.digest();
        let RawObject {
            key,
            uid,
            resource_version,
            created,
            ..
        } = raw;
        Arc::new(Entry {
            key,
            uid,
            resource_version,
            created,
            fact,
            digest,
        })
    });
    Some(Told {
        entry,
        findings,
        uid,
    })
}

/// A null field is an absent one, as for the apiserver.
fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}
