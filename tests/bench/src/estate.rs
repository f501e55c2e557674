//! Clusters of N hosts. Each host has objects of its own: an Ingress with a Service and a slice of
//! two endpoints, a Secret with a certificate where it is secure, or a load balancer.

use aviary_kinds::{RawObject, room_of};
use aviary_types::{ClusterName, ObjectKey};
use serde_json::{Map, Value, json};

/// The cluster of every estate.
pub const CLUSTER: &str = "c1";
/// Hosts in one namespace.
const NAMESPACE_HOSTS: usize = 50;
/// Hosts in one tenant: its eight shards take a thousand names each.
const TENANT_HOSTS: usize = 5_000;
/// Base64 of a certificate, and of its key: about what RSA with 2,048 bits needs.
const PEM_LINES: usize = 22;

/// What the hosts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ingresses over plain HTTP.
    Insecure,
    /// Ingresses with a Secret each.
    Secure,
    /// Services of type LoadBalancer.
    L4,
}

impl Kind {
    /// All kinds, with the words that name them on a command line.
    pub const ALL: [(&'static str, Self); 3] = [
        ("insecure", Self::Insecure),
        ("secure", Self::Secure),
        ("l4", Self::L4),
    ];
}

/// A cluster of so many hosts of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Estate {
    /// What the hosts are.
    pub kind: Kind,
    /// How many there are.
    pub hosts: usize,
}

impl Estate {
    /// Every object of the cluster.
    pub fn objects(&self) -> impl Iterator<Item = RawObject> {
        let namespaces = (0..self.hosts.div_ceil(NAMESPACE_HOSTS)).map(namespace);
        let hosts = (0..self.hosts).flat_map(|number| self.host(number));
        std::iter::once(class()).chain(namespaces).chain(hosts)
    }

    /// The objects of one host.
    pub fn host(&self, number: usize) -> Vec<RawObject> {
        let mut objects = vec![slice(number, 0), service(number, self.kind == Kind::L4)];
        match self.kind {
            Kind::Insecure => objects.push(ingress(number, false)),
            Kind::Secure => objects.extend([ingress(number, true), secret(number)]),
            Kind::L4 => {}
        }
        objects
    }
}

fn namespace_of(number: usize) -> String {
    format!("team-{:04}", number / NAMESPACE_HOSTS)
}

fn name_of(number: usize) -> String {
    format!("web-{number:05}")
}

/// An object with the metadata that agents keep; `more` goes into it.
fn object(
    key: (&str, &str),
    (namespace, name): (&str, &str),
    more: Value,
    json: Value,
) -> RawObject {
    let (group, kind) = key;
    let uid = format!("5f0c1b7e-{:04x}-{:08x}", kind.len(), fold(namespace, name));
    let mut metadata = Map::new();
    if let Value::Object(more) = more {
        metadata.extend(more);
    }
    metadata.insert("name".into(), name.into());
    metadata.insert("uid".into(), uid.as_str().into());
    if !namespace.is_empty() {
        metadata.insert("namespace".into(), namespace.into());
    }
    let mut fields = Map::new();
    if let Value::Object(json) = json {
        fields.extend(json);
    }
    fields.insert("kind".into(), kind.into());
    fields.insert("metadata".into(), Value::Object(metadata));
    let room = room_of(group, kind);
    let kind = room.map_or(aviary_types::kind!("", ""), |room| room.kind);
    RawObject {
        key: ObjectKey::new(&ClusterName::new(CLUSTER), kind, namespace, name),
        uid: uid.into(),
        resource_version: "100".into(),
        created: "2025-01-01T00:00:00Z".into(),
        contents: fields.contains_key("data"),
        json: Value::Object(fields),
    }
}

/// Any number that a name has to itself, the same in every run.
fn fold(namespace: &str, name: &str) -> u32 {
    let bytes = namespace.bytes().chain(name.bytes());
    bytes.fold(7, |sum: u32, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    })
}

fn class() -> RawObject {
    let spec = json!({"spec": {"controller": "ako.vmware.com/avi-lb"}});
    object(
        ("networking.k8s.io", "IngressClass"),
        ("", "avi"),
        Value::Null,
        spec,
    )
}

fn namespace(number: usize) -> RawObject {
    let first = number * NAMESPACE_HOSTS;
    let tenant = format!("tenant-{}", first / TENANT_HOSTS);
    let annotations = json!({"ako.vmware.com/tenant-name": tenant});
    let more = json!({"annotations": annotations});
    object(
        ("", "Namespace"),
        ("", &namespace_of(first)),
        more,
        Value::Null,
    )
}

fn ingress(number: usize, secure: bool) -> RawObject {
    let (namespace, name) = (namespace_of(number), name_of(number));
    let host = format!("{name}.{namespace}.avi.internal");
    let backend = json!({"service": {"name": name, "port": {"number": 80}}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    let tls = json!([{"hosts": [host], "secretName": format!("{name}-tls")}]);
    let json = json!({"spec": {
        "ingressClassName": "avi",
        "rules": [{"host": host, "http": {"paths": [path]}}],
        "tls": if secure { tls } else { json!([]) },
    }});
    object(
        ("networking.k8s.io", "Ingress"),
        (&namespace, &name),
        Value::Null,
        json,
    )
}

fn service(number: usize, balances: bool) -> RawObject {
    let kind = if balances {
        "LoadBalancer"
    } else {
        "ClusterIP"
    };
    let ports = json!([{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}]);
    let json = json!({"spec": {"type": kind, "ports": ports}});
    let at = (namespace_of(number), name_of(number));
    object(("", "Service"), (&at.0, &at.1), Value::Null, json)
}

/// The slice of a host; another `turn`, another address of its second endpoint.
pub fn slice(number: usize, turn: usize) -> RawObject {
    let (namespace, name) = (namespace_of(number), name_of(number));
    let endpoint = |address: String| {
        json!({
            "addresses": [address], "nodeName": format!("node-{}", number % 100),
            "conditions": {"ready": true, "serving": true, "terminating": false},
        })
    };
    let (high, low) = (number / 250, number % 250);
    let addresses = [
        format!("10.{high}.{low}.1"),
        format!("10.{high}.{low}.{}", 2 + turn % 250),
    ];
    let json = json!({
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": addresses.map(endpoint),
    });
    let more = json!({"labels": {"kubernetes.io/service-name": name}});
    let name = format!("{name}-x7k2p");
    object(
        ("discovery.k8s.io", "EndpointSlice"),
        (&namespace, &name),
        more,
        json,
    )
}

fn secret(number: usize) -> RawObject {
    let data = json!({
        "tls.crt": encoded("CERTIFICATE", number),
        "tls.key": encoded("PRIVATE KEY", number),
    });
    let name = format!("{}-tls", name_of(number));
    let (namespace, json) = (namespace_of(number), json!({"data": data}));
    object(("", "Secret"), (&namespace, &name), Value::Null, json)
}

/// Base64 of a PEM of the usual length, each host's different from all others'.
fn encoded(tag: &str, number: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let line = format!("{number:064}\n");
    let text = format!(
        "-----BEGIN {tag}-----\n{}-----END {tag}-----\n",
        line.repeat(PEM_LINES)
    );
    let digit = |bits: u32| char::from(*DIGITS.get(bits as usize & 63).unwrap_or(&b'='));
    let mut out = String::with_capacity(text.len() * 4 / 3 + 4);
    for three in text.as_bytes().chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        let digits = [bits >> 18, bits >> 12, bits >> 6, bits].map(digit);
        out.extend(digits.iter().take(three.len() + 1));
        out.extend(std::iter::repeat_n('=', 3 - three.len()));
    }
    out
}
