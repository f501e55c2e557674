//! CiliumNode: the networks of a node's pods, by Cilium. It is called as the node.
//!
//! ```yaml
//! kind: CiliumNode
//! spec: {ipam: {podCIDRs: [10.0.1.0/24]}}
//! ```
//! Moves: `static_routes` of the VRF where `cniPlugin` is `cilium`.

use crate::room::{Extent, Parsed, RawObject, Room, StatusWrite, Watch, When, read_schema};
use crate::rooms::KindRoom;
use crate::view::{IndexKey, View};
use aviary_settings::{CniPlugin, InstanceSettings};
use aviary_types::{Digest, EcoString, Kind, ObjectKey, Place, kind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The group and kind.
pub const KIND: Kind = kind!("cilium.io", "CiliumNode");

/// What translation reads of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CiliumNode {
    /// The networks in order.
    pub pod_cidrs: Vec<EcoString>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Schema {
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    ipam: Ipam,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Ipam {
    #[serde(rename = "podCIDRs")]
    pod_cidrs: Vec<EcoString>,
}

impl KindRoom for CiliumNode {
    const ROOM: Room = Room {
        kind: KIND,
        version: "v2",
        plural: "ciliumnodes",
        extent: Extent::Cluster,
        watch: Watch::Full,
        when: When::Setting {
            key: "AKOSettings.cniPlugin",
            value: "cilium",
            holds: is_in_use,
        },
        kept_paths: &["spec.ipam.podCIDRs"],
        kept_annotations: &[],
        kept_labels: &[],
        secret_paths: &[],
        status: StatusWrite::None,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        let read = read_schema(object).map(|schema: Schema| Self {
            pod_cidrs: schema.spec.ipam.pod_cidrs,
        });
        read.into()
    }

    fn index(&self, _key: &ObjectKey) -> Vec<IndexKey> {
        Vec::new()
    }

    fn digest(&self) -> Digest {
        Digest::of_value(self)
    }
}

fn is_in_use(instance: &InstanceSettings) -> bool {
    instance.ako.cni_plugin == CniPlugin::Cilium
}

/// The networks of a node's pods, each with where it is written: the object is called as the node.
pub(crate) fn networks(view: &dyn View, node: &ObjectKey) -> Vec<(EcoString, Place)> {
    let key = ObjectKey {
        kind: KIND,
        ..node.clone()
    };
    let Some(entry) = view.get(&key) else {
        return Vec::new();
    };
    let Ok(found) = <&CiliumNode>::try_from(&entry.fact) else {
        return Vec::new();
    };
    let object = Arc::new(key);
    let place = |at| Place::at(&object, "spec.ipam.podCIDRs[{0}]", [at, 0]);
    let networks = (0..).zip(&found.pod_cidrs);
    networks
        .map(|(at, cidr)| (cidr.clone(), place(at)))
        .collect()
}
