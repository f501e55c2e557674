//! The objects of one cluster as an apiserver would hold them.

use super::to_come::{finding, kind_to_come};
use crate::manifest::{group, kind, metadata};
use aviary_kinds::{Extent, RawObject, Room, Watch, room_of, rooms_of};
use aviary_store::{Applied, Store};
use aviary_types::{ClusterName, EcoString, Finding, ObjectKey, ScopeKey, eco_format};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Objects by identity, each with the step that created it.
#[derive(Debug, Default, Clone)]
pub struct Objects {
    held: BTreeMap<Identity, Held>,
    /// What changed since the last hand-over.
    changed: BTreeSet<Identity>,
    version: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    group: String,
    kind: String,
    namespace: String,
    name: String,
}

#[derive(Debug, Clone)]
struct Held {
    json: Value,
    created: usize,
    version: u64,
}

impl Identity {
    fn of(object: &Value) -> Self {
        let room = room_of(group(object), kind(object));
        let cluster_wide = room.is_some_and(|room| room.extent == Extent::Cluster);
        let namespace = match metadata(object, "namespace") {
            _ if cluster_wide => "",
            "" => "default",
            namespace => namespace,
        };
        Self {
            group: group(object).to_owned(),
            kind: kind(object).to_owned(),
            namespace: namespace.to_owned(),
            name: metadata(object, "name").to_owned(),
        }
    }

    fn room(&self) -> Option<&'static Room> {
        room_of(&self.group, &self.kind)
    }

    fn key(&self, cluster: &ClusterName, room: &Room) -> ObjectKey {
        ObjectKey::new(
            cluster,
            room.kind,
            self.namespace.as_str(),
            self.name.as_str(),
        )
    }
}

impl Objects {
    /// Lays an object over the one of its name, as a server-side apply of its only manager does:
    /// what is not named any more goes. The status stays as it is.
    pub fn apply(&mut self, object: Value, step: usize) {
        let identity = Identity::of(&object);
        let former = self.held.remove(&identity);
        let created = former.as_ref().map_or(step, |held| held.created);
        let mut json = object;
        if let (Some(former), Some(fields)) = (&former, json.as_object_mut())
            && let Some(status) = former.json.get("status")
        {
            fields.insert("status".to_owned(), status.clone());
        }
        self.put(identity, json, created);
    }

    /// Sets the status of an object that exists.
    pub fn set_status(&mut self, object: &Value) {
        let identity = Identity::of(object);
        let Some(Held {
            mut json, created, ..
        }) = self.held.remove(&identity)
        else {
            return;
        };
        if let (Some(fields), Some(status)) = (json.as_object_mut(), object.get("status")) {
            fields.insert("status".to_owned(), status.clone());
        }
        self.put(identity, json, created);
    }

    /// Removes an object; a Namespace takes all that is in it along.
    pub fn delete(&mut self, object: &Value) {
        let identity = Identity::of(object);
        let is_namespace = identity.kind == "Namespace" && identity.group.is_empty();
        let name = identity.name.clone();
        let gone: Vec<Identity> = self
            .held
            .keys()
            .filter(|held| **held == identity || (is_namespace && held.namespace == name))
            .cloned()
            .collect();
        for identity in gone {
            self.held.remove(&identity);
            self.changed.insert(identity);
        }
    }

    fn put(&mut self, identity: Identity, json: Value, created: usize) {
        self.version += 1;
        self.changed.insert(identity.clone());
        self.held.insert(
            identity,
            Held {
                json,
                created,
                version: self.version,
            },
        );
    }

    /// Tells the store what changed, and that everything was told. Returns what is wrong.
    pub fn hand_over(&mut self, cluster: &ClusterName, store: &mut Store) -> Vec<Finding> {
        let mut findings = Vec::new();
        for identity in std::mem::take(&mut self.changed) {
            let Some(room) = identity.room() else {
                continue;
            };
            let key = identity.key(cluster, room);
            match self.held.get(&identity) {
                None => store.delete(&key),
                Some(held) => {
                    if let Applied::Rejected(found) = store.apply(raw(key, held)) {
                        findings.extend(found);
                    }
                }
            }
        }
        self.complete(cluster, store);
        findings
    }

    /// What is wrong with objects that nobody reads yet.
    pub fn unread(&self, cluster: &ClusterName) -> Vec<Finding> {
        let unread = self.held.keys().filter_map(|identity| {
            let kind = kind_to_come(&identity.group, &identity.kind)?;
            let (namespace, name) = (identity.namespace.as_str(), identity.name.as_str());
            Some(finding(&ObjectKey::new(cluster, kind, namespace, name)))
        });
        unread.collect()
    }

    /// Every object of a kind that has a room, as an agent would tell it.
    pub fn told(&self, cluster: &ClusterName) -> Vec<RawObject> {
        let told = self.held.iter().filter_map(|(identity, held)| {
            let room = identity.room()?;
            Some(raw(identity.key(cluster, room), held))
        });
        told.collect()
    }

    /// Every scope is complete: a folder or scenario is all there is.
    fn complete(&self, cluster: &ClusterName, store: &mut Store) {
        let mut present: BTreeMap<(ScopeKey, &str), BTreeSet<EcoString>> = BTreeMap::new();
        let mut scopes = BTreeSet::from([ScopeKey::cluster_wide(cluster)]);
        for identity in self.held.keys() {
            let namespace = match identity.kind.as_str() {
                "Namespace" if identity.group.is_empty() => identity.name.as_str(),
                _ => identity.namespace.as_str(),
            };
            scopes.insert(ScopeKey {
                cluster: cluster.clone(),
                namespace: namespace.into(),
            });
            let Some(room) = identity.room() else {
                continue;
            };
            let scope = identity.key(cluster, room).scope();
            present
                .entry((scope, room.kind.kind))
                .or_default()
                .insert(identity.name.as_str().into());
        }
        for scope in scopes {
            for room in rooms_of(&scope) {
                let names = present
                    .remove(&(scope.clone(), room.kind.kind))
                    .unwrap_or_default();
                store.complete(&scope, room.kind, &names);
            }
        }
    }
}

fn raw(key: ObjectKey, held: &Held) -> RawObject {
    let mut json = held.json.clone();
    if let Some(data) = json.get("stringData").and_then(Value::as_object).cloned() {
        encode(&mut json, &data);
    }
    RawObject {
        uid: eco_format!("{}", held.created),
        resource_version: eco_format!("{}", held.version),
        // Age is all that matters; the creating step stands for it.
        created: eco_format!("0000-00-00T00:00:{:06}Z", held.created),
        contents: room_of(key.kind.group, key.kind.kind).is_some_and(|r| r.watch == Watch::ByName),
        key,
        json,
    }
}

/// `stringData` of a Secret becomes `data`, as an apiserver has it.
fn encode(json: &mut Value, texts: &serde_json::Map<String, Value>) {
    use base64::Engine;
    let Some(fields) = json.as_object_mut() else {
        return;
    };
    let data = fields.entry("data").or_insert_with(|| json!({}));
    for (name, text) in texts {
        let encoded =
            base64::engine::general_purpose::STANDARD.encode(text.as_str().unwrap_or_default());
        if let Some(data) = data.as_object_mut() {
            data.insert(name.clone(), encoded.into());
        }
    }
}
