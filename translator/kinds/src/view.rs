//! The read-only window through which an effect sees the facts. Nothing else may be read, so that
//! the recorded reads of an effect tell when it must be evaluated again.

use crate::env::Env;
use crate::rooms::Fact;
use aviary_avi::{Named, Standing};
use aviary_types::{ClusterName, Digest, EcoString, Namespace, ObjectKey, order_alike};
use std::cmp::Ordering;
use std::sync::Arc;

/// A parsed object with what orders it among others.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is.
    pub key: ObjectKey,
    /// Kubernetes' uid.
    pub uid: EcoString,
    /// Kubernetes' version of it.
    pub resource_version: EcoString,
    /// RFC 3339 time of creation.
    pub created: EcoString,
    /// The object as translation sees it.
    pub fact: Fact,
    /// Digest of what an effect can see of it.
    pub digest: Digest,
}

impl Entry {
    /// What decides between two claims: the older object, then the smaller key.
    pub fn seniority(&self) -> (&EcoString, &ObjectKey) {
        (&self.created, &self.key)
    }
}

/// A value under which facts can be looked up. Rooms name the indexes; the store fills them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey {
    /// The cluster.
    pub cluster: ClusterName,
    /// Which index.
    pub index: &'static str,
    /// The value.
    pub value: EcoString,
}

impl Ord for IndexKey {
    fn cmp(&self, other: &Self) -> Ordering {
        order_alike(self.cluster.as_str(), other.cluster.as_str())
            .then_with(|| order_alike(self.index, other.index))
            .then_with(|| self.value.cmp(&other.value))
    }
}

impl PartialOrd for IndexKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl IndexKey {
    /// A key of an index.
    pub fn new(cluster: &ClusterName, index: &'static str, value: impl Into<EcoString>) -> Self {
        Self {
            cluster: cluster.clone(),
            index,
            value: value.into(),
        }
    }
}

/// What an effect may read. Every call is recorded, misses included.
pub trait View {
    /// The domain's settings and what its Controller is. Constant for a domain; a change
    /// evaluates all of the domain anew.
    fn env(&self) -> &Env;

    /// One object.
    fn get(&self, key: &ObjectKey) -> Option<Arc<Entry>>;

    /// All objects under an index value, in order of their keys.
    fn lookup(&self, index: IndexKey) -> Vec<Arc<Entry>>;

    /// Whether absence in a namespace of the domain's cluster is knowledge: it was heard in full,
    /// or does not exist. To be asked where an object of another namespace is not found.
    fn is_heard(&self, namespace: &Namespace) -> bool;

    /// All objects under the one of these values that has the fewest; none without values. For
    /// conditions that must all hold, so that each value alone would do.
    fn narrowest(&self, indexes: Vec<IndexKey>) -> Vec<Arc<Entry>> {
        let found = indexes.into_iter().map(|index| self.lookup(index));
        found.min_by_key(Vec::len).unwrap_or_default()
    }

    /// What the Controller has under a name; `None` where nobody looked yet. Asking makes somebody
    /// look.
    fn standing(&self, named: &Named) -> Option<Standing>;
}
