//! Objects that several units have in common: of what clusters share, each asks for entries of its
//! own, and one object has them all; of what a domain's hosts share, all ask for the same.

use crate::parts::Parts;
use crate::unit::UnitKey;
use aviary_avi::se_group::ServiceEngineGroup;
use aviary_avi::{AviKey, AviKind, Body, DesiredObject};
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
        match key.kind {
            AviKind::ServiceEngineGroup => group_of(objects),
            kind if kind.is_shared() => {
                let first = objects.next()?.clone();
                Some(objects.fold(first, |joined, object| with(&joined, object)))
            }
            // Everybody asks for the same.
            _ => objects.next().cloned(),
        }
    }
}

fn common(parts: &Parts) -> impl Iterator<Item = &Arc<DesiredObject>> {
    let objects = parts.objects.iter();
    let shared = objects.filter(|object| object.key.kind.is_shared());
    shared.chain(&parts.common)
}

fn with(joined: &Arc<DesiredObject>, other: &DesiredObject) -> Arc<DesiredObject> {
    let (Body::VrfContext(routes), Body::VrfContext(more)) = (&*joined.body, &*other.body) else {
        return joined.clone();
    };
    let mut body = routes.clone();
    body.join(more);
    let mut provenance = (*joined.provenance).clone();
    provenance.join(&other.provenance, number(routes.static_routes.len()));
    let joined = DesiredObject {
        provenance: Arc::new(provenance),
        ..(**joined).clone()
    };
    Arc::new(of_body(joined, Body::VrfContext(body)))
}

/// The group with the label of the first that wants one, and without those that nobody wants.
fn group_of<'a>(
    objects: impl Iterator<Item = &'a Arc<DesiredObject>> + Clone,
) -> Option<Arc<DesiredObject>> {
    let joined = ServiceEngineGroup::joined(objects.clone().filter_map(|it| group(it)));
    let mut objects = objects.filter(|it| group(it).is_some_and(|it| it.labels == joined.labels));
    let first = objects.next()?;
    if group(first) == Some(&joined) {
        return Some(first.clone());
    }
    let first = DesiredObject::clone(first);
    Some(Arc::new(of_body(first, joined.into())))
}

fn group(object: &DesiredObject) -> Option<&ServiceEngineGroup> {
    match &*object.body {
        Body::ServiceEngineGroup(group) => Some(group),
        _ => None,
    }
}

fn of_body(object: DesiredObject, body: Body) -> DesiredObject {
    DesiredObject {
        digest: Digest::of_value(&(&object.key, &body)),
        body: Arc::new(body),
        ..object
    }
}
