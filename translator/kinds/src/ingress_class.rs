//! IngressClass: decides which Ingresses are ours.
//!
//! ```yaml
//! kind: IngressClass
//! metadata: {name: avi-lb, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
//! spec: {controller: ako.vmware.com/avi-lb}
//! ```

use crate::room::{
    Extent, Metadata, Parsed, RawObject, Room, StatusWrite, Watch, When, read_schema,
};
use crate::rooms::KindRoom;
use crate::view::{IndexKey, View};
use aviary_types::{ClusterName, Digest, EcoString, Kind, ObjectKey, kind};
use serde::{Deserialize, Serialize};

/// The group and kind.
pub const KIND: Kind = kind!("networking.k8s.io", "IngressClass");
/// The controller name that makes a class ours.
pub const CONTROLLER: &str = "ako.vmware.com/avi-lb";
const DEFAULT_ANNOTATION: &str = "ingressclass.kubernetes.io/is-default-class";
const DEFAULTS: &str = "ingressclass.default";

/// What translation reads of a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IngressClass {
    /// Whether its controller is ours.
    pub ours: bool,
    /// Whether it is marked as default.
    pub default: bool,
    /// The AviInfraSetting that its parameters name.
    pub infra_setting: Option<EcoString>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Schema {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    controller: EcoString,
    parameters: Option<Parameters>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Parameters {
    api_group: EcoString,
    kind: EcoString,
    name: EcoString,
}

impl KindRoom for IngressClass {
    const ROOM: Room = Room {
        kind: KIND,
        version: "v1",
        plural: "ingressclasses",
        extent: Extent::Cluster,
        watch: Watch::Full,
        when: When::Always,
        kept_paths: &["spec.controller", "spec.parameters"],
        kept_annotations: &[DEFAULT_ANNOTATION],
        kept_labels: &[],
        secret_paths: &[],
        status: StatusWrite::None,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        let read = read_schema(object).map(|schema: Schema| Self {
            ours: schema.spec.controller == CONTROLLER,
            default: schema
                .metadata
                .annotations
                .get(DEFAULT_ANNOTATION)
                .is_some_and(|v| v == "true"),
            infra_setting: schema.spec.parameters.and_then(setting_of),
        });
        read.into()
    }

    fn index(&self, key: &ObjectKey) -> Vec<IndexKey> {
        if self.ours && self.default {
            vec![IndexKey::new(&key.cluster, DEFAULTS, "")]
        } else {
            Vec::new()
        }
    }

    fn digest(&self) -> Digest {
        Digest::of_value(self)
    }
}

/// Parameters of other kinds say nothing to us, as with AKO.
fn setting_of(parameters: Parameters) -> Option<EcoString> {
    let is_ours = parameters.api_group == "ako.vmware.com" && parameters.kind == "AviInfraSetting";
    is_ours.then_some(parameters.name)
}

/// The AviInfraSetting that the class of this name names; without a name, a default class.
pub(crate) fn infra_setting(
    view: &dyn View,
    cluster: &ClusterName,
    class: Option<&EcoString>,
) -> Option<EcoString> {
    let entries = match class {
        Some(name) => {
            let key = ObjectKey::new(cluster, KIND, "", name.clone());
            view.get(&key).into_iter().collect()
        }
        None => view.lookup(IndexKey::new(cluster, DEFAULTS, "")),
    };
    let mut classes = entries.iter().filter_map(|entry| {
        let class: &IngressClass = (&entry.fact).try_into().ok()?;
        class.infra_setting.clone()
    });
    classes.next()
}

/// Whether an Ingress of this class name (or of none) is ours.
pub fn accepts(view: &dyn View, cluster: &ClusterName, class: Option<&EcoString>) -> bool {
    match class {
        None => !view.lookup(IndexKey::new(cluster, DEFAULTS, "")).is_empty(),
        Some(name) => view
            .get(&ObjectKey::new(cluster, KIND, "", name.clone()))
            .is_some_and(|entry| {
                <&IngressClass>::try_from(&entry.fact).is_ok_and(|class| class.ours)
            }),
    }
}

#[cfg(test)]
mod tests;
