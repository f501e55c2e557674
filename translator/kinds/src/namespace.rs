//! Namespace: which instance takes its objects, in which tenant they stand, and by which
//! AviInfraSetting.
//!
//! ```yaml
//! kind: Namespace
//! metadata: {labels: {app: shop}, annotations: {ako.vmware.com/tenant-name: blue}}
//! ```

use crate::avi_infra_setting::ANNOTATION as INFRA_ANNOTATION;
use crate::room::{
    Extent, Metadata, Parsed, RawObject, Room, StatusWrite, Watch, When, read_schema,
};
use crate::rooms::KindRoom;
use crate::view::{IndexKey, View};
use aviary_types::{
    ClusterName, Digest, EcoString, Kind, ObjectKey, Origin, Place, TenantName, kind,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The group and kind.
pub const KIND: Kind = kind!("", "Namespace");
const ALL: &str = "namespace.all";
const TENANT_ANNOTATION: &str = "ako.vmware.com/tenant-name";
const TENANT_AT: &str = "metadata.annotations['ako.vmware.com/tenant-name']";

/// What translation reads of a Namespace.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Namespace {
    /// Its labels, for the selectors of instances.
    pub labels: BTreeMap<EcoString, EcoString>,
    /// The tenant it asks for.
    pub tenant: Option<EcoString>,
    /// The AviInfraSetting it asks for.
    pub infra_setting: Option<EcoString>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Schema {
    metadata: Metadata,
}

impl KindRoom for Namespace {
    const ROOM: Room = Room {
        kind: KIND,
        version: "v1",
        plural: "namespaces",
        extent: Extent::Cluster,
        watch: Watch::Full,
        when: When::Always,
        kept_paths: &[],
        kept_annotations: &[TENANT_ANNOTATION, INFRA_ANNOTATION],
        kept_labels: &["*"],
        secret_paths: &[],
        status: StatusWrite::None,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        let read = read_schema(object).map(|Schema { metadata }| {
            let said = |key: &str| {
                let text = metadata.annotations.get(key);
                text.filter(|text| !text.is_empty()).cloned()
            };
            Self {
                tenant: said(TENANT_ANNOTATION),
                infra_setting: said(INFRA_ANNOTATION),
                labels: metadata.labels,
            }
        });
        read.into()
    }

    fn index(&self, key: &ObjectKey) -> Vec<IndexKey> {
        vec![all(&key.cluster)]
    }

    fn digest(&self) -> Digest {
        Digest::of_value(self)
    }
}

/// Every Namespace of a cluster.
pub fn all(cluster: &ClusterName) -> IndexKey {
    IndexKey::new(cluster, ALL, "")
}

/// The tenant of a namespace's objects, or `None` where the domain does not take the namespace.
pub fn tenant(view: &dyn View, namespace: &str) -> Option<TenantName> {
    let env = view.env();
    let entry = view.get(&ObjectKey::new(&env.domain.cluster, KIND, "", namespace));
    let fact: Option<&Namespace> = entry
        .as_ref()
        .and_then(|entry| (&entry.fact).try_into().ok());
    env.selects(namespace, fact.map(|fact| &fact.labels))
        .then(|| {
            let asked = fact.and_then(|fact| fact.tenant.clone());
            asked.map_or_else(|| env.settings.controller.tenant.clone(), TenantName::from)
        })
}

/// The key of a namespace's own object.
pub fn key(cluster: &ClusterName, namespace: &aviary_types::Namespace) -> ObjectKey {
    ObjectKey::new(cluster, KIND, "", namespace.text().clone())
}

/// The AviInfraSetting that a namespace asks for.
pub fn infra_setting(view: &dyn View, namespace: &str) -> Option<EcoString> {
    let key = ObjectKey::new(&view.env().domain.cluster, KIND, "", namespace);
    let entry = view.get(&key)?;
    let fact: &Namespace = (&entry.fact).try_into().ok()?;
    fact.infra_setting.clone()
}

/// Where the tenant of a namespace's objects is said.
pub fn tenant_origin(view: &dyn View, namespace: &str) -> Origin {
    let key = ObjectKey::new(&view.env().domain.cluster, KIND, "", namespace);
    let entry = view.get(&key);
    let fact: Option<&Namespace> = entry
        .as_ref()
        .and_then(|entry| (&entry.fact).try_into().ok());
    if fact.is_some_and(|fact| fact.tenant.is_some()) {
        Place::new(&Arc::new(key), TENANT_AT).into()
    } else {
        Origin::Setting("ControllerSettings.tenantName")
    }
}

#[cfg(test)]
mod tests;
