//! A host passes from one instance, or cluster, to another: it is served at every step.

use crate::world::{
    World, class, done, ingress, instances, lane_of, namespace, object, secret, service, short,
    slice,
};
use aviary_avi::{AviKey, Body, Observed, ObservedObject};
use aviary_kinds::RawObject;
use aviary_plan::{OpKey, interruptions};
use aviary_serve::{Baseline, World as Served};
use aviary_types::ClusterName;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Cluster c1 with an instance for red namespaces and one for blue ones, and cluster c2.
fn fleet(hosts: &str, scheme: &str) -> String {
    format!(
        "
AKOSettings:
  clusterName: c1
  namingScheme: {scheme}
  namespaceSelector: {{labelKey: is, labelValue: red}}
L7Settings: {{shardVSSize: MEDIUM}}
AviarySettings: {{crossClusterHosts: {hosts}}}
instances:
- namespace: blue
  values: {{AKOSettings: {{namespaceSelector: {{labelValue: blue}}}}}}
clusters:
- {{name: c2}}
"
    )
}

fn labelled(name: &str, is: &str) -> RawObject {
    let mut raw = namespace(name);
    raw.json["metadata"] = json!({"labels": {"is": is}});
    raw
}

fn in_cluster(cluster: &str, mut raw: RawObject) -> RawObject {
    raw.key.cluster = ClusterName::new(cluster);
    raw
}

fn aged(mut raw: RawObject, minutes: u64) -> RawObject {
    raw.created = format!("2025-01-01T00:{minutes:02}:00Z").into();
    raw
}

/// A lane with a red and a blue namespace, and another cluster with a red one.
fn world(hosts: &str, scheme: &str) -> World {
    let mut world = World::of([]);
    world.lane = lane_of(&fleet(hosts, scheme), Observed::default());
    for cluster in ["c1", "c2"] {
        world.put(in_cluster(cluster, class()));
        for is in ["red", "blue"] {
            let all = [
                labelled(is, is),
                service(is, "web"),
                slice(is, "web", &["10.0.0.1"]),
                secret(is),
            ];
            for raw in all {
                world.put(in_cluster(cluster, raw));
            }
        }
    }
    world.hear_all();
    world
}

fn balancer(namespace: &str) -> RawObject {
    object(json!({
        "kind": "Service", "ns": namespace, "name": "lb",
        "spec": {"type": "LoadBalancer", "ports": [{"port": 53, "targetPort": 53}]},
    }))
}

/// Plans and does until nothing is left; everything that is served before and after is served after
/// each operation, but within an interruption that the plan marks. Answers how many those were.
fn settle_watched(world: &mut World) -> usize {
    let before = Served::of_observed(world.observed());
    let (mut steps, mut lines, mut marked) = (Vec::new(), Vec::new(), 0);
    loop {
        let plan = world.plan();
        crate::world::check_sound(&plan);
        if plan.ops.is_empty() {
            break;
        }
        assert!(lines.len() < 500, "not at rest: {lines:?}");
        let mut open: Vec<BTreeSet<OpKey>> = interruptions(&plan.ops);
        marked += open.len();
        let whole = open.clone();
        for (op, line) in plan.ops.iter().zip(short(&plan)) {
            done(&mut world.lane, op);
            for group in &mut open {
                group.remove(&op.key);
            }
            let is_within =
                |(left, all): (&BTreeSet<OpKey>, &BTreeSet<OpKey>)| !left.is_empty() && left != all;
            if !open.iter().zip(&whole).any(is_within) {
                steps.push((line.clone(), Served::of_observed(world.observed())));
            }
            lines.push(line);
        }
    }
    let baseline = Baseline::new(&before, &Served::of_observed(world.observed()));
    for (line, step) in &steps {
        let broken = baseline.broken_in(step);
        let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
        assert!(
            broken.is_empty(),
            "after {line}: {broken:?} on the way {lines:#?}"
        );
    }
    marked
}

/// What clients of a host meet now.
fn is_served(world: &World, host: &str) -> bool {
    let now = Served::of_observed(world.observed());
    let kept = Baseline::new(&now, &now);
    kept.probes().any(|probe| probe.to_string().contains(host))
}

/// The virtual services, by owner.
fn owners(world: &World) -> BTreeSet<String> {
    let objects = world.observed().objects.values();
    objects
        .filter(|it| !it.body.sources().hosts().is_empty())
        .filter_map(|it| Some(it.body.created_by()?.to_string()))
        .collect()
}

fn is_idle(world: &mut World) -> bool {
    world.lane.plan(&BTreeSet::<AviKey>::new()).ops.is_empty()
}

#[test]
fn when_an_owner_goes_the_next_instance_takes_over_without_a_gap() {
    for scheme in ["documented", "ako"] {
        for (first, next, tls) in [
            ("red", "blue", false),
            ("blue", "red", false),
            ("red", "blue", true),
            ("blue", "red", true),
        ] {
            let mut world = world("allow", scheme);
            let old = aged(ingress(first, "i", "p.x", tls), 1);
            let young = aged(ingress(next, "i", "p.x", tls), 2);
            world.put(young.clone());
            settle_watched(&mut world);
            let before = owners(&world);
            // An older one takes the host from the younger.
            world.put(old.clone());
            // The child of a secure host cannot be below two parents: that is marked.
            assert_eq!(settle_watched(&mut world), usize::from(tls));
            assert_ne!(owners(&world), before);
            assert!(is_served(&world, "p.x"));
            world.delete(&old.key);
            assert_eq!(settle_watched(&mut world), usize::from(tls));
            assert_eq!(owners(&world), before);
            assert!(is_served(&world, "p.x") && is_idle(&mut world));
        }
    }
}

#[test]
fn when_an_owner_goes_the_next_cluster_takes_over_without_a_gap() {
    for tls in [false, true] {
        let mut world = world("exclusive", "documented");
        let old = in_cluster("c2", aged(ingress("red", "i", "p.x", tls), 1));
        let young = aged(ingress("red", "i", "p.x", tls), 2);
        world.put(young.clone());
        settle_watched(&mut world);
        assert_eq!(owners(&world), BTreeSet::from(["ako-c1".to_owned()]));
        world.put(old.clone());
        assert_eq!(settle_watched(&mut world), 0);
        assert_eq!(owners(&world), BTreeSet::from(["ako-c2".to_owned()]));
        world.delete(&old.key);
        assert_eq!(settle_watched(&mut world), 0);
        assert_eq!(owners(&world), BTreeSet::from(["ako-c1".to_owned()]));
        assert!(is_served(&world, "p.x") && is_idle(&mut world));
    }
}

/// The same settings, with one of the instances of c1 to go.
fn to_go(is: &str, scheme: &str) -> String {
    let text = fleet("allow", scheme);
    let (red, blue) = (is == "red", is == "blue");
    let text = text.replace(
        "clusterName: c1\n",
        &format!("clusterName: c1\n  deleteConfig: '{red}'\n"),
    );
    let text = text.replace(
        "labelValue: blue}",
        &format!("labelValue: blue}}, deleteConfig: '{blue}'"),
    );
    let stays = "{name: c2, values: {AKOSettings: {deleteConfig: 'false'}}}";
    text.replace("{name: c2}", stays)
}

#[test]
fn when_the_owner_is_to_go_the_next_takes_over_without_a_gap() {
    for scheme in ["documented", "ako"] {
        for (first, next, tls) in [
            ("red", "blue", false),
            ("blue", "red", false),
            ("red", "blue", true),
            ("blue", "red", true),
        ] {
            let mut world = world("allow", scheme);
            world.put(aged(ingress(first, "i", "p.x", tls), 1));
            world.put(aged(ingress(next, "i", "p.x", tls), 2));
            settle_watched(&mut world);
            let before = owners(&world);
            world.lane.configure(instances(&to_go(first, scheme)));
            assert_eq!(
                settle_watched(&mut world),
                usize::from(tls),
                "{first} {tls}"
            );
            assert!(is_served(&world, "p.x") && is_idle(&mut world));
            assert!(owners(&world).is_disjoint(&before), "{:?}", owners(&world));
            // It is made again, and has its host again: it is the older one.
            world.lane.configure(instances(&fleet("allow", scheme)));
            settle_watched(&mut world);
            assert_eq!(owners(&world), before);
        }
    }
}

#[test]
fn what_an_instance_left_that_is_configured_no_more_serves_on() {
    for tls in [false, true] {
        let mut world = world("allow", "documented");
        world.put(aged(ingress("blue", "i", "p.x", tls), 1));
        world.put(aged(ingress("red", "i", "p.x", tls), 2));
        settle_watched(&mut world);
        let before = world.observed().clone();
        let text = fleet("allow", "documented");
        let (first, rest) = text.split_once("instances:").unwrap();
        let (_, clusters) = rest.split_once("clusters:").unwrap();
        let alone = format!("{first}clusters:{clusters}");
        world.lane.configure(instances(&alone));
        assert_eq!(settle_watched(&mut world), 0);
        assert!(is_served(&world, "p.x") && is_idle(&mut world));
        let theirs = |object: &Arc<ObservedObject>| {
            let user = object.body.created_by();
            user.is_some_and(|user| user == "ako-c1-blue")
                .then(|| object.clone())
        };
        for object in before.objects.values().filter_map(theirs) {
            let now = world.observed().objects.get(&object.key);
            assert_eq!(now, Some(&object), "{}", object.key);
        }
    }
}

#[test]
fn a_namespace_passes_from_instance_to_instance_without_a_gap() {
    for (scheme, tls) in [
        ("documented", false),
        ("ako", false),
        ("documented", true),
        ("ako", true),
    ] {
        let mut world = world("allow", scheme);
        world.put(ingress("red", "i", "p.x", tls));
        world.put(balancer("red"));
        settle_watched(&mut world);
        let before = owners(&world);
        for is in ["blue", "red"] {
            world.put(labelled("red", is));
            settle_watched(&mut world);
            assert_eq!(owners(&world) == before, is == "red", "{is}");
            assert!(is_served(&world, "p.x") && is_idle(&mut world));
        }
        world.put(labelled("red", "nobody's"));
        settle_watched(&mut world);
        assert_eq!(owners(&world), BTreeSet::new());
    }
}

#[test]
fn a_name_leaves_its_address_after_the_write_that_takes_it_elsewhere() {
    let mut world = world("allow", "documented");
    let old = aged(ingress("red", "i", "p.x", false), 1);
    world.put(old.clone());
    world.put(aged(ingress("blue", "i", "p.x", false), 2));
    // All shards of both instances stand.
    for number in 0..20 {
        let name = format!("h{number}");
        world.put(ingress("blue", &name, &format!("{name}.x"), false));
    }
    settle_watched(&mut world);
    let has_name = |object: &&Arc<ObservedObject>| match &*object.body {
        Body::VsVip(vip) => vip.dns_info.iter().any(|dns| dns.fqdn == "p.x"),
        _ => false,
    };
    let left = world.observed().objects.values().find(has_name);
    let left = left.unwrap().key.clone();
    let name = left.name.replace("c1--Shared", "c1--blue-Shared");
    let taken = AviKey {
        name,
        ..left.clone()
    };
    world.delete(&old.key);
    // Another write of the old address is under way: the rest goes out without it.
    world.lane.build(&world.store.snapshot());
    let first = world.lane.plan(&BTreeSet::from([left.clone()]));
    let (names, others): (Vec<_>, Vec<_>) = first.ops.iter().partition(|op| op.key.object == taken);
    assert!(!names.is_empty() && first.ops.iter().all(|op| op.key.object != left));
    for op in others {
        done(&mut world.lane, op);
    }
    // That write ends, while the one that brings the name to its new address is under way.
    world.lane.doubt(&left);
    let early = world.lane.plan(&BTreeSet::from([taken.clone()]));
    assert!(
        early.ops.iter().all(|op| op.key.object != left),
        "{:?}",
        short(&early)
    );
    for op in names {
        done(&mut world.lane, op);
    }
    let last = world.lane.plan(&BTreeSet::<AviKey>::new());
    assert!(
        last.ops.iter().any(|op| op.key.object == left),
        "{:?}",
        short(&last)
    );
}
