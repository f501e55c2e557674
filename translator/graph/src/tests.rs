//! What is kept equals what is built anew, names are nobody's twice, work is by what changed.

mod arrival;
mod claims;
mod clouds;
mod counts;
mod faults;
mod infra;
mod known;
mod loss;
mod modes;
mod names;
mod properties;
mod stay;
mod to_go;
mod world;

use crate::{Builder, Built};
use aviary_avi::{AviKey, AviKind};
use aviary_kinds::Env;
use aviary_types::{DomainId, EcoString};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use world::World;

type Envs = BTreeMap<DomainId, Arc<Env>>;

/// Builds a world from nothing.
fn fresh(world: &World, envs: &Envs) -> Built {
    Builder::default().build(&world.facts(), envs)
}

/// Every name of a kind.
fn names(built: &Built, kind: AviKind) -> Vec<EcoString> {
    let keys = built.desired.objects.keys().filter(|key| key.kind == kind);
    keys.map(|key| key.name.clone()).collect()
}

/// What must hold of every result.
fn check_sound(built: &Built) {
    let objects = &built.desired.objects;
    for object in objects.values() {
        assert!(!object.key.name.is_empty() && object.key.name.len() <= 255);
        for reference in object.body.refs() {
            let target = object.key.target(reference);
            assert!(
                target.is_none_or(|key| objects.contains_key(&key)),
                "{} refers to {reference:?}, which is nowhere",
                object.key
            );
        }
    }
    let units = built.units.values().flat_map(|parts| &parts.objects);
    let units = units.filter(|object| !object.key.kind.is_shared());
    let mut seen = BTreeSet::new();
    for object in units {
        assert!(
            seen.insert(object.key.clone()),
            "{} is made by two units",
            object.key
        );
        assert_eq!(objects.get(&object.key), Some(object));
    }
    let digest = objects
        .values()
        .fold(aviary_types::Digest::default(), |sum, object| {
            sum.plus(object.digest)
        });
    assert_eq!(digest, built.desired.digest);
}

/// Everything that whoever uses a result can see is equal.
fn check_equal(kept: &Built, fresh: &Built) {
    let keys = |built: &Built| -> Vec<AviKey> { built.desired.objects.keys().cloned().collect() };
    assert_eq!(keys(kept), keys(fresh));
    for (kept, fresh) in kept
        .desired
        .objects
        .values()
        .zip(fresh.desired.objects.values())
    {
        assert_eq!(kept, fresh);
    }
    assert_eq!(kept.desired.digest, fresh.desired.digest);
    assert_eq!(kept.findings(), fresh.findings());
    assert_eq!(kept.unknown.unheard(), fresh.unknown.unheard());
    assert_eq!(kept.unknown.namespaces, fresh.unknown.namespaces);
    assert!(kept.sources().eq(fresh.sources()));
    assert!(kept.shard_map().eq(fresh.shard_map()));
    for source in fresh.sources() {
        assert_eq!(kept.serves_of(source), fresh.serves_of(source));
        assert_eq!(kept.findings_of(source), fresh.findings_of(source));
    }
}
