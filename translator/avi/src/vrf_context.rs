//! VrfContext: shared; only the static routes with our cluster's label are ours.

use crate::common::{IpAddr, Label, Subnet};
use crate::object::{AviObject, Ownership, WriteMode};
use crate::reference::Ref;
use aviary_types::EcoString;
use serde::{Deserialize, Serialize};

/// The part of `/api/vrfcontext` that we read and write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VrfContext {
    /// Name.
    pub name: EcoString,
    /// Tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_ref: Option<Ref>,
    /// All routes when observed; ours when desired.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub static_routes: Vec<StaticRoute>,
}

impl AviObject for VrfContext {
    const TYPE: &'static str = "vrfcontext";
    const OWNERSHIP: Ownership = Ownership::SharedEntries;
    const WRITE: WriteMode = WriteMode::Merge;

    fn name(&self) -> &EcoString {
        &self.name
    }

    fn tenant_ref(&self) -> Option<&Ref> {
        self.tenant_ref.as_ref()
    }

    fn cloud_ref(&self) -> Option<&Ref> {
        self.cloud_ref.as_ref()
    }

    fn refs(&self) -> Vec<&Ref> {
        Vec::new()
    }

    fn same(&self, observed: &Self) -> bool {
        self == observed
    }
}

/// One static route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StaticRoute {
    /// `<cluster>-<unique>-<index>`
    pub route_id: EcoString,
    /// Pod network.
    pub prefix: Subnet,
    /// Node.
    pub next_hop: IpAddr,
    /// Owner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
}
