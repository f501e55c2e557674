//! Keys of Kubernetes objects and of the scopes that are complete or not.

use crate::{ClusterName, Namespace};
use ecow::EcoString;
use serde::{Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;

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

/// The names of a Kubernetes kind.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct KindNames {
    /// API group without version; empty for the core group.
    pub group: &'static str,
    /// Kind in CamelCase.
    pub kind: &'static str,
}

/// A Kubernetes kind that has a room, made by [`kind!`](crate::kind). Keys are compared all the
/// time, and mostly with keys of their own kind: its one place tells that without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(&'static KindNames);

/// A [`Kind`] of these names: `kind!("networking.k8s.io", "Ingress")`. The group is empty for the
/// core group.
#[macro_export]
macro_rules! kind {
    ($group:expr, $kind:expr) => {{
        static NAMES: $crate::KindNames = $crate::KindNames {
            group: $group,
            kind: $kind,
        };
        $crate::Kind::of(&NAMES)
    }};
}

impl Kind {
    /// The kind of these names.
    pub const fn of(names: &'static KindNames) -> Self {
        Self(names)
    }
}

impl Deref for Kind {
    type Target = KindNames;

    fn deref(&self) -> &KindNames {
        self.0
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Ord for Kind {
    /// By group, then by kind.
    fn cmp(&self, other: &Self) -> Ordering {
        if std::ptr::eq(self.0, other.0) {
            return Ordering::Equal;
        }
        self.0.cmp(other.0)
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
    use super::{ObjectKey, order_alike};

    #[test]
    fn keys_are_ordered_by_their_parts_in_turn() {
        let (secret, service) = (kind!("", "Secret"), kind!("", "Service"));
        let keys = [
            ("a", secret, "n", "x"),
            ("a", service, "m", "z"),
            ("a", service, "n", ""),
            (
                "a",
                service,
                "n",
                "a name longer than what is kept in place",
            ),
            ("a", service, "n", "x"),
            ("a", service, "n0", "a"),
            ("a", kind!("networking.k8s.io", "Ingress"), "", "a"),
            ("b", secret, "n", "x"),
            ("b0", secret, "n", "x"),
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
