//! Objects of the walks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Objects by kind, namespace and name.
pub(crate) type Objects = BTreeMap<(String, String, String), Value>;

/// Objects that stand and will not.
pub(crate) fn gone(standing: &Objects, next: &Objects) -> Vec<Value> {
    let gone = standing.iter().filter(|(key, _)| !next.contains_key(*key));
    gone.map(|(_, object)| object.clone()).collect()
}

/// What an object is found by.
pub(crate) fn key(object: &Value) -> (String, String, String) {
    let at = |path: &str| {
        object
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let [kind, namespace, name] = ["/kind", "/metadata/namespace", "/metadata/name"].map(at);
    (kind.to_owned(), namespace.to_owned(), name.to_owned())
}

/// A Service of this type with these ports.
pub(crate) fn service(namespace: &str, name: &str, kind: &str, ports: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": name},
        "spec": {"type": kind, "ports": ports},
    })
}

/// The EndpointSlice of a Service, with so many servers.
pub(crate) fn slice(namespace: &str, service: &str, ports: &Value, servers: usize) -> Value {
    let endpoints: Vec<Value> = (0..servers)
        .map(|at| {
            let address = format!("10.100.{}.{at}", namespace.len() * 10 + service.len());
            json!({"addresses": [address], "conditions": {"ready": true}, "nodeName": "worker-1"})
        })
        .collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "namespace": namespace, "name": format!("{service}-a"),
            "labels": {"kubernetes.io/service-name": service},
        },
        "ports": ports, "endpoints": endpoints,
    })
}
