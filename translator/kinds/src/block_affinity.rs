//! BlockAffinity: a network of pods that Calico has given to a node.
//!
//! ```yaml
//! kind: BlockAffinity
//! spec: {node: worker-1, cidr: 10.244.1.0/26, deleted: "false"}
//! ```
//! Moves: `static_routes` of the VRF where `cniPlugin` is `calico`.

use crate::room::{Extent, Parsed, RawObject, Room, StatusWrite, Watch, When, read_schema};
use crate::rooms::KindRoom;
use crate::view::{IndexKey, View};
use aviary_settings::{CniPlugin, InstanceSettings};
use aviary_types::{Digest, EcoString, Kind, ObjectKey, Place, kind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The group and kind.
pub const KIND: Kind = kind!("crd.projectcalico.org", "BlockAffinity");

/// What translation reads of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlockAffinity {
    /// The node.
    pub node: EcoString,
    /// The network; `None` while it is being taken back.
    pub cidr: Option<EcoString>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Schema {
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    node: EcoString,
    cidr: EcoString,
    deleted: EcoString,
}

const BY_NODE: &str = "blockaffinity.node";

impl KindRoom for BlockAffinity {
    const ROOM: Room = Room {
        kind: KIND,
        version: "v1",
        plural: "blockaffinities",
        extent: Extent::Cluster,
        watch: Watch::Full,
        when: When::Setting {
            key: "AKOSettings.cniPlugin",
            value: "calico",
            holds: is_in_use,
        },
        kept_paths: &["spec.node", "spec.cidr", "spec.deleted"],
        kept_annotations: &[],
        kept_labels: &[],
        secret_paths: &[],
        status: StatusWrite::None,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        let read = read_schema(object).map(|Schema { spec }| Self {
            cidr: Some(spec.cidr).filter(|cidr| !cidr.is_empty() && spec.deleted != "true"),
            node: spec.node,
        });
        read.into()
    }

    fn index(&self, key: &ObjectKey) -> Vec<IndexKey> {
        vec![IndexKey::new(&key.cluster, BY_NODE, self.node.clone())]
    }

    fn digest(&self) -> Digest {
        Digest::of_value(self)
    }
}

fn is_in_use(instance: &InstanceSettings) -> bool {
    instance.ako.cni_plugin == CniPlugin::Calico
}

/// The networks of a node's pods, each with where it is written.
pub(crate) fn networks(view: &dyn View, node: &ObjectKey) -> Vec<(EcoString, Place)> {
    let entries = view.lookup(IndexKey::new(&node.cluster, BY_NODE, node.name.clone()));
    let networks = entries.iter().filter_map(|entry| {
        let affinity: &BlockAffinity = (&entry.fact).try_into().ok()?;
        let place = Place::new(&Arc::new(entry.key.clone()), "spec.cidr");
        Some((affinity.cidr.clone()?, place))
    });
    networks.collect()
}
