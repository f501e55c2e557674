//! What a domain must know of its Controller before it can translate.

use aviary_types::{EcoString, eco_format};
use serde::Serialize;

/// Facts of one cloud on one Controller, as read at the start and refreshed with every full read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// `CLOUD_NONE`, `CLOUD_VCENTER`, …
    pub cloud_type: EcoString,
    /// `OVERLAY` or `VLAN_BACKED` on an NSX-T cloud, else empty.
    pub transport_zone: EcoString,
    /// DNS domains of the cloud, sorted.
    pub dns_domains: Vec<EcoString>,
    /// Default licence tier, which decides the TCP profile of L4 services.
    pub license_tier: EcoString,
    /// uuid of the Controller cluster, written to statuses.
    pub cluster_uuid: EcoString,
    /// Type of the IPAM profile; `IPAMDNS_TYPE_INFOBLOX` and `…_CUSTOM` keep their vips.
    pub ipam_type: EcoString,
    /// The VRF that objects stand in.
    pub vrf: EcoString,
}

impl Inventory {
    /// Whether addresses may be IPv6.
    pub fn knows_v6(&self) -> bool {
        matches!(
            self.cloud_type.as_str(),
            "CLOUD_NONE" | "CLOUD_VCENTER" | "CLOUD_NSXT"
        )
    }

    /// Whether settings may name a VRF. Elsewhere the network or the tier-1 router decides.
    pub fn has_named_vrfs(&self) -> bool {
        matches!(self.cloud_type.as_str(), "CLOUD_NONE" | "CLOUD_VCENTER")
    }

    /// Whether pools say in which networks their nodes are.
    pub fn places_pools(&self) -> bool {
        self.cloud_type == "CLOUD_VCENTER" || self.is_nsxt_vlan()
    }

    /// Whether the cloud is NSX-T with VLANs.
    pub fn is_nsxt_vlan(&self) -> bool {
        self.cloud_type == "CLOUD_NSXT" && self.transport_zone == "VLAN_BACKED"
    }
}

/// What a VIP calls the public addresses of the VPC that a tier-1 router's path names:
/// `/orgs/<org>/projects/<project>/vpcs/<vpc>`.
pub fn vpc_subnet(router: &str) -> Option<EcoString> {
    const SEPARATOR: &str = "_AVISEPARATOR_";
    let parts = router.split('/');
    let mut parts = parts.skip_while(|part| *part != "projects").skip(1);
    let project = parts.next()?;
    let mut parts = parts.skip_while(|part| *part != "vpcs").skip(1);
    let vpc = parts.next()?;
    Some(eco_format!("{project}{SEPARATOR}{vpc}{SEPARATOR}PUBLIC"))
}
