//! VsVip: the address and the DNS names of a virtual service.

use crate::common::{IpAddr, Marker, Subnet};
use crate::compare::{
    DEFAULT_VRF, defaulted, defaulted_ref, said, same_markers, same_set, same_text, same_values,
};
use crate::object::{AviObject, Ownership, WriteMode, answer_from_fields};
use crate::objects::Body;
use crate::pool::PlacementNetwork;
use crate::reference::Ref;
use aviary_types::EcoString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

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
    /// Whether the cloud's IPAM (Infoblox, Custom) owns the addresses once they exist: then they
    /// are neither compared nor written again. Set on desired bodies alone.
    #[serde(skip)]
    pub keeps_vips: bool,
}

impl AviObject for VsVip {
    const TYPE: &'static str = "vsvip";
    const OWNERSHIP: Ownership = Ownership::MarkerAndReferrer;
    const WRITE: WriteMode = WriteMode::Merge;

    answer_from_fields!(name, tenant_ref, cloud_ref, markers);

    fn refs(&self) -> Vec<&Ref> {
        Vec::new()
    }

    fn same(&self, observed: &Self) -> bool {
        said(self.tenant_ref.as_ref(), observed.tenant_ref.as_ref())
            && said(self.cloud_ref.as_ref(), observed.cloud_ref.as_ref())
            && defaulted(
                self.east_west_placement,
                observed.east_west_placement,
                false,
            )
            && !self.needs_new_routing(observed)
            && same_values(&self.bgp_peer_labels, &observed.bgp_peer_labels)
            && same_values(&self.dns_info, &observed.dns_info)
            && (self.keeps_vips || same_set(&self.vip, &observed.vip, Vip::same))
            && same_markers(&self.markers, &observed.markers)
    }

    /// Replaces what is ours; all else stays as it was read, and so do the entries of a name or an
    /// address that is still wanted.
    fn merge(&self, raw: &mut Value) {
        let Some(fields) = raw.as_object_mut() else {
            return;
        };
        let Ok(Value::Object(mut ours)) = serde_json::to_value(self) else {
            return;
        };
        let names = self.dns_info.iter().filter_map(|dns| dns.merged(fields));
        let names: Vec<Value> = names.collect();
        if !names.is_empty() {
            ours.insert("dns_info".into(), names.into());
        }
        ours.remove("vip");
        if !self.keeps_vips {
            let vips = self.vip.iter().filter_map(|vip| vip.merged(fields));
            ours.insert("vip".into(), vips.collect());
        }
        for field in UNSET_WHEN_LEFT_OUT {
            fields.remove(*field);
        }
        fields.extend(ours);
    }
}

/// Fields of ours that go when they are no longer wanted.
const UNSET_WHEN_LEFT_OUT: &[&str] = &[
    "bgp_peer_labels",
    "dns_info",
    "tier1_lr",
    "vrf_context_ref",
    "vsvip_cloud_config_cksum",
];

/// Families that the Controller allocates where nothing was sent.
const DEFAULT_ALLOCATED_FAMILIES: &str = "V4_ONLY";

/// Its names in DNS: those of a VsVip; none of anything else, or of nothing.
pub fn fqdns(body: Option<&Body>) -> BTreeSet<&EcoString> {
    match body {
        Some(Body::VsVip(vip)) => vip.dns_info.iter().map(|dns| &dns.fqdn).collect(),
        _ => BTreeSet::new(),
    }
}

impl VsVip {
    /// What clients may call it: its names in DNS, and its own.
    pub fn names(&self) -> impl Iterator<Item = &EcoString> {
        let dns = self.dns_info.iter().map(|dns| &dns.fqdn);
        dns.chain([&self.name])
    }

    /// Its addresses: those that were asked for or handed out.
    pub fn addresses(&self) -> impl Iterator<Item = &IpAddr> {
        let all = self.vip.iter();
        all.flat_map(|vip| vip.ip_address.iter().chain(&vip.ip6_address))
    }

    /// Whether an address of one can clash with one of the other: both are routed together.
    pub fn is_near(&self, other: &Self) -> bool {
        let vrf = |vip: &Self| {
            let named = vip.vrf_context_ref.as_ref();
            named.map_or(EcoString::from(DEFAULT_VRF), |vrf| vrf.name.clone())
        };
        let cloud = |vip: &Self| vip.cloud_ref.as_ref().map(|cloud| cloud.name.clone());
        vrf(self) == vrf(other)
            && same_text(self.tier1_lr.as_ref(), other.tier1_lr.as_ref())
            && cloud(self) == cloud(other)
    }

    /// Whether it is to be reached by another tier-1 router, or in another VRF: the Controller changes
    /// neither of an existing VsVip. Behind a router, the VRF is the Controller's to say.
    pub fn needs_new_routing(&self, observed: &Self) -> bool {
        let in_vrf = || {
            defaulted_ref(
                self.vrf_context_ref.as_ref(),
                observed.vrf_context_ref.as_ref(),
                DEFAULT_VRF,
            )
        };
        !same_text(self.tier1_lr.as_ref(), observed.tier1_lr.as_ref())
            || !(self.tier1_lr.is_some() || in_vrf())
    }

    /// Whether a wanted static address differs from the one that stands: the Controller refuses to
    /// change it, so the VsVip has to be made anew. An address that is no longer asked for stays.
    pub fn needs_new_address(&self, observed: &Self) -> bool {
        let differs = |wanted: &Option<IpAddr>, have: &Option<IpAddr>| match (wanted, have) {
            (Some(wanted), Some(have)) => !wanted.is(have),
            _ => false,
        };
        !self.keeps_vips
            && self.vip.iter().any(|wanted| {
                let mut vips = observed.vip.iter();
                let found = vips.find(|have| have.vip_id == wanted.vip_id);
                found.is_some_and(|have| {
                    differs(&wanted.ip_address, &have.ip_address)
                        || differs(&wanted.ip6_address, &have.ip6_address)
                })
            })
    }
}

/// One DNS name.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct DnsInfo {
    /// The name.
    pub fqdn: EcoString,
}

impl DnsInfo {
    /// The entry of this name as it was read, else a new one.
    fn merged(&self, raw: &Map<String, Value>) -> Option<Value> {
        let names = raw.get("dns_info").and_then(Value::as_array);
        let mut names = names.into_iter().flatten();
        let is_ours = |name: &&Value| {
            let fqdn = name.get("fqdn").and_then(Value::as_str);
            fqdn == Some(self.fqdn.as_str())
        };
        let found = names.find(is_ours).cloned();
        found.or_else(|| serde_json::to_value(self).ok())
    }
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
    /// Networks that Service Engines are placed in, on NSX-T clouds of type VLAN.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub placement_networks: Vec<PlacementNetwork>,
}

impl Vip {
    /// An address counts only if we ask for it, and likewise a public subnet.
    fn same(&self, observed: &Self) -> bool {
        let address = |wanted: &Option<IpAddr>, have: &Option<IpAddr>| match (wanted, have) {
            (Some(wanted), Some(have)) => wanted.is(have),
            (wanted, _) => wanted.is_none(),
        };
        self.vip_id == observed.vip_id
            && self.auto_allocate_ip == observed.auto_allocate_ip
            && defaulted(
                self.auto_allocate_ip_type.as_deref(),
                observed.auto_allocate_ip_type.as_deref(),
                DEFAULT_ALLOCATED_FAMILIES,
            )
            && defaulted(
                self.auto_allocate_floating_ip,
                observed.auto_allocate_floating_ip,
                false,
            )
            && address(&self.ip_address, &observed.ip_address)
            && address(&self.ip6_address, &observed.ip6_address)
            && said(self.subnet_uuid.as_ref(), observed.subnet_uuid.as_ref())
            && (self.placement_networks.is_empty()
                || same_values(&self.placement_networks, &observed.placement_networks))
            && self.same_network(observed)
    }

    /// The network alone counts: on an existing VIP, AKO keeps the subnet of an equal network and
    /// sends none with another, so that what stands may have any.
    fn same_network(&self, observed: &Self) -> bool {
        let network = |vip: &Self| {
            let ipam = vip.ipam_network_subnet.as_ref();
            ipam.and_then(|ipam| ipam.network_ref.clone())
        };
        said(network(self).as_ref(), network(observed).as_ref())
    }

    /// The VIP as it was read, with our fields laid over; anew if it moves to another network or
    /// subnet, for its address cannot come along.
    fn merged(&self, raw: &Map<String, Value>) -> Option<Value> {
        let Ok(Value::Object(mut ours)) = serde_json::to_value(self) else {
            return None;
        };
        let Some((read, fields)) = self.find(raw) else {
            return Some(ours.into());
        };
        let is_there =
            self.same_network(&read) && said(self.subnet_uuid.as_ref(), read.subnet_uuid.as_ref());
        if !is_there {
            return Some(ours.into());
        }
        if read.ipam_network_subnet.is_some() {
            ours.remove("ipam_network_subnet");
        }
        let mut merged = fields.clone();
        for field in ["auto_allocate_ip_type", "auto_allocate_floating_ip"] {
            merged.remove(field);
        }
        merged.extend(ours);
        Some(merged.into())
    }

    fn find<'a>(&self, raw: &'a Map<String, Value>) -> Option<(Self, &'a Map<String, Value>)> {
        let vips = raw.get("vip").and_then(Value::as_array);
        let mut vips = vips.into_iter().flatten();
        vips.find_map(|vip| {
            let read = Self::deserialize(vip).ok();
            let read = read.filter(|read| read.vip_id == self.vip_id)?;
            Some((read, vip.as_object()?))
        })
    }
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

#[cfg(test)]
mod tests;
