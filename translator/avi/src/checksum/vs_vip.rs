//! The checksum of a VsVip.

use super::Sum;
use crate::vs_vip::VsVip;
use aviary_types::{EcoString, eco_format};

/// What the body of a VsVip does not say.
#[derive(Debug, Clone, Default)]
pub struct VsVipExtra {
    /// The networks that addresses come from, as configured, whatever part of them was sent.
    pub networks: Vec<VipNetwork>,
    /// The asked address; empty where the Controller allocates.
    pub address: EcoString,
    /// Public address wanted or not, where an AviInfraSetting says it.
    pub public_ip: Option<bool>,
}

/// One configured network.
#[derive(Debug, Clone, Default)]
pub struct VipNetwork {
    /// Name of the network.
    pub name: EcoString,
    /// IPv4 subnet as written, may be empty.
    pub cidr: EcoString,
    /// IPv6 subnet as written, may be empty.
    pub v6_cidr: EcoString,
    /// uuid where the name is not unique, may be empty.
    pub uuid: EcoString,
}

/// `vsvip_cloud_config_cksum`.
pub fn vs_vip(body: &VsVip, extra: &VsVipExtra) -> EcoString {
    let mut sum = Sum::default();
    let mut names: Vec<&EcoString> = body.dns_info.iter().map(|dns| &dns.fqdn).collect();
    if !names.is_empty() {
        names.sort_unstable();
        sum = sum.json(&names);
    }
    if !extra.address.is_empty() {
        sum = sum.text(&extra.address);
    }
    let mut networks: Vec<EcoString> = extra.networks.iter().map(VipNetwork::text).collect();
    if !networks.is_empty() {
        networks.sort_unstable();
        sum = sum.json(&networks);
    }
    if let Some(public) = extra.public_ip {
        sum = sum.json(&public);
    }
    let mut labels: Vec<&EcoString> = body.bgp_peer_labels.iter().collect();
    if !labels.is_empty() {
        labels.sort_unstable();
        sum = sum.json(&labels);
    }
    if let Some(router) = body.tier1_lr.as_ref().filter(|router| !router.is_empty()) {
        sum = sum.text(router);
    }
    sum.markers(&body.markers).decimal()
}

impl VipNetwork {
    fn text(&self) -> EcoString {
        let mut text = eco_format!("{}:{}", self.name, self.cidr);
        for part in [&self.v6_cidr, &self.uuid] {
            if !part.is_empty() {
                text.push(':');
                text.push_str(part);
            }
        }
        text
    }
}
