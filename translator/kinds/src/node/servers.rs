//! Nodes as the servers of a Service's node port.

use super::{Node, all};
use crate::endpoint_slice::{self, PortMatch};
use crate::families::Families;
use crate::view::View;
use aviary_avi::common::IpAddr;
use aviary_avi::pool::Server;
use aviary_types::{EcoString, ObjectKey, Place, eco_format};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is to be reached at nodes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The Service.
    pub(crate) service: &'a ObjectKey,
    /// The port of the nodes.
    pub(crate) port: u16,
    /// The Service's address families.
    pub(crate) families: Families,
    /// Set for `externalTrafficPolicy: Local`: the port whose endpoints a node must have.
    pub(crate) local: Option<&'a PortMatch>,
}

/// One server for each node of the selector, with where its address is written: at its IPv4
/// address, or at that of IPv6 where the first cannot be used. Whether it answers is for the health
/// monitor to find out.
pub(crate) fn servers(view: &dyn View, wanted: &Wanted<'_>) -> (Vec<Server>, Vec<Place>) {
    let local = wanted
        .local
        .map(|port| endpoint_slice::nodes(view, wanted.service, port));
    let selector = view.env().settings.l7.node_port_selector.as_ref();
    let mut servers = Vec::new();
    for entry in all(view) {
        let Ok(node) = <&Node>::try_from(&entry.fact) else {
            continue;
        };
        let is_selected = selector.is_none_or(|selector| {
            let value = node.labels.get(selector.key.as_str());
            value.is_some_and(|value| *value == selector.value)
        });
        if is_selected {
            let found = server(view, (&entry.key, node), wanted, local.as_ref());
            servers.extend(found);
        }
    }
    endpoint_slice::in_order(servers)
}

fn server(
    view: &dyn View,
    (key, node): (&ObjectKey, &Node),
    wanted: &Wanted<'_>,
    local: Option<&BTreeSet<(EcoString, bool)>>,
) -> Option<(Server, Place)> {
    let usable = |v6: bool| {
        let has_endpoint = local.is_none_or(|nodes| nodes.contains(&(key.name.clone(), v6)));
        let families = wanted.families;
        let is_asked = if v6 { families.v6 } else { families.v4 };
        let address = node.address(view.env(), v6)?;
        (has_endpoint && is_asked).then_some(address)
    };
    let found = usable(false).or_else(|| usable(true))?;
    let server = Server {
        external_uuid: eco_format!("{}:{}", found.address, wanted.port),
        ip: IpAddr::new(found.address.clone()),
        port: wanted.port,
        enabled: None,
        server_node: None,
    };
    Some((server, found.place(&Arc::new(key.clone()))))
}
