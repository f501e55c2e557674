//! Shard parents: what several hosts share, joined from their contributions.

pub(crate) mod origins;
pub(crate) mod standing;
mod vip;

use crate::maker::Maker;
use crate::parts::{Bound, ShardKey, Share, ShareMember};
use crate::rules::{PARENT, REDIRECT, SCRIPT, SHARED_POOL_GROUP, SHARED_VS_VIP};
use aviary_avi::checksum::{self, VsExtra, VsVipExtra};
use aviary_avi::ds_set::{self, DataScript, VsDataScriptSet};
use aviary_avi::http_policy_set::{
    HostHdrMatch, HttpPolicySet, HttpRequestPolicy, HttpRequestRule, MatchTarget, PortMatch,
    RedirectAction,
};
use aviary_avi::metadata::ServiceMetadata;
use aviary_avi::pool_group::{PoolGroup, PoolGroupMember};
use aviary_avi::virtual_service::{HttpPolicy, Service, VirtualService, VsDataScript};
use aviary_avi::vs_vip::{DnsInfo, VsVip};
use aviary_avi::{DesiredObject, Manner, Marker, Presence, Ref};
use aviary_kinds::Env;
use aviary_settings::{Cidr, NetworkRef, VipNetwork};
use aviary_types::{EcoString, ObjectKey, Origin, Provenance, Role, eco_format};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Policy sets begin at this index; lower ones are left to people.
pub(crate) const FIRST_POLICY_INDEX: u32 = 11;

/// Joins the parent of a shard. Without contributions it is the empty form that may stay.
/// The tenant is said there.
pub(crate) fn join(
    env: &Env,
    shard: &ShardKey,
    tenant_at: Origin,
    shares: &[&Share],
) -> Vec<Arc<DesiredObject>> {
    let maker = maker(env, shard, tenant_at, shares);
    let manner = manner(env, shard);
    let (presence, sources) = asked_for(shares);
    let from = |table| {
        let size = Origin::Setting("L7Settings.shardVSSize");
        Provenance::new(table, sources.clone()).with(Role::Asked, size)
    };
    let redirects: BTreeSet<EcoString> = shares
        .iter()
        .filter(|s| s.redirect)
        .map(|s| s.host.text().clone())
        .collect();
    let redirect =
        (!redirects.is_empty()).then(|| redirect_set(&maker, &shard.name, redirects, Vec::new()));
    let mut vip = shared_vip(&maker, shard, shares);
    let group = pool_group(&maker, &shard.name, shares);
    let script = script(&maker, &shard.name);
    let mut parent = parent(&maker, &shard.name, redirect.as_ref(), shares);
    if let Some(manner) = manner {
        standing::keep(manner, &mut parent, &VsExtra::parent(Vec::new()));
        standing::keep_vip(manner, &mut vip);
    }
    let of_vip = origins::of_names(from(&SHARED_VS_VIP), &vip, shares);
    let of_group = origins::of_members(from(&SHARED_POOL_GROUP), &group, shares);
    let of_parent = origins::of_parent(from(&PARENT), shares);
    let mut objects = vec![
        maker.object(vip, of_vip, presence),
        maker.object(group, of_group, presence),
        maker.object(script, from(&SCRIPT), presence),
        maker.object(parent, of_parent, presence),
    ];
    objects.extend(redirect.map(|set| {
        let from = origins::of_redirected(from(&REDIRECT), shares);
        maker.object(set, from, presence)
    }));
    objects
}

/// Makes what hosts share, as the AviInfraSetting of the oldest host says that brings one.
pub(crate) fn maker<'a>(
    env: &'a Env,
    shard: &ShardKey,
    tenant_at: Origin,
    shares: &[&Share],
) -> Maker<'a> {
    let oldest = oldest(shares.iter().copied());
    Maker::new(env, &shard.tenant, tenant_at).under(oldest.map(|bound| &bound.infra))
}

/// The AviInfraSetting that a parent stands as: that of the oldest host that brings one.
pub(crate) fn oldest<'a>(shares: impl Iterator<Item = &'a Share>) -> Option<&'a Bound> {
    let bound = shares.filter_map(|share| share.infra.as_ref());
    bound.min_by(|a, b| (&a.created, &a.source).cmp(&(&b.created, &b.source)))
}

/// How the parent stands, where only the Controller says it: nothing of today does.
pub(crate) fn manner<'a>(env: &'a Env, shard: &ShardKey) -> Option<&'a Manner> {
    let key = (shard.tenant.clone(), shard.name.clone());
    env.census.parents.get(&key)
}

/// Whether the objects of a parent must exist, and who asks for them: without contributions they
/// may stay, if only in their empty form.
pub(crate) fn asked_for(shares: &[&Share]) -> (Presence, Arc<[Arc<ObjectKey>]>) {
    let presence = if shares.is_empty() {
        Presence::IfObserved
    } else {
        Presence::Always
    };
    let sources = shares
        .iter()
        .flat_map(|share| share.sources.iter().cloned());
    let sources: BTreeSet<Arc<ObjectKey>> = sources.collect();
    (presence, sources.into_iter().collect())
}

fn shared_vip(maker: &Maker<'_>, shard: &ShardKey, shares: &[&Share]) -> VsVip {
    let own = maker.env.shard_fqdn(&shard.name, shard.tenant.as_str());
    let hosts = shares
        .iter()
        .filter(|share| share.named)
        .map(|share| share.host.text().clone());
    vs_vip(maker, &shard.name, hosts.chain(own).collect(), None)
}

/// A VsVip with these names, and this address if one is asked for.
pub(crate) fn vs_vip(
    maker: &Maker<'_>,
    name: &EcoString,
    fqdns: BTreeSet<EcoString>,
    address: Option<&EcoString>,
) -> VsVip {
    let mut body = VsVip {
        name: name.clone(),
        tenant_ref: Some(maker.tenant_ref()),
        cloud_ref: Some(maker.cloud_ref()),
        east_west_placement: Some(false),
        dns_info: fqdns.into_iter().map(|fqdn| DnsInfo { fqdn }).collect(),
        vip: vip::vips(maker, address),
        vrf_context_ref: maker.vrf_ref(),
        tier1_lr: maker.t1lr(),
        bgp_peer_labels: maker.bgp_peer_labels(),
        markers: maker.markers(Vec::new()),
        keeps_vips: keeps_vips(maker),
        ..VsVip::default()
    };
    let extra = VsVipExtra {
        networks: maker.vip_networks().iter().map(checksum_network).collect(),
        address: address.cloned().unwrap_or_default(),
        public_ip: maker.public_ip(),
    };
    body.vsvip_cloud_config_cksum = Some(checksum::vs_vip(&body, &extra));
    body
}

/// Whether addresses of an existing VsVip are another system's: then they are never written again.
fn keeps_vips(maker: &Maker<'_>) -> bool {
    matches!(
        maker.inventory().ipam_type.as_str(),
        "IPAMDNS_TYPE_INFOBLOX" | "IPAMDNS_TYPE_CUSTOM"
    )
}

fn checksum_network(network: &VipNetwork) -> checksum::VipNetwork {
    let text = |cidr: Option<&Cidr>| cidr.map(|cidr| eco_format!("{cidr}")).unwrap_or_default();
    let (name, uuid) = match &network.network {
        NetworkRef::Name(name) => (name.as_str(), ""),
        NetworkRef::Uuid(uuid) => ("", uuid.as_str()),
    };
    checksum::VipNetwork {
        name: name.into(),
        cidr: text(network.cidr.as_ref()),
        v6_cidr: text(network.v6cidr.as_ref()),
        uuid: uuid.into(),
    }
}

fn pool_group(maker: &Maker<'_>, name: &EcoString, shares: &[&Share]) -> PoolGroup {
    let mut members: Vec<PoolGroupMember> = shares
        .iter()
        .flat_map(|share| &share.members)
        .map(member)
        .collect();
    members.sort_by(|a, b| a.pool_ref.name.cmp(&b.pool_ref.name));
    members.dedup_by(|a, b| a.pool_ref == b.pool_ref);
    let mut body = PoolGroup {
        name: name.clone(),
        created_by: Some(maker.created_by()),
        tenant_ref: Some(maker.tenant_ref()),
        cloud_ref: Some(maker.cloud_ref()),
        members,
        implicit_priority_labels: Some(true),
        markers: maker.markers(Vec::new()),
        ..PoolGroup::default()
    };
    body.cloud_config_cksum = Some(checksum::pool_group(&body));
    body
}

fn member(member: &ShareMember) -> PoolGroupMember {
    PoolGroupMember {
        pool_ref: Ref::plain("pool", member.pool.clone()),
        priority_label: Some(member.label.clone()),
        ratio: Some(member.ratio),
    }
}

fn script(maker: &Maker<'_>, name: &EcoString) -> VsDataScriptSet {
    VsDataScriptSet {
        name: name.clone(),
        created_by: Some(maker.created_by()),
        tenant_ref: Some(maker.tenant_ref()),
        datascript: vec![DataScript {
            evt: ds_set::HTTP_REQUEST.into(),
            script: ds_set::script(name),
        }],
        pool_group_refs: vec![Ref::slash("poolgroup", name.clone())],
        protocol_parser_refs: Vec::new(),
        markers: maker.markers(Vec::new()),
        known: maker.env.scripts.clone(),
    }
}

/// The set that sends plain HTTP of secure hosts to TLS. Port 443 is the target whatever listeners
/// there are, as with AKO.
pub(crate) fn redirect_set(
    maker: &Maker<'_>,
    name: &EcoString,
    hosts: BTreeSet<EcoString>,
    markers: Vec<Marker>,
) -> HttpPolicySet {
    let matches = MatchTarget {
        host_hdr: Some(HostHdrMatch {
            match_criteria: "HDR_EQUALS".into(),
            value: hosts.into_iter().collect(),
        }),
        vs_port: Some(PortMatch {
            match_criteria: "IS_IN".into(),
            ports: vec![80],
        }),
        ..MatchTarget::default()
    };
    let rule = HttpRequestRule {
        name: eco_format!("{name}-0"),
        index: 0,
        enable: true,
        matches: Some(matches),
        redirect_action: Some(RedirectAction {
            port: 443,
            protocol: "HTTPS".into(),
            status_code: "HTTP_REDIRECT_STATUS_CODE_302".into(),
        }),
        ..HttpRequestRule::default()
    };
    let mut set = HttpPolicySet {
        name: name.clone(),
        created_by: Some(maker.created_by()),
        tenant_ref: Some(maker.tenant_ref()),
        http_request_policy: HttpRequestPolicy { rules: vec![rule] },
        markers: maker.markers(markers),
        ..HttpPolicySet::default()
    };
    set.cloud_config_cksum = Some(checksum::http_policy_set(&set, &[]));
    set
}

fn parent(
    maker: &Maker<'_>,
    name: &EcoString,
    redirect: Option<&HttpPolicySet>,
    shares: &[&Share],
) -> VirtualService {
    let policy = redirect.map(|set| HttpPolicy {
        http_policy_set_ref: Ref::slash("httppolicyset", set.name.clone()),
        index: FIRST_POLICY_INDEX,
    });
    let mut body = VirtualService {
        name: name.clone(),
        kind: Some("VS_TYPE_VH_PARENT".into()),
        created_by: Some(maker.created_by()),
        cloud_ref: Some(maker.cloud_ref()),
        tenant_ref: Some(maker.tenant_ref()),
        se_group_ref: Some(maker.se_group_ref()),
        vrf_context_ref: maker.vrf_ref(),
        network_profile_ref: Some(Ref::slash("networkprofile", "System-TCP-Proxy")),
        application_profile_ref: Some(Ref::slash("applicationprofile", "System-HTTP")),
        error_page_profile_ref: Some(EcoString::new()),
        services: listeners(maker),
        vsvip_ref: Some(Ref::slash("vsvip", name.clone())),
        http_policies: policy.into_iter().collect(),
        vs_datascripts: vec![VsDataScript {
            index: 0,
            vs_datascript_set_ref: Ref::slash("vsdatascriptset", name.clone()),
        }],
        enable_rhi: maker.enable_rhi().then_some(true),
        service_metadata: Some(ServiceMetadata::default().to_text()),
        markers: maker.markers(Vec::new()),
        ..VirtualService::default()
    };
    let children = shares
        .iter()
        .filter_map(|share| share.child.clone())
        .collect();
    body.cloud_config_cksum = Some(checksum::virtual_service(&body, &VsExtra::parent(children)));
    body
}

/// The listeners of a parent.
pub(crate) fn listeners(maker: &Maker<'_>) -> Vec<Service> {
    let mut listeners = vec![listener(80, false), listener(443, true)];
    add_listeners(maker, &mut listeners);
    listeners
}

/// Adds those that an AviInfraSetting asks for; of a port that is there already, its own word counts.
pub(crate) fn add_listeners(maker: &Maker<'_>, listeners: &mut Vec<Service>) {
    for more in maker.more_listeners() {
        let new = Service {
            enable_http2: Some(more.http2),
            ..listener(more.port, more.tls)
        };
        let mut known = listeners.iter_mut();
        match known.find(|known| known.port == more.port) {
            Some(known) => *known = new,
            None => listeners.push(new),
        }
    }
}

/// A listener of one port.
pub(crate) fn listener(port: u16, tls: bool) -> Service {
    Service {
        port,
        port_range_end: Some(port),
        enable_ssl: Some(tls),
        enable_http2: Some(false),
        ..Service::default()
    }
}
