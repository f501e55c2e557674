//! Where objects hang: the virtual services with an address that they serve.

use aviary_avi::names::shard_of_name;
use aviary_avi::{AviKey, Body, Observed};
use aviary_types::EcoString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Longest chain of references from a pool up to the parent of the virtual service that has it.
const DEPTH: usize = 6;

/// A virtual service with an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The AviInfraSetting that it is named after.
    pub(crate) setting: Option<EcoString>,
    pub(crate) name: EcoString,
}

/// The places of what a Controller has; what was found is remembered.
pub(crate) struct Places<'a> {
    observed: &'a Observed,
    found: BTreeMap<AviKey, Arc<BTreeSet<Place>>>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(observed: &'a Observed) -> Self {
        Self {
            observed,
            found: BTreeMap::new(),
        }
    }

    /// Where an object hangs; nowhere, if nothing refers to it.
    pub(crate) fn of(&mut self, key: &AviKey) -> Arc<BTreeSet<Place>> {
        self.up(key, DEPTH)
    }

    fn up(&mut self, key: &AviKey, depth: usize) -> Arc<BTreeSet<Place>> {
        if let Some(found) = self.found.get(key) {
            return found.clone();
        }
        let mut found = BTreeSet::new();
        if let Some(next) = depth.checked_sub(1) {
            if let Some(place) = self.place(key) {
                found.insert(place);
            } else {
                for referrer in self.above(key) {
                    found.extend(self.up(&referrer, next).iter().cloned());
                }
            }
        }
        let found = Arc::new(found);
        self.found.insert(key.clone(), found.clone());
        found
    }

    /// The place that the object is, if it is one.
    fn place(&self, key: &AviKey) -> Option<Place> {
        let object = self.observed.objects.get(key)?;
        let Body::VirtualService(service) = &*object.body else {
            return None;
        };
        let marked = || object.body.sources().infra_setting().cloned();
        service.vh_parent_vs_ref.is_none().then(|| Place {
            setting: match shard_of_name(&key.name) {
                Some((named, _)) => named.map(EcoString::from),
                None => marked(),
            },
            name: key.name.clone(),
        })
    }

    /// What is one step nearer to an address: the parent of a child, or whatever refers to it.
    fn above(&self, key: &AviKey) -> Vec<AviKey> {
        let object = self.observed.objects.get(key);
        if let Some(Body::VirtualService(service)) = object.map(|object| &*object.body) {
            let parent = service.vh_parent_vs_ref.as_ref();
            return parent.and_then(|it| key.target(it)).into_iter().collect();
        }
        self.observed.referrers(key).cloned().collect()
    }
}
