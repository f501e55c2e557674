//! Ways to reach pods: what the service type changes beside servers.

use super::world::{World, c1, class, envs, ingress, namespace, object, service, slice};
use super::{Envs, check_equal, check_sound, fresh};
use crate::{Builder, Built};
use aviary_avi::{AviKind, Body};
use aviary_kinds::RawObject;
use aviary_settings::Scheme;
use serde_json::json;

/// Settings of two instances: service type of the first, and of the one for namespaces of label
/// `instance: blue`.
fn types(first: &str, blue: &str) -> Envs {
    let selector = "namespaceSelector: {labelKey: instance, labelValue: blue}";
    let settings = format!(
        "
AKOSettings: {{clusterName: c1, cniPlugin: antrea}}
L7Settings: {{serviceType: {first}}}
instances:
- {{namespace: blue, values: {{AKOSettings: {{{selector}}}, L7Settings: {{serviceType: {blue}}}}}}}
"
    );
    envs(&settings, Scheme::Ako)
}

fn node(name: &str, address: &str) -> RawObject {
    c1(json!({
        "kind": "Node", "name": name, "spec": {"podCIDRs": ["10.1.0.0/24"]},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }))
}

/// Labels of SE groups, and routes of VRFs.
fn shared(built: &Built) -> (Vec<usize>, Vec<usize>) {
    let bodies = || built.desired.objects.values().map(|object| &*object.body);
    let labels = bodies().filter_map(|body| match body {
        Body::ServiceEngineGroup(group) => Some(group.labels.len()),
        _ => None,
    });
    let routes = bodies().filter_map(|body| match body {
        Body::VrfContext(vrf) => Some(vrf.static_routes.len()),
        _ => None,
    });
    (labels.collect(), routes.collect())
}

/// Model, section 13: there is nothing to route to where nodes are the servers.
#[test]
fn routes_and_label_are_there_for_whom_pods_are_servers() {
    let world = World::of([class(), node("n1", "192.168.0.1"), namespace("a")]);
    let check = |first: &str, blue: &str, want: (usize, usize)| {
        let built = fresh(&world, &types(first, blue));
        check_sound(&built);
        let (labels, routes) = shared(&built);
        assert_eq!(
            (labels, routes),
            (vec![want.0], vec![want.1]),
            "{first} {blue}"
        );
    };
    check("ClusterIP", "ClusterIP", (1, 1));
    check("NodePort", "NodePort", (0, 0));
    check("NodePortLocal", "NodePort", (0, 0));
    // The label is needed by one of two instances that share the group.
    check("NodePort", "ClusterIP", (1, 0));
    check("ClusterIP", "NodePort", (1, 1));
}

/// The service type changes while everything stands.
#[test]
fn another_service_type_is_another_result_at_once() {
    let mut balanced = service("a", "web");
    balanced.json["spec"]["type"] = "NodePort".into();
    balanced.json["spec"]["ports"][0]["nodePort"] = 31_000.into();
    let mut world = World::of([
        class(),
        node("n1", "192.168.0.1"),
        namespace("a"),
        balanced,
        slice("a", "web", &["10.1.0.5"]),
        ingress(("a", "i", 1), "h.x", &["/"], false),
    ]);
    let mut builder = Builder::default();
    let mut servers = |world: &mut World, kind: &str| {
        let envs = types(kind, kind);
        let built = builder.build(&world.store.snapshot(), &envs);
        check_equal(&built, &fresh(world, &envs));
        let mut objects = built.desired.objects.iter();
        let (_, pool) = objects.find(|(key, _)| key.kind == AviKind::Pool).unwrap();
        let Body::Pool(pool) = &*pool.body else {
            panic!("no pool")
        };
        let servers = pool.servers.iter().map(|it| it.external_uuid.to_string());
        servers.collect::<Vec<_>>()
    };
    assert_eq!(servers(&mut world, "ClusterIP"), ["10.1.0.5:8080"]);
    assert_eq!(servers(&mut world, "NodePort"), ["192.168.0.1:31000"]);
    world.put(node("n2", "192.168.0.2"));
    let both = ["192.168.0.1:31000", "192.168.0.2:31000"];
    assert_eq!(servers(&mut world, "NodePort"), both);
    world.delete(&object("c1", json!({"kind": "Node", "name": "n1"})).key);
    assert_eq!(servers(&mut world, "NodePort"), ["192.168.0.2:31000"]);
    assert_eq!(servers(&mut world, "ClusterIP"), ["10.1.0.5:8080"]);
}
