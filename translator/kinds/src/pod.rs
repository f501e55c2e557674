//! Pod: with NodePortLocal, where its ports are reached at its node.
//!
//! ```yaml
//! kind: Pod
//! metadata:
//!   labels: {app: web}
//!   annotations:
//!     nodeportlocal.antrea.io: '[{"podPort": 8080, "nodeIP": "192.168.50.11", "nodePort": 61001}]'
//! ```
//! Watched where an instance of the cluster has `serviceType: NodePortLocal` alone.
//! Moves: `servers` of pools.

mod servers;

pub(crate) use servers::{Wanted, servers};

use crate::room::{
    Extent, Metadata, Parsed, RawObject, Room, StatusWrite, Watch, When, read_schema,
};
use crate::rooms::KindRoom;
use crate::view::IndexKey;
use aviary_settings::ServiceType;
use aviary_types::{
    ClusterName, Code, Digest, EcoString, Finding, Kind, ObjectKey, eco_format, kind,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The group and kind.
pub const KIND: Kind = kind!("", "Pod");
const BY_LABEL: &str = "pod.label";
const MAPPINGS: &str = "nodeportlocal.antrea.io";

/// What translation reads of a Pod.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pod {
    /// Labels, for the selectors of Services.
    pub labels: BTreeMap<EcoString, EcoString>,
    /// Whether it may be a server: not if it is known not to be ready. Unknown counts as ready, as
    /// AKO has it.
    pub ready: bool,
    /// Ports by name, of all its containers.
    pub ports: BTreeMap<EcoString, u16>,
    /// Where its ports are reached.
    pub mappings: Vec<Mapping>,
}

/// One port of a Pod at its node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mapping {
    /// The port of the Pod.
    pub pod_port: u16,
    /// The node's address.
    #[serde(rename = "nodeIP")]
    pub node_ip: EcoString,
    /// The port of the node.
    pub node_port: u16,
    /// `tcp`, `udp` or `sctp`, if it is said.
    #[serde(default)]
    pub protocol: EcoString,
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
    containers: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Container {
    ports: Vec<ContainerPort>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ContainerPort {
    name: EcoString,
    container_port: u16,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    conditions: Vec<Condition>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: EcoString,
    status: EcoString,
}

impl KindRoom for Pod {
    const ROOM: Room = Room {
        kind: KIND,
        version: "v1",
        plural: "pods",
        extent: Extent::Namespaced,
        watch: Watch::Full,
        when: When::Setting {
            key: "L7Settings.serviceType",
            value: "NodePortLocal",
            holds: |settings| settings.l7.service_type == ServiceType::NodePortLocal,
        },
        kept_paths: &[
            "spec.containers[].ports[].name",
            "spec.containers[].ports[].containerPort",
            "status.conditions[].type",
            "status.conditions[].status",
        ],
        kept_annotations: &[MAPPINGS],
        kept_labels: &["*"],
        secret_paths: &[],
        status: StatusWrite::None,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        let read = read_schema(object).and_then(|schema| pod(object, schema));
        read.into()
    }

    fn index(&self, key: &ObjectKey) -> Vec<IndexKey> {
        let labels = self.labels.iter();
        labels
            .map(|label| by_label(&key.cluster, key.namespace.as_str(), label))
            .collect()
    }

    fn digest(&self) -> Digest {
        Digest::of_value(self)
    }
}

fn pod(object: &RawObject, schema: Schema) -> Result<Pod, Finding> {
    let Schema {
        metadata,
        spec,
        status,
    } = schema;
    let mappings = match metadata.annotations.get(MAPPINGS) {
        None => Vec::new(),
        Some(text) => serde_json::from_str(text).map_err(|error| {
            Finding::new(
                &object.key,
                Code::InvalidSpec,
                eco_format!("annotation {MAPPINGS} is no list of mappings: {error}"),
                "leave the annotation to Antrea; the last one that could be read stays in force",
            )
        })?,
    };
    let ports = spec.containers.into_iter().flat_map(|it| it.ports);
    let named = ports.filter(|port| !port.name.is_empty());
    let is_false = |it: &Condition| it.kind == "Ready" && it.status == "False";
    Ok(Pod {
        ready: !status.conditions.iter().any(is_false),
        ports: named.map(|port| (port.name, port.container_port)).collect(),
        labels: metadata.labels,
        mappings,
    })
}

fn by_label(
    cluster: &ClusterName,
    namespace: &str,
    (key, value): (&EcoString, &EcoString),
) -> IndexKey {
    IndexKey::new(cluster, BY_LABEL, eco_format!("{namespace}/{key}={value}"))
}

#[cfg(test)]
mod tests;
