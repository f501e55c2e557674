//! A parent that stands though no object of today explains it: its tenant was left, or its
//! AviInfraSetting is used no more. Without hosts it stays as it stands.

use aviary_avi::checksum::{self, VipNetwork, VsExtra, VsVipExtra};
use aviary_avi::common::Subnet;
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::vs_vip::{Vip, VsVip};
use aviary_avi::{Manner, Ref};
use aviary_types::{EcoString, eco_format};

/// Leaves a virtual service the manner that it has.
pub(crate) fn keep(manner: &Manner, body: &mut VirtualService, extra: &VsExtra) {
    let named =
        |kind, name: &Option<EcoString>| name.as_ref().map(|name| Ref::plain(kind, name.clone()));
    body.se_group_ref = named("serviceenginegroup", &manner.se_group);
    body.vrf_context_ref = named("vrfcontext", &manner.vrf);
    body.enable_rhi = manner.enable_rhi;
    if body.services.len() > 1 {
        body.services.clone_from(&manner.listeners);
    }
    body.cloud_config_cksum = Some(checksum::virtual_service(body, extra));
}

/// Leaves a VsVip the manner that it has.
pub(crate) fn keep_vip(manner: &Manner, body: &mut VsVip) {
    body.vip.clone_from(&manner.vips);
    body.tier1_lr.clone_from(&manner.tier1_lr);
    body.bgp_peer_labels.clone_from(&manner.bgp_peer_labels);
    let vrf = manner.vrf.as_ref().filter(|_| manner.tier1_lr.is_none());
    body.vrf_context_ref = vrf.map(|vrf| Ref::plain("vrfcontext", vrf.clone()));
    let extra = VsVipExtra {
        networks: manner.vips.iter().filter_map(network).collect(),
        ..VsVipExtra::default()
    };
    body.vsvip_cloud_config_cksum = Some(checksum::vs_vip(body, &extra));
}

fn network(vip: &Vip) -> Option<VipNetwork> {
    let ipam = vip.ipam_network_subnet.as_ref()?;
    let text = |subnet: &Option<Subnet>| {
        let subnet = subnet.as_ref();
        subnet.map_or_else(EcoString::new, |it| {
            eco_format!("{}/{}", it.ip_addr.addr, it.mask)
        })
    };
    let network = ipam.network_ref.as_ref()?;
    Some(VipNetwork {
        name: network.name.clone(),
        cidr: text(&ipam.subnet),
        v6_cidr: text(&ipam.subnet6),
        uuid: EcoString::new(),
    })
}
