//! One load balancer, of a Service or of several that share a VIP: virtual service, VsVip, policy
//! set and a pool per port.

use crate::claims::Lost;
use crate::host::TAKEN_TWICE_HINT;
use crate::maker::Maker;
use crate::parts::{Parts, Serve, Waiting};
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
use aviary_kinds::service::{L4Draft, L4Member, L4Port, Target};
use aviary_types::{
    Code, EcoString, Finding, ObjectKey, Origin, Provenance, Role, Table, eco_format,
};
use std::collections::BTreeSet;

/// The objects of one load balancer of a domain.
pub(crate) fn render(env: &Env, draft: &L4Draft, lost: &Lost) -> Parts {
    if draft.waits_for.is_some() {
        return waiting(draft);
    }
    let maker = Maker::new(env, &draft.tenant, tenant_at(draft));
    let maker = &maker.under(draft.infra.as_ref()).without(lost);
    if let Some(refused) = taken_twice(maker, draft, lost) {
        return refused;
    }
    let (name, pools) = names(maker, draft);
    let vip = vs_vip(maker, &name, fqdns(draft).collect(), draft.address.as_ref());
    let service = virtual_service(maker, draft, &name, &pools);
    let mut parts = Parts {
        serves: serves(maker, draft, &name, &pools),
        ..Parts::default()
    };
    let mut add = |body: Body, from| {
        let object = maker.object(body, from, Presence::Always);
        parts.objects.push(object);
    };
    add(vip.into(), provenance(&L4_VS_VIP, draft));
    for (port, name) in draft.ports.iter().zip(&pools) {
        let made_up = draft
            .is_shared
            .then_some(Origin::Setting("L4Settings.autoFQDN"));
        let from = Provenance::new(&L4_POOL, [port.at.object.clone()].into())
            .with_all(Role::Name, made_up)
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
    parts
}

/// Where another instance takes the namespace too, it serves the Service: two virtual services of one
/// name cannot be, and two addresses nobody asked for.
fn taken_twice(maker: &Maker<'_>, draft: &L4Draft, lost: &Lost) -> Option<Parts> {
    let name = maker.names.l4(draft.namespace.as_str(), &draft.name);
    let key = maker.key(AviKind::VirtualService, &name);
    lost.twice.contains(&key).then(|| {
        let namespace = &draft.namespace;
        let text =
            eco_format!("it is served by another instance, which takes namespace {namespace} too");
        let told = |it: &L4Member| {
            Finding::new(&it.source, Code::TakenTwice, text.clone(), TAKEN_TWICE_HINT)
        };
        Parts {
            findings: draft.members.iter().map(told).collect(),
            ..Parts::default()
        }
    })
}

/// Nothing is made yet, and what stands stays: its Services say so, and the VIP that they share.
fn waiting(draft: &L4Draft) -> Parts {
    let services = draft.members.iter();
    let services = services.map(|it| ("ServiceName", it.source.name.clone()));
    let shared = draft.is_shared.then(|| ("GatewayName", draft.name.clone()));
    let waits = services.chain(shared).map(|(marker, name)| Waiting {
        namespace: draft.namespace.clone(),
        marker,
        name,
    });
    Parts {
        waits: waits.collect(),
        ..Parts::default()
    }
}

fn tenant_at(draft: &L4Draft) -> Origin {
    let mut said = draft.said.iter();
    let tenant = said.find(|(role, _)| *role == Role::Tenant);
    let setting = Origin::Setting("ControllerSettings.tenantName");
    tenant.map_or(setting, |(_, origin)| origin.clone())
}

/// What an object of the whole load balancer comes from.
fn provenance(table: &'static Table, draft: &L4Draft) -> Provenance {
    let sources = draft.members.iter().map(|it| it.source.clone());
    let sources: Vec<_> = sources.collect();
    let said = draft.said.iter().filter(|(role, _)| *role != Role::Tenant);
    said.fold(
        Provenance::new(table, sources.into()),
        |from, (role, origin)| from.with(*role, origin.clone()),
    )
}

/// Ports in the order of the listeners.
fn by_name(draft: &L4Draft) -> Vec<&L4Port> {
    let mut ports: Vec<&L4Port> = draft.ports.iter().collect();
    ports.sort_by_cached_key(|port| listener_name(draft, port));
    ports
}

/// The name of virtual service, VsVip and policy set, and those of the pools; other ones where an
/// older source has them.
fn names(maker: &Maker<'_>, draft: &L4Draft) -> (EcoString, Vec<EcoString>) {
    let natural = maker.names.l4(draft.namespace.as_str(), &draft.name);
    let kinds = [
        AviKind::VirtualService,
        AviKind::VsVip,
        AviKind::L4PolicySet,
    ];
    let is_lost = maker.is_lost(&kinds, &natural);
    let named = |name: EcoString, is_lost: bool, source: &EcoString| {
        if is_lost {
            distinct(&name, &eco_format!("{} {source}", maker.env.domain))
        } else {
            name
        }
    };
    let pools = draft.ports.iter().map(|port| {
        let name = maker.names.l4_pool(port_source(draft, port));
        let is_lost = is_lost || maker.is_lost(&[AviKind::Pool], &name);
        named(name, is_lost, &eco_format!("{}", port.at.object))
    });
    let pools = pools.collect();
    let source = match &*draft.members {
        [one] if !draft.is_shared => eco_format!("{}", one.source),
        _ => eco_format!("shared VIP {}/{}", draft.namespace, draft.name),
    };
    (named(natural, is_lost, &source), pools)
}

fn fqdns(draft: &L4Draft) -> impl Iterator<Item = EcoString> {
    draft.members.iter().filter_map(|it| it.fqdn.clone())
}

/// What tells the status of each Service: it is served once its pools stand, too.
fn serves(maker: &Maker<'_>, draft: &L4Draft, name: &EcoString, pools: &[EcoString]) -> Vec<Serve> {
    let members = draft.members.iter();
    let serve = |member: &L4Member| {
        let ports = draft.ports.iter().zip(pools);
        let own = ports.filter(|(port, _)| port.at.object == member.source);
        let needs: Vec<AviKey> = own
            .map(|(_, pool)| maker.key(AviKind::Pool, pool))
            .collect();
        (!needs.is_empty()).then(|| Serve {
            source: ObjectKey::clone(&member.source),
            host: member.fqdn.clone().unwrap_or_default(),
            service: maker.key(AviKind::VirtualService, name),
            vip: maker.key(AviKind::VsVip, name),
            needs,
        })
    };
    members.filter_map(serve).collect()
}

fn port_source<'a>(draft: &'a L4Draft, of: &'a L4Port) -> PortSource<'a> {
    let mut others = draft.ports.iter();
    PortSource {
        namespace: draft.namespace.as_str(),
        service: &of.at.object.name,
        shared: draft.is_shared.then_some(draft.name.as_str()),
        protocol: &of.port.protocol,
        port: of.port.port,
        twice: others
            .any(|it| it.port.port == of.port.port && it.port.protocol != of.port.protocol),
    }
}

fn pool(maker: &Maker<'_>, draft: &L4Draft, of: &L4Port, name: &EcoString) -> Pool {
    let monitor = match of.port.protocol.as_str() {
        "UDP" => "System-UDP",
        "SCTP" => "System-SCTP",
        _ => "System-TCP",
    };
    let mut markers = vec![
        Marker::one("Namespace", draft.namespace.text().clone()),
        Marker::one("ServiceName", of.at.object.name.clone()),
        Marker::one("Port", eco_format!("{}", of.port.port)),
    ];
    if draft.is_shared {
        markers.push(Marker::one("Protocol", of.port.protocol.clone()));
        markers.push(Marker::one("GatewayName", draft.name.clone()));
    }
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
        placement_networks: maker.placement_networks(),
        servers: of.servers.clone(),
        service_metadata: Some(pool_metadata(draft, of).to_text()),
        markers: maker.markers(markers),
        ..Pool::default()
    };
    let extra = PoolExtra {
        protocol: of.port.protocol.clone(),
        port: of.matched_port,
        port_name: of.port.name.clone(),
        listing: of.way.listing(),
        placement: maker.configured_placement(),
        ..PoolExtra::default()
    };
    body.cloud_config_cksum = Some(checksum::pool(&body, &extra));
    body
}

/// AKO, should it come back, finds the Services of a shared VIP by the metadata of its pools, with
/// the names that it makes up.
fn pool_metadata(draft: &L4Draft, of: &L4Port) -> ServiceMetadata {
    let mut members = draft.members.iter();
    let member = members.find(|it| it.source == of.at.object);
    match member.filter(|_| draft.is_shared) {
        Some(member) => ServiceMetadata {
            namespace_svc_name: vec![of.at.object.namespaced_name()],
            hostnames: member.auto_fqdn.iter().cloned().collect(),
            ..ServiceMetadata::default()
        },
        None => ServiceMetadata::default(),
    }
}

fn markers(draft: &L4Draft) -> Vec<Marker> {
    let named = if draft.is_shared {
        "GatewayName"
    } else {
        "ServiceName"
    };
    vec![
        Marker::one("Namespace", draft.namespace.text().clone()),
        Marker::one(named, draft.name.clone()),
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
    let mut markers = markers(draft);
    if !draft.is_shared {
        markers.push(Marker::one("Protocol", protocols.join(",")));
    }
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
    let own = draft.members.iter().filter(|_| !draft.is_shared);
    let metadata = ServiceMetadata {
        namespace_svc_name: own.map(|it| it.source.namespaced_name()).collect(),
        hostnames: fqdns(draft).collect(),
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
        enable_rhi: maker.enable_rhi().then_some(true),
        traffic_enabled: draft.traffic_enabled,
        service_metadata: Some(metadata.to_text()),
        markers: maker.markers(markers(draft)),
        ..VirtualService::default()
    };
    let ports = draft.ports.iter().map(|port| vs_port(draft, port));
    // AKO's model of a shared VIP does not name its pools.
    let pools = pools.iter().filter(|_| !draft.is_shared).cloned();
    let extra = VsExtra::l4(ports.collect(), pools.collect());
    body.cloud_config_cksum = Some(checksum::virtual_service(&body, &extra));
    body
}

/// What AKO calls a listener, and sorts by.
fn listener_name(draft: &L4Draft, of: &L4Port) -> EcoString {
    if draft.is_shared {
        eco_format!("{}-{}", of.port.protocol, of.port.port)
    } else {
        of.port.name.clone()
    }
}

fn vs_port(draft: &L4Draft, of: &L4Port) -> VsPort {
    VsPort {
        port: of.port.port,
        target_port: match &of.port.target {
            _ if draft.is_shared => TargetPort::default(),
            Target::Number(number) => TargetPort::Number(*number),
            Target::Name(name) => TargetPort::Name(name.clone()),
        },
        protocol: of.port.protocol.clone(),
        name: listener_name(draft, of),
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
