//! The registry of Kubernetes kinds: one line per room, sorted.

use crate::room::{Extent, Parsed, RawObject, Room};
use crate::status::{Report, Reported, Wish};
use crate::view::{IndexKey, View};
use aviary_types::{Digest, Finding, Kind, ObjectKey, ScopeKey};

/// One Kubernetes kind. Implemented once per kind, in its room.
pub trait KindRoom: Sized {
    /// What the rest of the system needs to know of the kind.
    const ROOM: Room;

    /// Bytes to fact; never fails, never panics.
    fn parse(object: &RawObject) -> Parsed<Self>;

    /// Where the object can be found.
    fn index(&self, key: &ObjectKey) -> Vec<IndexKey>;

    /// Digest of what effects can see.
    fn digest(&self) -> Digest;

    /// Whether the view's domain answers for the object, so that its status is ours to write.
    fn is_ours(&self, view: &dyn View, key: &ObjectKey) -> bool {
        let _ = (view, key);
        false
    }

    /// What we wrote to the object, for kinds whose status we write.
    fn reported(&self) -> Option<&Reported> {
        None
    }

    /// The writes that tell the user of an object that was never accepted, and of which nothing is
    /// known but what is wrong with it.
    fn refuse(findings: &[Finding]) -> Vec<Wish> {
        let _ = findings;
        Vec::new()
    }

    /// The writes that tell the object's user what became of it.
    fn project(&self, report: &Report) -> Vec<Wish> {
        let _ = report;
        Vec::new()
    }
}

macro_rules! rooms {
    ($($kind:ident => $room:ident,)*) => {
        /// A parsed object of a kind that has a room. Each has the size of its own kind: there are many
        /// slices, and few of what is large.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Fact {
            $(#[doc = concat!("See [`crate::", stringify!($room), "`].")] $kind(Box<crate::$room::$kind>),)*
        }

        /// All rooms, sorted by kind.
        pub const ROOMS: &[Room] = &[$(crate::$room::$kind::ROOM,)*];

        impl Fact {
            /// Lets the room of the object's kind read it; `None` where the kind has no room.
            pub fn parse(object: &RawObject) -> Option<Parsed<Fact>> {
                let kind = object.key.kind;
                $(if kind == crate::$room::$kind::ROOM.kind {
                    let Parsed { fact, findings } = crate::$room::$kind::parse(object);
                    return Some(Parsed { fact: fact.map(Box::new).map(Fact::$kind), findings });
                })*
                None
            }

            /// The writes that tell the user of an object that was never accepted.
            pub fn refuse(kind: Kind, findings: &[Finding]) -> Vec<Wish> {
                $(if kind == crate::$room::$kind::ROOM.kind {
                    return crate::$room::$kind::refuse(findings);
                })*
                Vec::new()
            }

            /// Where the object can be found.
            pub fn index(&self, key: &ObjectKey) -> Vec<IndexKey> {
                match self { $(Fact::$kind(fact) => fact.index(key),)* }
            }

            /// Digest of what effects can see.
            pub fn digest(&self) -> Digest {
                match self { $(Fact::$kind(fact) => fact.digest(),)* }
            }

            /// Whether the view's domain answers for the object.
            pub fn is_ours(&self, view: &dyn View, key: &ObjectKey) -> bool {
                match self { $(Fact::$kind(fact) => fact.is_ours(view, key),)* }
            }

            /// What we wrote to the object, for kinds whose status we write.
            pub fn reported(&self) -> Option<&Reported> {
                match self { $(Fact::$kind(fact) => fact.reported(),)* }
            }

            /// The writes that tell the object's user what became of it.
            pub fn project(&self, report: &Report) -> Vec<Wish> {
                match self { $(Fact::$kind(fact) => fact.project(report),)* }
            }
        }

        $(impl<'a> TryFrom<&'a Fact> for &'a crate::$room::$kind {
            type Error = ();

            fn try_from(fact: &'a Fact) -> Result<Self, ()> {
                match fact {
                    Fact::$kind(fact) => Ok(fact),
                    _ => Err(()),
                }
            }
        })*
    };
}

rooms! {
    AviInfraSetting => avi_infra_setting,
    BlockAffinity => block_affinity,
    CiliumNode => cilium_node,
    EndpointSlice => endpoint_slice,
    HostSubnet => host_subnet,
    Ingress => ingress,
    IngressClass => ingress_class,
    Namespace => namespace,
    Node => node,
    Pod => pod,
    Secret => secret,
    Service => service,
}

/// The room of a kind, by group and kind as they come over the wire.
pub fn room_of(group: &str, kind: &str) -> Option<&'static Room> {
    ROOMS
        .iter()
        .find(|room| room.kind.group == group && room.kind.kind == kind)
}

/// The room of a kind.
pub fn room(kind: Kind) -> Option<&'static Room> {
    room_of(kind.group, kind.kind)
}

/// The rooms of the kinds that a scope consists of.
pub fn rooms_of(scope: &ScopeKey) -> impl Iterator<Item = &'static Room> + use<> {
    let extent = if scope.is_cluster_wide() {
        Extent::Cluster
    } else {
        Extent::Namespaced
    };
    ROOMS.iter().filter(move |room| room.extent == extent)
}
