//! What a Service of type LoadBalancer means.

use super::reach::{Asked, Way, reach};
use super::{LOAD_BALANCER_CLASS, Service, ServicePort, ServiceType};
use crate::namespace;
use crate::view::View;
use aviary_avi::pool::Server;
use aviary_types::{
    Code, EcoString, Finding, ObjectKey, Origin, Place, Role, TenantName, eco_format,
};
use std::sync::Arc;

/// A load balancer in the making.
#[derive(Debug, Clone, PartialEq)]
pub struct L4Draft {
    /// The Service.
    pub source: ObjectKey,
    /// What the Service and others say about it, and where.
    pub said: Vec<(Role, Origin)>,
    /// Its tenant.
    pub tenant: TenantName,
    /// Ports in order.
    pub ports: Vec<L4Port>,
    /// Static address.
    pub address: Option<EcoString>,
    /// DNS names.
    pub fqdns: Vec<EcoString>,
    /// Application profile that replaces the default.
    pub application_profile: Option<EcoString>,
    /// Whether traffic flows.
    pub traffic_enabled: bool,
}

/// One port with its servers.
#[derive(Debug, Clone, PartialEq)]
pub struct L4Port {
    /// As in the Service.
    pub port: ServicePort,
    /// Where it stands in the Service.
    pub at: Place,
    /// Port that the servers were matched by; the Service's where none was.
    pub matched_port: u16,
    /// Servers, sorted by address.
    pub servers: Vec<Server>,
    /// Where each of them is said.
    pub servers_at: Vec<Place>,
    /// How they are reached.
    pub way: Way,
}

/// Evaluates the Service; `None` where it asks for no load balancer of ours.
pub fn load_balancer(
    view: &dyn View,
    key: &ObjectKey,
    findings: &mut Vec<Finding>,
) -> Option<L4Draft> {
    let entry = view.get(key)?;
    let service: &Service = (&entry.fact).try_into().ok()?;
    let tenant = accept(view, key, service)?;
    if service.shared_vip.is_some() {
        findings.push(Finding::new(
            key,
            Code::NotSupportedYet,
            "a VIP shared by Services is not supported yet; the Service is not served",
            "remove the annotation to get a VIP of its own",
        ));
        return None;
    }
    let object = Arc::new(key.clone());
    let ports: Vec<L4Port> = once(key, service, findings)
        .into_iter()
        .filter_map(|port| l4_port(view, (&object, service), port, findings))
        .collect();
    if ports.is_empty() {
        let text = "the Service has no port that can be served";
        findings.push(Finding::new(
            key,
            Code::NoPorts,
            text,
            "add a TCP, UDP or SCTP port",
        ));
        return None;
    }
    Some(L4Draft {
        source: key.clone(),
        said: said(view, key, service),
        tenant,
        ports,
        address: service.address.clone(),
        fqdns: view.env().l4_fqdns(key, service.hostname.as_ref()),
        application_profile: service.application_profile.clone(),
        traffic_enabled: !service.traffic_disabled,
    })
}

/// Where the parts of the draft are said that are not those of a port.
fn said(view: &dyn View, key: &ObjectKey, service: &Service) -> Vec<(Role, Origin)> {
    let object = Arc::new(key.clone());
    let place = |path| Origin::from(Place::new(&object, path));
    let tenant = namespace::tenant_origin(view, key.namespace.as_str());
    let name = match service.hostname {
        Some(_) => place(HOSTNAME_AT),
        None => Origin::Setting("L4Settings.autoFQDN"),
    };
    let mut said = vec![(Role::Tenant, tenant), (Role::Name, name)];
    if service.address.is_some() {
        said.push((Role::Address, place(service.address_at)));
    }
    if service.application_profile.is_some() {
        said.push((Role::Profile, place(APPLICATION_PROFILE_AT)));
    }
    if service.traffic_disabled {
        said.push((Role::Traffic, place(DISABLE_TRAFFIC_AT)));
    }
    said
}

const HOSTNAME_AT: &str = "metadata.annotations['external-dns.alpha.kubernetes.io/hostname']";
const APPLICATION_PROFILE_AT: &str = "metadata.annotations['ako.vmware.com/application-profile']";
const DISABLE_TRAFFIC_AT: &str = "metadata.annotations['ako.vmware.com/disable-traffic']";

pub(super) fn accept(view: &dyn View, key: &ObjectKey, service: &Service) -> Option<TenantName> {
    let settings = &view.env().settings;
    let ours = match &service.class {
        Some(class) => class == LOAD_BALANCER_CLASS,
        None => settings.l4.default_lb_controller,
    };
    let asked = service.kind == ServiceType::LoadBalancer && !service.deleting;
    if asked && ours && !settings.ako.layer7_only {
        namespace::tenant(view, key.namespace.as_str())
    } else {
        None
    }
}

/// The ports without those that stand twice, which the apiserver would refuse.
fn once<'a>(
    key: &ObjectKey,
    service: &'a Service,
    findings: &mut Vec<Finding>,
) -> Vec<(u32, &'a ServicePort)> {
    let mut ports: Vec<(u32, &ServicePort)> = Vec::new();
    for (at, port) in (0..).zip(&service.ports) {
        let ServicePort {
            port: number,
            protocol,
            ..
        } = port;
        if ports
            .iter()
            .all(|(_, known)| (known.port, &known.protocol) != (*number, protocol))
        {
            ports.push((at, port));
            continue;
        }
        findings.push(Finding::new(
            key,
            Code::InvalidSpec,
            eco_format!("port {number}/{protocol} stands twice; the first one counts"),
            "remove one of the two",
        ));
    }
    ports
}

fn l4_port(
    view: &dyn View,
    (key, service): (&Arc<ObjectKey>, &Service),
    (at, port): (u32, &ServicePort),
    findings: &mut Vec<Finding>,
) -> Option<L4Port> {
    if !matches!(port.protocol.as_str(), "TCP" | "UDP" | "SCTP") {
        findings.push(Finding::new(
            key,
            Code::ProtocolUnsupported,
            eco_format!(
                "protocol {} of port {} cannot be served",
                port.protocol,
                port.port
            ),
            "use TCP, UDP or SCTP",
        ));
        return None;
    }
    let reached = reach(
        view,
        &Asked {
            key,
            service,
            port_name: &port.name,
            target: Some(&port.target),
            by_path: false,
        },
    );
    findings.extend(reached.finding(key, &key.name));
    Some(L4Port {
        port: port.clone(),
        at: Place::at(key, "spec.ports[{0}]", [at, 0]),
        matched_port: reached.port.unwrap_or(port.port),
        servers: reached.servers,
        servers_at: reached.servers_at,
        way: reached.way,
    })
}
