//! What settings name and a Controller does not bear out.

use crate::version::ApiVersion;
use aviary_avi::Named;
use aviary_types::{EcoString, TenantName};
use std::fmt;

/// A name in the settings that the Controller does not bear out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// There is no such cloud. Nothing else of it could be checked.
    NoCloud(EcoString),
    /// There is no such tenant.
    NoTenant(TenantName),
    /// The cloud has no such VRF.
    NoVrf(EcoString),
    /// The cloud has no such SE group.
    NoSeGroup(EcoString),
    /// The SE group bears this label of another, who has the routes of its Service Engines.
    SeGroupTaken(EcoString, EcoString),
    /// The cloud has no such network.
    NoNetwork(Named),
    /// The cloud has several networks of that name.
    AmbiguousNetwork(EcoString),
    /// Several networks of virtual IPs are named, on a cloud that has an address of one alone.
    SeveralNetworks,
    /// An IPv6 subnet of virtual IPs is named on a cloud without IPv6.
    V6Elsewhere,
    /// The cloud allocates addresses itself, but has no IPAM profile.
    NoIpam(EcoString),
    /// The cloud is an NSX-T overlay, and no tier-1 router is named.
    NoTier1,
    /// A tier-1 router is named on a cloud that has none.
    Tier1Elsewhere(EcoString),
    /// Addresses are to come from a VPC, on a cloud that has none.
    VpcElsewhere,
    /// Addresses are to come from a VPC, and the tier-1 router's path names none.
    NoVpc,
    /// The user may not read this; it stays unknown.
    NotReadable(&'static str),
    /// The Controller is older than any that bodies are written for.
    TooOld(ApiVersion),
}

impl Problem {
    /// Whether settings with it wait until it is solved. Else they can do without, and it is told.
    pub fn is_bar(&self) -> bool {
        !matches!(self, Self::NotReadable(_) | Self::SeGroupTaken(..))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCloud(name) => write!(f, "cloud {name} does not exist on the Controller"),
            Self::NoTenant(name) => write!(f, "tenant {name} does not exist on the Controller"),
            Self::NoVrf(name) => write!(f, "the cloud has no VRF context {name}"),
            Self::NoSeGroup(name) => write!(f, "the cloud has no SE group {name}"),
            Self::SeGroupTaken(name, label) => write!(
                f,
                "SE group {name} bears the label {label} of another: its Service Engines do not \
                 take the routes to the pods of this cluster"
            ),
            Self::NoNetwork(named) => write!(f, "the cloud has no {named}"),
            Self::AmbiguousNetwork(name) => write!(
                f,
                "the cloud has several networks {name}; name one by its uuid"
            ),
            Self::SeveralNetworks => f.write_str(
                "NetworkSettings.vipNetworkList names several networks, and only an AWS cloud has \
                 an address in each",
            ),
            Self::V6Elsewhere => f.write_str(
                "NetworkSettings.vipNetworkList has a v6cidr, and the cloud has no IPv6",
            ),
            Self::NoIpam(name) => write!(f, "cloud {name} has no IPAM profile"),
            Self::NoTier1 => f.write_str("an NSX-T overlay cloud needs NetworkSettings.nsxtT1LR"),
            Self::Tier1Elsewhere(router) => {
                write!(f, "the cloud has no tier-1 routers, and {router} is named")
            }
            Self::VpcElsewhere => {
                f.write_str("AKOSettings.vpcMode is set, and the cloud is not NSX-T")
            }
            Self::NoVpc => f.write_str(
                "AKOSettings.vpcMode needs a NetworkSettings.nsxtT1LR of the form \
                 /orgs/<org>/projects/<project>/vpcs/<vpc>",
            ),
            Self::NotReadable(what) => write!(f, "the user may not read {what}"),
            Self::TooOld(version) => write!(
                f,
                "the Controller speaks {version}; the oldest supported is {}",
                ApiVersion::OLDEST
            ),
        }
    }
}
