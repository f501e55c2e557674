//! How a Service's port is reached: as the domain's service type says.

use super::{Service, ServicePort, ServiceType, Target};
use crate::endpoint_slice::{self, PortMatch};
use crate::node;
use crate::pod;
use crate::view::View;
use aviary_avi::checksum::Listing;
use aviary_avi::pool::Server;
use aviary_settings::ServiceType as Mode;
use aviary_types::{
    Code, EcoString, Finding, ObjectKey, Place, Provenance, Role, eco_format, number,
};
use std::sync::Arc;

/// A port of a Service that is to be reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The Service.
    pub(super) key: &'a ObjectKey,
    /// What it is.
    pub(super) service: &'a Service,
    /// Name of its port, possibly empty.
    pub(super) port_name: &'a EcoString,
    /// Where its port leads to; `None` where that is not to be looked at.
    pub(super) target: Option<&'a Target>,
    /// Whether a path leads to it, not a load balancer of its own.
    pub(super) by_path: bool,
}

/// How servers are reached, and so where they are said.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Way {
    /// At endpoints: places in slices.
    #[default]
    Endpoints,
    /// At nodes: places in Nodes, and that of the port in the Service.
    Nodes(Place),
    /// At the nodes of pods, each at a port of its own: places in Pods.
    Pods {
        /// Whether the Service selects any that may be ready.
        are_selected: bool,
    },
}

impl Way {
    /// Says where servers come from that are reached so.
    #[must_use]
    pub fn cite(&self, from: Provenance, servers_at: &[Place]) -> Provenance {
        let places = servers_at.iter().cloned();
        match self {
            Self::Endpoints => from.each("servers", Role::Server, places),
            Self::Nodes(port) => {
                from.with(Role::NodePort, port.clone())
                    .each("servers", Role::Node, places)
            }
            Self::Pods { .. } => from.each("servers", Role::Pod, places),
        }
    }

    /// How AKO's model holds servers that are reached so.
    pub fn listing(&self) -> Listing {
        match self {
            Self::Endpoints | Self::Nodes(_) => Listing::OnePort,
            Self::Pods { are_selected: true } => Listing::OwnPorts,
            Self::Pods {
                are_selected: false,
            } => Listing::NoPods,
        }
    }
}

/// What was found behind it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reached {
    /// The port that the servers were matched by.
    pub(super) port: Option<u16>,
    /// Servers, sorted by address.
    pub(super) servers: Vec<Server>,
    /// Where each of them is said.
    pub(super) servers_at: Vec<Place>,
    /// How they are reached.
    pub(super) way: Way,
    /// Why there can be none.
    pub(super) trouble: Option<EcoString>,
}

/// Finds the servers.
pub(super) fn reach(view: &dyn View, asked: &Asked<'_>) -> Reached {
    let skips = !asked.by_path && asked.service.skips_node_port;
    match view.env().settings.l7.service_type {
        Mode::NodePort if !skips => at_nodes(view, asked),
        Mode::NodePortLocal => at_pods(view, asked),
        _ => at_endpoints(view, asked),
    }
}

impl Reached {
    fn trouble(why: EcoString) -> Self {
        Self {
            trouble: Some(why),
            ..Self::default()
        }
    }

    /// What to tell who asked, if it reaches nothing.
    pub(super) fn finding(&self, at: &ObjectKey, service: &EcoString) -> Option<Finding> {
        match &self.trouble {
            Some(why) => Some(Finding::new(
                at,
                Code::BackendUnreachable,
                eco_format!("Service {service} {why}; it has no servers"),
                "change the Service's type, or L7Settings.serviceType",
            )),
            None if self.servers.is_empty() => Some(Finding::new(
                at,
                Code::NoServers,
                eco_format!("nothing stands behind Service {service} now"),
                "start pods that the Service selects",
            )),
            None => None,
        }
    }
}

/// ClusterIP: what the slices name.
fn at_endpoints(view: &dyn View, asked: &Asked<'_>) -> Reached {
    if let Some(why) = no_backend(view, asked) {
        return Reached::trouble(why);
    }
    let port = asked.port_match();
    let found = endpoint_slice::servers(view, asked.key, &port, asked.service.families);
    Reached {
        port: found.port,
        servers: found.servers,
        servers_at: found.servers_at,
        way: Way::Endpoints,
        trouble: None,
    }
}

/// NodePort: the node port at every node.
fn at_nodes(view: &dyn View, asked: &Asked<'_>) -> Reached {
    match asked.service.kind {
        ServiceType::NodePort | ServiceType::LoadBalancer => {}
        ServiceType::ClusterIp => {
            return Reached::trouble("is of type ClusterIP, which nodes do not serve".into());
        }
        ServiceType::Other => return Reached::trouble(OTHER_TYPE.into()),
    }
    let Some((at, port)) = asked.port() else {
        // Told already: the Service has no such port.
        return Reached::default();
    };
    let Some(node_port) = port.node_port else {
        return Reached::trouble(eco_format!("has no node port for its port {}", port.port));
    };
    let matched = asked.port_match();
    let (servers, servers_at) = node::servers(
        view,
        &node::Wanted {
            service: asked.key,
            port: node_port,
            families: asked.service.families,
            local: asked.service.local.then_some(&matched),
        },
    );
    Reached {
        port: Some(node_port),
        servers,
        servers_at,
        way: Way::Nodes(Place::at(
            &Arc::new(asked.key.clone()),
            "spec.ports[{0}].nodePort",
            [at, 0],
        )),
        trouble: None,
    }
}

/// NodePortLocal: where the annotations of pods say.
fn at_pods(view: &dyn View, asked: &Asked<'_>) -> Reached {
    if asked.service.kind == ServiceType::NodePort {
        return Reached::trouble("is of type NodePort, which NodePortLocal does not serve".into());
    }
    if let Some(why) = no_backend(view, asked) {
        return Reached::trouble(why);
    }
    let Some(target) = asked.target else {
        // Told already: the Service has no such port.
        return Reached::default();
    };
    let mut ports = asked.service.ports.iter();
    let protocol = ports.find(|port| port.target == *target);
    let wanted = pod::Wanted {
        service: asked.key,
        selector: &asked.service.selector,
        port_name: asked.port_name,
        target,
        protocol: protocol.map_or("TCP", |port| &port.protocol),
        families: asked.service.families,
    };
    let found = pod::servers(view, &wanted);
    Reached {
        servers: found.servers,
        servers_at: found.servers_at,
        way: Way::Pods {
            are_selected: found.are_selected,
        },
        ..Reached::default()
    }
}

const OTHER_TYPE: &str = "is of a type without endpoints, such as ExternalName";

/// Why a path cannot lead to the Service by its endpoints. A Service of type LoadBalancer has a
/// virtual service of its own and is no backend of a path, unless layer 4 is switched off.
fn no_backend(view: &dyn View, asked: &Asked<'_>) -> Option<EcoString> {
    match asked.service.kind {
        ServiceType::Other => Some(OTHER_TYPE.into()),
        ServiceType::LoadBalancer if asked.by_path && !view.env().settings.ako.layer7_only => {
            Some("is of type LoadBalancer, which is no backend of a path".into())
        }
        _ => None,
    }
}

impl Asked<'_> {
    /// The port of this name, or the only one, with its place.
    fn port(&self) -> Option<(u32, &ServicePort)> {
        let ports = &self.service.ports;
        let named = ports.iter().position(|port| port.name == *self.port_name);
        let at = named.or((ports.len() == 1).then_some(0))?;
        Some((number(at), ports.get(at)?))
    }

    fn port_match(&self) -> PortMatch {
        PortMatch {
            name: self.port_name.clone(),
            target: self.target.and_then(Target::number),
        }
    }
}
