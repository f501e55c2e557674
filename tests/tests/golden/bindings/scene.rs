//! A small cluster with two AviInfraSettings, and what may change of it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::objects::{Objects, key, service, slice};

const HOSTS: [&str; 3] = ["a.avi.lab", "b.avi.lab", "c.avi.lab"];
const NAMESPACES: [&str; 2] = ["blue", "green"];
const SETTINGS: [&str; 2] = ["one", "two"];
const NAMED: &str = "aviinfrasetting.ako.vmware.com/name";

/// What an AviInfraSetting says.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    pub(super) size: Option<&'static str>,
    pub(super) network: Option<&'static str>,
    pub(super) group: Option<&'static str>,
    pub(super) announced: Option<bool>,
    pub(super) listens: bool,
    /// In place of all of these.
    pub(super) spec: Option<Value>,
}

/// How an Ingress asks for its host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) security: Security,
    /// Whether it is of the class that names a setting.
    pub(super) edge: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Security {
    Plain,
    Secure,
    Passed,
}

/// Which of the settings is named, if any.
pub(super) type Name = Option<usize>;

/// A LoadBalancer: whose setting it names, and whether it shares its VIP with the others that do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Balancer {
    pub(super) named: Name,
    pub(super) shared: bool,
}

/// A state of the cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    pub(super) settings: [Option<Said>; 2],
    pub(super) class: Name,
    pub(super) namespaces: [Name; 2],
    pub(super) tenant: bool,
    pub(super) asks: BTreeMap<(usize, usize), Ask>,
    pub(super) balancers: [Option<Balancer>; 2],
    pub(super) size: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Edit {
    Setting(usize, Option<Said>),
    Class(Name),
    Namespace(usize, Name),
    Tenant(bool),
    Ask((usize, usize), Option<Ask>),
    Balancer(usize, Option<Balancer>),
    Size(usize),
}

pub(super) const SIZES: [&str; 3] = ["LARGE", "SMALL", "DEDICATED"];

impl Scene {
    pub(super) fn edit(&mut self, edit: &Edit) {
        match edit.clone() {
            Edit::Setting(at, said) => self.settings[at] = said,
            Edit::Class(name) => self.class = name,
            Edit::Namespace(at, name) => self.namespaces[at] = name,
            Edit::Tenant(is_own) => self.tenant = is_own,
            Edit::Ask(at, ask) => drop(match ask {
                Some(ask) => self.asks.insert(at, ask),
                None => self.asks.remove(&at),
            }),
            Edit::Balancer(at, balancer) => self.balancers[at] = balancer,
            Edit::Size(size) => self.size = size,
        }
    }

    pub(super) fn objects(&self, secret: &Value) -> Objects {
        let mut all = vec![class("avi", None), class("edge", self.class)];
        for (name, said) in SETTINGS.iter().zip(&self.settings) {
            all.extend(said.as_ref().map(|said| setting(name, said)));
        }
        for (at, namespace) in NAMESPACES.iter().enumerate() {
            let tenant = if self.tenant && at == 0 {
                "tn-blue"
            } else {
                ""
            };
            let mut annotations = json!({"ako.vmware.com/tenant-name": tenant});
            if let Some(name) = self.namespaces[at] {
                annotations[NAMED] = SETTINGS[name].into();
            }
            all.push(json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace, "annotations": annotations},
            }));
            let ports =
                json!([{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]);
            let targets = json!([{"name": "http", "port": 8080, "protocol": "TCP"}]);
            all.push(service(namespace, "web", "ClusterIP", &ports));
            all.push(slice(namespace, "web", &targets, 2));
            all.push(json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
                "metadata": {"namespace": namespace, "name": "tls"}, "stringData": secret,
            }));
        }
        let asks = self.asks.iter();
        all.extend(asks.map(|((host, at), ask)| ingress(HOSTS[*host], NAMESPACES[*at], *ask)));
        for (at, balancer) in self.balancers.iter().enumerate() {
            let balancer = balancer.iter();
            all.extend(balancer.flat_map(|balancer| balancing(at, balancer)));
        }
        all.into_iter()
            .map(|object| (key(&object), object))
            .collect()
    }
}

fn setting(name: &str, said: &Said) -> Value {
    let mut spec = json!({"network": {}});
    if let Some(size) = said.size {
        spec["l7Settings"] = json!({"shardSize": size});
    }
    if let Some(network) = said.network {
        spec["network"]["vipNetworks"] = json!([{"networkName": network}]);
    }
    if let Some(group) = said.group {
        spec["seGroup"] = json!({"name": group});
    }
    if let Some(announced) = said.announced {
        spec["network"]["enableRhi"] = announced.into();
    }
    if let Some(said) = &said.spec {
        spec = said.clone();
    }
    if said.listens {
        let more = json!([{"port": 443, "enableSSL": true}, {"port": 8080}]);
        spec["network"]["listeners"] = more;
    }
    json!({
        "apiVersion": "ako.vmware.com/v1beta1", "kind": "AviInfraSetting",
        "metadata": {"name": name}, "spec": spec,
    })
}

fn class(name: &str, named: Name) -> Value {
    let mut spec = json!({"controller": "ako.vmware.com/avi-lb"});
    if let Some(named) = named {
        spec["parameters"] = json!({
            "apiGroup": "ako.vmware.com", "kind": "AviInfraSetting", "name": SETTINGS[named],
        });
    }
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name},
        "spec": spec,
    })
}

fn ingress(host: &str, namespace: &str, ask: Ask) -> Value {
    let class = if ask.edge { "edge" } else { "avi" };
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let path = if namespace == "blue" || ask.security == Security::Passed {
        "/"
    } else {
        "/green"
    };
    let paths = json!([{"path": path, "pathType": "Prefix", "backend": backend}]);
    let tls = match ask.security {
        Security::Secure => json!([{"hosts": [host], "secretName": "tls"}]),
        _ => json!([]),
    };
    let passed = (ask.security == Security::Passed).to_string();
    let annotations = json!({"passthrough.ako.vmware.com/enabled": passed});
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {
            "namespace": namespace, "name": host.replace('.', "-"), "annotations": annotations,
        },
        "spec": {
            "ingressClassName": class, "tls": tls,
            "rules": [{"host": host, "http": {"paths": paths}}],
        },
    })
}

fn balancing(at: usize, balancer: &Balancer) -> [Value; 2] {
    let name = ["lb", "udp"][at];
    let (port, protocol) = [(80, "TCP"), (53, "UDP")][at];
    let ports = json!([{"name": "p", "port": port, "targetPort": 8080, "protocol": protocol}]);
    let mut made = service("blue", name, "LoadBalancer", &ports);
    let shared = if balancer.shared { "pair" } else { "" };
    let mut annotations = json!({"ako.vmware.com/enable-shared-vip": shared});
    if let Some(named) = balancer.named {
        annotations[NAMED] = SETTINGS[named].into();
    }
    made["metadata"]["annotations"] = annotations;
    let targets = json!([{"name": "p", "port": 8080, "protocol": protocol}]);
    [made, slice("blue", name, &targets, 1)]
}

fn said() -> impl Strategy<Value = Said> {
    (
        select(vec![None, Some("SMALL"), Some("MEDIUM"), Some("DEDICATED")]),
        select(vec![None, Some("lab-vip"), Some("lab-vip-2")]),
        select(vec![None, Some("lab-seg"), Some("lab-seg-2")]),
        select(vec![None, Some(true), Some(false)]),
        any::<bool>(),
    )
        .prop_map(|(size, network, group, announced, listens)| Said {
            size,
            network,
            group,
            announced,
            listens,
            spec: None,
        })
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![1 => Just(None), 2 => (0..2_usize).prop_map(Some)]
}

fn ask() -> impl Strategy<Value = Edit> {
    let security = select(vec![
        Security::Plain,
        Security::Plain,
        Security::Secure,
        Security::Secure,
        Security::Passed,
    ]);
    let ask = (security, any::<bool>()).prop_map(|(security, edge)| Ask { security, edge });
    let at = (0..HOSTS.len(), 0..NAMESPACES.len());
    (at, prop::option::weighted(0.8, ask)).prop_map(|(at, ask)| Edit::Ask(at, ask))
}

pub(super) fn edit() -> impl Strategy<Value = Edit> {
    let balancer = (name(), any::<bool>());
    let balancer = balancer.prop_map(|(named, shared)| Balancer { named, shared });
    prop_oneof![
        4 => (0..2_usize, prop::option::weighted(0.8, said())).prop_map(|(at, it)| Edit::Setting(at, it)),
        3 => name().prop_map(Edit::Class),
        3 => (0..2_usize, name()).prop_map(|(at, name)| Edit::Namespace(at, name)),
        1 => any::<bool>().prop_map(Edit::Tenant),
        6 => ask(),
        2 => (0..2_usize, prop::option::weighted(0.8, balancer))
            .prop_map(|(at, it)| Edit::Balancer(at, it)),
        1 => (0..SIZES.len()).prop_map(Edit::Size),
    ]
}

/// What is there at first: two settings that somebody names, and every host.
pub(super) fn first() -> Scene {
    let plain = Ask {
        security: Security::Plain,
        edge: false,
    };
    let secure = Ask {
        security: Security::Secure,
        edge: true,
    };
    let small = Said {
        size: Some("SMALL"),
        ..Said::default()
    };
    let group = Said {
        group: Some("lab-seg"),
        ..Said::default()
    };
    Scene {
        settings: [Some(small), Some(group)],
        class: Some(0),
        asks: [((0, 0), plain), ((1, 0), secure), ((2, 1), plain)].into(),
        ..Scene::default()
    }
}
