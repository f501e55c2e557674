//! A parent that stands though no object of today explains it: its tenant was left, or its
//! AviInfraSetting is used no more. Without hosts it stays as it stands.

use super::{parent, vs_vip};
use crate::maker::Maker;
use crate::parts::{ShardKey, ShardKind};
use crate::passthrough_shard;
use aviary_avi::AviObject;
use aviary_avi::checksum::{self, VipNetwork, VsExtra, VsVipExtra};
use aviary_avi::common::Subnet;
use aviary_avi::names::INSECURE_TWIN;
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::vs_vip::{Vip, VsVip};
use aviary_avi::{Manner, Ref};
use aviary_kinds::Env;
use aviary_kinds::avi_infra_setting::Infra;
use aviary_types::{EcoString, Origin, eco_format};
use std::collections::BTreeSet;
use std::sync::Arc;

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

/// Whether a parent stands as this AviInfraSetting says, whatever hosts it has.
pub(crate) fn is_said(
    env: &Env,
    shard: &ShardKey,
    infra: &Arc<Infra>,
    (service, vip): (&VirtualService, Option<&VsVip>),
) -> bool {
    let said = Origin::Controller("shard parents that stand");
    let maker = Maker::new(env, &shard.tenant, said).under(Some(infra));
    let mut own = match shard.kind {
        ShardKind::Shared => parent(&maker, &shard.name, None, &[]),
        ShardKind::Passthrough => {
            let twin = eco_format!("{}{INSECURE_TWIN}", shard.name);
            passthrough_shard::secure(&maker, &shard.name, &twin)
        }
    };
    own.http_policies.clone_from(&service.http_policies);
    let is_vip_said = |vip: &VsVip| {
        let mut own = vs_vip(&maker, &shard.name, BTreeSet::new(), None);
        own.dns_info.clone_from(&vip.dns_info);
        own.same(vip)
    };
    own.same(service) && vip.is_some_and(is_vip_said)
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
