//! Keys of Kubernetes objects and of the scopes that are complete or not.

use crate::{ClusterName, Namespace};
use ecow::EcoString;
use serde::Serialize;
use std::cmp::Ordering;
use std::fmt;

/// Texts up to this long are compared in place.
const SHORT: usize = 16;

/// Orders texts that are mostly the same: names of clusters, namespaces, tenants. Maps compare them in
/// front of every name, so that most of a look-up would go by in finding them equal.
pub fn order_alike(a: &str, b: &str) -> Ordering {
    let alike = || std::ptr::eq(a.as_ptr(), b.as_ptr());
    let short = || a.len() <= SHORT && a.bytes().eq(b.bytes());
    if a.len() == b.len() && (alike() || short()) {
        Ordering::Equal
    } else {
        a.cmp(b)
    }
}

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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
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

impl Ord for ObjectKey {
    fn cmp(&self, other: &Self) -> Ordering {
        order_alike(self.cluster.as_str(), other.cluster.as_str())
            .then_with(|| self.kind.cmp(&other.kind))
            .then_with(|| order_alike(self.namespace.as_str(), other.namespace.as_str()))
            .then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for ObjectKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
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

#[cfg(test)]
mod tests {
    use super::{Kind, ObjectKey, order_alike};

    #[test]
    fn keys_are_ordered_by_their_parts_in_turn() {
        let kind = |group, kind| Kind { group, kind };
        let keys = [
            ("a", kind("", "Secret"), "n", "x"),
            ("a", kind("", "Service"), "m", "z"),
            ("a", kind("", "Service"), "n", ""),
            (
                "a",
                kind("", "Service"),
                "n",
                "a name longer than what is kept in place",
            ),
            ("a", kind("", "Service"), "n", "x"),
            ("a", kind("", "Service"), "n0", "a"),
            ("a", kind("networking.k8s.io", "Ingress"), "", "a"),
            ("b", kind("", "Secret"), "n", "x"),
            ("b0", kind("", "Secret"), "n", "x"),
        ];
        let keys = keys.map(|(cluster, kind, namespace, name)| {
            ObjectKey::new(&cluster.into(), kind, namespace, name)
        });
        assert!(keys.is_sorted_by(|a, b| a < b));
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(
                keys.iter().position(|other| other.cmp(key).is_eq()),
                Some(at)
            );
        }
    }

    #[test]
    fn alike_is_ordered_as_any_text() {
        let texts = [
            "",
            "a",
            "aa",
            "ab",
            "b",
            "a text that is not short",
            "a text that is not shorl",
        ];
        for a in texts {
            for b in texts {
                let elsewhere = String::from(b);
                assert_eq!(order_alike(a, &elsewhere), a.cmp(b));
                assert_eq!(order_alike(a, b), a.cmp(b));
            }
        }
    }
}
