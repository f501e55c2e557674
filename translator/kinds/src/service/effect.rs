//! What a Service of type LoadBalancer means.

use super::reach::{Asked, Way, reach};
use super::{LOAD_BALANCER_CLASS, Service, ServicePort};
use crate::avi_infra_setting::{self, Binding, Infra};
use crate::namespace;
use crate::view::View;
use aviary_avi::pool::Server;
use aviary_settings::ServiceType as ServiceMode;
use aviary_types::{
    Code, EcoString, Finding, Namespace, ObjectKey, Origin, Place, Role, TenantName, eco_format,
};
use std::sync::Arc;

/// A load balancer in the making.
#[derive(Debug, Clone, PartialEq)]
pub struct L4Draft {
    /// The namespace of its Services.
    pub namespace: Namespace,
    /// What its objects are called after: the Service, or the key of a shared VIP.
    pub name: EcoString,
    /// Whether Services share it by that key.
    pub is_shared: bool,
    /// What its Services and others say about it, and where.
    pub said: Vec<(Role, Origin)>,
    /// Its tenant.
    pub tenant: TenantName,
    /// Its Services, the oldest first.
    pub members: Vec<L4Member>,
    /// Ports in the order of their rules.
    pub ports: Vec<L4Port>,
    /// Static address.
    pub address: Option<EcoString>,
    /// Application profile that replaces the default.
    pub application_profile: Option<EcoString>,
    /// The AviInfraSetting that holds for it.
    pub infra: Option<Arc<Infra>>,
    /// An AviInfraSetting that was not checked yet: nothing is made or changed before that.
    pub waits_for: Option<ObjectKey>,
    /// Whether traffic flows; nothing is said of it for a shared VIP, as with AKO.
    pub traffic_enabled: Option<bool>,
}

/// One Service behind a load balancer.
#[derive(Debug, Clone, PartialEq)]
pub struct L4Member {
    /// The Service.
    pub source: Arc<ObjectKey>,
    /// Its DNS name.
    pub fqdn: Option<EcoString>,
    /// The DNS name that is made up for it, which may be another.
    pub auto_fqdn: Option<EcoString>,
}

/// One port with its servers.
#[derive(Debug, Clone, PartialEq)]
pub struct L4Port {
    /// As in the Service.
    pub port: ServicePort,
    /// Where it stands in which Service.
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

/// Evaluates the Service; `None` where it asks for no load balancer of its own from us.
pub fn load_balancer(
    view: &dyn View,
    key: &ObjectKey,
    findings: &mut Vec<Finding>,
) -> Option<L4Draft> {
    let entry = view.get(key)?;
    let service: &Service = (&entry.fact).try_into().ok()?;
    let tenant = accept(view, key, service)?;
    if service.shared_vip.is_some() {
        return None;
    }
    let annotation = service.infra_setting.as_ref();
    let (infra, waits_for) = bound(avi_infra_setting::of_service(
        view, key, annotation, findings,
    ));
    let source = Arc::new(key.clone());
    let ports = ports(view, &source, service, findings);
    let mut said = said(&source, service);
    said.push((
        Role::Tenant,
        namespace::tenant_origin(view, key.namespace.as_str()),
    ));
    if service.address.is_some() {
        said.push(address_said(&source, service));
    }
    let draft = L4Draft {
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        is_shared: false,
        said,
        tenant,
        members: vec![member(view, &source, service)],
        ports,
        address: service.address.clone(),
        application_profile: service.application_profile.clone(),
        infra,
        waits_for,
        traffic_enabled: Some(!service.traffic_disabled),
    };
    (!draft.ports.is_empty()).then_some(draft)
}

/// The setting that holds, or the one that is waited for.
pub(super) fn bound(binding: Binding) -> (Option<Arc<Infra>>, Option<ObjectKey>) {
    match binding {
        Binding::To(infra) => (Some(infra), None),
        Binding::Unchecked(key) => (None, Some(key)),
        Binding::None | Binding::Missing | Binding::Rejected(_) => (None, None),
    }
}

/// Where a Service says what is not said of a port.
pub(super) fn said(source: &Arc<ObjectKey>, service: &Service) -> Vec<(Role, Origin)> {
    let place = |path| Origin::from(Place::new(source, path));
    let name = match service.hostname {
        Some(_) => place(HOSTNAME_AT),
        None => Origin::Setting("L4Settings.autoFQDN"),
    };
    let mut said = vec![(Role::Name, name)];
    if service.application_profile.is_some() {
        said.push((Role::Profile, place(APPLICATION_PROFILE_AT)));
    }
    if service.traffic_disabled {
        said.push((Role::Traffic, place(DISABLE_TRAFFIC_AT)));
    }
    said
}

/// Where a Service says its address.
pub(super) fn address_said(source: &Arc<ObjectKey>, service: &Service) -> (Role, Origin) {
    (Role::Address, Place::new(source, service.address_at).into())
}

const HOSTNAME_AT: &str = "metadata.annotations['external-dns.alpha.kubernetes.io/hostname']";
const APPLICATION_PROFILE_AT: &str = "metadata.annotations['ako.vmware.com/application-profile']";
const DISABLE_TRAFFIC_AT: &str = "metadata.annotations['ako.vmware.com/disable-traffic']";

/// The Service as a member of a load balancer.
pub(super) fn member(view: &dyn View, key: &Arc<ObjectKey>, service: &Service) -> L4Member {
    let fqdn = |asked| view.env().l4_fqdn(key, asked);
    L4Member {
        source: key.clone(),
        fqdn: fqdn(service.hostname.as_ref()),
        auto_fqdn: fqdn(None),
    }
}

/// The ports that can be served; where there is none, that is said. So is what has no effect.
pub(super) fn ports(
    view: &dyn View,
    key: &Arc<ObjectKey>,
    service: &Service,
    findings: &mut Vec<Finding>,
) -> Vec<L4Port> {
    findings.extend(service.references.iter().map(|(annotation, name)| {
        let text = eco_format!("annotation {annotation} names {name}, which has no effect yet");
        let hint = "the Service is served without it; remove the annotation to be told no more";
        Finding::new(key, Code::UnsupportedField, text, hint)
    }));
    if let Some(port) = beyond_node_port_local(view, service) {
        findings.push(Finding::new(
            key,
            Code::ProtocolUnsupported,
            eco_format!(
                "NodePortLocal has no SCTP, which port {port} asks for; the Service is not served"
            ),
            "take the port off the Service, or set another L7Settings.serviceType",
        ));
        return Vec::new();
    }
    let ports = once(key, service, findings).into_iter();
    let ports: Vec<L4Port> = ports
        .filter_map(|port| l4_port(view, (key, service), port, findings))
        .collect();
    if ports.is_empty() {
        let text = "the Service has no port that can be served";
        findings.push(Finding::new(
            key,
            Code::NoPorts,
            text,
            "add a TCP, UDP or SCTP port",
        ));
    }
    ports
}

/// The first port that keeps the whole Service from being served where pods are reached by
/// NodePortLocal, as with AKO.
fn beyond_node_port_local(view: &dyn View, service: &Service) -> Option<u16> {
    let applies = view.env().settings.l7.service_type == ServiceMode::NodePortLocal;
    let mut ports = service.ports.iter().filter(|_| applies);
    ports.find(|it| it.protocol == "SCTP").map(|it| it.port)
}

/// The tenant of the Service's namespace, if the Service asks for a load balancer of ours.
pub(super) fn accept(view: &dyn View, key: &ObjectKey, service: &Service) -> Option<TenantName> {
    let asks = service.asks_for_load_balancer() && has_our_class(view, service);
    if asks && !view.env().settings.ako.layer7_only {
        namespace::tenant(view, key.namespace.as_str())
    } else {
        None
    }
}

/// Whether its class is ours, or it has none and we take those.
pub(super) fn has_our_class(view: &dyn View, service: &Service) -> bool {
    match &service.class {
        Some(class) => class == LOAD_BALANCER_CLASS,
        None => view.env().settings.l4.default_lb_controller,
    }
}

/// Whether NodePortLocal may need an annotation at the Service, so that it is ours to write.
pub(super) fn may_be_annotated(view: &dyn View, key: &ObjectKey) -> bool {
    let settings = &view.env().settings;
    let asked = settings.l7.service_type == ServiceMode::NodePortLocal
        && settings.aviary.auto_annotate_services;
    asked && namespace::tenant(view, key.namespace.as_str()).is_some()
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
