//! Routes to pods, and labels, in objects that a cluster shares with others.

use crate::world::{SETTINGS, World, base, instances, lane_of, object, with_provider};
use aviary_avi::{AviKey, AviKind, Body, Inventory, Observed, ObservedObject};
use aviary_runtime::lane::Lane;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A cluster of one node, whose pods a Controller with these VRFs has no way to.
fn world() -> World {
    let node = object(json!({
        "kind": "Node", "name": "n1", "spec": {"podCIDRs": ["10.1.0.0/24"]},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}]},
    }));
    let mut observed = Observed::default();
    with_provider(&mut observed);
    observed.insert(vrf("blue", &json!([])));
    // Another cluster's, whose name begins alike.
    observed.insert(vrf("other", &json!([route("c10")])));
    let mut world = World::of(base().into_iter().chain([node]));
    world.lane = lane_of(SETTINGS, observed);
    world
}

fn route(cluster: &str) -> Value {
    json!({
        "route_id": format!("{cluster}-x-0"), "next_hop": {"addr": "192.168.0.9", "type": "V4"},
        "prefix": {"ip_addr": {"addr": "10.9.0.0", "type": "V4"}, "mask": 24},
        "labels": [{"key": "clustername", "value": cluster}],
    })
}

fn vrf(name: &str, routes: &Value) -> ObservedObject {
    let json = json!({
        "name": name, "tenant_ref": "/api/tenant/?name=admin",
        "cloud_ref": "/api/cloud?name=Default-Cloud", "static_routes": routes,
    });
    let body = AviKind::VrfContext.read(&json).unwrap();
    ObservedObject {
        key: AviKey::of(&body, &"admin".into()),
        uuid: name.into(),
        last_modified: "1".into(),
        body: Arc::new(body),
        raw: Some(Arc::new(json)),
    }
}

/// These settings count; the Controller was found to have this VRF for them.
fn configure(lane: &mut Lane, settings: &str, vrf: &str) {
    lane.configure(instances(settings));
    for domain in lane.domains() {
        let inventory = Inventory {
            cloud_type: "CLOUD_NONE".into(),
            vrf: vrf.into(),
            ..Inventory::default()
        };
        lane.discover(&domain, inventory);
    }
}

/// How many routes each VRF has, and labels each SE group.
fn entries(observed: &Observed) -> BTreeMap<&str, usize> {
    let bodies = observed.objects.values();
    let counted = bodies.filter_map(|object| match &*object.body {
        Body::VrfContext(vrf) => Some((vrf.name.as_str(), vrf.static_routes.len())),
        Body::ServiceEngineGroup(group) => Some((group.name.as_str(), group.labels.len())),
        _ => None,
    });
    counted.collect()
}

/// Labels of the group, and routes of the VRFs.
fn check(world: &World, group: usize, (blue, global): (usize, usize)) {
    let want = [
        ("Default-Group", group),
        ("blue", blue),
        ("global", global),
        ("other", 1),
    ];
    assert_eq!(entries(world.observed()), want.into());
}

#[test]
fn routes_go_from_a_vrf_that_settings_name_no_more() {
    let mut world = world();
    world.settle();
    check(&world, 1, (0, 1));
    configure(&mut world.lane, SETTINGS, "blue");
    let plan = world.plan();
    let vrfs = plan.ops.iter();
    let vrfs = vrfs.filter(|op| op.key.object.kind == AviKind::VrfContext);
    let vrfs: Vec<&str> = vrfs.map(|op| op.key.object.name.as_str()).collect();
    assert_eq!(vrfs, ["blue", "global"]);
    world.apply(&plan);
    assert!(world.settle().is_empty());
    check(&world, 1, (1, 0));
}

#[test]
fn routes_that_are_not_followed_any_more_stay_until_all_goes() {
    let mut world = world();
    world.settle();
    let with =
        |more: &str| SETTINGS.replace("clusterName: c1", &format!("clusterName: c1, {more}"));
    configure(
        &mut world.lane,
        &with("disableStaticRouteSync: true"),
        "global",
    );
    assert!(world.settle().is_empty());
    check(&world, 1, (0, 1));
    let gone = with("disableStaticRouteSync: true, deleteConfig: true");
    configure(&mut world.lane, &gone, "global");
    world.settle();
    check(&world, 0, (0, 0));
}
