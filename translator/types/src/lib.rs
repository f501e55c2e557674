//! The words below all others: ids, keys, findings, provenance, digests. No logic but their checks.

mod digest;
mod domain;
mod finding;
mod key;
mod members;
mod name;
mod provenance;
mod scheme;
mod secret;

pub use digest::{Digest, Digester};
pub use domain::DomainId;
pub use ecow::{EcoString, EcoVec, eco_format};
pub use finding::{Code, Finding, Severity};
pub use key::{Kind, KindNames, ObjectKey, ScopeKey, order_alike};
pub use members::Members;
pub use name::{AVI_NAME_LIMIT, ClusterName, Host, Namespace, ServiceName, TenantName};
pub use provenance::{
    Bound, Cite, Explained, FieldPath, Origin, Place, Provenance, Resolver, Role, Row, Step, Table,
    number, row,
};
pub use scheme::Scheme;
pub use secret::Secret;

/// The number of a state of the facts; grows by one with every applied change.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Generation(pub u64);

impl Generation {
    /// The generation after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
