//! What a domain must know of its Controller before it can translate.

use aviary_types::EcoString;
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
    /// The VRF that objects stand in when no setting names one.
    pub vrf: EcoString,
}
