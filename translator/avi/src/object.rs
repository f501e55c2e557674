//! What each room of an Avi kind must answer.

use crate::common::Marker;
use crate::reference::Ref;
use aviary_types::{EcoString, TenantName};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::fmt::Debug;

/// How an object shows whose it is (design, "exact ownership").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// `created_by` and the marker `clustername`, both equal.
    CreatedBy,
    /// The markers `clustername` and `created_by`, both equal.
    Markers,
    /// The marker `clustername`, and an owned object that refers to it or its name in the journal.
    MarkerAndReferrer,
    /// A shared object: only single entries of it are ours.
    SharedEntries,
}

/// How an existing object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// The whole body is ours: PUT replaces it.
    Replace,
    /// The Controller or others own parts: what it answers is merged with ours, then PUT.
    Merge,
}

/// One kind of Avi object. Implemented once per kind, in its room.
pub trait AviObject: Serialize + DeserializeOwned + PartialEq + Clone + Debug {
    /// REST type, such as `virtualservice`.
    const TYPE: &'static str;
    /// How ownership is shown.
    const OWNERSHIP: Ownership;
    /// How an existing object is written.
    const WRITE: WriteMode = WriteMode::Replace;

    /// Name of the object.
    fn name(&self) -> &EcoString;

    /// Tenant, where the body says it.
    fn tenant_ref(&self) -> Option<&Ref>;

    /// Cloud, for kinds that are unique per cloud.
    fn cloud_ref(&self) -> Option<&Ref> {
        None
    }

    /// Owner, for kinds that have the field.
    fn created_by(&self) -> Option<&EcoString> {
        None
    }

    /// Labels of ownership.
    fn markers(&self) -> &[Marker] {
        &[]
    }

    /// The objects that this one refers to and that a domain may own: they must exist before it
    /// and go after it.
    fn refs(&self) -> Vec<&Ref>;

    /// Whether what the Controller has needs no write. Compares the fields that we send, but for
    /// those that AKO leaves to chance.
    fn same(&self, observed: &Self) -> bool;

    /// Lays our part over what the Controller answered (`WriteMode::Merge` only).
    fn merge(&self, raw: &mut Value) {
        let _ = raw;
    }

    /// A copy with the fields that the Controller answers in its own way taken from what it
    /// answered. Where nothing else differs, both share their texts.
    #[must_use]
    fn as_answered(&self, observed: &Self) -> Self {
        let _ = observed;
        self.clone()
    }

    /// Masks secrets, for whoever reads.
    fn mask(&mut self) {}
}

/// What [`AviObject`] asks and a body keeps in a field of the same name.
macro_rules! answer_from_fields {
    ($($field:ident),+) => { $(crate::object::answer_from_fields!(@ $field);)+ };
    (@ name) => {
        fn name(&self) -> &aviary_types::EcoString {
            &self.name
        }
    };
    (@ tenant_ref) => {
        fn tenant_ref(&self) -> Option<&crate::reference::Ref> {
            self.tenant_ref.as_ref()
        }
    };
    (@ cloud_ref) => {
        fn cloud_ref(&self) -> Option<&crate::reference::Ref> {
            self.cloud_ref.as_ref()
        }
    };
    (@ created_by) => {
        fn created_by(&self) -> Option<&aviary_types::EcoString> {
            self.created_by.as_ref()
        }
    };
    (@ markers) => {
        fn markers(&self) -> &[crate::common::Marker] {
            &self.markers
        }
    };
}
pub(crate) use answer_from_fields;

/// The tenant a body names, or the one it was read in.
pub(crate) fn tenant_of(reference: Option<&Ref>, read_in: &TenantName) -> TenantName {
    match reference {
        Some(reference) if !reference.name.is_empty() => reference.name.clone().into(),
        _ => read_in.clone(),
    }
}
