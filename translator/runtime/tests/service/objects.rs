//! Kubernetes objects of the tests.

use crate::agent::Cluster;
use serde_json::{Value, json};

/// The cluster-wide objects without which nothing is translated.
pub(crate) fn base(namespaces: &[&str]) -> Vec<Value> {
    let mut objects = vec![json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": {"name": "avi-lb"}, "spec": {"controller": "ako.vmware.com/avi-lb"},
    })];
    for namespace in namespaces {
        objects.push(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace},
        }));
    }
    objects
}

/// An Ingress of one host and path, with a certificate if a Secret is named.
pub(crate) fn ingress(namespace: &str, name: &str, host: &str, secret: Option<&str>) -> Value {
    let tls = secret.map_or(json!([]), |it| json!([{"hosts": [host], "secretName": it}]));
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "ingressClassName": "avi-lb",
            "tls": tls,
            "rules": [{"host": host, "http": {"paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "web", "port": {"number": 80}}},
            }]}}],
        },
    })
}

/// A Service of one port.
pub(crate) fn service(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.10",
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
        },
    })
}

/// The endpoints of a Service.
pub(crate) fn endpoints(namespace: &str, service: &str, addresses: &[&str]) -> Value {
    let endpoints: Vec<Value> = addresses
        .iter()
        .map(|it| json!({"addresses": [it], "conditions": {"ready": true}}))
        .collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "namespace": namespace, "name": format!("{service}-1"),
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    })
}

/// A Secret with a certificate.
pub(crate) fn secret(namespace: &str, name: &str, host: &str) -> Value {
    use base64::Engine;
    let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
    let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"namespace": namespace, "name": name},
        "data": {
            "tls.crt": encode(made.cert.pem()),
            "tls.key": encode(made.signing_key.serialize_pem()),
        },
    })
}

/// Everything of a small shop in one namespace.
pub(crate) fn shop(namespace: &str, host: &str) -> Vec<Value> {
    vec![
        service(namespace, "web"),
        endpoints(namespace, "web", &["10.1.0.1", "10.1.0.2"]),
        ingress(namespace, "shop", host, None),
    ]
}

/// A cluster with a small shop at `shop.avi.internal`, in namespace `shop`.
pub(crate) fn shop_cluster() -> Cluster {
    let cluster = Cluster::default();
    let shop = shop("shop", "shop.avi.internal");
    for object in base(&["shop"]).into_iter().chain(shop) {
        cluster.put(object);
    }
    cluster
}
