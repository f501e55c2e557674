//! What a Service of type LoadBalancer means.

use super::{LOAD_BALANCER_CLASS, Service, ServicePort, ServiceType};
use crate::endpoint_slice::{self, PortMatch};
use crate::namespace;
use crate::view::View;
use aviary_avi::pool::Server;
use aviary_types::{Code, EcoString, Finding, ObjectKey, TenantName, eco_format};

/// A load balancer in the making.
#[derive(Debug, Clone, PartialEq)]
pub struct L4Draft {
    /// The Service.
    pub source: ObjectKey,
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
    /// Port that the servers were matched by; the Service's where none was.
    pub matched_port: u16,
    /// Servers, sorted by address.
    pub servers: Vec<Server>,
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
    let ports: Vec<L4Port> = once(key, service, findings)
        .into_iter()
        .filter_map(|port| l4_port(view, key, port, findings))
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
        tenant,
        ports,
        address: service.address.clone(),
        fqdns: view.env().l4_fqdns(key, service.hostname.as_ref()),
        application_profile: service.application_profile.clone(),
        traffic_enabled: !service.traffic_disabled,
    })
}

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
) -> Vec<&'a ServicePort> {
    let mut ports: Vec<&ServicePort> = Vec::new();
    for port in &service.ports {
        let ServicePort {
            port: number,
            protocol,
            ..
        } = port;
        if ports
            .iter()
            .all(|known| (known.port, &known.protocol) != (*number, protocol))
        {
            ports.push(port);
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
    key: &ObjectKey,
    port: &ServicePort,
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
    let matched = PortMatch {
        name: port.name.clone(),
        target: port.target.number(),
    };
    let found = endpoint_slice::servers(view, key, &matched);
    let matched_port = found.port.unwrap_or(port.port);
    Some(L4Port {
        port: port.clone(),
        matched_port,
        servers: found.servers,
    })
}
