//! VSDataScriptSet: the script that picks a pool of the shared group by host and path.

use crate::common::Marker;
use crate::object::{AviObject, Ownership};
use crate::reference::Ref;
use aviary_types::EcoString;
use serde::{Deserialize, Serialize};

/// Body of `/api/vsdatascriptset`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VsDataScriptSet {
    /// Name.
    pub name: EcoString,
    /// The owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<EcoString>,
    /// Tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// The scripts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub datascript: Vec<DataScript>,
    /// Groups that the scripts may pick.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pool_group_refs: Vec<Ref>,
    /// Labels of ownership.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
}

impl AviObject for VsDataScriptSet {
    const TYPE: &'static str = "vsdatascriptset";
    const OWNERSHIP: Ownership = Ownership::CreatedBy;

    fn name(&self) -> &EcoString {
        &self.name
    }

    fn tenant_ref(&self) -> Option<&Ref> {
        self.tenant_ref.as_ref()
    }

    fn created_by(&self) -> Option<&EcoString> {
        self.created_by.as_ref()
    }

    fn markers(&self) -> &[Marker] {
        &self.markers
    }

    fn refs(&self) -> Vec<&Ref> {
        self.pool_group_refs.iter().collect()
    }

    fn same(&self, observed: &Self) -> bool {
        self == observed
    }
}

/// One script.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataScript {
    /// Event that runs it.
    pub evt: EcoString,
    /// Its text.
    pub script: EcoString,
}
