//! Routes to the networks of pods.

use super::{Node, all};
use crate::view::{Entry, View};
use aviary_avi::common::Subnet;
use aviary_types::{EcoString, ObjectKey, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A route to the pods of one node.
#[derive(Debug, Clone, PartialEq)]
pub struct PodRoute {
    /// The node.
    pub node: ObjectKey,
    /// Place of the network in the node's list.
    pub index: usize,
    /// The pods' network.
    pub prefix: Subnet,
    /// The node's address of the same family.
    pub next_hop: EcoString,
    /// Where the pods' network is written.
    pub prefix_at: Place,
    /// Where the node's address is written.
    pub next_hop_at: Place,
}

/// The routes to all nodes' pods, by node name and place. A network that several nodes have leads to
/// the oldest of them; one without a node address of its family is left out.
pub fn pod_routes(view: &dyn View) -> Vec<PodRoute> {
    let entries = all(view);
    let routes: Vec<(&Arc<Entry>, PodRoute)> = entries
        .iter()
        .flat_map(|entry| of_node(view, entry).map(move |route| (entry, route)))
        .collect();
    let mut leading: BTreeMap<(EcoString, u8), usize> = BTreeMap::new();
    for (at, (entry, route)) in routes.iter().enumerate() {
        let prefix = (route.prefix.ip_addr.canonical(), route.prefix.mask);
        let first = leading.entry(prefix).or_insert(at);
        let rival = routes.get(*first).map(|(rival, _)| rival);
        if rival.is_some_and(|rival| entry.seniority() < rival.seniority()) {
            *first = at;
        }
    }
    let leading: BTreeSet<usize> = leading.into_values().collect();
    let routes = routes.into_iter().enumerate();
    let routes = routes.filter(|(at, _)| leading.contains(at));
    routes.map(|(_, (_, route))| route).collect()
}

/// The routes to one node's pods.
fn of_node(view: &dyn View, entry: &Entry) -> impl Iterator<Item = PodRoute> {
    let key = Arc::new(entry.key.clone());
    let node = <&Node>::try_from(&entry.fact).ok();
    let networks = node.map(|node| (node, node.networks(view, &key)));
    let networks = networks.into_iter().flat_map(|(node, networks)| {
        let networks = networks.into_iter().enumerate();
        networks.map(move |(index, network)| (node, index, network))
    });
    let routes = networks.filter_map(|(node, index, (cidr, prefix_at))| {
        let hop = node.address(view.env(), cidr.contains(':'))?;
        Some(PodRoute {
            prefix_at,
            next_hop_at: hop.place(&key),
            node: entry.key.clone(),
            index,
            prefix: Subnet::parse(&cidr)?,
            next_hop: hop.address.clone(),
        })
    });
    routes.collect::<Vec<_>>().into_iter()
}
