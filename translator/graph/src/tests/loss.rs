//! No quiet loss: each path of each host, and each port of each load balancer, that an object of ours
//! asks for is served as it asks, or the object is told why not. What is served, `aviary-serve`
//! says, which knows nothing of what made the objects.

use super::world::{World, c1, class, envs, namespace};
use super::{Envs, fresh};
use crate::Built;
use aviary_avi::{AviKind, Body, Inventory};
use aviary_kinds::RawObject;
use aviary_serve::{Listener, Outcome, Protocol, Request, Verdict};
use aviary_settings::Scheme;
use aviary_types::{Code, EcoString, Finding, ObjectKey};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use std::sync::Arc;

const NAMESPACES: [&str; 2] = ["a", "b"];

/// Services of each namespace: name, type, and the slices' ports by name.
const SERVICES: [(&str, &str, &[&str]); 7] = [
    ("s", "ClusterIP", &["http", "admin"]),
    ("t", "ClusterIP", &["http", "admin"]),
    ("half", "ClusterIP", &["http"]),
    ("bare", "ClusterIP", &[]),
    ("np", "NodePort", &["http", "admin"]),
    ("ext", "ExternalName", &["http"]),
    ("lb", "LoadBalancer", &["http", "admin"]),
];
const PORTS: [(&str, u16, u16); 2] = [("http", 80, 8080), ("admin", 81, 9090)];

/// A path of a host as an Ingress asks for it.
#[derive(Debug)]
struct Wanted {
    source: ObjectKey,
    host: String,
    path: String,
    exact: bool,
    service: String,
    /// The server that it must lead to; none where its backend has none.
    server: Option<String>,
}

fn address(namespace: &str, service: &str) -> String {
    let at = SERVICES.iter().position(|(name, ..)| *name == service);
    let (ns, at) = (namespace.as_bytes()[0], at.unwrap_or(99));
    format!("10.{ns}.{at}.1")
}

/// Where a backend leads to. One slice with one port fits every port, whatever it is called.
fn server(namespace: &str, service: &str, port: &Value) -> Option<String> {
    let (_, kind, ports) = SERVICES.iter().find(|(name, ..)| *name == service)?;
    let (name, _, target) = PORTS.iter().find(|(name, number, _)| match ports {
        [only] => name == only,
        _ => port["name"] == *name || port["number"].as_u64() == Some(u64::from(*number)),
    })?;
    let is_backend = matches!(*kind, "ClusterIP" | "NodePort");
    (is_backend && ports.contains(name))
        .then(|| format!("{}:{target}", address(namespace, service)))
}

fn furniture() -> Vec<RawObject> {
    let mut all = vec![class()];
    for ns in NAMESPACES {
        all.push(namespace(ns));
        for (name, kind, slices) in SERVICES {
            let ports: Vec<Value> = PORTS
                .iter()
                .map(|(name, port, target)| {
                    json!({"name": name, "port": port, "targetPort": target})
                })
                .collect();
            all.push(c1(json!({
                "kind": "Service", "ns": ns, "name": name,
                // The load balancers of the test are made by it.
                "spec": {"type": kind, "ports": ports, "loadBalancerClass": "other"},
            })));
            all.extend(slice(ns, name, slices, &address(ns, name)));
        }
        let secret = |name: &str, data: Value| {
            c1(json!({"kind": "Secret", "ns": ns, "name": name, "data": data}))
        };
        let pair = json!({"tls.crt": "Y2VydA==", "tls.key": "a2V5"});
        all.push(secret("one", pair.clone()));
        all.push(secret(
            "two",
            json!({"tls.crt": "b3RoZXI=", "tls.key": "a2V5", "alt.crt": "YQ==", "alt.key": "a2V5"}),
        ));
        all.push(secret("half", json!({"tls.crt": "Y2VydA=="})));
        all.push(secret("text", json!({"tls.crt": "?", "tls.key": "a2V5"})));
    }
    all
}

fn slice(ns: &str, service: &str, ports: &[&str], address: &str) -> Option<RawObject> {
    let target = |name: &&str| PORTS.iter().find(|port| port.0 == *name).map(|port| port.2);
    let ports: Vec<Value> = ports
        .iter()
        .map(|name| json!({"name": name, "port": target(name)}))
        .collect();
    (!ports.is_empty()).then(|| {
        c1(json!({
            "kind": "EndpointSlice", "ns": ns, "name": service, "addressType": "IPv4",
            "metadata": {"labels": {"kubernetes.io/service-name": service}}, "ports": ports,
            "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
        }))
    })
}

fn hosts() -> impl Strategy<Value = String> {
    let long = format!("{0}.{0}.{0}.x", "h".repeat(63));
    let hosts = ["c.x", "d.x", "*.x", "*.e.x", "", "o.y", "i-a.b.x"];
    let mut hosts: Vec<String> = hosts.map(String::from).into();
    hosts.push(long);
    select(hosts)
}

fn path() -> impl Strategy<Value = Value> {
    let paths = ["", "/", "/a", "/a_b", "/a/b", "/A"].map(String::from);
    let mut paths: Vec<String> = paths.into();
    paths.push(format!("/{}", "p".repeat(240)));
    let kind = select(vec!["Exact", "Prefix", "ImplementationSpecific"]);
    let port = select(vec![
        json!({"number": 80}),
        json!({"number": 81}),
        json!({"name": "http"}),
        json!({"name": "gone"}),
    ]);
    let names = ["s", "s", "t", "half", "bare", "np", "ext", "lb", "gone"];
    (select(paths), kind, select(names.to_vec()), port).prop_map(|(path, kind, service, port)| {
        let backend = json!({"service": {"name": service, "port": port}});
        // As the apiserver has it.
        let kind = if path.is_empty() {
            "ImplementationSpecific"
        } else {
            kind
        };
        json!({"path": path, "pathType": kind, "backend": backend})
    })
}

fn ingress() -> impl Strategy<Value = RawObject> {
    let class = prop_oneof![6 => Just("avi"), 1 => Just("other")];
    let rule = (hosts(), prop::collection::vec(path(), 0..4))
        .prop_map(|(host, paths)| json!({"host": host, "http": {"paths": paths}}));
    let secret = select(vec!["one", "one", "two", "half", "text", "gone"]);
    let tls = (prop::collection::vec(hosts(), 1..3), secret)
        .prop_map(|(hosts, secret)| json!({"hosts": hosts, "secretName": secret}));
    let tls = prop_oneof![2 => Just(vec![]), 2 => prop::collection::vec(tls, 1..3)];
    let backend = prop_oneof![
        4 => Just(json!(null)),
        1 => Just(json!({"service": {"name": "t", "port": {"number": 80}}})),
    ];
    let ending = prop_oneof![
        6 => Just(json!({})),
        1 => Just(json!({"passthrough.ako.vmware.com/enabled": "true"})),
        1 => Just(json!({"ako.vmware.com/enable-tls": "true"})),
    ];
    let spec = (class, prop::collection::vec(rule, 0..3), tls, backend);
    let place = (select(&NAMESPACES[..]), select(vec!["i", "j", "i-a"]));
    (place, spec, ending, 0..4_u64).prop_map(|((ns, name), spec, annotations, created)| {
        let (class, rules, tls, backend) = spec;
        c1(json!({
            "kind": "Ingress", "ns": ns, "name": name, "created": created,
            "metadata": {"annotations": annotations},
            "spec": {
                "ingressClassName": class, "rules": rules, "tls": tls, "defaultBackend": backend,
            },
        }))
    })
}

fn balancer() -> impl Strategy<Value = RawObject> {
    let port = (
        select(vec!["http", "admin"]),
        52..55_u16,
        select(vec!["TCP", "UDP", "SCTP", "X"]),
    )
        .prop_map(|(name, port, protocol)| {
            let target = PORTS.iter().find(|it| it.0 == name).map(|it| it.2);
            json!({"name": name, "port": port, "protocol": protocol, "targetPort": target})
        });
    let class = prop_oneof![3 => Just(json!(null)), 1 => Just(json!("ako.vmware.com/avi-lb")), 1 => Just(json!("other"))];
    let shared = prop_oneof![2 => Just(""), 2 => Just("pair")];
    let address = prop_oneof![4 => Just(""), 1 => Just("10.0.0.1"), 1 => Just("no")];
    let place = (select(&NAMESPACES[..]), select(vec!["s", "np", "pair"]));
    let spec = (class, prop::collection::vec(port, 0..4), address);
    (place, spec, shared, 0..4_u64).prop_map(|((ns, name), spec, shared, created)| {
        let (class, ports, address) = spec;
        c1(json!({
            "kind": "Service", "ns": ns, "name": name, "created": created,
            "metadata": {"annotations": {"ako.vmware.com/enable-shared-vip": shared}},
            "spec": {
                "type": "LoadBalancer", "ports": ports, "loadBalancerClass": class,
                "loadBalancerIP": address,
            },
        }))
    })
}

const DEDICATED: &str = "
AKOSettings: {clusterName: c1}
L7Settings: {shardVSSize: DEDICATED, noPGForSNI: true}
AviarySettings: {defaultBackend: serve}
";
const OLDEST: &str = "
AKOSettings: {clusterName: c1}
L7Settings: {shardVSSize: SMALL}
AviarySettings: {duplicatePaths: oldest, defaultBackend: serve}
";

fn settings(choice: usize) -> Envs {
    let mut envs = match choice {
        0 => envs(super::world::ALONE, Scheme::Ako),
        1 => envs(super::world::ALONE, Scheme::Documented),
        2 => envs(DEDICATED, Scheme::Ako),
        3 => envs(OLDEST, Scheme::Ako),
        _ => envs(OLDEST, Scheme::Documented),
    };
    if choice == 4 {
        for env in envs.values_mut() {
            let inventory = Inventory {
                dns_domains: Vec::new(),
                ..(*env.inventory).clone()
            };
            Arc::make_mut(env).inventory = Arc::new(inventory);
        }
    }
    envs
}

/// What the Ingresses of ours ask for.
fn wanted(world: &World, built: &Built, domain: Option<&str>) -> Vec<Wanted> {
    let mut all = Vec::new();
    let ingresses = world
        .objects
        .values()
        .filter(|it| it.key.kind.kind == "Ingress");
    for RawObject { key, json, .. } in ingresses.filter(|it| built.domain_of(&it.key).is_some()) {
        let rules = json["spec"]["rules"].as_array().into_iter().flatten();
        for rule in rules {
            let host = match (rule["host"].as_str().unwrap_or_default(), domain) {
                ("", Some(domain)) => format!("{}.{}.{domain}", key.name, key.namespace),
                ("", None) => String::new(),
                (host, _) => host.to_owned(),
            };
            let paths = rule["http"]["paths"].as_array().into_iter().flatten();
            for path in paths {
                let service = &path["backend"]["service"];
                let name = service["name"].as_str().unwrap_or_default();
                all.push(Wanted {
                    source: key.clone(),
                    host: host.clone(),
                    path: path["path"].as_str().unwrap_or_default().to_owned(),
                    exact: path["pathType"] == "Exact",
                    service: name.to_owned(),
                    server: server_of(world, key.namespace.as_str(), name, &service["port"]),
                });
            }
        }
    }
    all
}

/// A Service of the furniture may have been made a load balancer.
fn server_of(world: &World, ns: &str, name: &str, port: &Value) -> Option<String> {
    let mut services = world
        .objects
        .values()
        .filter(|it| it.key.kind.kind == "Service");
    let found = services.find(|it| it.key.namespace.as_str() == ns && it.key.name == name)?;
    let is_balancer = found.json["spec"]["type"] == "LoadBalancer";
    (!is_balancer).then(|| server(ns, name, port)).flatten()
}

/// What becomes of a request that the path is for: of a prefix, one that an equal path that must be
/// met in full leaves over. A client follows the redirect to TLS, and tries that where port 80 has
/// nothing: wildcards are not redirected.
fn asked(avi: &aviary_serve::World, wanted: &Wanted) -> Verdict {
    let host = wanted.host.replacen('*', "any", 1);
    let path = match &*wanted.path {
        path if wanted.exact => path.to_owned(),
        path => format!("{}/z", path.trim_end_matches('/')),
    };
    let plain = avi.http(&Request::http(&host, &path));
    if matches!(plain.outcome, Outcome::Backend(_)) {
        plain
    } else {
        avi.http(&Request::https(&host, &path))
    }
}

/// Whether a text names a word, as a whole.
fn has_word(text: &str, word: &str) -> bool {
    let edge = |it: char| it.is_whitespace() || matches!(it, ',' | ';' | ':' | '"');
    text.split(edge).any(|it| it == word)
}

/// Whether a finding says why a path is not served, or not as it asks.
fn explains(finding: &Finding, wanted: &Wanted) -> bool {
    let text = finding.text.as_str();
    match finding.code {
        Code::ServiceMissing | Code::BackendUnreachable | Code::NoServers => {
            has_word(text, &wanted.service)
        }
        Code::PortMissing => has_word(text, &wanted.service),
        // Told in one of the spellings that take the same requests.
        Code::DuplicateHostPath | Code::PathHidden => {
            let place = format!("{}{}", wanted.host, wanted.path).to_lowercase();
            let text = text.to_lowercase();
            let place = place.trim_end_matches('/');
            let is_passed = text.contains("passed through") && has_word(&text, &wanted.host);
            is_passed || has_word(&text, place) || has_word(&text, &format!("{place}/"))
        }
        Code::HostlessWithoutDomain => wanted.host.is_empty(),
        Code::ForeignDomain
        | Code::SecretMissing
        | Code::SecretInvalid
        | Code::TlsEndsElsewhere
        | Code::PlainBehindTls
        | Code::UnsupportedField
        | Code::WildcardPlain
        | Code::NoPassthrough
        | Code::TooManyNames
        | Code::InvalidSpec
        | Code::HostClaimed => has_word(text, &wanted.host),
        _ => false,
    }
}

fn check_paths(world: &World, built: &Built, domain: Option<&str>) -> Result<usize, TestCaseError> {
    let avi = aviary_serve::World::of_desired(&built.desired);
    let all = wanted(world, built, domain);
    for one in &all {
        let verdict = asked(&avi, one);
        let servers: Vec<&str> = verdict
            .pools()
            .iter()
            .flat_map(|it| &it.servers)
            .map(EcoString::as_str)
            .collect();
        let is_own = one
            .server
            .as_ref()
            .is_some_and(|own| servers.contains(&own.as_str()));
        let is_alone = servers.iter().all(|it| Some(*it) == one.server.as_deref());
        let is_served = is_own && verdict.is_trusted();
        let findings = built.findings_of(&one.source);
        let is_told = findings.iter().any(|finding| explains(finding, one));
        // Who shares a path is told once, at the younger one.
        let is_shared = || {
            built
                .findings()
                .iter()
                .any(|it| it.code == Code::DuplicateHostPath && explains(it, one))
        };
        let fine = is_told || is_served && (is_alone || is_shared());
        prop_assert!(fine, "{one:#?} is lost: {verdict:#?} {findings:#?}");
    }
    Ok(all.len())
}

fn check_ports(world: &World, built: &Built) -> Result<usize, TestCaseError> {
    let avi = aviary_serve::World::of_desired(&built.desired);
    let services = world
        .objects
        .values()
        .filter(|it| it.key.kind.kind == "Service" && it.json["spec"]["type"] == "LoadBalancer");
    let mut count = 0;
    for RawObject { key, json, .. } in services.filter(|it| built.domain_of(&it.key).is_some()) {
        let findings = built.findings_of(key);
        let balancer = balancer_of(built, key, json);
        for port in json["spec"]["ports"].as_array().into_iter().flatten() {
            count += 1;
            let is_served = balancer
                .as_ref()
                .is_some_and(|name| reaches(&avi, name, key, port));
            let is_told = findings.iter().any(|it| explains_port(it, port));
            prop_assert!(is_served || is_told, "{key} {port} is lost: {findings:#?}");
        }
        let asked = json["spec"]["loadBalancerIP"].as_str().unwrap_or_default();
        if let Some(name) = balancer.filter(|_| !asked.is_empty()) {
            let mut objects = built.desired.objects.iter();
            let vip = objects.find(|(key, _)| key.kind == AviKind::VsVip && key.name == name);
            let has_it = vip.is_some_and(|(_, it)| format!("{:?}", it.body).contains(asked));
            let is_told = findings
                .iter()
                .any(|it| matches!(it.code, Code::AddressInvalid | Code::SharedVipDiffers));
            prop_assert!(has_it || is_told, "{key}: {asked} is lost: {findings:#?}");
        }
    }
    Ok(count)
}

/// The virtual service that is marked for the load balancer.
fn balancer_of(built: &Built, key: &ObjectKey, json: &Value) -> Option<EcoString> {
    let shared = json["metadata"]["annotations"]["ako.vmware.com/enable-shared-vip"].as_str();
    let named = match shared.filter(|shared| !shared.is_empty()) {
        Some(shared) => ("GatewayName", shared),
        None => ("ServiceName", key.name.as_str()),
    };
    built.desired.objects.values().find_map(|object| {
        let Body::VirtualService(service) = &*object.body else {
            return None;
        };
        let says = |(name, value): (&str, &str)| {
            let mut markers = service.markers.iter();
            markers.any(|it| it.key == name && it.values.iter().any(|it| it == value))
        };
        let is_it = says(named) && says(("Namespace", key.namespace.as_str()));
        is_it.then(|| service.name.clone())
    })
}

/// Whether a port leads to the server of the load balancer's slice.
fn reaches(avi: &aviary_serve::World, name: &EcoString, key: &ObjectKey, port: &Value) -> bool {
    let protocol = match port["protocol"].as_str() {
        Some("TCP") => Protocol::Tcp,
        Some("UDP") => Protocol::Udp,
        Some("SCTP") => Protocol::Sctp,
        _ => return false,
    };
    let verdict = avi.l4(&Listener {
        target: name.clone(),
        port: u16::try_from(port["port"].as_u64().unwrap_or_default()).unwrap_or_default(),
        protocol,
    });
    let own = slices_of(key, port);
    let mut servers = verdict.pools().iter().flat_map(|it| &it.servers);
    servers.any(|it| Some(it.as_str()) == own.as_deref())
}

fn explains_port(finding: &Finding, port: &Value) -> bool {
    match finding.code {
        Code::NoServers | Code::SharedVipDiffers => true,
        Code::ProtocolUnsupported | Code::InvalidSpec | Code::PortClaimed => {
            let protocol = port["protocol"].as_str().unwrap_or_default();
            let number = port["port"].to_string();
            let text = finding.text.as_str();
            has_word(text, &number) || has_word(text, &format!("{number}/{protocol}"))
        }
        _ => false,
    }
}

fn slices_of(key: &ObjectKey, port: &Value) -> Option<String> {
    let (_, _, ports) = SERVICES.iter().find(|(name, ..)| *name == key.name)?;
    let name = port["name"].as_str()?;
    let target = port["targetPort"].as_u64()?;
    ports
        .contains(&name)
        .then(|| format!("{}:{target}", address(key.namespace.as_str(), &key.name)))
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn each_path_and_port_is_served_or_its_object_is_told(
        ingresses in prop::collection::vec(ingress(), 1..6),
        balancers in prop::collection::vec(balancer(), 0..4),
        choice in 0..5_usize,
    ) {
        let objects = furniture().into_iter().chain(ingresses).chain(balancers);
        let world = World::of(objects);
        let built = fresh(&world, &settings(choice));
        let domain = (choice != 4).then_some("x");
        check_paths(&world, &built, domain)?;
        check_ports(&world, &built)?;
    }
}
