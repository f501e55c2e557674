//! Any interleaving of what is told ends in what a simple model says.

use super::{broken, key, scope, service};
use crate::{Facts, Store};
use aviary_kinds::{Extent, ROOMS, service as services};
use aviary_types::{EcoString, Kind, ObjectKey};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const NAMESPACES: [&str; 3] = ["a", "b", "a-b"];
const NAMES: [&str; 3] = ["x", "y", "b-x"];

#[derive(Debug, Clone)]
enum Step {
    Apply(usize, usize, u16),
    Break(usize, usize),
    Delete(usize, usize),
    /// Every kind of the scope, with what exists in the model.
    Complete(usize),
    /// One kind, by its place, with what exists in the model.
    CompleteKind(usize, usize),
    Freeze(usize),
    Release(usize),
    Snapshot,
}

fn step() -> impl Strategy<Value = Step> {
    let (ns, name) = (0..NAMESPACES.len(), 0..NAMES.len());
    prop_oneof![
        6 => (ns.clone(), name.clone(), 1..4_u16).prop_map(|(n, o, p)| Step::Apply(n, o, p)),
        2 => (ns.clone(), name.clone()).prop_map(|(n, o)| Step::Break(n, o)),
        2 => (ns.clone(), name).prop_map(|(n, o)| Step::Delete(n, o)),
        2 => ns.clone().prop_map(Step::Complete),
        2 => (ns.clone(), 0..8_usize).prop_map(|(n, k)| Step::CompleteKind(n, k)),
        1 => ns.clone().prop_map(Step::Freeze),
        1 => ns.prop_map(Step::Release),
        3 => Just(Step::Snapshot),
    ]
}

/// What should be: per scope, its Services with the last accepted port, and what was heard.
#[derive(Default)]
struct Model {
    told: BTreeMap<(usize, usize), Option<u16>>,
    heard: BTreeMap<usize, BTreeSet<Kind>>,
    published: BTreeSet<usize>,
}

fn kinds() -> Vec<Kind> {
    let rooms = ROOMS
        .iter()
        .filter(|room| room.extent == Extent::Namespaced);
    rooms.map(|room| room.kind).collect()
}

impl Model {
    fn play(&mut self, step: &Step, store: &mut Store) {
        match *step {
            Step::Apply(ns, name, port) => {
                self.told.insert((ns, name), Some(port));
                store.apply(service(NAMESPACES[ns], NAMES[name], port));
            }
            Step::Break(ns, name) => {
                self.told.entry((ns, name)).or_default();
                store.apply(broken(NAMESPACES[ns], NAMES[name]));
            }
            Step::Delete(ns, name) => {
                self.told.remove(&(ns, name));
                store.delete(&key(services::KIND, NAMESPACES[ns], NAMES[name]));
            }
            Step::Complete(ns) => kinds()
                .into_iter()
                .for_each(|kind| self.complete(ns, kind, store)),
            Step::CompleteKind(ns, kind) => {
                if let Some(kind) = kinds().get(kind) {
                    self.complete(ns, *kind, store);
                }
            }
            Step::Freeze(ns) => {
                self.heard.remove(&ns);
                store.freeze(&scope(NAMESPACES[ns]), "t".into(), "why".into());
            }
            Step::Release(ns) => {
                self.told.retain(|(of, _), _| *of != ns);
                self.heard.remove(&ns);
                self.published.remove(&ns);
                store.release(&scope(NAMESPACES[ns]));
            }
            Step::Snapshot => {}
        }
    }

    fn complete(&mut self, ns: usize, kind: Kind, store: &mut Store) {
        let present: BTreeSet<EcoString> = if kind == services::KIND {
            let of = self.told.keys().filter(|(of, _)| *of == ns);
            of.map(|(_, name)| NAMES[*name].into()).collect()
        } else {
            BTreeSet::new()
        };
        store.complete(&scope(NAMESPACES[ns]), kind, &present);
        let heard = self.heard.entry(ns).or_default();
        heard.insert(kind);
        if heard.len() == kinds().len() {
            self.published.insert(ns);
        }
    }

    fn check(&self, facts: &Facts) {
        let of = |(ns, name): (usize, usize)| key(services::KIND, NAMESPACES[ns], NAMES[name]);
        let told = self
            .told
            .iter()
            .filter(|((ns, _), _)| self.published.contains(ns));
        let (good, bad): (Vec<_>, Vec<_>) = told.partition(|(_, port)| port.is_some());
        let good: Vec<(ObjectKey, String)> = good
            .into_iter()
            .map(|(at, port)| (of(*at), port.unwrap().to_string()))
            .collect();
        let mut good = good;
        good.sort();
        let seen: Vec<(ObjectKey, String)> = facts
            .objects()
            .map(|entry| (entry.key.clone(), entry.resource_version.to_string()))
            .collect();
        assert_eq!(seen, good);
        let bad: BTreeSet<ObjectKey> = bad.into_iter().map(|(at, _)| of(*at)).collect();
        assert_eq!(
            facts.rejected().keys().cloned().collect::<BTreeSet<_>>(),
            bad
        );
        for (ns, namespace) in NAMESPACES.iter().enumerate() {
            assert_eq!(
                facts.is_published(&scope(namespace)),
                self.published.contains(&ns)
            );
        }
    }
}

/// What a snapshot shows of each object: what changes are measured by.
fn shown(facts: &Facts) -> BTreeMap<ObjectKey, Option<aviary_types::Digest>> {
    let good = facts
        .objects()
        .map(|entry| (entry.key.clone(), Some(entry.digest)));
    let bad = facts.rejected().keys().map(|key| (key.clone(), None));
    good.chain(bad).collect()
}

fn differing(
    before: &BTreeMap<ObjectKey, Option<aviary_types::Digest>>,
    after: &BTreeMap<ObjectKey, Option<aviary_types::Digest>>,
) -> BTreeSet<ObjectKey> {
    let keys = before.keys().chain(after.keys());
    keys.filter(|key| before.get(*key) != after.get(*key))
        .cloned()
        .collect()
}

proptest! {
    #[test]
    fn every_interleaving_ends_as_the_model(steps in prop::collection::vec(step(), 0..60)) {
        let (mut model, mut store) = (Model::default(), Store::default());
        let mut before = shown(&store.snapshot());
        for step in &steps {
            model.play(step, &mut store);
            model.check(store.peek());
            if matches!(step, Step::Snapshot) {
                let facts = store.snapshot();
                let after = shown(&facts);
                let named = &facts.changes.objects;
                prop_assert!(differing(&before, &after).is_subset(named));
                before = after;
            }
        }
        // The digest is that of the same objects told to a store that knew nothing before.
        let facts = store.snapshot();
        let mut fresh = Store::default();
        for entry in facts.objects() {
            let port = entry.resource_version.parse().unwrap();
            fresh.apply(service(entry.key.namespace.as_str(), &entry.key.name, port));
        }
        for namespace in NAMESPACES {
            fresh.retain(&scope(namespace), "t".into());
        }
        let fresh = fresh.snapshot();
        prop_assert_eq!(fresh.digest, facts.digest);
        // So is that of what is found under each index value.
        prop_assert!(fresh.index_values().eq(facts.index_values()));
        for index in facts.index_values() {
            prop_assert_eq!(fresh.digest_of(index), facts.digest_of(index));
        }
    }

    #[test]
    fn changes_name_exactly_what_changed(steps in prop::collection::vec(step(), 0..60)) {
        let (mut model, mut store) = (Model::default(), Store::default());
        let mut before = store.snapshot();
        for step in &steps {
            model.play(step, &mut store);
            let after = store.snapshot();
            let changed = differing(&shown(&before), &shown(&after));
            match step {
                // Several changes of one object may cancel each other out.
                Step::Complete(_) | Step::CompleteKind(..) | Step::Release(_) => {
                    prop_assert!(changed.is_subset(&after.changes.objects));
                }
                _ => prop_assert_eq!(&changed, &after.changes.objects),
            }
            for (namespace, scope) in NAMESPACES.iter().map(|ns| (ns, scope(ns))) {
                let known = |facts: &Facts| (facts.is_published(&scope), facts.is_known(&scope));
                let named = after.changes.scopes.contains(&scope);
                prop_assert_eq!(known(&before) != known(&after), named, "{}", namespace);
            }
            before = after;
        }
    }
}
