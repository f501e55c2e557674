//! The objects of a load: equal hosts, a hundred in a namespace.

use std::str::FromStr;

use anyhow::{Result, bail};
use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};

use crate::cluster::text_of;

/// Hosts of one namespace.
const PER_NAMESPACE: usize = 100;
/// Hosts of one tenant: its eight shards take a thousand names each.
const PER_TENANT: usize = 5_000;

/// What hosts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An Ingress without TLS.
    Insecure,
    /// An Ingress with a certificate of its own.
    Secure,
    /// A Service of type LoadBalancer.
    L4,
}

impl FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "insecure" => Self::Insecure,
            "secure" => Self::Secure,
            "l4" => Self::L4,
            _ => bail!("insecure, secure or l4"),
        })
    }
}

/// Makes objects.
pub(super) struct Maker {
    kind: Kind,
    certificate: Value,
    salt: String,
}

impl Maker {
    /// All of them in namespaces that begin with `salt`, so that loads do not meet.
    pub(super) fn new(kind: Kind, salt: &str) -> Result<Self> {
        let made = generate_simple_self_signed(vec!["load.avi.lab".to_owned()])?;
        let certificate = json!({
            "tls.crt": base64(&made.cert.pem()),
            "tls.key": base64(&made.signing_key.serialize_pem()),
        });
        Ok(Self {
            kind,
            certificate,
            salt: salt.to_owned(),
        })
    }

    /// The Namespaces of so many hosts.
    pub(super) fn namespaces(&self, hosts: usize) -> Vec<Value> {
        let count = hosts.div_ceil(PER_NAMESPACE).max(1);
        let namespace = |index| {
            let first = index * PER_NAMESPACE;
            let name = self.namespace(first);
            let metadata = match tenant(first / PER_TENANT) {
                Some(tenant) => {
                    let annotations = json!({"ako.vmware.com/tenant-name": tenant});
                    json!({"name": name, "annotations": annotations})
                }
                None => json!({"name": name}),
            };
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        };
        (0..count).map(namespace).collect()
    }

    /// Everything of one host.
    pub(super) fn host(&self, index: usize) -> Vec<Value> {
        let mut objects = vec![self.service(index), self.slice(index, 0)];
        match self.kind {
            Kind::Insecure => objects.push(self.ingress(index, index, false)),
            Kind::Secure => {
                objects.push(self.secret(index));
                objects.push(self.ingress(index, index, true));
            }
            Kind::L4 => {}
        }
        objects
    }

    /// The endpoints of a host: equal for equal rounds, different for different ones.
    pub(super) fn slice(&self, index: usize, round: usize) -> Value {
        let endpoint = |number: usize| {
            let [.., high, low] = (index % 65_536).to_be_bytes();
            json!({
                "addresses": [format!("10.{}.{high}.{low}", 100 + (round + number) % 150)],
                "conditions": {"ready": true, "serving": true, "terminating": false},
                "nodeName": format!("worker-{}", 1 + number % 2),
            })
        };
        json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": format!("s{index:05}-a"),
                "namespace": self.namespace(index),
                "labels": {"kubernetes.io/service-name": format!("s{index:05}")},
            },
            "addressType": "IPv4",
            "ports": [{"name": "web", "port": 8080, "protocol": "TCP"}],
            "endpoints": [endpoint(0), endpoint(1)],
        })
    }

    /// An Ingress for a host number, in the namespace of another host, with its Service and Secret.
    pub(super) fn ingress(&self, number: usize, of: usize, secure: bool) -> Value {
        let host = host_name(number);
        let backend = json!({"service": {"name": format!("s{of:05}"), "port": {"number": 80}}});
        let mut ingress = json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": format!("i{number:05}"), "namespace": self.namespace(of)},
            "spec": {
                "ingressClassName": "avi-lb",
                "rules": [{
                    "host": host,
                    "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
                }],
            },
        });
        if secure && let Some(spec) = ingress.get_mut("spec").and_then(Value::as_object_mut) {
            let tls = json!([{"hosts": [host], "secretName": format!("c{of:05}")}]);
            spec.insert("tls".to_owned(), tls);
        }
        ingress
    }

    /// The Secret of a host.
    pub(super) fn secret(&self, index: usize) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": format!("c{index:05}"), "namespace": self.namespace(index)},
            "data": self.certificate,
        })
    }

    fn service(&self, index: usize) -> Value {
        let sort = match self.kind {
            Kind::L4 => "LoadBalancer",
            Kind::Insecure | Kind::Secure => "ClusterIP",
        };
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": format!("s{index:05}"), "namespace": self.namespace(index)},
            "spec": {
                "type": sort,
                "selector": {"app": format!("s{index:05}")},
                "ports": [{"name": "web", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
            },
        })
    }

    fn namespace(&self, index: usize) -> String {
        format!("{}-{:03}", self.salt, index / PER_NAMESPACE)
    }
}

/// The tenants of so many hosts, beside `admin`.
pub(super) fn tenants(hosts: usize) -> impl Iterator<Item = String> {
    (0..hosts.div_ceil(PER_TENANT)).filter_map(tenant)
}

fn tenant(number: usize) -> Option<String> {
    (number > 0).then(|| format!("load-{number}"))
}

/// The host of a number.
pub(super) fn host_name(number: usize) -> String {
    format!("h{number:05}.load.avi.lab")
}

/// `NAMESPACE/KIND/NAME`.
pub(super) fn path_of(object: &Value) -> String {
    let field = |path: &str| object.pointer(path).and_then(Value::as_str);
    let namespace = field("/metadata/namespace").unwrap_or("_cluster");
    let name = field("/metadata/name").unwrap_or_default();
    format!("{namespace}/{}/{name}", text_of(object, "kind"))
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}
