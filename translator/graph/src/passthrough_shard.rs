//! Parents that pass TLS through: one virtual service picks the pool group of the SNI name, its twin
//! on port 80 of the same VIP sends plain requests there.

use crate::maker::Maker;
use crate::parts::{ShardKey, Share};
use crate::rules::{
    PASSTHROUGH, PASSTHROUGH_REDIRECT, PASSTHROUGH_SCRIPT, PASSTHROUGH_TWIN, PASSTHROUGH_VS_VIP,
};
use crate::shard::{
    FIRST_POLICY_INDEX, asked_for, listener, maker, manner, origins, redirect_set, standing, vs_vip,
};
use aviary_avi::checksum::{self, VsExtra};
use aviary_avi::ds_set::{self, DataScript, VsDataScriptSet};
use aviary_avi::http_policy_set::HttpPolicySet;
use aviary_avi::metadata::ServiceMetadata;
use aviary_avi::names::INSECURE_TWIN;
use aviary_avi::virtual_service::{HttpPolicy, VirtualService, VsDataScript};
use aviary_avi::{DesiredObject, Ref};
use aviary_kinds::Env;
use aviary_types::{EcoString, Origin, Provenance, Role, eco_format};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Joins the pair. Without contributions it is the empty form that may stay, twin included.
/// The tenant is said there.
pub(crate) fn join(
    env: &Env,
    shard: &ShardKey,
    tenant_at: Origin,
    shares: &[&Share],
) -> Vec<Arc<DesiredObject>> {
    let maker = maker(env, shard, tenant_at, shares);
    let (presence, sources) = asked_for(shares);
    let from = |table| {
        let size = Origin::Setting("L7Settings.passthroughShardSize");
        let hosts = shares
            .iter()
            .flat_map(|share| share.host_at.iter().cloned());
        let from = Provenance::new(table, sources.clone()).with(Role::Asked, size);
        from.with_all(Role::Host, hosts)
    };
    let twin_name = eco_format!("{}{INSECURE_TWIN}", shard.name);
    let hosts = shares.iter().map(|share| share.host.text().clone());
    let hosts: BTreeSet<EcoString> = hosts.collect();
    let redirect =
        (!hosts.is_empty()).then(|| redirect_set(&maker, &twin_name, hosts.clone(), Vec::new()));
    let mut secure = secure(&maker, &shard.name, &twin_name);
    let mut twin = twin(&maker, &shard.name, &twin_name, redirect.as_ref());
    let script = script(&maker, &shard.name, shares);
    let mut vip = vs_vip(&maker, &shard.name, hosts, None);
    if let Some(manner) = manner(env, shard) {
        standing::keep(
            manner,
            &mut secure,
            &VsExtra::passthrough(twin_name.clone()),
        );
        standing::keep(manner, &mut twin, &VsExtra::twin());
        standing::keep_vip(manner, &mut vip);
    }
    let of_vip = origins::of_names(from(&PASSTHROUGH_VS_VIP), &vip, shares);
    let mut objects = vec![
        maker.object(vip, of_vip, presence),
        maker.object(script, from(&PASSTHROUGH_SCRIPT), presence),
        maker.object(secure, from(&PASSTHROUGH), presence),
        maker.object(twin, from(&PASSTHROUGH_TWIN), presence),
    ];
    objects.extend(redirect.map(|set| maker.object(set, from(&PASSTHROUGH_REDIRECT), presence)));
    objects
}

fn script(maker: &Maker<'_>, name: &EcoString, shares: &[&Share]) -> VsDataScriptSet {
    let groups: BTreeSet<&EcoString> = shares
        .iter()
        .filter_map(|share| share.group.as_ref())
        .collect();
    let groups = groups.into_iter();
    VsDataScriptSet {
        name: name.clone(),
        created_by: Some(maker.created_by()),
        tenant_ref: Some(maker.tenant_ref()),
        datascript: vec![DataScript {
            evt: ds_set::L4_REQUEST.into(),
            script: ds_set::passthrough_script(&maker.env.domain.prefix()),
        }],
        pool_group_refs: groups
            .map(|group| Ref::slash("poolgroup", group.clone()))
            .collect(),
        protocol_parser_refs: vec![ds_set::tls_parser()],
        markers: maker.markers(Vec::new()),
        known: maker.env.scripts.clone(),
    }
}

pub(crate) fn secure(maker: &Maker<'_>, name: &EcoString, twin: &EcoString) -> VirtualService {
    let metadata = ServiceMetadata {
        passthrough_child_ref: twin.clone(),
        ..ServiceMetadata::default()
    };
    let mut body = VirtualService {
        application_profile_ref: Some(Ref::slash("applicationprofile", "System-L4-Application")),
        services: vec![listener(443, false)],
        vs_datascripts: vec![VsDataScript {
            index: 0,
            vs_datascript_set_ref: Ref::slash("vsdatascriptset", name.clone()),
        }],
        remove_listening_port_on_vs_down: Some(true),
        service_metadata: Some(metadata.to_text()),
        ..base(maker, name, name)
    };
    let extra = VsExtra::passthrough(twin.clone());
    body.cloud_config_cksum = Some(checksum::virtual_service(&body, &extra));
    body
}

fn twin(
    maker: &Maker<'_>,
    name: &EcoString,
    twin: &EcoString,
    redirect: Option<&HttpPolicySet>,
) -> VirtualService {
    let metadata = ServiceMetadata {
        passthrough_parent_ref: name.clone(),
        ..ServiceMetadata::default()
    };
    let policy = redirect.map(|set| HttpPolicy {
        http_policy_set_ref: Ref::slash("httppolicyset", set.name.clone()),
        index: FIRST_POLICY_INDEX,
    });
    let mut body = VirtualService {
        application_profile_ref: Some(Ref::slash("applicationprofile", "System-HTTP")),
        services: vec![listener(80, false)],
        http_policies: policy.into_iter().collect(),
        service_metadata: Some(metadata.to_text()),
        ..base(maker, name, twin)
    };
    let extra = VsExtra::twin();
    body.cloud_config_cksum = Some(checksum::virtual_service(&body, &extra));
    body
}

/// What the two have in common: they listen at one VIP.
fn base(maker: &Maker<'_>, vip: &EcoString, name: &EcoString) -> VirtualService {
    VirtualService {
        name: name.clone(),
        created_by: Some(maker.created_by()),
        cloud_ref: Some(maker.cloud_ref()),
        tenant_ref: Some(maker.tenant_ref()),
        se_group_ref: Some(maker.se_group_ref()),
        vrf_context_ref: maker.vrf_ref(),
        network_profile_ref: Some(Ref::slash("networkprofile", "System-TCP-Proxy")),
        error_page_profile_ref: Some(EcoString::new()),
        vsvip_ref: Some(Ref::slash("vsvip", vip.clone())),
        enable_rhi: maker.enable_rhi().then_some(true),
        markers: maker.markers(Vec::new()),
        ..VirtualService::default()
    }
}
