//! Names on the stream as ordered values: kinds, objects and lanes.

use std::fmt;

use aviary_proto::sync::v1::{AllNamespaces, ClusterScoped, Lane as LaneMessage, lane};
use aviary_proto::types::v1::{Kind as KindMessage, ObjectKey};
use ecow::EcoString;

/// A Kubernetes kind without its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
}

impl Kind {
    /// The kind of a group.
    pub fn new(group: impl Into<String>, kind: impl Into<String>) -> Self {
        let (group, kind) = (group.into(), kind.into());
        Self { group, kind }
    }

    /// As sent.
    pub fn to_wire(&self) -> KindMessage {
        KindMessage {
            group: self.group.clone(),
            kind: self.kind.clone(),
        }
    }
}

impl From<&KindMessage> for Kind {
    fn from(kind: &KindMessage) -> Self {
        Self::new(&kind.group, &kind.kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            write!(f, "{}", self.kind)
        } else {
            write!(f, "{}.{}", self.kind, self.group)
        }
    }
}

/// An object of a known kind. There is one for each object in several maps of both sides: short texts
/// stand in it, longer ones are shared by its clones.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Namespace; empty for a cluster-scoped object.
    pub namespace: EcoString,
    /// Name.
    pub name: EcoString,
}

impl Name {
    /// The object of a namespace.
    pub fn new(namespace: impl Into<EcoString>, name: impl Into<EcoString>) -> Self {
        let (namespace, name) = (namespace.into(), name.into());
        Self { namespace, name }
    }

    /// As sent.
    pub fn to_wire(&self, kind: &Kind) -> ObjectKey {
        ObjectKey {
            group: kind.group.clone(),
            kind: kind.kind.clone(),
            namespace: self.namespace.to_string(),
            name: self.name.to_string(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}", self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// The kind and name of a key as received.
pub fn split(key: &ObjectKey) -> (Kind, Name) {
    (
        Kind::new(&key.group, &key.kind),
        Name::new(&key.namespace, &key.name),
    )
}

/// Where a lane's objects are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// In one namespace.
    Namespace(String),
    /// In any namespace.
    All,
    /// Cluster-scoped.
    Cluster,
}

impl Extent {
    /// True if objects of this namespace are in the extent; the empty namespace is that of
    /// cluster-scoped objects.
    pub fn contains(&self, namespace: &str) -> bool {
        match self {
            Self::Namespace(own) => own == namespace,
            Self::All => !namespace.is_empty(),
            Self::Cluster => namespace.is_empty(),
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace(namespace) => write!(f, "namespace {namespace}"),
            Self::All => write!(f, "all namespaces"),
            Self::Cluster => write!(f, "the cluster"),
        }
    }
}

/// The unit of listing: one kind in one extent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// The kind.
    pub kind: Kind,
    /// Where.
    pub extent: Extent,
}

impl Lane {
    /// The lane of a kind in an extent.
    pub fn new(kind: Kind, extent: Extent) -> Self {
        Self { kind, extent }
    }

    /// Reads a lane; `None` if its kind or extent is missing.
    pub fn from_wire(lane: Option<&LaneMessage>) -> Option<Self> {
        let lane = lane?;
        let extent = match lane.extent.as_ref()? {
            lane::Extent::Namespace(namespace) => Extent::Namespace(namespace.clone()),
            lane::Extent::AllNamespaces(_) => Extent::All,
            lane::Extent::ClusterScoped(_) => Extent::Cluster,
        };
        Some(Self::new(lane.kind.as_ref()?.into(), extent))
    }

    /// As sent.
    pub fn to_wire(&self) -> LaneMessage {
        let extent = match &self.extent {
            Extent::Namespace(namespace) => lane::Extent::Namespace(namespace.clone()),
            Extent::All => lane::Extent::AllNamespaces(AllNamespaces {}),
            Extent::Cluster => lane::Extent::ClusterScoped(ClusterScoped {}),
        };
        LaneMessage {
            kind: Some(self.kind.to_wire()),
            extent: Some(extent),
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.kind, self.extent)
    }
}
