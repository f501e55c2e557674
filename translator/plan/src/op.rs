//! The operations of a plan: fully specified, so that whoever executes them has no choice to make.

use aviary_avi::{AviKey, AviKind, Body};
use aviary_types::{DomainId, EcoString, Generation, Provenance};
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// What an operation does to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// POST.
    Create,
    /// PUT (after a GET, for kinds that are merged).
    Update,
    /// DELETE.
    Delete,
}

/// Names an operation: at most one per object and stage is waiting or under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct OpKey {
    /// The object.
    pub object: AviKey,
    /// 0, or more for a later one: what is added goes out first, what is taken away goes out when
    /// everything else has its new place; what is made anew is deleted first. Names that follow
    /// interrupted hosts go one after the other.
    pub stage: u16,
}

/// An operation of an object.
pub(crate) fn stage(object: &AviKey, stage: u16) -> OpKey {
    OpKey {
        object: object.clone(),
        stage,
    }
}

/// The object of another kind that shares the shard's name.
pub(crate) fn sibling(key: &AviKey, kind: AviKind) -> AviKey {
    AviKey {
        kind,
        ..key.clone()
    }
}

/// Why an operation is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It should exist and does not.
    Missing,
    /// It exists in another form.
    Differs,
    /// First of two writes: the old and the new entries together.
    Widen,
    /// It exists, is ours, and nothing asks for it.
    NotWanted,
    /// It must be deleted and made again, for the Controller cannot change it.
    Replace,
}

/// Why traffic of a host is interrupted; the closed list of docs/breaks.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BreakReason {
    /// The Controller refuses another static address on an existing VsVip.
    StaticVipChanged,
    /// One address cannot be in two tenants at once.
    SameAddressNewTenant,
    /// Nor can it be at two virtual services: it comes into a shared VIP, or leaves one.
    SameAddressNewService,
    /// A child virtual service cannot stand below two parents.
    NewParent,
    /// The Controller changes neither VRF nor tier-1 router of what stands.
    RoutingChanged,
}

impl BreakReason {
    /// All of them, by name.
    pub const ALL: [Self; 5] = [
        Self::NewParent,
        Self::RoutingChanged,
        Self::SameAddressNewService,
        Self::SameAddressNewTenant,
        Self::StaticVipChanged,
    ];

    /// Its name in plans and in docs/breaks.md.
    pub fn name(self) -> &'static str {
        match self {
            Self::StaticVipChanged => "static_vip_changed",
            Self::SameAddressNewTenant => "same_address_new_tenant",
            Self::SameAddressNewService => "same_address_new_service",
            Self::NewParent => "new_parent",
            Self::RoutingChanged => "routing_changed",
        }
    }
}

/// One REST operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Which object, which stage.
    pub key: OpKey,
    /// What is done.
    pub method: Method,
    /// Whose object it is: only the writer of this domain may send it.
    pub domain: DomainId,
    /// What is sent; `None` for a delete.
    pub body: Option<Arc<Body>>,
    /// Operations that must have succeeded before, if they are waiting or under way.
    pub after: Vec<OpKey>,
    /// Why.
    pub reason: Reason,
    /// Set where the operation interrupts traffic.
    pub breaks: Option<BreakReason>,
    /// The host that it interrupts, where hosts are interrupted one by one.
    pub whose: Option<EcoString>,
    /// A user's edit, to go before bulk work.
    pub urgent: bool,
    /// The sources of the object.
    pub provenance: Arc<Provenance>,
}

/// The ordered operations between what is and what should be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The facts it was made from.
    pub generation: Generation,
    /// Operations in an order that respects `after`.
    pub ops: Vec<Op>,
    /// What is not done, and what is waited for.
    pub holds: Vec<Hold>,
}

/// An operation that waits for knowledge or approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// The object that is left as it is.
    pub object: AviKey,
    /// What would be done.
    pub method: Method,
    /// What is waited for, in words.
    pub why: EcoString,
}

impl Serialize for Op {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let masked = self.body.as_ref().map(|body| body.masked());
        let mut out = serializer.serialize_struct("Op", 9)?;
        out.serialize_field("type", &self.key.object.kind)?;
        out.serialize_field("tenant", &self.key.object.tenant)?;
        out.serialize_field("name", &self.key.object.name)?;
        out.serialize_field("stage", &self.key.stage)?;
        out.serialize_field("method", &self.method)?;
        out.serialize_field("reason", &self.reason)?;
        out.serialize_field("breaks", &self.breaks.map(BreakReason::name))?;
        out.serialize_field("after", &self.after)?;
        out.serialize_field("body", &masked)?;
        out.end()
    }
}
