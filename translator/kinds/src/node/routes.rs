//! Routes to the networks of pods.

use super::{Node, all};
use crate::view::View;
use aviary_avi::common::Subnet;
use aviary_types::{EcoString, ObjectKey, Place};
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

/// The routes to all nodes' pods, by node name and place. A network that a node before has already
/// is left out, as is one without a node address of its family.
pub fn pod_routes(view: &dyn View) -> Vec<PodRoute> {
    let mut routes: Vec<PodRoute> = Vec::new();
    for entry in all(view) {
        let Ok(node) = <&Node>::try_from(&entry.fact) else {
            continue;
        };
        let key = Arc::new(entry.key.clone());
        for (index, (cidr, prefix_at)) in node.networks(view, &key).into_iter().enumerate() {
            let Some(prefix) = Subnet::parse(&cidr) else {
                continue;
            };
            let Some(hop) = node.address(view.env(), cidr.contains(':')) else {
                continue;
            };
            if routes.iter().all(|route| route.prefix != prefix) {
                routes.push(PodRoute {
                    prefix_at,
                    next_hop_at: hop.place(&key),
                    node: entry.key.clone(),
                    index,
                    prefix,
                    next_hop: hop.address.clone(),
                });
            }
        }
    }
    routes
}
