//! Small worlds: a store that is told of objects, and the settings of its domains.

use super::Envs;
use aviary_avi::Inventory;
use aviary_avi::ds_set::KnownScripts;
use aviary_kinds::{Env, RawObject, room_of, rooms_of};
use aviary_settings::Scheme;
use aviary_store::{Facts, Store};
use aviary_types::{ClusterName, EcoString, ObjectKey, ScopeKey};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A store whose every scope is heard in full.
#[derive(Default)]
pub(super) struct World {
    pub(super) store: Store,
    /// What exists now.
    pub(super) objects: BTreeMap<ObjectKey, RawObject>,
}

impl World {
    /// A world of one cluster with these objects.
    pub(super) fn of(objects: impl IntoIterator<Item = RawObject>) -> Self {
        let mut world = Self::default();
        for object in objects {
            world.put(object);
        }
        world.hear_all();
        world
    }

    pub(super) fn put(&mut self, object: RawObject) {
        self.objects.insert(object.key.clone(), object.clone());
        self.store.apply(object);
    }

    pub(super) fn delete(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
        self.store.delete(key);
    }

    /// Hears one scope in full.
    pub(super) fn hear(&mut self, scope: &ScopeKey) {
        for room in rooms_of(scope) {
            let of_kind = |key: &&ObjectKey| key.kind == room.kind && key.scope() == *scope;
            let names = self.objects.keys().filter(of_kind);
            let names: BTreeSet<EcoString> = names.map(|key| key.name.clone()).collect();
            self.store.complete(scope, room.kind, &names);
        }
    }

    /// Hears every scope that has an object, and the cluster-wide ones.
    pub(super) fn hear_all(&mut self) {
        let mut scopes: BTreeSet<ScopeKey> = self.objects.keys().map(ObjectKey::scope).collect();
        scopes.extend(
            scopes
                .clone()
                .iter()
                .map(|scope| ScopeKey::cluster_wide(&scope.cluster)),
        );
        for scope in scopes {
            self.hear(&scope);
        }
    }

    pub(super) fn facts(&self) -> Facts {
        self.store.peek().clone()
    }
}

/// An object from its JSON: `kind`, `ns`, `name`, `created` (minutes) and whatever else it has.
pub(super) fn object(cluster: &str, json: Value) -> RawObject {
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let kind = text("kind");
    let group = match kind.as_str() {
        "Ingress" | "IngressClass" => "networking.k8s.io",
        "EndpointSlice" => "discovery.k8s.io",
        "AviInfraSetting" => "ako.vmware.com",
        _ => "",
    };
    let room = room_of(group, &kind).unwrap();
    RawObject {
        key: ObjectKey::new(
            &ClusterName::new(cluster),
            room.kind,
            text("ns"),
            text("name"),
        ),
        uid: text("name").into(),
        resource_version: "1".into(),
        created: format!(
            "2025-01-01T00:{:02}:00Z",
            json["created"].as_u64().unwrap_or(0)
        )
        .into(),
        contents: json["data"].is_object(),
        json,
    }
}

/// An object of cluster c1.
pub(super) fn c1(json: Value) -> RawObject {
    object("c1", json)
}

pub(super) fn namespace(name: &str) -> RawObject {
    c1(json!({"kind": "Namespace", "name": name}))
}

pub(super) fn class() -> RawObject {
    c1(json!({
        "kind": "IngressClass", "name": "avi", "spec": {"controller": "ako.vmware.com/avi-lb"},
    }))
}

pub(super) fn secret(ns: &str, name: &str) -> RawObject {
    let data = json!({"tls.crt": "Y2VydA==", "tls.key": "a2V5"});
    c1(json!({"kind": "Secret", "ns": ns, "name": name, "data": data}))
}

/// An Ingress of one host and these paths; secured by Secret `tls` if asked for.
pub(super) fn ingress(at: (&str, &str, u64), host: &str, paths: &[&str], tls: bool) -> RawObject {
    let (ns, name, created) = at;
    let path = |path: &&str| {
        let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
        json!({"path": path, "pathType": "Prefix", "backend": backend})
    };
    let paths: Vec<Value> = paths.iter().map(path).collect();
    let tls = if tls {
        json!([{"hosts": [host], "secretName": "tls"}])
    } else {
        json!([])
    };
    c1(json!({
        "kind": "Ingress", "ns": ns, "name": name, "created": created,
        "spec": {
            "ingressClassName": "avi", "tls": tls,
            "rules": [{"host": host, "http": {"paths": paths}}],
        },
    }))
}

pub(super) fn service(ns: &str, name: &str) -> RawObject {
    c1(json!({
        "kind": "Service", "ns": ns, "name": name,
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }))
}

pub(super) fn slice(ns: &str, service: &str, addresses: &[&str]) -> RawObject {
    let endpoint = |address: &&str| json!({"addresses": [address], "conditions": {"ready": true}});
    let endpoints: Vec<Value> = addresses.iter().map(endpoint).collect();
    c1(json!({
        "kind": "EndpointSlice", "ns": ns, "name": format!("{service}-1"),
        "metadata": {"labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}], "endpoints": endpoints,
    }))
}

/// Cluster c1 with a second instance for namespaces of label `instance: blue`, and cluster `c1--b`.
pub(super) const FLEET: &str = "
AKOSettings: {clusterName: c1}
L7Settings: {shardVSSize: MEDIUM}
instances:
- {namespace: blue, values: {AKOSettings: {namespaceSelector: {labelKey: instance, labelValue: blue}}}}
clusters:
- {name: c1--b, values: {L4Settings: {autoFQDN: disabled}}}
";

/// The settings of one cluster.
pub(super) const ALONE: &str = "
AKOSettings: {clusterName: c1}
L7Settings: {shardVSSize: LARGE}
";

/// The same, where pods are reached at their nodes.
pub(super) const NODE_PORT_LOCAL: &str = "
AKOSettings: {clusterName: c1, cniPlugin: antrea}
L7Settings: {shardVSSize: LARGE, serviceType: NodePortLocal}
";

/// What settings mean for domains of a cloud with one DNS domain.
pub(super) fn envs(settings: &str, scheme: Scheme) -> Envs {
    let parsed = aviary_settings::parse(settings).settings.unwrap();
    let inventory = Arc::new(Inventory {
        cloud_type: "CLOUD_NONE".into(),
        dns_domains: vec!["x".into()],
        license_tier: "ENTERPRISE".into(),
        vrf: "global".into(),
        ..Inventory::default()
    });
    let env = |settings: &aviary_settings::InstanceSettings| {
        let env = Env {
            domain: settings.domain(),
            settings: Arc::new(settings.clone()),
            inventory: inventory.clone(),
            scheme,
            scripts: KnownScripts::default(),
            census: Arc::default(),
        };
        (settings.domain(), Arc::new(env))
    };
    parsed.instances().map(env).collect()
}
