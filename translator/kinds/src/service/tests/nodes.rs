//! `serviceType: NodePort`: model, sections 7.2 and 7.3.

use super::*;

const NODES: &str =
    "{kind: Node, metadata: {name: n1, labels: {pool: edge}}, status: {addresses: [{type: InternalIP, address: 192.168.0.1}, {type: InternalIP, address: 'fd00::1'}]}}
---
{kind: Node, metadata: {name: n2, labels: {pool: core}}, status: {addresses: [{type: InternalIP, address: 'fd00::2'}]}}
---
{kind: Node, metadata: {name: n3, labels: {pool: edge}}, status: {addresses: [{type: Hostname, address: n3}]}}
---
{kind: EndpointSlice, metadata: {namespace: a, name: s-4, labels: {kubernetes.io/service-name: s}}, addressType: IPv4, ports: [{name: http, port: 8080}], endpoints: [{addresses: [10.0.0.1], nodeName: n9}, {addresses: [10.0.0.2]}]}
---
{kind: EndpointSlice, metadata: {namespace: a, name: s-6, labels: {kubernetes.io/service-name: s}}, addressType: IPv6, ports: [{name: http, port: 8080}, {name: other, port: 90}], endpoints: [{addresses: ['fd00:1::1'], nodeName: n1, conditions: {ready: false}}]}";

const HTTP: &str = "ports: [{name: http, port: 80, targetPort: 8080, nodePort: 31000}]";
const BOTH: &str = "ipFamilies: [IPv4, IPv6]";
const MODE: &str = "L7Settings: {serviceType: NodePort}";

fn world(spec: &str, settings: &str) -> World {
    let service =
        format!("{{kind: Service, metadata: {{namespace: a, name: s}}, spec: {{{spec}}}}}");
    World::of(&format!("{NODES}\n---\n{service}")).under(&format!("{{{MODE}{settings}}}"))
}

fn reached(world: &World, port: &BackendPort) -> (u16, Vec<String>, Vec<Code>) {
    let source = ObjectKey::new(&cluster(), crate::ingress::KIND, "a", "i");
    let mut findings: Vec<Finding> = Vec::new();
    let found = backend(world, &source, &"s".into(), port, &mut findings);
    assert!(
        found
            .servers
            .iter()
            .all(|it| it.enabled.is_none() && it.server_node.is_none())
    );
    let servers = found.servers.iter().map(|it| it.external_uuid.to_string());
    (found.matched_port, servers.collect(), codes(&findings))
}

fn check(spec: &str, settings: &str, want: &[&str]) {
    let (_, servers, findings) = reached(&world(spec, settings), &BackendPort::Number(80));
    assert_eq!(servers, want, "{spec} {settings}");
    assert_eq!(findings, [], "{spec} {settings}");
}

#[test]
fn every_node_with_an_address_is_a_server_at_the_node_port() {
    let v4 = ["192.168.0.1:31000"];
    let both = ["192.168.0.1:31000", "fd00::2:31000"];
    let v6 = ["fd00::1:31000", "fd00::2:31000"];
    for kind in ["type: NodePort", "type: LoadBalancer"] {
        check(&format!("{kind}, {HTTP}"), "", &v4);
        check(&format!("{kind}, {BOTH}, {HTTP}"), "", &both);
        check(&format!("{kind}, ipFamilies: [IPv6], {HTTP}"), "", &v6);
        let only_v6 = ", AKOSettings: {ipFamily: V6}";
        check(&format!("{kind}, {BOTH}, {HTTP}"), only_v6, &v6);
    }
}

#[test]
fn a_selector_picks_nodes_by_one_label() {
    let spec = format!("type: NodePort, {BOTH}, {HTTP}");
    let selector =
        |key: &str, value: &str| format!(", nodePortSelector: {{key: '{key}', value: '{value}'}}");
    check(&spec, &selector("pool", "edge"), &["192.168.0.1:31000"]);
    check(&spec, &selector("pool", "core"), &["fd00::2:31000"]);
    check(&spec, &selector("pool", ""), &[]);
    check(
        &spec,
        &selector("", "edge"),
        &["192.168.0.1:31000", "fd00::2:31000"],
    );
}

#[test]
fn the_port_is_picked_by_name_or_is_the_only_one() {
    let check = |ports: &str, port: &BackendPort, want: (u16, &[&str])| {
        let world = world(&format!("type: NodePort, ports: [{ports}]"), "");
        let (matched, servers, _) = reached(&world, port);
        let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
        assert_eq!((matched, &servers[..]), want, "{ports}");
    };
    let two = "{name: x, port: 80, nodePort: 31000}, {name: z, port: 81, nodePort: 31001}";
    check(
        two,
        &BackendPort::Number(81),
        (31001, &["192.168.0.1:31001"]),
    );
    check(
        two,
        &BackendPort::Name("x".into()),
        (31000, &["192.168.0.1:31000"]),
    );
    check(two, &BackendPort::Number(82), (82, &[]));
    let one = "{name: x, port: 80, nodePort: 31000}";
    check(
        one,
        &BackendPort::Name("w".into()),
        (31000, &["192.168.0.1:31000"]),
    );
}

#[test]
fn with_policy_local_only_nodes_with_an_endpoint_serve() {
    let local = "type: NodePort, externalTrafficPolicy: Local";
    // Of n1 only the IPv6 slice names an endpoint, ready or not.
    check(&format!("{local}, {BOTH}, {HTTP}"), "", &["fd00::1:31000"]);
    check(&format!("{local}, {HTTP}"), "", &[]);
    let other = "ports: [{name: gone, port: 80, nodePort: 31000}]";
    check(&format!("{local}, {BOTH}, {other}"), "", &[]);
}

#[test]
fn what_nodes_do_not_serve_is_told() {
    let check = |spec: &str| {
        let (_, servers, findings) = reached(&world(spec, ""), &BackendPort::Number(80));
        assert_eq!(
            (servers.len(), findings),
            (0, vec![Code::BackendUnreachable]),
            "{spec}"
        );
    };
    check(HTTP);
    check("type: ExternalName, ports: [{name: http, port: 80}]");
    check("type: LoadBalancer, ports: [{name: http, port: 80}]");
}

#[test]
fn a_load_balancer_may_ask_for_its_endpoints() {
    let check = |annotation: &str, want: &[&str]| {
        let service = format!(
            "{{kind: Service, metadata: {{namespace: a, name: s{annotation}}}, spec: {{type: LoadBalancer, {HTTP}}}}}
---
{{kind: Namespace, metadata: {{name: a}}}}"
        );
        let world = World::of(&format!("{NODES}\n---\n{service}")).under(&format!("{{{MODE}}}"));
        let mut findings = Vec::new();
        let draft = load_balancer(&world, &world.key("Service", "s"), &mut findings).unwrap();
        let servers = draft.ports[0].servers.iter();
        let servers: Vec<&str> = servers.map(|it| it.external_uuid.as_str()).collect();
        assert_eq!(servers, want, "{annotation}");
        // A path does not skip its nodes.
        assert_eq!(
            reached(&world, &BackendPort::Number(80)).1,
            ["192.168.0.1:31000"]
        );
    };
    check("", &["192.168.0.1:31000"]);
    let skips = ", annotations: {skipnodeport.ako.vmware.com/enabled: ''}";
    check(skips, &["10.0.0.1:8080", "10.0.0.2:8080"]);
}
