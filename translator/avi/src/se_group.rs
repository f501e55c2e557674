//! ServiceEngineGroup: shared; only the label of our cluster is ours.

use crate::common::Label;
use crate::object::{AviObject, Ownership, WriteMode};
use crate::reference::Ref;
use aviary_types::EcoString;
use serde::{Deserialize, Serialize};

/// The part of `/api/serviceenginegroup` that we read and write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceEngineGroup {
    /// Name.
    pub name: EcoString,
    /// Tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_ref: Option<Ref>,
    /// All labels when observed; ours when desired.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
}

impl AviObject for ServiceEngineGroup {
    const TYPE: &'static str = "serviceenginegroup";
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
