//! Node: where pods live, for the static routes to their networks.
//!
//! ```yaml
//! kind: Node
//! spec: {podCIDRs: [10.244.1.0/24]}
//! status: {addresses: [{type: InternalIP, address: 192.168.50.11}]}
//! ```
//! Moves: `static_routes` of the VRF.

use crate::room::{Extent, Parsed, RawObject, Room, StatusWrite, Watch, read_schema};
use crate::rooms::KindRoom;
use crate::view::{IndexKey, View};
use aviary_avi::common::Subnet;
use aviary_types::{Digest, EcoString, Kind, ObjectKey, Place, number};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The group and kind.
pub const KIND: Kind = Kind {
    group: "",
    kind: "Node",
};
const ALL: &str = "node.all";
const POD_CIDRS: &str = "ako.vmware.com/pod-cidrs";

/// What translation reads of a Node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    /// Labels, for node selectors.
    pub labels: BTreeMap<EcoString, EcoString>,
    /// Internal addresses in order, with their places in `status.addresses`.
    pub addresses: Vec<(u32, EcoString)>,
    /// Pod networks in order, as written.
    pub pod_cidrs: Vec<EcoString>,
    /// Where they are written, with `{0}` for the place in a list.
    pub pod_cidrs_at: &'static str,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Schema {
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    labels: BTreeMap<EcoString, EcoString>,
    annotations: BTreeMap<EcoString, EcoString>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    #[serde(rename = "podCIDR")]
    pod_cidr: EcoString,
    #[serde(rename = "podCIDRs")]
    pod_cidrs: Vec<EcoString>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    addresses: Vec<Address>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Address {
    #[serde(rename = "type")]
    kind: EcoString,
    address: EcoString,
}

impl KindRoom for Node {
    const ROOM: Room = Room {
        kind: KIND,
        version: "v1",
        plural: "nodes",
        extent: Extent::Cluster,
        watch: Watch::Full,
        kept_paths: &["spec.podCIDR", "spec.podCIDRs", "status.addresses"],
        kept_annotations: &[
            POD_CIDRS,
            "k8s.ovn.org/node-subnets",
            "node.antrea.io/transport-addresses",
            "projectcalico.org/IPv4Address",
            "projectcalico.org/IPv6Address",
        ],
        kept_labels: &["*"],
        secret_paths: &[],
        status: StatusWrite::None,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        match read_schema::<Schema>(object) {
            Ok(schema) => Parsed::clean(node(schema)),
            Err(finding) => Parsed {
                fact: None,
                findings: vec![finding],
            },
        }
    }

    fn index(&self, key: &ObjectKey) -> Vec<IndexKey> {
        vec![IndexKey::new(&key.cluster, ALL, "")]
    }

    fn digest(&self) -> Digest {
        Digest::of_value(self)
    }
}

fn node(schema: Schema) -> Node {
    let Schema {
        metadata,
        spec,
        status,
    } = schema;
    let internal = (0..)
        .zip(status.addresses)
        .filter(|(_, address)| address.kind == "InternalIP");
    let annotated = metadata.annotations.get(POD_CIDRS).map(|list| {
        list.split(',')
            .map(|cidr| EcoString::from(cidr.trim()))
            .filter(|c| !c.is_empty())
            .collect()
    });
    let pod_cidrs_at = if annotated.is_some() {
        "metadata.annotations['ako.vmware.com/pod-cidrs']"
    } else if spec.pod_cidrs.is_empty() {
        "spec.podCIDR"
    } else {
        "spec.podCIDRs[{0}]"
    };
    let listed = || {
        if spec.pod_cidrs.is_empty() && !spec.pod_cidr.is_empty() {
            vec![spec.pod_cidr.clone()]
        } else {
            spec.pod_cidrs.clone()
        }
    };
    Node {
        labels: metadata.labels,
        addresses: internal
            .map(|(at, address)| (at, address.address))
            .collect(),
        pod_cidrs: annotated.unwrap_or_else(listed),
        pod_cidrs_at,
    }
}

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
    for entry in view.lookup(IndexKey::new(&view.env().domain.cluster, ALL, "")) {
        let Ok(node) = <&Node>::try_from(&entry.fact) else {
            continue;
        };
        let key = Arc::new(entry.key.clone());
        for (index, cidr) in node.pod_cidrs.iter().enumerate() {
            let Some(prefix) = Subnet::parse(cidr) else {
                continue;
            };
            let hop = node
                .addresses
                .iter()
                .find(|(_, a)| a.contains(':') == cidr.contains(':'));
            let hop = hop.filter(|(_, hop)| view.env().uses_address(hop));
            let Some((hop_at, next_hop)) = hop.cloned() else {
                continue;
            };
            if routes.iter().all(|route| route.prefix != prefix) {
                let place = |path, at| Place::at(&key, path, [at, 0]);
                routes.push(PodRoute {
                    prefix_at: place(node.pod_cidrs_at, number(index)),
                    next_hop_at: place("status.addresses[{0}].address", hop_at),
                    node: entry.key.clone(),
                    index,
                    prefix,
                    next_hop,
                });
            }
        }
    }
    routes
}

#[cfg(test)]
mod tests;
