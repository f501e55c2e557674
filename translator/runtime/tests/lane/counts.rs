//! What an edit costs is what it edits.

use crate::world::{World, class, ingress, namespace, service, short, slice};
use aviary_plan::Method;

const HOSTS: usize = 7_000;
const NAMESPACES: usize = 70;

fn place(number: usize) -> (String, String) {
    (format!("n{}", number % NAMESPACES), format!("s{number}"))
}

fn host(number: usize) -> aviary_kinds::RawObject {
    let (ns, name) = place(number);
    let mut raw = ingress(&ns, &name, &format!("h{number}.x"), false);
    raw.json["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] =
        name.as_str().into();
    raw
}

#[test]
fn one_endpoint_is_one_write_among_thousands_of_hosts() {
    let mut objects = vec![class()];
    objects.extend((0..NAMESPACES).map(|number| namespace(&format!("n{number}"))));
    for number in 0..HOSTS {
        let (ns, name) = place(number);
        objects.push(host(number));
        objects.extend([service(&ns, &name), slice(&ns, &name, &["10.0.0.1"])]);
    }
    let mut world = World::of(objects);
    let first = world.settle();
    assert!(first.len() > HOSTS);

    let (ns, name) = place(4_711);
    world.put(slice(&ns, &name, &["10.0.0.1", "10.0.0.2"]));
    let plan = world.plan();
    let pool = format!("c1--h4711.x_-{ns}-{name}");
    assert_eq!(short(&plan), [format!("update pool {pool}")]);
    assert_eq!(world.lane.built().counts.visited, 1);
    assert_eq!(plan.ops[0].provenance.objects().count(), 1);
    assert!(plan.ops[0].urgent && plan.ops[0].after.is_empty());
    world.apply(&plan);
    assert!(world.settle().is_empty());

    // One host more: its pool, then the group, then the name.
    world.put(host(HOSTS));
    let plan = world.plan();
    let methods: Vec<Method> = plan.ops.iter().map(|op| op.method).collect();
    assert_eq!(
        methods,
        [Method::Create, Method::Update, Method::Update],
        "{:?}",
        short(&plan)
    );
    world.apply(&plan);
    assert!(world.settle().is_empty());
    assert_eq!(
        world.lane.waiting().map(std::collections::BTreeSet::len),
        Some(0)
    );
}
