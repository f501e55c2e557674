//! What the users of two clusters want, as manifests. The first cluster has two instances, one for
//! each of its namespaces; one cluster alone may serve a host.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The settings of the translator.
pub(crate) const SETTINGS: &str = "
AKOSettings:
  clusterName: blue
  namespaceSelector: {labelKey: instance, labelValue: first}
NetworkSettings:
  vipNetworkList:
  - networkName: vip-net
    cidr: 10.10.0.0/20
L7Settings:
  shardVSSize: SMALL
ControllerSettings:
  cloudName: Default-Cloud
  controllerHost: controller
AviarySettings:
  crossClusterHosts: exclusive
instances:
- namespace: second
  values:
    AKOSettings: {namespaceSelector: {labelValue: second}}
clusters:
- name: green
  values:
    AKOSettings: {disableStaticRouteSync: true}
";

/// Manifests below this folder are the second cluster's.
pub(crate) const GREEN: &str = "green/";

/// What belongs to no namespace.
const CLUSTER: &str = "
apiVersion: v1
kind: Node
metadata: {name: worker-1}
spec: {podCIDRs: [10.244.1.0/24]}
status: {addresses: [{type: InternalIP, address: 192.168.50.11}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {instance: first}}
---
apiVersion: v1
kind: Namespace
metadata: {name: pay, labels: {instance: second}}
";

/// What belongs to no namespace of the second cluster.
const GREEN_CLUSTER: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: branch, labels: {instance: first}}
";

/// In both clusters.
const CLASS: &str = "
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata:
  name: avi-lb
  annotations: {ingressclass.kubernetes.io/is-default-class: \"true\"}
spec: {controller: ako.vmware.com/avi-lb}
";

/// The broker of the shop, at layer 4.
const BROKER: &str = "
apiVersion: v1
kind: Service
metadata: {name: broker, namespace: shop}
spec:
  type: LoadBalancer
  ports: [{name: amqp, port: 5672, targetPort: 5672, protocol: TCP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: broker-1, namespace: shop, labels: {kubernetes.io/service-name: broker}}
addressType: IPv4
ports: [{name: amqp, port: 5672}]
endpoints: [{addresses: [10.244.1.30], conditions: {ready: true}, nodeName: worker-1}]
";

/// All that users want at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Estate {
    /// Addresses behind the shop's one Service.
    pub(crate) web: Vec<&'static str>,
    /// Paths of the shop's host.
    pub(crate) paths: Vec<&'static str>,
    /// The shop's host is served with TLS.
    pub(crate) shop_is_secure: bool,
    /// The shop has a broker.
    pub(crate) broker: bool,
    /// Path of the secure host of the other namespace, if it has one.
    pub(crate) pay: Option<&'static str>,
    /// The other namespace has a second, plain host.
    pub(crate) news: bool,
    /// The namespaces that ask for a host that the other cluster wants too, the oldest first.
    pub(crate) sale: Vec<&'static str>,
}

/// The files of a moment, by path.
pub(crate) type Files = BTreeMap<&'static str, String>;

impl Default for Estate {
    fn default() -> Self {
        Self {
            web: vec!["10.244.1.10"],
            paths: vec!["/"],
            shop_is_secure: false,
            broker: true,
            pay: Some("/"),
            news: false,
            sale: vec!["shop", "pay"],
        }
    }
}

impl Estate {
    /// The manifests, by file.
    pub(crate) fn files(&self) -> Files {
        let mut files = BTreeMap::from([
            ("cluster.yaml", CLUSTER.to_owned()),
            ("class.yaml", CLASS.to_owned()),
            ("green/cluster.yaml", GREEN_CLUSTER.to_owned()),
            ("green/class.yaml", CLASS.to_owned()),
            (
                "green/till.yaml",
                service("branch", "till", &["10.245.1.10"]),
            ),
            ("green/sale.yaml", sale("branch", 3)),
            ("shop/web.yaml", service("shop", "web", &self.web)),
            (
                "shop/ingress.yaml",
                ingress("shop", "shop", &self.paths, self.shop_is_secure),
            ),
            ("pay/till.yaml", service("pay", "till", &["10.244.1.40"])),
        ]);
        if self.shop_is_secure {
            files.insert("shop/secret.yaml", secret("shop"));
        }
        if self.broker {
            files.insert("shop/broker.yaml", BROKER.to_owned());
        }
        if let Some(path) = self.pay {
            files.insert("pay/ingress.yaml", ingress("pay", "pay", &[path], true));
            files.insert("pay/secret.yaml", secret("pay"));
        }
        if self.news {
            files.insert("pay/news.yaml", ingress("pay", "news", &["/"], false));
        }
        for (namespace, path, day) in [("shop", "shop/sale.yaml", 1), ("pay", "pay/sale.yaml", 2)] {
            if self.sale.contains(&namespace) {
                files.insert(path, sale(namespace, day));
            }
        }
        files
    }
}

/// The host that everybody wants; the oldest has it.
fn sale(namespace: &str, day: u8) -> String {
    let text = ingress(namespace, "sale", &["/"], false);
    let created = format!("creationTimestamp: 2026-01-0{day}T00:00:00Z");
    text.replace("name: sale,", &format!("name: sale, {created},"))
}

fn service(namespace: &str, name: &str, addresses: &[&str]) -> String {
    let endpoint = |address: &&str| {
        format!("{{addresses: [{address}], conditions: {{ready: true}}, nodeName: worker-1}}")
    };
    let endpoints: Vec<String> = addresses.iter().map(endpoint).collect();
    format!(
        "
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  ports: [{{name: http, port: 80, targetPort: 8080}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {name}-1
  namespace: {namespace}
  labels: {{kubernetes.io/service-name: {name}}}
addressType: IPv4
ports: [{{name: http, port: 8080}}]
endpoints: [{}]
",
        endpoints.join(", ")
    )
}

fn ingress(namespace: &str, name: &str, paths: &[&str], secure: bool) -> String {
    let backend = if namespace == "shop" { "web" } else { "till" };
    let host = format!("{name}.avi.internal");
    let mut text = format!(
        "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  ingressClassName: avi-lb
  rules:
  - host: {host}
    http:
      paths:
"
    );
    for path in paths {
        let service = format!("{{name: {backend}, port: {{number: 80}}}}");
        let rule = format!("{{path: {path}, pathType: Prefix, backend: {{service: {service}}}}}");
        // Writing to a string cannot fail.
        let _written = writeln!(text, "      - {rule}");
    }
    if secure {
        let _written = writeln!(text, "  tls: [{{hosts: [{host}], secretName: tls}}]");
    }
    text
}

/// A Secret with a key that protects nothing.
fn secret(namespace: &str) -> String {
    let indented = |pem: &str| pem.trim().replace('\n', "\n    ");
    format!(
        "
apiVersion: v1
kind: Secret
metadata: {{name: tls, namespace: {namespace}}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
    {}
  tls.key: |
    {}
",
        indented(include_str!("throwaway.crt")),
        indented(include_str!("throwaway.key"))
    )
}
