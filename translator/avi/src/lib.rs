//! One room per Avi object kind: its body in wire form, what it refers to, when two bodies are the
//! same, and whose an object is. Pure.

pub mod census;
pub mod checksum;
pub mod common;
mod compare;
mod difference;
pub mod ds_set;
mod explain;
pub mod go_json;
pub mod hash;
pub mod http_policy_set;
pub mod inventory;
pub mod l4_policy_set;
pub mod metadata;
pub mod names;
mod object;
mod objects;
pub mod ownership;
pub mod pool;
pub mod pool_group;
pub mod reference;
#[cfg(test)]
mod samples;
pub mod se_group;
mod sets;
pub mod ssl_cert;
#[cfg(test)]
mod tests;
pub mod virtual_service;
pub mod vrf_context;
pub mod vs_vip;

pub use census::{Census, Manner, Named, Standing};
pub use common::Marker;
pub use difference::Difference;
pub use explain::Field;
pub use inventory::Inventory;
pub use metadata::ServiceMetadata;
pub use names::{Names, PathSource, PortSource};
pub use object::{AviObject, Ownership, WriteMode};
pub use objects::{AviKey, AviKind, Body};
pub use ownership::{Owned, Sources};
pub use reference::Ref;
pub use sets::{Desired, DesiredObject, Knowledge, Observed, ObservedObject, Presence};
