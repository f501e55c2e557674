//! Facts to desired objects, for every Controller.

use super::Core;
use super::site::Site;
use crate::hub::Hub;
use crate::trace::{self, Changes};
use aviary_boot::trace::Context;
use aviary_kinds::RawObject;
use aviary_link::translator::Named;
use aviary_store::{Facts, Store};
use aviary_types::{ClusterName, Kind, Namespace, ObjectKey};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

impl Core {
    /// Translates what changed, until nothing more is wanted.
    pub(super) fn translate(&mut self) {
        let mut again = std::mem::take(&mut self.rebuild) || self.store.is_dirty();
        self.news |= again;
        if !again {
            return;
        }
        let changes = self.causes.take_fresh();
        let span = trace::build(&changes);
        let _entered = span.enter();
        let done = (Context::of(&span), changes);
        while again {
            let facts = self.store.snapshot();
            self.build(&facts, &done);
            let wanted = self
                .sites
                .iter()
                .flat_map(|site| site.lane.wanted().cloned())
                .collect();
            self.wants.update(wanted, &mut self.hub, &mut self.store);
            again = self.store.is_dirty();
        }
    }

    /// Changes are under way until every Controller has what they ask for.
    pub(super) fn forget_causes(&mut self) {
        if self.causes.is_empty() || self.wants.are_open(&self.hub) {
            return;
        }
        let is_over = |site: &Site| site.is_settled() && site.parked.is_empty();
        if self.sites.iter().all(is_over) {
            self.causes.clear();
            self.sites.iter_mut().for_each(|site| site.diff = None);
        }
    }

    fn build(&mut self, facts: &Facts, (traced, changes): &(Option<Context>, Changes)) {
        for site in &mut self.sites {
            let counts = site.lane.build(facts).counts;
            tracing::debug!(controller = %site.name, generation = facts.generation.0, ?counts, "translated");
            if site.changed() {
                site.due.add(traced.as_ref(), changes);
            }
            let causes = &self.causes;
            let telling = |key: &ObjectKey| causes.telling(key, traced.as_ref());
            self.statuses
                .touch(site.lane.built().touched.iter(), telling);
        }
    }
}

/// A place where objects are asked for by name.
type Place = (ClusterName, Kind, Namespace);

/// Objects whose contents are wanted by name.
#[derive(Default)]
pub(super) struct Wants {
    places: BTreeMap<Place, BTreeSet<ObjectKey>>,
    /// What was asked for and not answered.
    open: BTreeSet<ObjectKey>,
}

impl Wants {
    /// Whether an agent is about to answer.
    pub(super) fn are_open(&mut self, hub: &Hub) -> bool {
        self.open.retain(|key| hub.named(key) == Named::Unknown);
        self.open
            .iter()
            .any(|key| hub.speaker(&key.scope()).is_some())
    }

    /// Asks for what is wanted now. Until the answer comes the object counts as one that exists and
    /// was not heard, never as one that is missing; what is wanted no more is forgotten.
    fn update(&mut self, wanted: BTreeSet<ObjectKey>, hub: &mut Hub, store: &mut Store) {
        let mut places: BTreeMap<Place, BTreeSet<ObjectKey>> = BTreeMap::new();
        for key in wanted {
            let place = (key.cluster.clone(), key.kind, key.namespace.clone());
            places.entry(place).or_default().insert(key);
        }
        let former = std::mem::take(&mut self.places);
        for (place, keys) in &former {
            let now = places.get(place);
            for key in keys
                .iter()
                .filter(|key| now.is_none_or(|now| !now.contains(*key)))
            {
                store.delete(key);
                self.open.remove(key);
            }
            if now.is_none() {
                ask(hub, place, &BTreeSet::new());
            }
        }
        for (place, keys) in &places {
            if former.get(place) != Some(keys) {
                ask(hub, place, keys);
            }
            self.open.extend(
                keys.iter()
                    .filter(|it| hub.named(it) == Named::Unknown)
                    .cloned(),
            );
            for key in keys {
                if store.current(key).is_none() && hub.named(key) != Named::Absent {
                    store.apply(unheard(key));
                }
            }
        }
        self.places = places;
    }
}

fn ask(hub: &mut Hub, (cluster, kind, namespace): &Place, keys: &BTreeSet<ObjectKey>) {
    let names = keys.iter().map(|key| key.name.to_string()).collect();
    hub.want(
        &ObjectKey::new(cluster, *kind, namespace.clone(), ""),
        &names,
    );
}

/// An object of which nothing is known but that somebody names it.
fn unheard(key: &ObjectKey) -> RawObject {
    RawObject {
        key: key.clone(),
        uid: "".into(),
        resource_version: "".into(),
        created: "".into(),
        json: Value::Null,
        contents: false,
    }
}
