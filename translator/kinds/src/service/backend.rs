//! What a Service means as the backend of a path.

use super::reach::{Asked, Way, reach};
use super::{KIND, Service, ServicePort, ServiceType, Target};
use crate::ingress::BackendPort;
use crate::view::View;
use aviary_avi::pool::Server;
use aviary_types::{Code, EcoString, Finding, ObjectKey, Place, eco_format, number};
use std::sync::Arc;

/// A Service's port with its servers.
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    /// The Service.
    pub service: ObjectKey,
    /// Port number as the Ingress says it; 80 where it names the port.
    pub port: u16,
    /// Name of the Service's port.
    pub port_name: EcoString,
    /// Port that the servers were matched by; the Ingress's where none was.
    pub matched_port: u16,
    /// Servers, sorted by address.
    pub servers: Vec<Server>,
    /// Where each of them is said.
    pub servers_at: Vec<Place>,
    /// How they are reached.
    pub way: Way,
    /// The port of the Service, or the Service where it has no such port; `None` without Service.
    pub service_at: Option<Place>,
}

/// Resolves a backend. A missing Service or port gives a backend without servers, as with AKO, and
/// a finding at the source.
pub fn backend(
    view: &dyn View,
    source: &ObjectKey,
    name: &EcoString,
    port: &BackendPort,
    findings: &mut Vec<Finding>,
) -> Backend {
    let key = ObjectKey {
        kind: KIND,
        name: name.clone(),
        ..source.clone()
    };
    let asked = match port {
        BackendPort::Number(number) => *number,
        BackendPort::Name(_) => 80,
    };
    let mut backend = Backend {
        service: key.clone(),
        port: asked,
        port_name: EcoString::new(),
        matched_port: asked,
        servers: Vec::new(),
        servers_at: Vec::new(),
        way: Way::default(),
        service_at: None,
    };
    let entry = view.get(&key);
    let Some(service) = entry
        .as_ref()
        .and_then(|entry| <&Service>::try_from(&entry.fact).ok())
    else {
        findings.push(Finding::new(
            source,
            Code::ServiceMissing,
            eco_format!("Service {name} does not exist; its paths have no servers"),
            "create the Service, or correct the backend's name",
        ));
        return backend;
    };
    backend.port_name = port_name(service, port);
    backend.service_at = Some(port_at(&key, service, port));
    let has_port = has_port(service, port);
    if !has_port {
        findings.push(missing_port(source, name, port));
    }
    let reached = reach(
        view,
        &Asked {
            key: &key,
            service,
            port_name: &backend.port_name,
            target: target(service, port),
            by_path: true,
        },
    );
    if has_port {
        findings.extend(reached.finding(source, name));
    }
    backend.matched_port = reached.port.unwrap_or(asked);
    (backend.servers, backend.servers_at) = (reached.servers, reached.servers_at);
    backend.way = reached.way;
    backend
}

/// The name of the backend's port: as the Ingress says it, or the first port of that number.
fn port_name(service: &Service, port: &BackendPort) -> EcoString {
    match port {
        BackendPort::Name(name) => name.clone(),
        BackendPort::Number(number) => {
            let found = service.ports.iter().find(|port| port.port == *number);
            found.map(|port| port.name.clone()).unwrap_or_default()
        }
    }
}

/// The target: of the first port whose number or name fits. A backend by number has an
/// empty name, so the first unnamed port fits it too (AKO quirk).
fn target<'a>(service: &'a Service, backend: &BackendPort) -> Option<&'a Target> {
    if service.kind == ServiceType::NodePort {
        return None;
    }
    let fits = |port: &&ServicePort| match backend {
        BackendPort::Number(number) => port.port == *number || port.name.is_empty(),
        BackendPort::Name(name) => port.name == *name,
    };
    service.ports.iter().find(fits).map(|port| &port.target)
}

fn has_port(service: &Service, backend: &BackendPort) -> bool {
    service.ports.iter().any(|port| is_named(port, backend))
}

fn is_named(port: &ServicePort, backend: &BackendPort) -> bool {
    match backend {
        BackendPort::Number(number) => port.port == *number,
        BackendPort::Name(name) => port.name == *name,
    }
}

fn port_at(key: &ObjectKey, service: &Service, backend: &BackendPort) -> Place {
    let object = Arc::new(key.clone());
    let mut ports = service.ports.iter();
    match ports.position(|port| is_named(port, backend)) {
        Some(at) => Place::at(&object, "spec.ports[{0}]", [number(at), 0]),
        None => Place::new(&object, ""),
    }
}

fn missing_port(source: &ObjectKey, service: &str, port: &BackendPort) -> Finding {
    let port = match port {
        BackendPort::Number(number) => eco_format!("{number}"),
        BackendPort::Name(name) => name.clone(),
    };
    Finding::new(
        source,
        Code::PortMissing,
        eco_format!("Service {service} has no port {port}"),
        "correct the backend's port, or add it to the Service",
    )
}
