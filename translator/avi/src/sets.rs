//! Desired and observed: sets of Avi objects as immutable values that share what did not change.

use crate::objects::{AviKey, Body};
use aviary_types::{Digest, DomainId, EcoString, Provenance};
use imbl::OrdMap;
use serde_json::Value;
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
#[derive(Debug, Clone)]
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
}

impl Observed {
    /// Puts an object in, or in the place of its former form.
    pub fn insert(&mut self, object: ObservedObject) {
        self.objects.insert(object.key.clone(), Arc::new(object));
    }

    /// Takes an object out.
    pub fn remove(&mut self, key: &AviKey) {
        self.objects.remove(key);
    }
}
