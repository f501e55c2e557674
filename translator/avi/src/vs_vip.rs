//! VsVip: the address and the DNS names of a virtual service.

use crate::common::{IpAddr, Marker, Subnet};
use crate::object::{AviObject, Ownership, WriteMode};
use crate::reference::Ref;
use aviary_types::EcoString;
use serde::{Deserialize, Serialize};

/// Body of `/api/vsvip`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VsVip {
    /// Name.
    pub name: EcoString,
    /// Tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_ref: Option<Ref>,
    /// Always false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub east_west_placement: Option<bool>,
    /// DNS names, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_info: Vec<DnsInfo>,
    /// Addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vip: Vec<Vip>,
    /// AKO's checksum, a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vsvip_cloud_config_cksum: Option<EcoString>,
    /// VRF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrf_context_ref: Option<Ref>,
    /// NSX-T tier-1 router.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier1_lr: Option<EcoString>,
    /// BGP peers to announce to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bgp_peer_labels: Vec<EcoString>,
    /// Labels of ownership.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
}

impl AviObject for VsVip {
    const TYPE: &'static str = "vsvip";
    const OWNERSHIP: Ownership = Ownership::MarkerAndReferrer;
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

    fn markers(&self) -> &[Marker] {
        &self.markers
    }

    fn refs(&self) -> Vec<&Ref> {
        Vec::new()
    }

    fn same(&self, observed: &Self) -> bool {
        self == observed
    }
}

/// One DNS name.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct DnsInfo {
    /// The name.
    pub fqdn: EcoString,
}

/// One address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vip {
    /// `0`, or `1`, `2`, … on clouds with one address a subnet.
    pub vip_id: EcoString,
    /// Always true, even with a static address.
    pub auto_allocate_ip: bool,
    /// Families to allocate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_allocate_ip_type: Option<EcoString>,
    /// Public address wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_allocate_floating_ip: Option<bool>,
    /// Static, or as allocated by the Controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<IpAddr>,
    /// Static, or as allocated by the Controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip6_address: Option<IpAddr>,
    /// Public address, as allocated by the Controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floating_ip: Option<IpAddr>,
    /// Set by the Controller when it allocated the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avi_allocated_vip: Option<bool>,
    /// Set by the Controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Subnet on public clouds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_uuid: Option<EcoString>,
    /// Where the address comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipam_network_subnet: Option<IpamNetworkSubnet>,
}

/// Network and subnets that addresses are taken from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IpamNetworkSubnet {
    /// The network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_ref: Option<Ref>,
    /// IPv4 subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<Subnet>,
    /// IPv6 subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet6: Option<Subnet>,
}
