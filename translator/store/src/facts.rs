//! An immutable state of the facts. Clones share everything.

use crate::scope::ScopeState;
use aviary_kinds::{Entry, IndexKey};
use aviary_types::{Digest, EcoString, Finding, Generation, Members, ObjectKey, ScopeKey};
use imbl::OrdMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// All published facts of one generation.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Which state this is.
    pub generation: Generation,
    /// What differs from an earlier state.
    pub changes: Arc<Changes>,
    /// Digest of all objects.
    pub digest: Digest,
    pub(crate) objects: OrdMap<ObjectKey, Arc<Entry>>,
    pub(crate) index: OrdMap<IndexKey, Indexed>,
    pub(crate) scopes: OrdMap<ScopeKey, ScopeState>,
    pub(crate) findings: OrdMap<ObjectKey, Arc<Vec<Finding>>>,
    /// With Kubernetes' uid.
    pub(crate) rejected: OrdMap<ObjectKey, EcoString>,
}

/// What is found under an index value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Indexed {
    pub(crate) keys: Members<ObjectKey>,
    /// Of the objects with their keys, as that of the whole is.
    pub(crate) digest: Digest,
}

/// What changed since an earlier generation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The generation that the changes start from.
    pub since: Generation,
    /// Objects that came, went or changed.
    pub objects: BTreeSet<ObjectKey>,
    /// Objects that have a new version or other findings, whatever that means.
    pub versions: BTreeSet<ObjectKey>,
    /// Index values under which something came, went or changed.
    pub index: BTreeSet<IndexKey>,
    /// Scopes that were published or forgotten.
    pub scopes: BTreeSet<ScopeKey>,
}

impl Facts {
    /// One object.
    pub fn get(&self, key: &ObjectKey) -> Option<&Arc<Entry>> {
        self.objects.get(key)
    }

    /// All objects, by key.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.objects.values()
    }

    /// All objects under an index value, by key.
    pub fn lookup(&self, index: &IndexKey) -> Vec<Arc<Entry>> {
        let keys = self.index.get(index).into_iter();
        keys.flat_map(|it| it.keys.iter())
            .filter_map(|key| self.objects.get(key))
            .cloned()
            .collect()
    }

    /// How many objects there are under an index value.
    pub fn count(&self, index: &IndexKey) -> usize {
        self.index.get(index).map_or(0, |it| it.keys.len())
    }

    /// Digest of all objects under an index value, whatever their number is; none without any.
    pub fn digest_of(&self, index: &IndexKey) -> Digest {
        self.index
            .get(index)
            .map_or_else(Digest::default, |it| it.digest)
    }

    /// Every value of the index, as far as something is found there.
    pub fn index_values(&self) -> impl Iterator<Item = &IndexKey> {
        self.index.keys()
    }

    /// What is known of a scope.
    pub fn scope(&self, scope: &ScopeKey) -> Option<&ScopeState> {
        self.scopes.get(scope)
    }

    /// All scopes that were ever heard of.
    pub fn scopes(&self) -> impl Iterator<Item = (&ScopeKey, &ScopeState)> {
        self.scopes.iter()
    }

    /// Whether absence in the scope is knowledge: it was heard in full, or given up.
    pub fn is_known(&self, scope: &ScopeKey) -> bool {
        self.scopes
            .get(scope)
            .is_some_and(|state| state.published || state.released)
    }

    /// Whether the scope takes part in translation.
    pub fn is_published(&self, scope: &ScopeKey) -> bool {
        self.scopes.get(scope).is_some_and(|state| state.published)
    }

    /// Findings of reading the objects, by object.
    pub fn findings(&self) -> impl Iterator<Item = (&ObjectKey, &Arc<Vec<Finding>>)> {
        self.findings.iter()
    }

    /// Findings of reading one object.
    pub fn findings_of(&self, key: &ObjectKey) -> Option<&Arc<Vec<Finding>>> {
        self.findings.get(key)
    }

    /// Objects that exist but were never accepted, with their uids: what they mean is not known.
    pub fn rejected(&self) -> &OrdMap<ObjectKey, EcoString> {
        &self.rejected
    }
}
