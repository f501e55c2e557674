use super::{EndpointSlice, Matched, PortMatch, servers};
use crate::world::{World, cluster, codes, parse};
use crate::{Fact, Families};
use aviary_types::{Code, ObjectKey};

fn slice(yaml: &str) -> EndpointSlice {
    match parse(yaml).fact {
        Some(Fact::EndpointSlice(slice)) => *slice,
        other => panic!("no EndpointSlice: {other:?}"),
    }
}

#[test]
fn readiness_is_what_conditions_say() {
    let check = |conditions: &str, want: bool| {
        let yaml = format!(
            "{{kind: EndpointSlice, endpoints: [{{addresses: [10.0.0.1, 10.0.0.2], conditions: {conditions}}}]}}"
        );
        let [endpoint] = &slice(&yaml).endpoints[..] else {
            panic!("not one endpoint")
        };
        assert_eq!(
            (endpoint.enabled, endpoint.address.as_str()),
            (want, "10.0.0.1"),
            "{conditions}"
        );
    };
    check("{ready: true}", true);
    check("{ready: true, terminating: false, serving: false}", true);
    check("{ready: true, terminating: true}", false);
    check("{ready: false}", false);
    // Unknown is not ready.
    check("{}", false);
}

#[test]
fn missing_lists_are_empty() {
    let empty = slice("{kind: EndpointSlice}");
    assert!(empty.ports.is_empty() && empty.endpoints.is_empty() && empty.service.is_empty());
    let null = slice("{kind: EndpointSlice, ports: null, endpoints: null}");
    assert_eq!(null, empty);
    let bare = slice("{kind: EndpointSlice, endpoints: [{addresses: []}, {}]}");
    assert!(bare.endpoints.is_empty());
}

#[test]
fn what_has_another_shape_is_unreadable() {
    for bad in [
        "{kind: EndpointSlice, endpoints: text}",
        "{kind: EndpointSlice, endpoints: [{addresses: 10.0.0.1}]}",
        "{kind: EndpointSlice, ports: [{port: 70000}]}",
        "{kind: EndpointSlice, ports: [{port: http}]}",
        "{kind: EndpointSlice, metadata: {labels: 7}}",
    ] {
        let parsed = parse(bad);
        assert!(parsed.fact.is_none(), "{bad}");
        assert_eq!(codes(&parsed.findings), [Code::Unreadable], "{bad}");
    }
}

/// Slices of Service `a/web`: ports, family, addresses.
fn world(slices: &[(&str, &str, &str)]) -> World {
    let slice = |(number, (ports, family, addresses)): (usize, &(&str, &str, &str))| {
        let endpoints: Vec<String> = addresses
            .split_whitespace()
            .map(|address| {
                format!(
                    "{{addresses: ['{address}'], conditions: {{ready: true}}, nodeName: node1}}"
                )
            })
            .collect();
        format!(
            "{{kind: EndpointSlice, metadata: {{namespace: a, name: s{number}, labels: {{kubernetes.io/service-name: web}}}}, addressType: {family}, ports: [{ports}], endpoints: [{}]}}",
            endpoints.join(", ")
        )
    };
    let slices: Vec<String> = slices.iter().enumerate().map(slice).collect();
    World::of(&slices.join("\n---\n"))
}

fn found(world: &World, name: &str, target: Option<u16>) -> Matched {
    let service = ObjectKey::new(&cluster(), crate::service::KIND, "a", "web");
    servers(
        world,
        &service,
        &PortMatch {
            name: name.into(),
            target,
        },
        Families { v4: true, v6: true },
    )
}

fn check(world: &World, name: &str, target: Option<u16>, want: &[&str]) {
    let found = found(world, name, target);
    let found: Vec<&str> = found
        .servers
        .iter()
        .map(|it| it.external_uuid.as_str())
        .collect();
    assert_eq!(found, want, "{name} {target:?}");
}

const HTTP: &str = "{name: http, port: 8080}";
const BOTH: &str = "{name: http, port: 8080}, {name: admin, port: 9090}";

/// Model, section 7.2.
#[test]
fn a_port_fits_by_name_or_number() {
    let two = world(&[
        (BOTH, "IPv4", "10.0.0.2 10.0.0.1"),
        (HTTP, "IPv4", "10.0.0.3"),
    ]);
    check(
        &two,
        "http",
        None,
        &["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080"],
    );
    check(&two, "admin", None, &["10.0.0.1:9090", "10.0.0.2:9090"]);
    check(
        &two,
        "other",
        Some(9090),
        &["10.0.0.1:9090", "10.0.0.2:9090"],
    );
    check(&two, "other", Some(1), &[]);
    check(&two, "", None, &[]);
    let nameless = world(&[
        ("{port: 80}", "IPv4", "10.0.0.1"),
        ("{name: '', port: 81}", "IPv4", "10.0.0.2"),
    ]);
    check(&nameless, "", None, &["10.0.0.1:80", "10.0.0.2:81"]);
}

#[test]
fn one_slice_with_one_port_fits_whatever_it_is_called() {
    let one = world(&[(HTTP, "IPv4", "10.0.0.1")]);
    check(&one, "other", Some(1), &["10.0.0.1:8080"]);
    let two_ports = world(&[(BOTH, "IPv4", "10.0.0.1")]);
    check(&two_ports, "other", Some(1), &[]);
    // Also where the slice is of a family that is not used, it is not alone.
    let families = world(&[(HTTP, "IPv4", "10.0.0.1"), (HTTP, "IPv6", "fd00::1")]);
    check(&families, "other", Some(1), &[]);
}

#[test]
fn servers_are_of_the_families_in_use_once_and_sorted() {
    let slices = [
        (HTTP, "IPv4", "10.0.0.9 10.0.0.1"),
        (HTTP, "IPv6", "fd00::1"),
        (HTTP, "FQDN", "pod.x"),
        (HTTP, "IPv4", "10.0.0.1"),
    ];
    let v4 = ["10.0.0.1:8080", "10.0.0.9:8080"];
    check(
        &world(&slices).under("{AKOSettings: {ipFamily: V4}}"),
        "http",
        None,
        &v4,
    );
    let v6 = ["fd00::1:8080"];
    check(
        &world(&slices).under("{AKOSettings: {ipFamily: V6}}"),
        "http",
        None,
        &v6,
    );
    check(&world(&slices), "http", None, &[v4[0], v4[1], v6[0]]);
    let cloud = |kind: &'static str| {
        world(&slices).with(move |env| {
            std::sync::Arc::make_mut(&mut env.inventory).cloud_type = kind.into();
        })
    };
    check(&cloud("CLOUD_AWS"), "http", None, &v4);
    check(&cloud("CLOUD_NSXT"), "http", None, &[v4[0], v4[1], v6[0]]);
}

#[test]
fn the_port_is_known_without_endpoints() {
    let empty = world(&[(HTTP, "IPv4", "")]);
    assert_eq!(
        found(&empty, "http", None),
        Matched {
            port: Some(8080),
            ..Matched::default()
        }
    );
    assert_eq!(
        found(&World::of("{kind: Namespace}"), "http", None),
        Matched::default()
    );
    // A slice without a number means all ports, which no pool can express.
    check(
        &world(&[("{name: http}", "IPv4", "10.0.0.1")]),
        "http",
        None,
        &[],
    );
    let matched = found(&world(&[(HTTP, "IPv4", "10.0.0.1")]), "http", None);
    assert_eq!(matched.servers[0].server_node.as_deref(), Some("node1"));
    let at = &matched.servers_at[0];
    assert_eq!(
        at.path("endpoints[{0}].addresses[0]"),
        "endpoints[0].addresses[0]"
    );
}
