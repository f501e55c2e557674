use super::Pod;
use crate::Fact;
use crate::ingress::BackendPort;
use crate::service::backend;
use crate::world::{World, cluster, codes, parse};
use aviary_types::{Code, Finding, ObjectKey};

fn pod(yaml: &str) -> Pod {
    match parse(yaml).fact {
        Some(Fact::Pod(pod)) => *pod,
        other => panic!("no Pod: {other:?}"),
    }
}

#[test]
fn mappings_ports_and_readiness_are_read() {
    let bare = pod("{kind: Pod}");
    assert!(bare.ready && bare.mappings.is_empty() && bare.ports.is_empty());
    let full = pod("kind: Pod
metadata: {annotations: {nodeportlocal.antrea.io: '[{\"podPort\": 80, \"nodeIP\": \"10.0.0.1\", \"nodePort\": 61000, \"protocols\": [\"tcp\"]}]'}}
spec: {containers: [{ports: [{name: http, containerPort: 80}, {containerPort: 81}]}]}
status: {conditions: [{type: Ready, status: 'False'}]}");
    assert!(!full.ready);
    assert_eq!(
        full.ports.into_iter().collect::<Vec<_>>(),
        [("http".into(), 80)]
    );
    let [mapping] = &full.mappings[..] else {
        panic!("not one mapping")
    };
    assert_eq!((mapping.pod_port, mapping.node_port), (80, 61_000));
}

#[test]
fn an_annotation_of_another_form_is_told() {
    for bad in ["text", "{}", "[{}]", "[{\"podPort\": 70000}]"] {
        let yaml = format!(
            "{{kind: Pod, metadata: {{annotations: {{nodeportlocal.antrea.io: '{bad}'}}}}}}"
        );
        let parsed = parse(&yaml);
        assert!(parsed.fact.is_none(), "{bad}");
        assert_eq!(codes(&parsed.findings), [Code::InvalidSpec], "{bad}");
    }
}

const PODS: &str = "{kind: Pod, metadata: {namespace: a, name: p1, labels: {app: s, env: prod}, annotations: {nodeportlocal.antrea.io: '[{\"podPort\": 8080, \"nodeIP\": \"10.0.0.1\", \"nodePort\": 61001}, {\"podPort\": 9090, \"nodeIP\": \"10.0.0.1\", \"nodePort\": 61002, \"protocol\": \"udp\"}]'}}, spec: {containers: [{ports: [{name: http, containerPort: 8080}]}]}}
---
{kind: Pod, metadata: {namespace: a, name: p2, labels: {app: s, env: prod}, annotations: {nodeportlocal.antrea.io: '[{\"podPort\": 8081, \"nodeIP\": \"10.0.0.2\", \"nodePort\": 61003}, {\"podPort\": 8080, \"nodeIP\": \"fd00::2\", \"nodePort\": 61004}]'}}, spec: {containers: [{ports: [{name: http, containerPort: 8081}]}]}}
---
{kind: Pod, metadata: {namespace: a, name: p3, labels: {app: s, env: prod}, annotations: {nodeportlocal.antrea.io: '[{\"podPort\": 8080, \"nodeIP\": \"10.0.0.3\", \"nodePort\": 61005}]'}}, status: {conditions: [{type: Ready, status: 'False'}]}}
---
{kind: Pod, metadata: {namespace: a, name: p4, labels: {app: other, env: prod}, annotations: {nodeportlocal.antrea.io: '[{\"podPort\": 8080, \"nodeIP\": \"10.0.0.4\", \"nodePort\": 61006}]'}}}
---
{kind: EndpointSlice, metadata: {namespace: a, name: s-1, labels: {kubernetes.io/service-name: s}}, addressType: IPv4, ports: [{name: http, port: 8080}], endpoints: [{addresses: [10.1.0.1], conditions: {ready: true, terminating: true}, targetRef: {kind: Pod, name: p1}}]}";

/// Model, section 7.2.
#[test]
fn mappings_of_selected_pods_are_servers() {
    let check = |spec: &str, want: &[(&str, bool)], told: &[Code]| {
        let yaml = format!(
            "{PODS}\n---\n{{kind: Service, metadata: {{namespace: a, name: s}}, spec: {{{spec}}}}}"
        );
        let mode = "{AKOSettings: {cniPlugin: antrea}, L7Settings: {serviceType: NodePortLocal}}";
        let world = World::of(&yaml).under(mode);
        let source = ObjectKey::new(&cluster(), crate::ingress::KIND, "a", "i");
        let mut findings: Vec<Finding> = Vec::new();
        let port = BackendPort::Number(80);
        let found = backend(&world, &source, &"s".into(), &port, &mut findings);
        let servers = found.servers.iter();
        let servers: Vec<(&str, bool)> = servers
            .map(|it| (it.external_uuid.as_str(), it.enabled == Some(true)))
            .collect();
        assert_eq!(
            (&servers[..], &codes(&findings)[..]),
            (want, told),
            "{spec}"
        );
        assert_eq!(found.matched_port, 80, "{spec}");
    };
    let by = |target: &str| format!("ports: [{{name: http, port: 80, targetPort: {target}}}]");
    let of = |labels: &str, target: &str| format!("selector: {{{labels}}}, {}", by(target));
    // A pod that goes takes no new connections; one that is not ready is no server.
    check(&of("app: s", "8080"), &[("10.0.0.1:61001", false)], &[]);
    // Every pod has the number of its own for a named port.
    let both = [("10.0.0.1:61001", false), ("10.0.0.2:61003", true)];
    check(&of("app: s, env: prod", "http"), &both, &[]);
    let v6 = format!("ipFamilies: [IPv6], {}", of("app: s", "8080"));
    check(&v6, &[("fd00::2:61004", true)], &[]);
    // The mapping is of another protocol.
    check(&of("app: s", "9090"), &[], &[]);
    check(&of("app: s, env: test", "8080"), &[], &[]);
    check(&by("8080"), &[], &[]);
    let node_port = format!("type: NodePort, {}", of("app: s", "8080"));
    check(&node_port, &[], &[Code::BackendUnreachable]);
}
