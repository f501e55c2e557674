//! Objects that several units have in common: of what clusters share, each asks for entries of its
//! own, and one object has them all; of what a domain's hosts share, all ask for the same.

use crate::parts::Parts;
use crate::unit::UnitKey;
use aviary_avi::{AviKey, Body, DesiredObject};
use aviary_types::{Digest, number};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who asks for entries of which object.
#[derive(Debug, Default)]
pub(crate) struct Commons(BTreeMap<AviKey, BTreeMap<UnitKey, Arc<DesiredObject>>>);

impl Commons {
    /// Puts what a unit asks for in the place of what it asked for before. Answers what to join.
    pub(crate) fn replace(
        &mut self,
        unit: &UnitKey,
        former: &Parts,
        parts: &Parts,
    ) -> BTreeSet<AviKey> {
        let mut changed = BTreeSet::new();
        let kept: BTreeMap<&AviKey, &Arc<DesiredObject>> =
            common(parts).map(|object| (&object.key, object)).collect();
        let is_kept = |object: &&Arc<DesiredObject>| {
            let kept = kept.get(&object.key);
            kept.is_some_and(|kept| Arc::ptr_eq(kept, object) || ***kept == ***object)
        };
        for object in common(former).filter(|object| !is_kept(object)) {
            if let Some(units) = self.0.get_mut(&object.key) {
                units.remove(unit);
                if units.is_empty() {
                    self.0.remove(&object.key);
                }
            }
            changed.insert(object.key.clone());
        }
        for object in common(parts) {
            let units = self.0.entry(object.key.clone()).or_default();
            let had = units.insert(unit.clone(), object.clone());
            if had.is_none_or(|had| *had != **object) {
                changed.insert(object.key.clone());
            }
        }
        changed
    }

    /// The object with everybody's entries. What only one can have, the first domain that
    /// asks for it has.
    pub(crate) fn join(&self, key: &AviKey) -> Option<Arc<DesiredObject>> {
        let mut objects = self.0.get(key)?.values();
        let first = objects.next()?;
        if !key.kind.is_shared() {
            // Everybody asks for the same.
            return Some(first.clone());
        }
        Some(objects.fold(first.clone(), |joined, object| with(&joined, object)))
    }
}

fn common(parts: &Parts) -> impl Iterator<Item = &Arc<DesiredObject>> {
    let objects = parts.objects.iter();
    let shared = objects.filter(|object| object.key.kind.is_shared());
    shared.chain(&parts.common)
}

fn with(joined: &Arc<DesiredObject>, other: &DesiredObject) -> Arc<DesiredObject> {
    let (routes, more) = match (&*joined.body, &*other.body) {
        (Body::VrfContext(routes), Body::VrfContext(more)) => (routes, more),
        // One of several instances needs the label.
        (Body::ServiceEngineGroup(none), Body::ServiceEngineGroup(label))
            if none.labels.is_empty() && !label.labels.is_empty() =>
        {
            return Arc::new(other.clone());
        }
        _ => return joined.clone(),
    };
    let mut body = routes.clone();
    body.join(more);
    let body = Body::VrfContext(body);
    let mut provenance = (*joined.provenance).clone();
    provenance.join(&other.provenance, number(routes.static_routes.len()));
    Arc::new(DesiredObject {
        digest: Digest::of_value(&(&joined.key, &body)),
        body: Arc::new(body),
        provenance: Arc::new(provenance),
        ..(**joined).clone()
    })
}
