use super::{Node, pod_routes};
use crate::Fact;
use crate::world::{World, codes, parse};
use aviary_types::{Code, EcoString};

fn node(yaml: &str) -> Node {
    match parse(yaml).fact {
        Some(Fact::Node(node)) => *node,
        other => panic!("no Node: {other:?}"),
    }
}

#[test]
fn networks_and_addresses_are_read() {
    let check = |yaml: &str, want: &[&str]| assert_eq!(node(yaml).pod_cidrs, want, "{yaml}");
    check("{kind: Node}", &[]);
    check(
        "{kind: Node, spec: {podCIDR: 10.1.0.0/16}}",
        &["10.1.0.0/16"],
    );
    check(
        "{kind: Node, spec: {podCIDR: 10.1.0.0/16, podCIDRs: [10.2.0.0/16, 'fd00::/64']}}",
        &["10.2.0.0/16", "fd00::/64"],
    );
    let annotation =
        "metadata: {annotations: {ako.vmware.com/pod-cidrs: ' 10.3.0.0/16 ,,10.4.0.0/16'}}";
    check(
        &format!("{{kind: Node, {annotation}, spec: {{podCIDR: 10.1.0.0/16}}}}"),
        &["10.3.0.0/16", "10.4.0.0/16"],
    );
    let addresses = "{kind: Node, status: {addresses: [{type: Hostname, address: n1}, {type: InternalIP, address: 10.0.0.1}, {type: ExternalIP, address: 9.9.9.9}]}}";
    assert_eq!(node(addresses).addresses, [(1, "10.0.0.1".into())]);
}

#[test]
fn what_has_another_shape_is_unreadable() {
    for bad in [
        "{kind: Node, spec: {podCIDRs: 10.1.0.0/16}}",
        "{kind: Node, spec: {podCIDR: 7}}",
        "{kind: Node, status: {addresses: {type: InternalIP}}}",
        "{kind: Node, status: {addresses: [7]}}",
    ] {
        let parsed = parse(bad);
        assert!(parsed.fact.is_none(), "{bad}");
        assert_eq!(codes(&parsed.findings), [Code::Unreadable], "{bad}");
    }
}

/// Model, section 13.1.
#[test]
fn routes_lead_to_the_node_of_the_same_family() {
    let nodes = "{kind: Node, metadata: {name: n2}, spec: {podCIDRs: [10.2.0.0/16]}, status: {addresses: [{type: InternalIP, address: 192.168.0.2}]}}
---
{kind: Node, metadata: {name: n1}, spec: {podCIDRs: ['fd00::/64', 10.1.0.0/16, nonsense, 10.9.0.0/40]}, status: {addresses: [{type: InternalIP, address: 192.168.0.1}, {type: InternalIP, address: 'fe80::1'}]}}
---
{kind: Node, metadata: {name: n3}, spec: {podCIDRs: [10.1.0.0/16]}, status: {addresses: [{type: InternalIP, address: 192.168.0.3}]}}
---
{kind: Node, metadata: {name: n4}, spec: {podCIDRs: [10.4.0.0/16]}}";
    let check = |settings: &str, want: &[(&str, usize, &str)]| {
        let routes = pod_routes(&World::of(nodes).under(settings));
        let routes: Vec<_> = routes
            .iter()
            .map(|route| {
                (
                    route.node.name.as_str(),
                    route.index,
                    route.next_hop.as_str(),
                )
            })
            .collect();
        assert_eq!(routes, want, "{settings}");
    };
    // By name; a network that another node of the age has is left out, as is one without a hop.
    let v4 = [("n1", 1, "192.168.0.1"), ("n2", 0, "192.168.0.2")];
    check("{AKOSettings: {ipFamily: V4}}", &v4);
    check("{AKOSettings: {ipFamily: V6}}", &[("n1", 0, "fe80::1")]);
    check("{}", &[("n1", 0, "fe80::1"), v4[0], v4[1]]);
}

/// Two nodes with one network is a mistake in the cluster: what stands goes on.
#[test]
fn a_network_of_several_nodes_leads_to_the_oldest() {
    let node = |name: &str, created: u8| {
        let address = format!("{{type: InternalIP, address: 192.168.0.{created}}}");
        format!(
            "{{kind: Node, created: {created}, metadata: {{name: {name}}}, spec: {{podCIDRs: [10.1.0.0/16]}}, status: {{addresses: [{address}]}}}}"
        )
    };
    let [older, newer] = [node("n2", 1), node("n1", 2)];
    let hops = |yaml: &str| -> Vec<EcoString> {
        let routes = pod_routes(&World::of(yaml));
        routes.into_iter().map(|route| route.next_hop).collect()
    };
    assert_eq!(hops(&format!("{older}\n---\n{newer}")), ["192.168.0.1"]);
    assert_eq!(hops(&newer), ["192.168.0.2"]);
}

/// A network plugin's own address goes before those of the status; model, section 7.2.
#[test]
fn the_plugin_in_use_says_where_a_node_is() {
    let nodes = "{kind: Node, metadata: {name: n1, annotations: {projectcalico.org/IPv4Address: 10.1.0.1/24, node.antrea.io/transport-addresses: '10.2.0.1,fd00::2', k8s.ovn.org/node-subnets: '{\"default\": [\"10.3.0.0/24\", \"fd03::/64\"], \"x\": \"10.4.0.0/24\"}'}}, spec: {podCIDRs: [10.5.0.0/24]}, status: {addresses: [{type: InternalIP, address: 192.168.0.1}, {type: InternalIP, address: 'fe80::1'}]}}";
    let check = |plugin: &str, want: &[(&str, &str)]| {
        let world = World::of(nodes).under(&format!("{{AKOSettings: {{cniPlugin: {plugin}}}}}"));
        let routes = pod_routes(&world);
        let routes: Vec<_> = routes
            .iter()
            .map(|route| (route.prefix.ip_addr.addr.as_str(), route.next_hop.as_str()))
            .collect();
        assert_eq!(routes, want, "{plugin}");
    };
    check("''", &[("10.5.0.0", "192.168.0.1")]);
    // Where the plugin writes networks to objects of its own, those count alone.
    check("calico", &[]);
    check("openshift", &[]);
    check("cilium", &[]);
    check("antrea", &[("10.5.0.0", "10.2.0.1")]);
    let ovn = [("10.3.0.0", "192.168.0.1"), ("fd03::", "fe80::1")];
    check("ovn-kubernetes", &ovn);
}

/// Model, section 13.1.
#[test]
fn plugins_write_networks_to_objects_of_their_own() {
    let objects = "{kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.5.0.0/24]}, status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}}
---
{kind: BlockAffinity, metadata: {name: a}, spec: {node: n1, cidr: 10.1.0.0/26, deleted: 'false'}}
---
{kind: BlockAffinity, metadata: {name: b}, spec: {node: n1, cidr: 10.1.0.64/26}}
---
{kind: BlockAffinity, metadata: {name: c}, spec: {node: n1, cidr: 10.1.0.128/26, deleted: 'true'}}
---
{kind: BlockAffinity, metadata: {name: d}, spec: {node: n2, cidr: 10.1.1.0/26}}
---
{kind: HostSubnet, metadata: {name: n1}, subnet: 10.2.0.0/23}
---
{kind: CiliumNode, metadata: {name: n1}, spec: {ipam: {podCIDRs: [10.3.0.0/24, 10.3.1.0/24]}}}";
    let check = |plugin: &str, want: &[(&str, &str)]| {
        let world = World::of(objects).under(&format!("{{AKOSettings: {{cniPlugin: {plugin}}}}}"));
        let routes = pod_routes(&world);
        let routes: Vec<_> = routes
            .iter()
            .map(|route| {
                let at = route.prefix_at.path("");
                (format!("{} {at}", route.prefix_at.object.name), route)
            })
            .map(|(at, route)| (route.prefix.ip_addr.addr.to_string(), at))
            .collect();
        let want: Vec<_> = want
            .iter()
            .map(|(prefix, at)| ((*prefix).to_owned(), (*at).to_owned()))
            .collect();
        assert_eq!(routes, want, "{plugin}");
    };
    check("''", &[("10.5.0.0", "n1 spec.podCIDRs[0]")]);
    check(
        "calico",
        &[("10.1.0.0", "a spec.cidr"), ("10.1.0.64", "b spec.cidr")],
    );
    check("openshift", &[("10.2.0.0", "n1 subnet")]);
    let cilium = [
        ("10.3.0.0", "n1 spec.ipam.podCIDRs[0]"),
        ("10.3.1.0", "n1 spec.ipam.podCIDRs[1]"),
    ];
    check("cilium", &cilium);
}
