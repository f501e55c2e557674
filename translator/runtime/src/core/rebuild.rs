//! Facts to desired objects, for every Controller.

use super::Core;
use super::site::Site;
use crate::hub::Hub;
use crate::trace::{self, Changes};
use aviary_boot::trace::Context;
use aviary_graph::Built;
use aviary_kinds::{RawObject, avi_infra_setting};
use aviary_link::translator::Named;
use aviary_store::{Facts, Store};
use aviary_types::{ClusterName, Kind, Namespace, ObjectKey};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

impl Core {
    /// Translates what changed, until nothing more is wanted.
    pub(super) fn translate(&mut self, now: Instant) {
        let is_due = self.rebuild || self.wants.told || self.store.is_dirty();
        self.news |= is_due;
        if !is_due || self.may_wait(now) {
            return;
        }
        (self.rebuild, self.wants.told) = (false, false);
        let changes = self.causes.take_fresh();
        let span = trace::build(&changes);
        let _entered = span.enter();
        let done = (Context::of(&span), changes);
        loop {
            let facts = self.store.snapshot();
            self.build(&facts, &done);
            self.look_for_names(&facts);
            self.follow_wants();
            if !self.store.is_dirty() || self.may_wait(now) {
                return;
            }
        }
    }

    /// Whether it is soon enough to translate what waits once plans may be made: that nobody plans
    /// before agents have told of what is asked for by name, and nothing but that waits. At a start it
    /// comes bit by bit, and each bit would have hosts translated anew, and their shards joined.
    fn may_wait(&self, now: Instant) -> bool {
        if self.rebuild || self.store.is_dirty_beside_named() {
            return false;
        }
        let mut sites = self.sites.iter().filter(|site| !site.closed).peekable();
        sites.peek().is_some() && sites.all(|site| !site.open && self.is_held_up(site, now))
    }

    /// Has names looked for on the Controllers that objects give; of an AviInfraSetting that changed
    /// also those that were not there.
    fn look_for_names(&mut self, facts: &Facts) {
        let mut changed = facts.changes.objects.iter();
        let is_edited = changed.any(|key| key.kind == avi_infra_setting::KIND);
        for site in &mut self.sites {
            let names = if is_edited {
                site.lane.unfound()
            } else {
                site.lane.unnamed()
            };
            site.look_up(names);
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
            report_faults(&site.name, site.lane.built(), facts);
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

/// Faults of ours are caught where they happen, and told to those who run the program.
fn report_faults(controller: &str, built: &Built, facts: &Facts) {
    if built.faults > 0 {
        tracing::error!(
            controller,
            units = built.faults,
            "translation failed by a fault of Aviary's own: what was before stays, see AVY-1701"
        );
    }
    if built.facts.generation != facts.generation {
        tracing::error!(
            controller,
            generation = facts.generation.0,
            "translation failed by a fault of Aviary's own: the last good state stays"
        );
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
    /// Agents came or went, or objects did: all that is wanted is looked at again.
    stirred: bool,
    /// Some of it was answered since the last translation.
    told: bool,
}

impl Core {
    /// Asks for what is wanted now, and for what is not any more no longer.
    fn follow_wants(&mut self) {
        let sites = self.sites.iter_mut();
        let turned: BTreeSet<ObjectKey> = sites.flat_map(|it| it.lane.take_turned()).collect();
        let (wanted, unwanted): (Vec<_>, Vec<_>) = turned
            .into_iter()
            .partition(|key| self.sites.iter().any(|site| site.lane.wants(key)));
        let (hub, store) = (&mut self.hub, &mut self.store);
        self.wants.turn(&wanted, &unwanted, hub, store);
        if std::mem::take(&mut self.wants.stirred) {
            self.wants.look_at_all(hub, store);
        }
    }
}

impl Wants {
    /// Whether an agent is about to answer.
    pub(super) fn are_open(&self, hub: &Hub) -> bool {
        self.open
            .iter()
            .any(|key| hub.speaker(&key.scope()).is_some())
    }

    /// Agents came or went, or what they told did.
    pub(super) fn stir(&mut self) {
        self.stirred = true;
    }

    /// An agent told about an object, or that it is not there.
    pub(super) fn answered(&mut self, key: &ObjectKey) {
        self.told = true;
        self.open.remove(key);
    }

    fn turn(
        &mut self,
        wanted: &[ObjectKey],
        unwanted: &[ObjectKey],
        hub: &mut Hub,
        store: &mut Store,
    ) {
        let mut changed = BTreeSet::new();
        for key in unwanted {
            let place = place_of(key);
            let Some(keys) = self.places.get_mut(&place) else {
                continue;
            };
            keys.remove(key);
            store.delete(key);
            self.open.remove(key);
            changed.insert(place);
        }
        for key in wanted {
            let place = place_of(key);
            let keys = self.places.entry(place.clone()).or_default();
            keys.insert(key.clone());
            changed.insert(place);
        }
        for place in changed {
            let keys = self.places.get(&place).cloned().unwrap_or_default();
            ask(hub, &place, &keys);
            if keys.is_empty() {
                self.places.remove(&place);
            }
        }
        for key in wanted {
            look_at(key, &mut self.open, hub, store);
        }
    }

    fn look_at_all(&mut self, hub: &Hub, store: &mut Store) {
        self.open.retain(|key| hub.named(key) == Named::Unknown);
        for key in self.places.values().flatten() {
            look_at(key, &mut self.open, hub, store);
        }
    }
}

/// Until the answer comes a wanted object counts as one that exists and was not heard, never as one
/// that is missing.
fn look_at(key: &ObjectKey, open: &mut BTreeSet<ObjectKey>, hub: &Hub, store: &mut Store) {
    let named = hub.named(key);
    if named == Named::Unknown {
        open.insert(key.clone());
    }
    if store.current(key).is_none() && named != Named::Absent {
        store.apply(unheard(key));
    }
}

fn place_of(key: &ObjectKey) -> Place {
    (key.cluster.clone(), key.kind, key.namespace.clone())
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
