//! One Service of type LoadBalancer: virtual service, VsVip, policy set and a pool per port.

use crate::claims::Lost;
use crate::maker::Maker;
use crate::parts::{Parts, Serve};
use crate::rules::{L4_POLICY_SET, L4_POOL, L4_SERVICE, L4_VS_VIP};
use crate::shard::{listener, vs_vip};
use aviary_avi::checksum::{self, PoolExtra, TargetPort, VsExtra, VsPort};
use aviary_avi::l4_policy_set::{
    L4ConnectionPolicy, L4MatchTarget, L4PolicySet, L4PortMatch, L4ProtocolMatch, L4Rule,
    L4RuleAction, L4SelectPool,
};
use aviary_avi::metadata::ServiceMetadata;
use aviary_avi::names::{PortSource, distinct};
use aviary_avi::pool::Pool;
use aviary_avi::virtual_service::{L4Policy, Service, VirtualService};
use aviary_avi::{AviKey, AviKind, Body, Marker, Presence, Ref};
use aviary_kinds::Env;
use aviary_kinds::service::{L4Draft, L4Port, Target};
use aviary_types::{EcoString, Origin, Provenance, Role, Table, eco_format};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The objects of one Service of a domain.
pub(crate) fn render(env: &Env, draft: &L4Draft, lost: &Lost) -> Parts {
    let maker = &Maker::new(env, &draft.tenant, tenant_at(draft)).without(lost);
    let mut parts = Parts::default();
    let natural = maker
        .names
        .l4(draft.source.namespace.as_str(), &draft.source.name);
    let is_lost = maker.is_lost(
        &[
            AviKind::VirtualService,
            AviKind::VsVip,
            AviKind::L4PolicySet,
        ],
        &natural,
    );
    let named = |name: EcoString, is_lost: bool| {
        if is_lost {
            distinct(&name, &eco_format!("{}", draft.source))
        } else {
            name
        }
    };
    let pool_name = |port| {
        let name = maker.names.l4_pool(port_source(draft, port));
        let is_lost = is_lost || maker.is_lost(&[AviKind::Pool], &name);
        named(name, is_lost)
    };
    let name = named(natural, is_lost);
    let pools: Vec<EcoString> = draft.ports.iter().map(pool_name).collect();
    let vip = vs_vip(
        maker,
        &name,
        draft.fqdns.iter().cloned().collect(),
        draft.address.as_ref(),
    );
    let service = virtual_service(maker, draft, &name, &pools);
    let keys = [
        AviKey::of(&service.clone().into(), &maker.tenant),
        AviKey::of(&vip.clone().into(), &maker.tenant),
    ];
    let mut add = |body: Body, from| {
        let object = maker.object(body, from, Presence::Always);
        parts.objects.push(object);
    };
    add(vip.into(), provenance(&L4_VS_VIP, draft));
    for (port, name) in draft.ports.iter().zip(&pools) {
        let from = Provenance::new(&L4_POOL, [port.at.object.clone()].into())
            .with(Role::Port, port.at.clone());
        let from = port.way.cite(from, &port.servers_at);
        add(pool(maker, draft, port, name).into(), from);
    }
    let at = draft.ports.iter().map(|port| port.at.clone());
    let of_set = provenance(&L4_POLICY_SET, draft).with_all(Role::Port, at.clone());
    let of_set = of_set.each("l4_connection_policy.rules", Role::Port, at.clone());
    add(policy_set(maker, draft, &name, &pools).into(), of_set);
    let listeners = by_name(draft).into_iter().map(|port| port.at.clone());
    let of_service = provenance(&L4_SERVICE, draft).with_all(Role::Port, at);
    let of_service = of_service.each("services", Role::Port, listeners);
    add(service.into(), of_service);
    let [service, vip] = keys;
    parts.serves.push(Serve {
        source: draft.source.clone(),
        host: draft.fqdns.first().cloned().unwrap_or_default(),
        service,
        vip,
        needs: Vec::new(),
    });
    parts
}

fn tenant_at(draft: &L4Draft) -> Origin {
    let mut said = draft.said.iter();
    let tenant = said.find(|(role, _)| *role == Role::Tenant);
    let setting = Origin::Setting("ControllerSettings.tenantName");
    tenant.map_or(setting, |(_, origin)| origin.clone())
}

/// What an object of the whole Service comes from.
fn provenance(table: &'static Table, draft: &L4Draft) -> Provenance {
    let source = Arc::new(draft.source.clone());
    let said = draft.said.iter().filter(|(role, _)| *role != Role::Tenant);
    said.fold(
        Provenance::new(table, [source].into()),
        |from, (role, origin)| from.with(*role, origin.clone()),
    )
}

/// Ports in the order of the listeners.
fn by_name(draft: &L4Draft) -> Vec<&L4Port> {
    let mut ports: Vec<&L4Port> = draft.ports.iter().collect();
    ports.sort_by(|a, b| a.port.name.cmp(&b.port.name));
    ports
}

fn port_source<'a>(draft: &'a L4Draft, of: &'a L4Port) -> PortSource<'a> {
    PortSource {
        namespace: draft.source.namespace.as_str(),
        service: &draft.source.name,
        protocol: &of.port.protocol,
        port: of.port.port,
        twice: draft
            .ports
            .iter()
            .filter(|other| other.port.port == of.port.port)
            .count()
            > 1,
    }
}

fn pool(maker: &Maker<'_>, draft: &L4Draft, of: &L4Port, name: &EcoString) -> Pool {
    let monitor = match of.port.protocol.as_str() {
        "UDP" => "System-UDP",
        "SCTP" => "System-SCTP",
        _ => "System-TCP",
    };
    let mut markers = source_markers(draft);
    markers.push(Marker::one("Port", eco_format!("{}", of.port.port)));
    let mut body = Pool {
        name: name.clone(),
        created_by: Some(maker.created_by()),
        tenant_ref: Some(maker.tenant_ref()),
        cloud_ref: Some(maker.cloud_ref()),
        vrf_ref: maker.vrf_ref(),
        tier1_lr: maker.t1lr(),
        sni_enabled: Some(false),
        graceful_disable_timeout: Some(1),
        health_monitor_refs: vec![Ref::slash("healthmonitor", monitor)],
        servers: of.servers.clone(),
        service_metadata: Some(ServiceMetadata::default().to_text()),
        markers: maker.markers(markers),
        ..Pool::default()
    };
    let extra = PoolExtra {
        protocol: of.port.protocol.clone(),
        port: of.matched_port,
        port_name: of.port.name.clone(),
        ..PoolExtra::default()
    };
    body.cloud_config_cksum = Some(checksum::pool(&body, &extra));
    body
}

fn source_markers(draft: &L4Draft) -> Vec<Marker> {
    vec![
        Marker::one("Namespace", draft.source.namespace.text().clone()),
        Marker::one("ServiceName", draft.source.name.clone()),
    ]
}

fn policy_set(
    maker: &Maker<'_>,
    draft: &L4Draft,
    name: &EcoString,
    pools: &[EcoString],
) -> L4PolicySet {
    let protocols: BTreeSet<&str> = draft
        .ports
        .iter()
        .map(|p| p.port.protocol.as_str())
        .collect();
    let protocols: Vec<&str> = protocols.into_iter().collect();
    let mut markers = source_markers(draft);
    markers.push(Marker::one("Protocol", protocols.join(",")));
    let rules = (0..)
        .zip(draft.ports.iter().zip(pools))
        .map(|(index, (of, pool))| {
            let pool_ref = Ref::plain("pool", pool.clone());
            L4Rule {
                name: pool_ref.text(),
                index,
                matches: L4MatchTarget {
                    port: L4PortMatch {
                        match_criteria: "IS_IN".into(),
                        ports: vec![of.port.port],
                    },
                    protocol: L4ProtocolMatch {
                        match_criteria: "IS_IN".into(),
                        protocol: eco_format!("PROTOCOL_{}", of.port.protocol),
                    },
                },
                action: L4RuleAction {
                    select_pool: L4SelectPool {
                        action_type: "L4_RULE_ACTION_SELECT_POOL".into(),
                        pool_ref,
                    },
                },
            }
        });
    L4PolicySet {
        name: name.clone(),
        created_by: Some(maker.created_by()),
        tenant_ref: Some(maker.tenant_ref()),
        l4_connection_policy: L4ConnectionPolicy {
            rules: rules.collect(),
        },
        markers: maker.markers(markers),
    }
}

fn virtual_service(
    maker: &Maker<'_>,
    draft: &L4Draft,
    name: &EcoString,
    pools: &[EcoString],
) -> VirtualService {
    let profiles = Profiles::of(maker, draft);
    let application = draft
        .application_profile
        .clone()
        .unwrap_or("System-L4-Application".into());
    let metadata = ServiceMetadata {
        namespace_svc_name: vec![draft.source.namespaced_name()],
        hostnames: draft.fqdns.clone(),
        ..ServiceMetadata::default()
    };
    let mut body = VirtualService {
        name: name.clone(),
        created_by: Some(maker.created_by()),
        cloud_ref: Some(maker.cloud_ref()),
        tenant_ref: Some(maker.tenant_ref()),
        se_group_ref: Some(maker.se_group_ref()),
        vrf_context_ref: maker.vrf_ref(),
        network_profile_ref: Some(Ref::slash("networkprofile", profiles.main)),
        application_profile_ref: Some(Ref::slash("applicationprofile", application)),
        error_page_profile_ref: Some(EcoString::new()),
        services: by_name(draft)
            .into_iter()
            .map(|port| profiles.listener(port))
            .collect(),
        vsvip_ref: Some(Ref::slash("vsvip", name.clone())),
        l4_policies: vec![L4Policy {
            index: 0,
            l4_policy_set_ref: Ref::slash("l4policyset", name.clone()),
        }],
        remove_listening_port_on_vs_down: Some(true),
        enable_rhi: maker.settings().network.enable_rhi.then_some(true),
        traffic_enabled: Some(draft.traffic_enabled),
        service_metadata: Some(metadata.to_text()),
        markers: maker.markers(source_markers(draft)),
        ..VirtualService::default()
    };
    let extra = VsExtra::l4(draft.ports.iter().map(vs_port).collect(), pools.to_vec());
    body.cloud_config_cksum = Some(checksum::virtual_service(&body, &extra));
    body
}

fn vs_port(of: &L4Port) -> VsPort {
    VsPort {
        port: of.port.port,
        target_port: match &of.port.target {
            Target::Number(number) => TargetPort::Number(*number),
            Target::Name(name) => TargetPort::Name(name.clone()),
        },
        protocol: of.port.protocol.clone(),
        name: of.port.name.clone(),
        ..VsPort::default()
    }
}

/// Network profiles of the service and of single ports, by the mix of protocols.
struct Profiles {
    main: &'static str,
    mixed: bool,
}

impl Profiles {
    fn of(maker: &Maker<'_>, draft: &L4Draft) -> Self {
        let protocols: BTreeSet<&str> = draft
            .ports
            .iter()
            .map(|p| p.port.protocol.as_str())
            .collect();
        let licensed = matches!(
            maker.inventory().license_tier.as_str(),
            "ENTERPRISE" | "ENTERPRISE_WITH_CLOUD_SERVICES"
        );
        let tcp = if licensed {
            "System-TCP-Proxy"
        } else {
            "System-TCP-Fast-Path"
        };
        let mixed = protocols.len() > 1;
        let main = match (
            protocols.contains("TCP"),
            protocols.contains("SCTP") && !mixed,
        ) {
            (true, _) => tcp,
            (false, true) => "System-SCTP-Proxy",
            (false, false) => "System-UDP-Fast-Path",
        };
        Self { main, mixed }
    }

    fn listener(&self, of: &L4Port) -> Service {
        let profile = match of.port.protocol.as_str() {
            "UDP" => Some("System-UDP-Fast-Path"),
            "SCTP" => Some("System-SCTP-Proxy"),
            _ => None,
        };
        let profile = profile
            .filter(|_| self.mixed)
            .map(|name| Ref::slash("networkprofile", name));
        Service {
            override_network_profile_ref: profile,
            ..listener(of.port.port, false)
        }
    }
}
