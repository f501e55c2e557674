//! The settings of Aviary: AKO's Helm values under AKO's own keys, and a few of Aviary's. Pure:
//! text in, values out.
//!
//! Two levels: [`Raw`] is what was said, a tree by key path; [`Settings`] is what it means. One
//! setting is one entry of its section's file and one line of `all.rs`; readers, the reference
//! page, the chart's schema and the environment reader are made from the entries.

mod address;
mod ako;
mod all;
mod aviary;
mod chart;
mod choice;
mod controller;
mod env;
mod feature_gates;
mod fleet;
mod identity;
mod l4;
mod l7;
mod network;
mod notes;
mod raw;
mod read;
mod reader;
mod reference;
mod resolve;
mod schema;
mod setting;
mod settings;
#[cfg(test)]
mod tests;
mod unknown;

pub use address::{Cidr, NetworkRef};
pub use ako::{AkoSettings, CniPlugin, IpFamily, LogLevel, NamespaceSelector, NamingScheme};
pub use all::settings as registry;
pub use aviary::{
    Adoption, AviarySettings, CrossClusterHosts, DefaultBackend, Drift, DuplicatePaths,
    ServiceSettings, UnusedShards,
};
pub use aviary_types::Scheme;
pub use chart::CHART_KEYS;
pub use controller::ControllerSettings;
pub use env::{EnvRead, from_env, variable};
pub use feature_gates::FeatureGates;
pub use identity::{Coverage, Identity, IdentityRule, Jwks};
pub use l4::{AutoFqdn, L4Settings};
pub use l7::{FqdnReusePolicy, L7Settings, NodePortSelector, ServiceType, ShardSize};
pub use network::{NetworkSettings, NodeNetwork, VipNetwork};
pub use notes::{SettingError, Warning};
pub use raw::{Raw, layer};
pub use reference::reference_markdown;
pub use resolve::{check, parse, parse_in};
pub use schema::values_schema;
pub use setting::{About, Change, Effect, Field, Reach, Shape};
pub use settings::{
    ClusterSettings, ControllerAccess, CredentialFiles, DEFAULT_NAMESPACE, InstanceSettings,
    Parsed, Settings,
};
