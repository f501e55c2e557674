//! Node: where pods live, for the static routes to their networks, and with NodePort the servers of
//! every pool.
//!
//! ```yaml
//! kind: Node
//! spec: {podCIDRs: [10.244.1.0/24]}
//! status: {addresses: [{type: InternalIP, address: 192.168.50.11}]}
//! ```
//! Moves: `static_routes` of the VRF; with `serviceType: NodePort` `servers` of pools.

mod address;
mod routes;
mod servers;

pub use routes::{PodRoute, pod_routes};
pub(crate) use servers::{Wanted, servers};

use crate::room::{
    Extent, Metadata, Parsed, RawObject, Room, StatusWrite, Watch, When, read_schema,
};
use crate::rooms::KindRoom;
use crate::view::{Entry, IndexKey, View};
use address::Written;
use aviary_types::{Digest, EcoString, Kind, ObjectKey, kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The group and kind.
pub const KIND: Kind = kind!("", "Node");
const ALL: &str = "node.all";
const POD_CIDRS: &str = "ako.vmware.com/pod-cidrs";
const OVN_SUBNETS: &str = "k8s.ovn.org/node-subnets";

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
    /// Pod networks in order, as OVN-Kubernetes writes them.
    pub ovn_cidrs: Vec<EcoString>,
    /// Addresses that network plugins write.
    written: Written,
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
        when: When::Always,
        kept_paths: &["spec.podCIDR", "spec.podCIDRs", "status.addresses"],
        kept_annotations: &[
            POD_CIDRS,
            OVN_SUBNETS,
            address::ANTREA,
            address::CALICO_V4,
            address::CALICO_V6,
        ],
        kept_labels: &["*"],
        secret_paths: &[],
        status: StatusWrite::None,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        read_schema(object).map(node).into()
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
        ovn_cidrs: ovn_cidrs(metadata.annotations.get(OVN_SUBNETS)),
        written: Written::read(&metadata.annotations),
        labels: metadata.labels,
        addresses: internal
            .map(|(at, address)| (at, address.address))
            .collect(),
        pod_cidrs: annotated.unwrap_or_else(listed),
        pod_cidrs_at,
    }
}

/// The networks of OVN's default network: one text or a list of them, under the key `default`.
fn ovn_cidrs(annotation: Option<&EcoString>) -> Vec<EcoString> {
    let subnets: Option<Value> = annotation.and_then(|text| serde_json::from_str(text).ok());
    match subnets.as_ref().and_then(|subnets| subnets.get("default")) {
        Some(Value::String(one)) => vec![one.as_str().into()],
        Some(Value::Array(many)) => many
            .iter()
            .filter_map(|one| one.as_str().map(EcoString::from))
            .collect(),
        _ => Vec::new(),
    }
}

/// Every node of the cluster, by name.
fn all(view: &dyn View) -> Vec<Arc<Entry>> {
    view.lookup(IndexKey::new(&view.env().domain.cluster, ALL, ""))
}

#[cfg(test)]
mod tests;
