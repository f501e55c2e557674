//! What a change costs is what it changes, not what there is.

use super::world::{
    ALONE, NODE_PORT_LOCAL, World, c1, class, envs, ingress, namespace, secret, service, slice,
};
use super::{Envs, check_equal, fresh};
use crate::{Builder, Built, Counts};
use aviary_settings::Scheme;
use serde_json::json;

const HOSTS: usize = 10_001;
const NAMESPACES: usize = 100;

fn place(number: usize) -> (String, String, String) {
    let namespace = format!("n{}", number % NAMESPACES);
    (namespace, format!("s{number}"), format!("h{number}.x"))
}

/// An Ingress of a Service of its own; every tenth is secure.
fn host(number: usize) -> aviary_kinds::RawObject {
    let (ns, name, host) = place(number);
    let tls = number.is_multiple_of(10);
    let mut raw = ingress((&ns, &name, 1), &host, &["/"], tls);
    raw.json["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] =
        name.as_str().into();
    raw
}

fn large(hosts: usize) -> World {
    let mut objects = vec![class()];
    for number in 0..NAMESPACES {
        // Two tenants, for a shard takes no more than a thousand names.
        let name = format!("n{number}");
        let tenant = format!("t{}", number % 2);
        let mut namespace = namespace(&name);
        namespace.json["metadata"]["annotations"]["ako.vmware.com/tenant-name"] = tenant.into();
        objects.extend([namespace, secret(&name, "tls")]);
    }
    for number in 0..hosts {
        let (ns, name, _) = place(number);
        objects.push(host(number));
        objects.extend([service(&ns, &name), slice(&ns, &name, &["10.0.0.1"])]);
    }
    World::of(objects)
}

fn step(builder: &mut Builder, world: &mut World, envs: &Envs) -> Built {
    builder.build(&world.store.snapshot(), envs)
}

#[test]
fn one_change_among_ten_thousand_hosts() {
    let mut world = large(HOSTS);
    let envs = envs(ALONE, Scheme::Documented);
    let mut builder = Builder::default();
    let first = step(&mut builder, &mut world, &envs);
    assert!(first.counts.evaluated >= HOSTS, "{:?}", first.counts);

    // Nothing happens.
    let built = step(&mut builder, &mut world, &envs);
    assert_eq!(built.counts, Counts::default());
    assert!(built.changed.is_empty() && built.touched.is_empty() && !built.unknown_changed);

    // One endpoint comes.
    let (ns, name, _) = place(4_711);
    world.put(slice(&ns, &name, &["10.0.0.1", "10.0.0.2"]));
    let built = step(&mut builder, &mut world, &envs);
    let one = Counts {
        visited: 1,
        evaluated: 1,
        joined: 0,
        changed: 1,
    };
    assert_eq!(built.counts, one);

    // A Secret is told again, as it was.
    world.put(secret("n0", "tls"));
    assert_eq!(
        step(&mut builder, &mut world, &envs).counts,
        Counts::default()
    );

    // One host comes: its pool, and what its shard has: group, VIP, and who is behind them.
    world.put(host(HOSTS));
    let built = step(&mut builder, &mut world, &envs);
    assert_eq!((built.counts.visited, built.counts.joined), (1, 1));
    assert_eq!(built.counts.evaluated, 1);
    assert!(
        (3..=6).contains(&built.counts.changed),
        "{:?}",
        built.changed
    );

    // Its Service comes, and says nothing new: no endpoints yet.
    let (ns, name, _) = place(HOSTS);
    world.put(service(&ns, &name));
    let built = step(&mut builder, &mut world, &envs);
    assert_eq!((built.counts.visited, built.counts.joined), (2, 0));

    // One namespace more is one look at the namespaces, at no host.
    world.put(namespace("another"));
    let built = step(&mut builder, &mut world, &envs);
    assert_eq!(built.counts, Counts::default());

    // One host goes.
    world.delete(&host(17).key);
    let built = step(&mut builder, &mut world, &envs);
    assert_eq!((built.counts.visited, built.counts.joined), (1, 1));
}

/// With NodePortLocal a pod is looked at by who uses a Service that selects it, and by nobody else.
#[test]
fn one_pod_among_a_thousand_hosts() {
    let hosts = HOSTS / 10;
    let mut world = large(hosts);
    for number in 0..hosts {
        let (ns, name, _) = place(number);
        let mut service = service(&ns, &name);
        service.json["spec"]["selector"] = json!({"tier": "web", "app": name.as_str()});
        world.put(service);
        world.put(pod(number, 61_000));
    }
    world.hear_all();
    let envs = envs(NODE_PORT_LOCAL, Scheme::Documented);
    let mut builder = Builder::default();
    let first = step(&mut builder, &mut world, &envs);
    assert!(first.counts.evaluated >= hosts, "{:?}", first.counts);

    // Its node has another port for it.
    world.put(pod(471, 61_001));
    let built = step(&mut builder, &mut world, &envs);
    let one = Counts {
        visited: 1,
        evaluated: 1,
        joined: 0,
        changed: 1,
    };
    assert_eq!(built.counts, one);

    // It goes.
    world.delete(&pod(471, 61_001).key);
    assert_eq!(step(&mut builder, &mut world, &envs).counts, one);

    // It comes again, under the label of another Service: that one is looked at.
    let (_, other, _) = place(571);
    let mut moved = pod(471, 61_001);
    moved.json["metadata"]["labels"]["app"] = other.as_str().into();
    world.put(moved);
    let built = step(&mut builder, &mut world, &envs);
    assert_eq!((built.counts.visited, built.counts.changed), (1, 1));
}

/// A pod of a host's Service. All pods share a label, which no Service must be found by.
fn pod(number: usize, port: u16) -> aviary_kinds::RawObject {
    let (ns, name, _) = place(number);
    let mappings = json!([{"podPort": 8080, "nodeIP": "10.1.0.1", "nodePort": port}]);
    c1(json!({
        "kind": "Pod", "ns": ns, "name": name,
        "metadata": {
            "labels": {"tier": "web", "app": name},
            "annotations": {"nodeportlocal.antrea.io": mappings.to_string()},
        },
    }))
}

#[test]
fn facts_that_were_missed_are_found_by_what_was_read() {
    let mut world = World::of([namespace("a"), class(), service("a", "web")]);
    for number in 0..20 {
        let name = format!("i{number}");
        world.put(ingress(
            ("a", &name, 1),
            &format!("h{number}.x"),
            &["/"],
            false,
        ));
    }
    let envs = envs(ALONE, Scheme::Ako);
    let mut builder = Builder::default();
    step(&mut builder, &mut world, &envs);
    world.put(ingress(("a", "i3", 1), "h3.x", &["/other"], false));
    world.store.snapshot();
    // Every unit is looked at, but only the one that read something else is evaluated.
    let built = step(&mut builder, &mut world, &envs);
    assert!(built.counts.visited > 20, "{:?}", built.counts);
    assert_eq!(built.counts.evaluated, 1);
    check_equal(&built, &fresh(&world, &envs));
}
