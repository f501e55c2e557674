mod nodes;

use super::shared_load_balancer;
use super::{L4Draft, Service, ServiceType, SharedVip, Target, backend, load_balancer};
use crate::Fact;
use crate::ingress::BackendPort;
use crate::world::{World, cluster, codes, parse, told};
use aviary_types::{Code, Finding, ObjectKey};

fn service(yaml: &str) -> Service {
    match parse(yaml).fact {
        Some(Fact::Service(service)) => *service,
        other => panic!("no Service: {other:?}"),
    }
}

#[test]
fn types_ports_and_targets_are_read() {
    let kind = |kind: &str| service(&format!("{{kind: Service, spec: {{type: {kind}}}}}")).kind;
    assert_eq!(kind("ClusterIP"), ServiceType::ClusterIp);
    assert_eq!(kind("''"), ServiceType::ClusterIp);
    assert_eq!(kind("NodePort"), ServiceType::NodePort);
    assert_eq!(kind("LoadBalancer"), ServiceType::LoadBalancer);
    assert_eq!(kind("ExternalName"), ServiceType::Other);
    assert_eq!(kind("Whatever"), ServiceType::Other);
    let port = |port: &str| {
        service(&format!("{{kind: Service, spec: {{ports: [{port}]}}}}"))
            .ports
            .remove(0)
    };
    assert_eq!(port("{port: 80}").target, Target::Number(80));
    assert_eq!(
        port("{port: 80, targetPort: 8080}").target,
        Target::Number(8080)
    );
    assert_eq!(
        port("{port: 80, targetPort: web}").target,
        Target::Name("web".into())
    );
    assert_eq!(
        port("{port: 80, targetPort: 70000}").target,
        Target::Number(80)
    );
    assert_eq!(
        port("{port: 80, targetPort: [1]}").target,
        Target::Number(80)
    );
    assert_eq!(port("{port: 80}").protocol, "TCP");
    assert_eq!(port("{port: 80, protocol: udp}").protocol, "UDP");
}

#[test]
fn annotations_and_fields_that_are_asked_for() {
    let read = service(
        "kind: Service
metadata:
  annotations:
    ako.vmware.com/load-balancer-ip: 10.0.0.2
    external-dns.alpha.kubernetes.io/hostname: any.x
    ako.vmware.com/application-profile: fast
    ako.vmware.com/disable-traffic: 'True'
    ako.vmware.com/enable-shared-vip: ''
spec: {loadBalancerIP: 10.0.0.1}",
    );
    // The field goes before the annotation; an empty annotation is none.
    assert_eq!(read.address.as_deref(), Some("10.0.0.1"));
    assert_eq!(read.hostname.as_deref(), Some("any.x"));
    assert_eq!(read.application_profile.as_deref(), Some("fast"));
    assert!(read.traffic_disabled && read.shared_vip.is_none());
    let deleted = service("{kind: Service, metadata: {deletionTimestamp: '2025-01-01T00:00:00Z'}}");
    assert!(deleted.deleting);
}

#[test]
fn an_address_that_is_none_is_told() {
    for bad in ["10.0.0", "10.0.0.1/24", "vip", "10.0.0.1, 10.0.0.2"] {
        let parsed = parse(&format!(
            "{{kind: Service, spec: {{loadBalancerIP: '{bad}'}}}}"
        ));
        assert_eq!(codes(&parsed.findings), [Code::AddressInvalid], "{bad}");
        assert!(matches!(parsed.fact, Some(Fact::Service(it)) if it.address.is_none()));
    }
    let good = parse("{kind: Service, spec: {loadBalancerIP: 'fd00::1'}}");
    assert!(good.findings.is_empty());
}

#[test]
fn what_has_another_shape_is_unreadable() {
    for bad in [
        "{kind: Service, spec: text}",
        "{kind: Service, spec: {ports: 80}}",
        "{kind: Service, spec: {ports: [80]}}",
        "{kind: Service, spec: {ports: [{port: 65536}]}}",
        "{kind: Service, spec: {ports: [{port: -1}]}}",
        "{kind: Service, spec: {type: [LoadBalancer]}}",
        "{kind: Service, metadata: {annotations: [a]}}",
    ] {
        let parsed = parse(bad);
        assert!(parsed.fact.is_none(), "{bad}");
        assert_eq!(codes(&parsed.findings), [Code::Unreadable], "{bad}");
    }
}

const BACKENDS: &str = "{kind: Service, metadata: {namespace: a, name: web}, spec: {ports: [{name: http, port: 80, targetPort: 8080}, {name: admin, port: 90, targetPort: adm}]}}
---
{kind: Service, metadata: {namespace: a, name: plain}, spec: {ports: [{port: 80, targetPort: 8080}]}}
---
{kind: Service, metadata: {namespace: a, name: lb}, spec: {type: LoadBalancer, ports: [{name: http, port: 80}]}}
---
{kind: Service, metadata: {namespace: a, name: ext}, spec: {type: ExternalName, ports: [{name: http, port: 80}]}}
---
{kind: Service, metadata: {namespace: a, name: np}, spec: {type: NodePort, ports: [{name: http, port: 80, targetPort: 8080}]}}
---
{kind: EndpointSlice, metadata: {namespace: a, name: web-1, labels: {kubernetes.io/service-name: web}}, addressType: IPv4, ports: [{name: http, port: 8080}, {name: admin, port: 9090}], endpoints: [{addresses: [10.0.0.1]}]}
---
{kind: EndpointSlice, metadata: {namespace: a, name: plain-1, labels: {kubernetes.io/service-name: plain}}, addressType: IPv4, ports: [{name: '', port: 8080}, {name: x, port: 1}], endpoints: [{addresses: [10.0.0.2]}]}
---
{kind: EndpointSlice, metadata: {namespace: a, name: lb-1, labels: {kubernetes.io/service-name: lb}}, addressType: IPv4, ports: [{name: http, port: 8080}], endpoints: [{addresses: [10.0.0.3]}]}
---
{kind: EndpointSlice, metadata: {namespace: a, name: ext-1, labels: {kubernetes.io/service-name: ext}}, addressType: IPv4, ports: [{name: http, port: 8080}], endpoints: [{addresses: [10.0.0.4]}]}
---
{kind: EndpointSlice, metadata: {namespace: a, name: np-1, labels: {kubernetes.io/service-name: np}}, addressType: IPv4, ports: [{name: http, port: 8080}, {name: x, port: 1}], endpoints: [{addresses: [10.0.0.5]}]}";

/// Model, sections 7.2 and 7.3.
#[test]
fn backends_lead_to_servers() {
    let check =
        |settings: &str, name: &str, port: BackendPort, want: (u16, u16, &[&str], &[Code])| {
            let world = World::of(BACKENDS).under(settings);
            let source = ObjectKey::new(&cluster(), crate::ingress::KIND, "a", "i");
            let mut findings: Vec<Finding> = Vec::new();
            let found = backend(&world, &source, &name.into(), &port, &mut findings);
            let servers: Vec<&str> = found
                .servers
                .iter()
                .map(|it| it.external_uuid.as_str())
                .collect();
            let found = (
                found.port,
                found.matched_port,
                &servers[..],
                &codes(&findings)[..],
            );
            assert_eq!(found, want, "{settings} {name} {port:?}");
        };
    let number = BackendPort::Number;
    let name = |name: &str| BackendPort::Name(name.into());
    let missing = [Code::PortMissing];
    check("{}", "web", number(80), (80, 8080, &["10.0.0.1:8080"], &[]));
    check(
        "{}",
        "web",
        name("http"),
        (80, 8080, &["10.0.0.1:8080"], &[]),
    );
    check("{}", "web", number(90), (90, 9090, &["10.0.0.1:9090"], &[]));
    check(
        "{}",
        "web",
        name("admin"),
        (80, 9090, &["10.0.0.1:9090"], &[]),
    );
    check("{}", "web", number(81), (81, 81, &[], &missing));
    check("{}", "web", name("other"), (80, 80, &[], &missing));
    // An unnamed port fits a number that the Service lacks, as with AKO.
    check(
        "{}",
        "plain",
        number(81),
        (81, 8080, &["10.0.0.2:8080"], &missing),
    );
    check(
        "{}",
        "gone",
        number(80),
        (80, 80, &[], &[Code::ServiceMissing]),
    );
    // A load balancer has a virtual service of its own, unless layer 4 is off.
    let unreachable = [Code::BackendUnreachable];
    check("{}", "lb", number(80), (80, 80, &[], &unreachable));
    let l7 = "{AKOSettings: {layer7Only: true}}";
    check(l7, "lb", number(80), (80, 8080, &["10.0.0.3:8080"], &[]));
    check("{}", "ext", number(80), (80, 80, &[], &unreachable));
    // Of a NodePort Service the target says nothing, the name does.
    check("{}", "np", number(80), (80, 8080, &["10.0.0.5:8080"], &[]));
}

fn balancer(spec: &str, settings: &str) -> (Option<L4Draft>, Vec<(Code, String)>) {
    let yaml = format!(
        "{{kind: Service, metadata: {{namespace: a, name: lb}}, spec: {{type: LoadBalancer, {spec}}}}}
---
{{kind: Namespace, metadata: {{name: a}}}}"
    );
    let world = World::of(&yaml).under(settings);
    let mut findings = Vec::new();
    let draft = load_balancer(&world, &world.key("Service", "lb"), &mut findings);
    (draft, told(&findings))
}

/// Model, section 16.
#[test]
fn which_load_balancers_are_ours() {
    let check = |spec: &str, settings: &str, want: bool| {
        let (draft, findings) = balancer(&format!("{spec} ports: [{{port: 53}}]"), settings);
        assert_eq!(
            (draft.is_some(), findings.len()),
            (want, 0),
            "{spec} {settings}"
        );
    };
    let off = "{L4Settings: {defaultLBController: false}}";
    check("", "{}", true);
    check("", off, false);
    check("loadBalancerClass: ako.vmware.com/avi-lb,", off, true);
    check("loadBalancerClass: other,", "{}", false);
    check("", "{AKOSettings: {layer7Only: true}}", false);
    check("", "{AKOSettings: {blockedNamespaceList: [a]}}", false);
}

#[test]
fn ports_that_cannot_be_served_are_told() {
    let check = |ports: &str, served: &[u16], want: &[Code]| {
        let (draft, findings) = balancer(&format!("ports: [{ports}]"), "{}");
        let found: Vec<u16> = draft
            .iter()
            .flat_map(|it| &it.ports)
            .map(|it| it.port.port)
            .collect();
        let codes: Vec<Code> = findings.iter().map(|(code, _)| *code).collect();
        assert_eq!((&found[..], &codes[..]), (served, want), "{ports}");
    };
    check(
        "{port: 53}, {name: u, port: 53, protocol: UDP}, {port: 54, protocol: SCTP}",
        &[53, 53, 54],
        &[],
    );
    check(
        "{port: 53}, {port: 54, protocol: ICMP}",
        &[53],
        &[Code::ProtocolUnsupported],
    );
    check(
        "{port: 53}, {port: 53, protocol: tcp}",
        &[53],
        &[Code::InvalidSpec],
    );
    check("", &[], &[Code::NoPorts]);
    check(
        "{port: 1, protocol: X}",
        &[],
        &[Code::ProtocolUnsupported, Code::NoPorts],
    );
}

/// Model, section 7.2.
#[test]
fn node_port_local_serves_no_service_with_sctp() {
    let mode = "{AKOSettings: {cniPlugin: antrea}, L7Settings: {serviceType: NodePortLocal}}";
    let ports = "ports: [{port: 80}, {name: s, port: 54, protocol: SCTP}]";
    let (draft, findings) = balancer(ports, mode);
    assert!(draft.is_none());
    let codes: Vec<Code> = findings.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [Code::ProtocolUnsupported]);
    let (draft, _) = balancer(ports, "{}");
    assert_eq!(draft.unwrap().ports.len(), 2);
}

#[test]
fn what_names_a_custom_resource_is_served_without_it_and_told() {
    let world = World::of(
        "{kind: Service, metadata: {namespace: a, name: lb, annotations: {ako.vmware.com/l4rule: it}}, spec: {type: LoadBalancer, ports: [{port: 53}]}}",
    );
    let mut findings = Vec::new();
    assert!(load_balancer(&world, &world.key("Service", "lb"), &mut findings).is_some());
    assert_eq!(codes(&findings), [Code::UnsupportedField]);
}

/// Services of namespace `a` under one key, each with a name, the minute of its creation, more
/// annotations and its spec.
fn shared(services: &[(&str, u8, &str, &str)]) -> World {
    let service = |(name, created, annotations, spec): &(&str, u8, &str, &str)| {
        format!(
            "{{kind: Service, created: {created}, metadata: {{namespace: a, name: {name}, annotations: {{ako.vmware.com/enable-shared-vip: pair, {annotations}}}}}, spec: {{type: LoadBalancer, {spec}}}}}"
        )
    };
    let all: Vec<String> = services.iter().map(service).collect();
    World::of(&all.join("\n---\n"))
}

fn pair(world: &World) -> (Option<L4Draft>, Vec<Finding>) {
    let vip = SharedVip {
        cluster: cluster(),
        namespace: "a".into(),
        key: "pair".into(),
    };
    let mut findings = Vec::new();
    let draft = shared_load_balancer(world, &vip, &mut findings);
    // None of these Services has pods, which is told of each and not looked at here.
    findings.retain(|finding| finding.code != Code::NoServers);
    (draft, findings)
}

#[test]
fn services_of_one_key_share_a_vip() {
    let world = shared(&[
        (
            "new",
            2,
            "",
            "ports: [{port: 443}, {port: 53, protocol: UDP}]",
        ),
        (
            "old",
            1,
            "",
            "loadBalancerIP: 10.0.0.1, ports: [{port: 80}]",
        ),
    ]);
    let (draft, findings) = pair(&world);
    let draft = draft.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    let members: Vec<&str> = draft
        .members
        .iter()
        .map(|it| it.source.name.as_str())
        .collect();
    assert_eq!(members, ["old", "new"]);
    // By protocol and port as one text.
    let ports: Vec<(u16, &str)> = draft
        .ports
        .iter()
        .map(|it| (it.port.port, it.at.object.name.as_str()))
        .collect();
    assert_eq!(ports, [(443, "new"), (80, "old"), (53, "new")]);
    assert_eq!(draft.address.as_deref(), Some("10.0.0.1"));
    assert_eq!(draft.traffic_enabled, None);
    // None of them has a load balancer of its own.
    let mut findings = Vec::new();
    assert!(load_balancer(&world, &world.key("Service", "old"), &mut findings).is_none());
    assert!(findings.is_empty());
}

#[test]
fn services_that_do_not_agree_are_not_served_and_each_is_told() {
    let check = |first: (&str, &str), second: (&str, &str), told: usize| {
        let world = shared(&[
            (
                "one",
                1,
                first.0,
                &format!("{} ports: [{{port: 80}}]", first.1),
            ),
            (
                "two",
                2,
                second.0,
                &format!("{} ports: [{{port: 81}}]", second.1),
            ),
        ]);
        let (draft, findings) = pair(&world);
        assert_eq!(draft.is_some(), told == 0, "{first:?} {second:?}");
        assert_eq!(codes(&findings), vec![Code::SharedVipDiffers; told]);
    };
    let address = |address: &str| format!("loadBalancerIP: {address},");
    check(("", &address("10.0.0.1")), ("", &address("10.0.0.1")), 0);
    check(("", &address("10.0.0.1")), ("", &address("10.0.0.2")), 2);
    // Who asks for none takes that of the oldest; the oldest takes nobody's.
    check(("", &address("10.0.0.1")), ("", ""), 0);
    check(("", ""), ("", &address("10.0.0.1")), 2);
    check(("ako.vmware.com/l4rule: r", ""), ("", ""), 2);
    // The one of another class is not ours to tell.
    check(("", ""), ("", "loadBalancerClass: other,"), 1);
    check(("", "loadBalancerClass: other,"), ("", ""), 1);
}

#[test]
fn a_port_of_a_shared_vip_is_the_older_services() {
    let ports = "ports: [{port: 80}, {port: 80, protocol: UDP}]";
    let world = shared(&[("one", 1, "", "ports: [{port: 80}]"), ("two", 2, "", ports)]);
    let (draft, findings) = pair(&world);
    let owners: Vec<String> = draft
        .unwrap()
        .ports
        .iter()
        .map(|it| it.at.object.name.to_string())
        .collect();
    assert_eq!(owners, ["one", "two"]);
    assert_eq!(codes(&findings), [Code::PortClaimed]);
    assert_eq!(findings[0].object.name, "two");
}

#[test]
fn who_leaves_a_shared_vip_is_no_member() {
    for gone in ["type: ClusterIP,", "deleted"] {
        let mut yaml = "{kind: Service, created: 1, metadata: {namespace: a, name: one, annotations: {ako.vmware.com/enable-shared-vip: pair}}, spec: {type: ClusterIP, ports: [{port: 80}]}}".to_owned();
        if gone == "deleted" {
            yaml = yaml.replace("ClusterIP", "LoadBalancer").replace(
                "namespace: a",
                "deletionTimestamp: '2025-01-01T00:00:00Z', namespace: a",
            );
        }
        let two = "{kind: Service, created: 2, metadata: {namespace: a, name: two, annotations: {ako.vmware.com/enable-shared-vip: pair}}, spec: {type: LoadBalancer, ports: [{port: 81}]}}";
        let (draft, findings) = pair(&World::of(&format!("{yaml}\n---\n{two}")));
        assert_eq!(draft.unwrap().members.len(), 1, "{gone}");
        assert!(findings.is_empty());
    }
}
