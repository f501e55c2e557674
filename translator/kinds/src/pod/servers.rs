//! Pods as the servers of a Service, at the ports of their nodes.

use super::{Mapping, Pod, by_label};
use crate::endpoint_slice::{self, PortMatch};
use crate::families::Families;
use crate::service::Target;
use crate::view::{Entry, View};
use aviary_avi::common::IpAddr;
use aviary_avi::pool::Server;
use aviary_types::{EcoString, ObjectKey, Place, eco_format};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is to be reached at pods.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The Service.
    pub(crate) service: &'a ObjectKey,
    /// Labels of its pods; without any it has none.
    pub(crate) selector: &'a BTreeMap<EcoString, EcoString>,
    /// Name of its port, possibly empty.
    pub(crate) port_name: &'a EcoString,
    /// Where its port leads to.
    pub(crate) target: &'a Target,
    /// Protocol of its port, upper case.
    pub(crate) protocol: &'a str,
    /// Its address families.
    pub(crate) families: Families,
}

/// What was found at pods.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Found {
    /// Servers, sorted by address and port.
    pub(crate) servers: Vec<Server>,
    /// Where each of them is said.
    pub(crate) servers_at: Vec<Place>,
    /// Whether the Service selects any pod that may be ready.
    pub(crate) are_selected: bool,
}

/// Every mapping of the wanted port of every pod that the Service selects, with where it is said. A
/// pod that is known not to be ready is none; one that its slice shows as going takes no new
/// connections.
///
/// Differs from AKO: a mapping of another protocol is none, and a named target port is looked up in
/// each pod, where AKO takes the number that the first pod has for all.
pub(crate) fn servers(view: &dyn View, wanted: &Wanted<'_>) -> Found {
    let Wanted {
        service, selector, ..
    } = wanted;
    let labels = selector.iter();
    let namespace = service.namespace.as_str();
    let indexes = labels.map(|label| by_label(&service.cluster, namespace, label));
    let mut pods = view.narrowest(indexes.collect());
    pods.retain(|entry| pod_of(entry).is_some_and(|pod| is_selected(pod, selector)));
    let port = PortMatch {
        name: wanted.port_name.clone(),
        target: wanted.target.number(),
    };
    let enabled = endpoint_slice::pods(view, service, &port);
    let mut found = Vec::new();
    for entry in &pods {
        let enabled = enabled.get(&entry.key.name).copied().unwrap_or(true);
        found.extend(of_pod(view, entry, wanted, enabled));
    }
    let (servers, servers_at) = endpoint_slice::in_order(found);
    Found {
        servers,
        servers_at,
        are_selected: !pods.is_empty(),
    }
}

fn pod_of(entry: &Entry) -> Option<&Pod> {
    (&entry.fact).try_into().ok()
}

fn is_selected(pod: &Pod, selector: &BTreeMap<EcoString, EcoString>) -> bool {
    let mut selector = selector.iter();
    pod.ready && selector.all(|(key, value)| pod.labels.get(key) == Some(value))
}

fn of_pod(
    view: &dyn View,
    entry: &Entry,
    wanted: &Wanted<'_>,
    enabled: bool,
) -> Vec<(Server, Place)> {
    let Some(pod) = pod_of(entry) else {
        return Vec::new();
    };
    let port = match wanted.target {
        Target::Number(number) => Some(*number),
        Target::Name(name) => pod.ports.get(name).copied(),
    };
    let families = wanted.families.and(view.env().families());
    let fits = |mapping: &&Mapping| {
        let protocol = &mapping.protocol;
        let same = protocol.is_empty() || protocol.eq_ignore_ascii_case(wanted.protocol);
        same && Some(mapping.pod_port) == port && families.use_address(&mapping.node_ip)
    };
    let key = Arc::new(entry.key.clone());
    let at = Place::new(&key, "metadata.annotations['nodeportlocal.antrea.io']");
    let mappings = pod.mappings.iter().filter(fits);
    mappings
        .map(|mapping| (server(mapping, enabled), at.clone()))
        .collect()
}

fn server(mapping: &Mapping, enabled: bool) -> Server {
    Server {
        external_uuid: eco_format!("{}:{}", mapping.node_ip, mapping.node_port),
        ip: IpAddr::new(mapping.node_ip.clone()),
        port: mapping.node_port,
        enabled: Some(enabled),
        server_node: None,
    }
}
