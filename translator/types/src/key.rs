//! Keys of Kubernetes objects and of the scopes that are complete or not.

use crate::{ClusterName, Namespace};
use ecow::EcoString;
use serde::Serialize;
use std::cmp::Ordering;
use std::fmt;

/// A Kubernetes kind that has a room. `group` is empty for the core group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Kind {
    /// API group without version.
    pub group: &'static str,
    /// Kind in CamelCase.
    pub kind: &'static str,
}

impl Ord for Kind {
    /// By group, then by kind. Keys are compared all the time, and mostly with keys of their own
    /// kind: the same constant is found equal without reading it.
    fn cmp(&self, other: &Self) -> Ordering {
        let is_same = std::ptr::eq(self.group, other.group) && std::ptr::eq(self.kind, other.kind);
        if is_same {
            return Ordering::Equal;
        }
        (self.group, self.kind).cmp(&(other.group, other.kind))
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

/// One Kubernetes object of one cluster. The namespace of a cluster-scoped object is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectKey {
    /// The cluster it stands in.
    pub cluster: ClusterName,
    /// Its kind.
    pub kind: Kind,
    /// Its namespace, empty for cluster-scoped kinds.
    pub namespace: Namespace,
    /// Its name.
    pub name: EcoString,
}

impl ObjectKey {
    /// A key from its parts.
    pub fn new(
        cluster: &ClusterName,
        kind: Kind,
        namespace: impl Into<Namespace>,
        name: impl Into<EcoString>,
    ) -> Self {
        Self {
            cluster: cluster.clone(),
            kind,
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// `namespace/name`, the form of AKO's metadata.
    pub fn namespaced_name(&self) -> EcoString {
        ecow::eco_format!("{}/{}", self.namespace, self.name)
    }

    /// The scope whose completeness decides about this object.
    pub fn scope(&self) -> ScopeKey {
        ScopeKey {
            cluster: self.cluster.clone(),
            namespace: self.namespace.clone(),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.as_str().is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// The unit of completeness: one namespace of a cluster, or its cluster-wide kinds (empty namespace).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ScopeKey {
    /// The cluster.
    pub cluster: ClusterName,
    /// The namespace; empty for the cluster-wide scope.
    pub namespace: Namespace,
}

impl ScopeKey {
    /// The scope of the cluster-wide kinds.
    pub fn cluster_wide(cluster: &ClusterName) -> Self {
        Self {
            cluster: cluster.clone(),
            namespace: Namespace::default(),
        }
    }

    /// Whether this is the scope of the cluster-wide kinds.
    pub fn is_cluster_wide(&self) -> bool {
        self.namespace.as_str().is_empty()
    }
}

impl fmt::Display for ScopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_cluster_wide() {
            write!(f, "{} (cluster-wide)", self.cluster)
        } else {
            write!(f, "{}/{}", self.cluster, self.namespace)
        }
    }
}
