//! The cluster that all tests of this binary share: nodes and classes of the corpus, and a client.

#![expect(
    clippy::indexing_slicing,
    reason = "a missing field of an object reads as null"
)]

use std::collections::BTreeMap;

use crate::kube::Kube;
use anyhow::{Context, Result};
use aviary_proto::query::v1::ObjectVersion;
use aviary_proto::types::v1::ObjectKey;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::{Client, Config};
use serde_json::Value;
use tokio::sync::OnceCell;

/// What settings call the Kubernetes cluster, where there is one.
pub const CLUSTER: &str = "lab";

/// Where and how load balancers stand.
const SETTING: &str = "AviInfraSetting";

/// Asks Antrea for node ports of a Service's pods.
const NODE_PORT_LOCAL: &str = "nodeportlocal.antrea.io/enabled";

/// Group, version, kind, plural, and whether it is namespaced.
const KINDS: &[(&str, &str, &str, &str, bool)] = &[
    (
        "ako.vmware.com",
        "v1beta1",
        SETTING,
        "aviinfrasettings",
        false,
    ),
    ("", "v1", "Namespace", "namespaces", false),
    ("", "v1", "Node", "nodes", false),
    ("", "v1", "Pod", "pods", true),
    ("", "v1", "Secret", "secrets", true),
    ("", "v1", "Service", "services", true),
    ("", "v1", "ServiceAccount", "serviceaccounts", true),
    (
        "discovery.k8s.io",
        "v1",
        "EndpointSlice",
        "endpointslices",
        true,
    ),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", true),
    (
        "networking.k8s.io",
        "v1",
        "IngressClass",
        "ingressclasses",
        false,
    ),
];

/// The apiserver, as its administrator.
#[derive(Clone)]
pub struct Cluster {
    /// The control plane.
    pub kube: &'static Kube,
    /// What settings call it.
    pub name: &'static str,
    client: Client,
}

impl Cluster {
    /// The shared one. Clients belong to a runtime, so each test has its own.
    pub async fn shared() -> Result<Self> {
        static READY: OnceCell<()> = OnceCell::const_new();
        let kube = tokio::task::spawn_blocking(Kube::shared).await??;
        let cluster = Self::of(kube).await?;
        READY.get_or_try_init(|| cluster.furnish()).await?;
        Ok(cluster)
    }

    /// Another one, with a control plane of its own, which ends with the process.
    pub async fn another() -> Result<Self> {
        let kube = tokio::task::spawn_blocking(Kube::start).await??;
        let cluster = Self::of(Box::leak(Box::new(kube))).await?;
        cluster.furnish().await?;
        Ok(cluster)
    }

    async fn of(kube: &'static Kube) -> Result<Self> {
        let config = Kubeconfig::read_from(kube.kubeconfig())?;
        let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
        let client = Client::try_from(config)?;
        Ok(Self {
            kube,
            name: CLUSTER,
            client,
        })
    }

    /// The same cluster, where settings call it otherwise.
    #[must_use]
    pub fn called(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The chart's definitions of kinds, and the cluster-wide objects of the corpus: nodes with their
    /// addresses, and the class.
    async fn furnish(&self) -> Result<()> {
        let kube = self.kube;
        tokio::task::spawn_blocking(move || define(kube)).await??;
        let folder = crate::corpus::scenarios().join("l7/01-single-host");
        for object in documents(&std::fs::read_to_string(folder.join("00-cluster.yaml"))?)? {
            self.apply(&object).await?;
        }
        for object in documents(&std::fs::read_to_string(folder.join("00-status.yaml"))?)? {
            self.apply_status(&object).await?;
        }
        Ok(())
    }

    /// Server-side apply, by force; answers which version that made.
    pub async fn apply(&self, object: &Value) -> Result<ObjectVersion> {
        let (api, name) = self.place(object)?;
        let params = PatchParams::apply("live").force();
        let made = api.patch(&name, &params, &Patch::Apply(object)).await;
        let made = made.with_context(|| format!("apply {} {name}", text_of(object, "kind")))?;
        let version = made.metadata.resource_version.unwrap_or_default();
        Ok(self.version_of(object, version))
    }

    /// The same for the status subresource.
    pub async fn apply_status(&self, object: &Value) -> Result<ObjectVersion> {
        let (api, name) = self.place(object)?;
        let params = PatchParams::apply("live").force();
        let made = api
            .patch_status(&name, &params, &Patch::Apply(object))
            .await;
        let made = made.with_context(|| format!("set the status of {name}"))?;
        let version = made.metadata.resource_version.unwrap_or_default();
        Ok(self.version_of(object, version))
    }

    /// Deletes an object; a Pod at once, for there is no kubelet that would end it.
    pub async fn delete(&self, object: &Value) -> Result<()> {
        let (api, name) = self.place(object)?;
        let params = match text_of(object, "kind") {
            "Pod" => DeleteParams::default().grace_period(0),
            _ => DeleteParams::default(),
        };
        let gone = api.delete(&name, &params).await;
        gone.with_context(|| format!("delete {} {name}", text_of(object, "kind")))?;
        Ok(())
    }

    /// Deletes an object if it is still there.
    pub async fn remove(&self, object: &Value) -> Result<()> {
        let (api, name) = self.place(object)?;
        match api.delete(&name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            gone => {
                gone.with_context(|| format!("delete {} {name}", text_of(object, "kind")))?;
                Ok(())
            }
        }
    }

    /// Every object of a cluster-wide kind.
    pub async fn list_wide(&self, kind: &str) -> Result<Vec<Value>> {
        let (resource, _) = resource(kind)?;
        let api = Api::<DynamicObject>::all_with(self.client.clone(), &resource);
        let list = api.list(&ListParams::default()).await;
        let list = list.with_context(|| format!("list {kind}"))?;
        let objects = list.items.into_iter().map(serde_json::to_value);
        Ok(objects.collect::<Result<_, _>>()?)
    }

    /// Every object of a kind in a namespace.
    pub async fn list(&self, kind: &str, namespace: &str) -> Result<Vec<Value>> {
        let (resource, _) = resource(kind)?;
        let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), namespace, &resource);
        let list = api.list(&ListParams::default()).await;
        let list = list.with_context(|| format!("list {kind} of {namespace}"))?;
        let objects = list.items.into_iter().map(serde_json::to_value);
        Ok(objects.collect::<Result<_, _>>()?)
    }

    /// What stands on every Ingress, on every Service of type LoadBalancer, on every one that is
    /// annotated for NodePortLocal, and on every AviInfraSetting that is called after one of the
    /// namespaces, as the corpus has it.
    pub async fn statuses(&self, namespaces: &[String]) -> Result<BTreeMap<String, Value>> {
        let mut found = BTreeMap::new();
        for object in self.list_wide(SETTING).await? {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let mut owners = namespaces.iter();
            if owners.any(|namespace| name.starts_with(&format!("{namespace}-"))) {
                found.insert(format!("aviinfrasettings/{name}"), told(&object));
            }
        }
        for namespace in namespaces {
            for object in self.list("Ingress", namespace).await? {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                found.insert(format!("ingresses/{namespace}/{name}"), told(&object));
            }
            for object in self.list("Service", namespace).await? {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let is_annotated = object["metadata"]["annotations"][NODE_PORT_LOCAL].is_string();
                if object["spec"]["type"] == "LoadBalancer" || is_annotated {
                    found.insert(format!("services/{namespace}/{name}"), told(&object));
                }
            }
        }
        Ok(found)
    }

    fn version_of(&self, object: &Value, resource_version: String) -> ObjectVersion {
        ObjectVersion {
            cluster: self.name.to_owned(),
            key: Some(key_of(object)),
            resource_version,
        }
    }

    fn place(&self, object: &Value) -> Result<(Api<DynamicObject>, String)> {
        let (resource, namespaced) = resource(text_of(object, "kind"))?;
        let name = object["metadata"]["name"].as_str().context("no name")?;
        let client = self.client.clone();
        let api = if namespaced {
            let namespace = object["metadata"]["namespace"]
                .as_str()
                .unwrap_or("default");
            Api::namespaced_with(client, namespace, &resource)
        } else {
            Api::all_with(client, &resource)
        };
        Ok((api, name.to_owned()))
    }
}

/// Defines the chart's own kinds and waits until they are served.
fn define(kube: &Kube) -> Result<()> {
    let folder = crate::tools::root().join("charts/aviary/crds");
    let folder = folder.to_string_lossy().into_owned();
    kube.kubectl(&["apply", "--server-side", "-f", &folder], "")?;
    let wait = ["wait", "--for=condition=Established", "--timeout=60s"];
    kube.kubectl(&[&wait[..], &["crd", "--all"]].concat(), "")?;
    Ok(())
}

/// The documents of a YAML text.
pub fn documents(yaml: &str) -> Result<Vec<Value>> {
    let parts = yaml.split("\n---\n").filter(|part| !part.trim().is_empty());
    parts
        .map(|part| serde_saphyr::from_str(part).context("read a YAML document"))
        .collect()
}

/// How the query service names an object.
pub fn key_of(object: &Value) -> ObjectKey {
    let group = text_of(object, "apiVersion").split_once('/');
    let kind = text_of(object, "kind");
    let cluster_wide = KINDS.iter().any(|entry| entry.2 == kind && !entry.4);
    let namespace = object["metadata"]["namespace"].as_str();
    ObjectKey {
        group: group.map_or("", |(group, _)| group).to_owned(),
        kind: kind.to_owned(),
        namespace: if cluster_wide {
            String::new()
        } else {
            namespace.unwrap_or("default").to_owned()
        },
        name: object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn resource(kind: &str) -> Result<(ApiResource, bool)> {
    let found = KINDS.iter().find(|entry| entry.2 == kind);
    let (group, version, kind, plural, namespaced) =
        found.with_context(|| format!("no tests use {kind}"))?;
    let gvk = GroupVersionKind::gvk(group, version, kind);
    Ok((ApiResource::from_gvk_with_plural(&gvk, plural), *namespaced))
}

/// Whether an annotation is one of AKO's, which it reads or writes.
fn is_akos(key: &str) -> bool {
    let domain = key.split_once('/').map(|(domain, _)| domain);
    key == NODE_PORT_LOCAL
        || domain.is_some_and(|it| it == "ako.vmware.com" || it.ends_with(".ako.vmware.com"))
}

/// Status, AKO's annotations and finalizers; what is not there is left out.
fn told(object: &Value) -> Value {
    let mut told = serde_json::Map::new();
    told.insert("status".into(), object["status"].clone());
    let annotations = object["metadata"]["annotations"].as_object();
    let ours: serde_json::Map<String, Value> = annotations
        .into_iter()
        .flatten()
        .filter(|(key, _)| is_akos(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !ours.is_empty() {
        told.insert("annotations".into(), ours.into());
    }
    if let Some(finalizers) = object["metadata"].get("finalizers") {
        told.insert("finalizers".into(), finalizers.clone());
    }
    told.into()
}

/// A text field of an object; empty if it has none.
pub fn text_of<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}
