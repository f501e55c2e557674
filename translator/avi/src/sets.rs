//! Desired and observed: sets of Avi objects as immutable values that share what did not change.

use crate::common::IpAddr;
use crate::objects::{AviKey, Body};
use aviary_types::{Digest, DomainId, EcoString, Members, Provenance};
use imbl::OrdMap;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether an object is wanted in itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It must exist.
    Always,
    /// It may stay in this form if it exists (an emptied shard parent); the policy
    /// `unusedShards` decides.
    IfObserved,
}

/// One Avi object that should exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredObject {
    /// What it is.
    pub key: AviKey,
    /// Whose it is.
    pub domain: DomainId,
    /// Its body as sent.
    pub body: Arc<Body>,
    /// Digest of the body.
    pub digest: Digest,
    /// Where it comes from.
    pub provenance: Arc<Provenance>,
    /// Whether it must exist.
    pub presence: Presence,
}

/// All Avi objects that should exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// By key.
    pub objects: OrdMap<AviKey, Arc<DesiredObject>>,
    /// Digest of the set.
    pub digest: Digest,
}

impl Desired {
    /// Puts an object in, or in the place of its former form.
    pub fn insert(&mut self, object: Arc<DesiredObject>) {
        self.digest = self.digest.plus(object.digest);
        if let Some(former) = self.objects.insert(object.key.clone(), object) {
            self.digest = self.digest.minus(former.digest);
        }
    }

    /// Takes an object out.
    pub fn remove(&mut self, key: &AviKey) -> Option<Arc<DesiredObject>> {
        let former = self.objects.remove(key)?;
        self.digest = self.digest.minus(former.digest);
        Some(former)
    }
}

/// One Avi object that the Controller has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedObject {
    /// What it is.
    pub key: AviKey,
    /// The Controller's id.
    pub uuid: EcoString,
    /// The Controller's stamp of the last change, sent back with a PUT.
    pub last_modified: EcoString,
    /// The fields that we know.
    pub body: Arc<Body>,
    /// Everything it answered, kept for kinds that are merged.
    pub raw: Option<Arc<Value>>,
}

/// The owned and shared Avi objects that the Controller has.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// By key.
    pub objects: OrdMap<AviKey, Arc<ObservedObject>>,
    /// Who refers to an object, as far as kinds with a room do.
    referrers: OrdMap<AviKey, Members<AviKey>>,
    /// The objects whose markers name a host.
    hosts: OrdMap<EcoString, Members<AviKey>>,
    /// The VsVips that have an address.
    addresses: OrdMap<EcoString, Members<AviKey>>,
}

impl Observed {
    /// Puts an object in, or in the place of its former form.
    pub fn insert(&mut self, object: impl Into<Arc<ObservedObject>>) {
        let object = object.into();
        let key = object.key.clone();
        self.remove(&key);
        for host in object.body.sources().hosts() {
            let objects = self.hosts.entry(host.clone()).or_default();
            objects.insert(key.clone());
        }
        for target in object.targets() {
            self.referrers
                .entry(target)
                .or_default()
                .insert(key.clone());
        }
        for address in addresses(&object.body) {
            let objects = self.addresses.entry(address).or_default();
            objects.insert(key.clone());
        }
        self.objects.insert(key, object);
    }

    /// Takes in what was read elsewhere: the newer form of an object counts.
    pub fn extend(&mut self, other: Self) {
        if self.objects.is_empty() {
            *self = other;
            return;
        }
        for (_, object) in other.objects {
            self.insert(object);
        }
    }

    /// Keeps one copy of what bodies have in common with the desired ones: those of these objects, or
    /// all.
    pub fn share_bodies(&mut self, desired: &Desired, keys: Option<&BTreeSet<AviKey>>) {
        let some = keys.into_iter().flatten();
        let some = some.filter_map(|key| desired.objects.get(key));
        let all = desired.objects.values().filter(|_| keys.is_none());
        for desired in some.chain(all) {
            let key = &desired.key;
            let Some(object) = self.objects.get(key) else {
                continue;
            };
            let body = Body::sharing(&desired.body, &object.body);
            if !Arc::ptr_eq(&body, &object.body)
                && let Some(object) = self.objects.get_mut(key)
            {
                Arc::make_mut(object).body = body;
            }
        }
    }

    /// Takes an object out.
    pub fn remove(&mut self, key: &AviKey) {
        let Some(former) = self.objects.remove(key) else {
            return;
        };
        for host in former.body.sources().hosts() {
            take(&mut self.hosts, host, key);
        }
        for target in former.targets() {
            take(&mut self.referrers, &target, key);
        }
        for address in addresses(&former.body) {
            take(&mut self.addresses, &address, key);
        }
    }

    /// The objects that stand for a host, by their markers, in any tenant.
    pub fn of_host(&self, host: &str) -> impl Iterator<Item = &AviKey> {
        self.hosts.get(host).into_iter().flat_map(Members::iter)
    }

    /// The VsVips that have this address, in any tenant and any part of the network.
    pub fn of_address(&self, address: &IpAddr) -> impl Iterator<Item = &AviKey> {
        let keys = self.addresses.get(&address.canonical());
        keys.into_iter().flat_map(Members::iter)
    }

    /// The objects that refer to this one.
    pub fn referrers(&self, key: &AviKey) -> impl Iterator<Item = &AviKey> {
        self.referrers.get(key).into_iter().flat_map(Members::iter)
    }
}

fn addresses(body: &Body) -> Vec<EcoString> {
    match body {
        Body::VsVip(vip) => vip.addresses().map(IpAddr::canonical).collect(),
        _ => Vec::new(),
    }
}

/// Takes an object out of an index.
fn take<K: Ord + Clone>(index: &mut OrdMap<K, Members<AviKey>>, under: &K, key: &AviKey) {
    if let Some(keys) = index.get_mut(under) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(under);
        }
    }
}

impl ObservedObject {
    /// The objects that it refers to, as far as they are of kinds with a room.
    pub fn targets(&self) -> impl Iterator<Item = AviKey> {
        self.body
            .refs()
            .into_iter()
            .filter_map(|reference| self.key.target(reference))
    }
}

/// What may not be concluded from absence. Whoever builds the desired objects answers; whoever
/// compares asks (invariant 1).
pub trait Knowledge {
    /// Whether nothing may be concluded about the domain at all.
    fn holds_domain(&self, domain: &DomainId) -> bool;

    /// Whether nothing may be concluded about objects of this namespace.
    fn holds_namespace(&self, domain: &DomainId, namespace: &str) -> bool;

    /// Whether the host waits for something that was not heard.
    fn holds_host(&self, domain: &DomainId, host: &str) -> bool;

    /// Whether the source that markers name (`IngressName`, `ServiceName`, `GatewayName` of a shared
    /// VIP) exists, but what it means is not known.
    fn holds_source(&self, domain: &DomainId, namespace: &str, marker: &str, name: &str) -> bool;
}
