//! What the objects of a domain were when it was left, so that it shows whether others changed them
//! since. What was being written then may end in either way.

use aviary_avi::{AviKey, Observed, ObservedObject, Owned};
use aviary_types::{Digest, DomainId, EcoString, eco_format};
use std::collections::BTreeSet;

/// Most objects under way of which a mark is worth its length.
const UNDER_WAY_MAX: usize = 1_000;

/// Names the objects of a domain as they stand; empty where nobody can tell.
pub(crate) fn mark(
    observed: Option<&Observed>,
    domain: &DomainId,
    under_way: BTreeSet<&AviKey>,
) -> EcoString {
    let observed = observed.filter(|_| under_way.len() <= UNDER_WAY_MAX);
    observed.map_or_else(EcoString::new, |observed| {
        let under_way: BTreeSet<EcoString> = under_way
            .into_iter()
            .map(|key| eco_format!("{key}"))
            .collect();
        let digest = digest(observed, domain, &under_way);
        let lines: Vec<EcoString> = [digest].into_iter().chain(under_way).collect();
        lines.join("\n").into()
    })
}

/// Whether the objects of a domain stand as a mark names them.
pub(crate) fn is_as_left(mark: &str, observed: &Observed, domain: &DomainId) -> bool {
    let mut lines = mark.lines();
    let known = lines.next();
    let under_way: BTreeSet<EcoString> = lines.map(EcoString::from).collect();
    known == Some(&*digest(observed, domain, &under_way))
}

/// By uuids and stamps, as the Controller gives them with each write.
fn digest(observed: &Observed, domain: &DomainId, apart: &BTreeSet<EcoString>) -> EcoString {
    let objects = observed.objects.values();
    let owned = objects.filter(|object| object.body.owner(domain) == Owned::Yes);
    let mut stamps = BTreeSet::new();
    for object in owned {
        stamps.insert(stamp(object));
        // What does not show whose it is shows it by who refers to it.
        let targets = object.targets();
        let targets = targets.filter_map(|key| observed.objects.get(&key));
        let unmarked = targets.filter(|it| it.body.owner(domain) == Owned::IfReferred);
        stamps.extend(unmarked.map(|it| stamp(it)));
    }
    stamps.retain(|(key, ..)| !apart.contains(key));
    eco_format!("{}", Digest::of_value(&stamps))
}

fn stamp(object: &ObservedObject) -> (EcoString, &str, &str) {
    let key = eco_format!("{}", object.key);
    (key, &object.uuid, &object.last_modified)
}
