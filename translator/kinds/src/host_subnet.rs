//! HostSubnet: the network of a node's pods, by OpenShift SDN. It is called as the node.
//!
//! ```yaml
//! kind: HostSubnet
//! host: worker-1
//! subnet: 10.128.0.0/23
//! ```
//! Moves: `static_routes` of the VRF where `cniPlugin` is `openshift`.

use crate::room::{Extent, Parsed, RawObject, Room, StatusWrite, Watch, When, read_schema};
use crate::rooms::KindRoom;
use crate::view::{IndexKey, View};
use aviary_settings::{CniPlugin, InstanceSettings};
use aviary_types::{Digest, EcoString, Kind, ObjectKey, Place, kind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The group and kind.
pub const KIND: Kind = kind!("network.openshift.io", "HostSubnet");

/// What translation reads of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostSubnet {
    /// The network, possibly empty.
    pub subnet: EcoString,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Schema {
    subnet: EcoString,
}

impl KindRoom for HostSubnet {
    const ROOM: Room = Room {
        kind: KIND,
        version: "v1",
        plural: "hostsubnets",
        extent: Extent::Cluster,
        watch: Watch::Full,
        when: When::Setting {
            key: "AKOSettings.cniPlugin",
            value: "openshift",
            holds: is_in_use,
        },
        kept_paths: &["subnet"],
        kept_annotations: &[],
        kept_labels: &[],
        secret_paths: &[],
        status: StatusWrite::None,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        let read = read_schema(object).map(|schema: Schema| Self {
            subnet: schema.subnet,
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
    instance.ako.cni_plugin == CniPlugin::Openshift
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
    let Ok(found) = <&HostSubnet>::try_from(&entry.fact) else {
        return Vec::new();
    };
    let object = Arc::new(key);
    let place = Place::new(&object, "subnet");
    vec![(found.subnet.clone(), place)]
}
