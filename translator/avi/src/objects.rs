//! The registry of Avi kinds: one line per room, sorted.

use crate::common::Marker;
use crate::object::{AviObject, Ownership, WriteMode, tenant_of};
use crate::reference::Ref;
use aviary_types::{EcoString, TenantName, order_alike};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

macro_rules! objects {
    ($($kind:ident => $room:ident,)*) => {
        /// A kind of Avi object that has a room.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AviKind {
            $(#[doc = concat!("See [`crate::", stringify!($room), "`].")] $kind,)*
        }

        /// The body of one Avi object. Each has the size of its own kind: the largest needs four
        /// times what most of them do.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Body {
            $(
                #[doc = concat!("See [`crate::", stringify!($room), "`].")]
                $kind(Box<crate::$room::$kind>),
            )*
        }

        impl AviKind {
            /// All kinds, sorted.
            pub const ALL: &'static [AviKind] = &[$(AviKind::$kind,)*];

            /// REST type, such as `virtualservice`.
            pub fn path(self) -> &'static str {
                match self { $(AviKind::$kind => crate::$room::$kind::TYPE,)* }
            }

            /// How ownership is shown.
            pub fn ownership(self) -> Ownership {
                match self { $(AviKind::$kind => crate::$room::$kind::OWNERSHIP,)* }
            }

            /// How an existing object is written.
            pub fn write_mode(self) -> WriteMode {
                match self { $(AviKind::$kind => crate::$room::$kind::WRITE,)* }
            }

            /// Reads a body as the Controller answers it.
            ///
            /// # Errors
            /// When a field that we know has another type than it should.
            pub fn read(self, value: &Value) -> Result<Body, serde_json::Error> {
                Ok(match self {
                    $(AviKind::$kind => Body::$kind(serde::Deserialize::deserialize(value)?),)*
                })
            }
        }

        impl Body {
            /// Its kind.
            pub fn kind(&self) -> AviKind {
                match self { $(Body::$kind(_) => AviKind::$kind,)* }
            }

            /// Its name.
            pub fn name(&self) -> &EcoString {
                match self { $(Body::$kind(body) => body.name(),)* }
            }

            /// Its tenant, where the body says it.
            pub fn tenant_ref(&self) -> Option<&Ref> {
                match self { $(Body::$kind(body) => body.tenant_ref(),)* }
            }

            /// Its cloud, for kinds that are unique per cloud.
            pub fn cloud_ref(&self) -> Option<&Ref> {
                match self { $(Body::$kind(body) => body.cloud_ref(),)* }
            }

            /// Its owner, for kinds that have the field.
            pub fn created_by(&self) -> Option<&EcoString> {
                match self { $(Body::$kind(body) => body.created_by(),)* }
            }

            /// Its labels of ownership.
            pub fn markers(&self) -> &[Marker] {
                match self { $(Body::$kind(body) => body.markers(),)* }
            }

            /// What it refers to and a domain may own.
            pub fn refs(&self) -> Vec<&Ref> {
                match self { $(Body::$kind(body) => body.refs(),)* }
            }

            /// Whether what the Controller has needs no write.
            pub fn same(&self, observed: &Body) -> bool {
                match (self, observed) {
                    $((Body::$kind(desired), Body::$kind(observed)) => desired.same(observed),)*
                    _ => false,
                }
            }

            /// Lays our part over what the Controller answered.
            pub fn merge(&self, raw: &mut Value) {
                match self { $(Body::$kind(body) => body.merge(raw),)* }
            }

            /// This body with what the Controller answers of it otherwise, if that is all that
            /// differs from what it answered.
            fn as_answered(&self, observed: &Body) -> Option<Body> {
                match (self, observed) {
                    $((Body::$kind(desired), Body::$kind(observed)) => {
                        let alike = desired.as_answered(observed);
                        (alike == **observed).then(|| alike.into())
                    })*
                    _ => None,
                }
            }

            /// A copy without secrets, for whoever reads.
            #[must_use]
            pub fn masked(&self) -> Body {
                let mut copy = self.clone();
                match &mut copy { $(Body::$kind(body) => body.mask(),)* }
                copy
            }
        }

        impl Serialize for Body {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Body::$kind(body) => body.serialize(serializer),)* }
            }
        }

        $(impl From<crate::$room::$kind> for Body {
            fn from(body: crate::$room::$kind) -> Self {
                Body::$kind(Box::new(body))
            }
        })*
    };
}

objects! {
    HttpPolicySet => http_policy_set,
    L4PolicySet => l4_policy_set,
    Pool => pool,
    PoolGroup => pool_group,
    ServiceEngineGroup => se_group,
    SslKeyAndCertificate => ssl_cert,
    VirtualService => virtual_service,
    VrfContext => vrf_context,
    VsDataScriptSet => ds_set,
    VsVip => vs_vip,
}

impl Body {
    /// What the Controller answered, sharing as much with the body that was sent as is the same to
    /// the letter: all of it, or at least the texts.
    pub fn sharing(sent: &Arc<Self>, answered: &Arc<Self>) -> Arc<Self> {
        if Arc::ptr_eq(sent, answered) || sent == answered {
            return sent.clone();
        }
        let alike = sent.as_answered(answered);
        alike.map_or_else(|| answered.clone(), Arc::new)
    }
}

impl AviKind {
    /// The kind of a REST type.
    pub fn of_path(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.path() == path)
    }

    /// Whether single entries of the object are ours, never the whole.
    pub fn is_shared(self) -> bool {
        self.ownership() == Ownership::SharedEntries
    }
}

impl fmt::Display for AviKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

impl Serialize for AviKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.path())
    }
}

/// What makes an Avi object unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct AviKey {
    /// Its kind.
    pub kind: AviKind,
    /// Its tenant.
    pub tenant: TenantName,
    /// Its cloud, for kinds that several clouds have by the same name; else empty.
    pub cloud: EcoString,
    /// Its name.
    pub name: EcoString,
}

impl Ord for AviKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.kind
            .cmp(&other.kind)
            .then_with(|| order_alike(self.tenant.as_str(), other.tenant.as_str()))
            .then_with(|| order_alike(&self.cloud, &other.cloud))
            .then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for AviKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl AviKey {
    /// The key of a body that stands (or shall stand) in this tenant.
    pub fn of(body: &Body, tenant: &TenantName) -> Self {
        Self {
            kind: body.kind(),
            tenant: tenant_of(body.tenant_ref(), tenant),
            cloud: match body.cloud_ref() {
                Some(cloud) if body.kind().has_cloud() => cloud.name.clone(),
                _ => EcoString::new(),
            },
            name: body.name().clone(),
        }
    }

    /// The key that a reference of this object means, if it means a kind that has a room.
    pub fn target(&self, reference: &Ref) -> Option<Self> {
        let kind = AviKind::of_path(&reference.kind)?;
        let cloud = if kind.has_cloud() {
            self.cloud.clone()
        } else {
            EcoString::new()
        };
        (!reference.name.is_empty()).then(|| Self {
            kind,
            tenant: self.tenant.clone(),
            cloud,
            name: reference.name.clone(),
        })
    }
}

impl AviKind {
    /// Whether the cloud is part of the key. VRFs and SE groups have the same names in every
    /// cloud; the names of owned objects begin with their cluster, and a cluster has one cloud.
    pub fn has_cloud(self) -> bool {
        self.is_shared()
    }
}

impl fmt::Display for AviKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.tenant, self.name)
    }
}
