//! What a lane keeps between plans.

use crate::world::{
    SETTINGS, World, base, discovered, done, ingress, lane, names, namespace, object, scope,
    secret, service, short, slice, with_provider,
};
use aviary_avi::{AviKey, AviKind, Inventory, Observed, ObservedObject};
use aviary_runtime::lane::Lane;
use aviary_types::Scheme;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

fn key(observed: &Observed, kind: AviKind, name: &str) -> AviKey {
    let mut keys = observed.objects.keys();
    keys.find(|key| key.kind == kind && key.name == name)
        .unwrap()
        .clone()
}

#[test]
fn nothing_is_planned_before_the_controller_was_read() {
    let mut world = World::of(base());
    world.lane = aviary_runtime::lane::Lane::default();
    assert!(world.plan().ops.is_empty() && !world.lane.is_dirty());
}

/// What agents have to tell by name is asked for while the Controller is being read.
#[test]
fn a_domain_whose_naming_is_known_is_translated_before_its_controller_was_read() {
    let mut first = World::of(base());
    first.put(ingress("a", "i", "p.x", true));
    first.settle();
    // As read back: bodies of their own.
    let mut read = Observed::default();
    for object in first.lane.observed().unwrap().objects.values() {
        let body = Arc::new((*object.body).clone());
        let object = ObservedObject::clone(object);
        read.insert(ObservedObject { body, ..object });
    }

    let mut world = World::of(first.objects.into_values());
    world.lane = discovered(SETTINGS);
    assert!(world.plan().ops.is_empty() && !world.lane.is_dirty());
    assert!(world.lane.wants(&secret("a").key));
    world.lane.observe(read);
    let facts = world.store.snapshot();
    assert_eq!(world.lane.build(&facts).counts.evaluated, 0);
    // Before anything is compared, bodies are kept once.
    let built = &world.lane.built().desired.objects;
    let kept = &world.lane.observed().unwrap().objects;
    let is_shared = |key: &AviKey| Arc::ptr_eq(&built[key].body, &kept[key].body);
    let twice: Vec<_> = kept.keys().filter(|key| !is_shared(key)).collect();
    assert!(!kept.is_empty() && twice.is_empty(), "{twice:?}");
    assert!(world.plan().ops.is_empty());

    let unsettled = SETTINGS.replace(", namingScheme: documented", "");
    world.lane = discovered(&unsettled);
    world.plan();
    assert!(
        !world.lane.wants(&secret("a").key),
        "nobody knows its names"
    );
}

#[test]
fn a_converged_controller_is_left_alone() {
    let mut world = World::of(base());
    world.put(ingress("a", "i", "p.x", false));
    world.put(ingress("a", "j", "s.x", true));
    assert!(!world.settle().is_empty());
    // Another lane over the same facts and Controller finds nothing to do, and nothing to keep.
    world.lane = lane(world.observed().clone());
    let plan = world.plan();
    assert_eq!(short(&plan), Vec::<String>::new());
    assert!(
        plan.holds.iter().all(|hold| hold.object.kind.is_shared()),
        "{:?}",
        plan.holds
    );
}

#[test]
fn shared_objects_of_the_provider_are_merged() {
    let mut world = World::of(base());
    let mut observed = Observed::default();
    with_provider(&mut observed);
    world.lane = lane(observed);
    world.put(object(json!({
        "kind": "Node", "name": "n", "spec": {"podCIDR": "10.1.0.0/16"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}]},
    })));
    let lines = world.settle();
    assert!(
        lines.contains(&"update vrfcontext global".to_owned()),
        "{lines:?}"
    );
    assert!(lines.contains(&"update serviceenginegroup Default-Group".to_owned()));
}

#[test]
fn an_object_with_a_write_under_way_keeps_for_the_next_plan() {
    let mut world = World::of(base());
    world.put(ingress("a", "i", "p.x", false));
    world.settle();
    let group = names(world.observed(), AviKind::PoolGroup)[0].to_owned();
    let group = key(world.observed(), AviKind::PoolGroup, &group);
    world.delete(&ingress("a", "i", "p.x", false).key);
    world.lane.build(&world.store.snapshot());
    // The pool goes once the group is without it, so it waits too.
    let plan = world.lane.plan(&BTreeSet::from([group.clone()]));
    assert!(
        plan.ops
            .iter()
            .all(|op| op.key.object.kind == AviKind::VsVip),
        "{:?}",
        short(&plan)
    );
    assert!(world.lane.waiting().unwrap().contains(&group));
    world.apply(&plan);
    let rest = world.settle();
    assert_eq!(rest.len(), 2, "{rest:?}");
    assert!(names(world.observed(), AviKind::Pool).is_empty());
}

#[test]
fn what_was_held_is_compared_again_once_it_is_known() {
    let mut world = World::of(base());
    world.put(ingress("a", "i", "p.x", false));
    world.put(ingress("a", "j", "s.x", true));
    world.settle();
    let served = world.observed().clone();
    // A new process, to which nobody has told anything of the namespace.
    for end in ["heard", "gone", "released"] {
        let mut again = World::of([]);
        again.lane = lane(served.clone());
        for object in base()
            .into_iter()
            .filter(|object| object.key.namespace.as_str().is_empty())
        {
            again.put(object);
        }
        again.hear("");
        let plan = again.plan();
        assert_eq!(short(&plan), Vec::<String>::new());
        assert!(plan.holds.len() > 5);
        assert!(!again.lane.is_dirty());
        match end {
            "heard" => again.hear("a"),
            "gone" => again.delete(&namespace("a").key),
            _ => again.store.release(&scope("a")),
        }
        let lines = again.settle();
        assert!(
            names(again.observed(), AviKind::Pool).is_empty(),
            "{end}: {lines:?}"
        );
        assert!(names(again.observed(), AviKind::SslKeyAndCertificate).is_empty());
    }
}

#[test]
fn a_host_whose_secret_is_not_heard_keeps_its_certificate() {
    let mut world = World::of(base());
    world.put(ingress("a", "j", "s.x", true));
    world.settle();
    let mut again = World::of(base());
    again.delete(&secret("a").key);
    again.put(object(json!({"kind": "Secret", "ns": "a", "name": "tls"})));
    again.put(ingress("a", "j", "s.x", true));
    again.lane = lane(world.observed().clone());
    assert_eq!(again.settle(), Vec::<String>::new());
    // A Secret that turns out to hold no certificate ends it.
    again.put(object(
        json!({"kind": "Secret", "ns": "a", "name": "tls", "data": {"x": "eA=="}}),
    ));
    again.settle();
    assert!(names(again.observed(), AviKind::SslKeyAndCertificate).is_empty());
}

#[test]
fn a_service_that_cannot_be_read_keeps_its_servers() {
    let mut world = World::of(base());
    world.put(slice("a", "web", &["10.0.0.1"]));
    world.put(ingress("a", "i", "p.x", false));
    world.settle();
    let mut again = World::of(base());
    again.store.release(&scope("a"));
    again.put(slice("a", "web", &["10.0.0.1"]));
    again.put(ingress("a", "i", "p.x", false));
    again.put(object(
        json!({"kind": "Service", "ns": "a", "name": "web", "spec": 7}),
    ));
    again.hear_all();
    again.lane = lane(world.observed().clone());
    let before = key(again.observed(), AviKind::Pool, "c1--p.x_-a-i");
    assert_eq!(again.settle(), Vec::<String>::new());
    assert!(again.observed().objects.contains_key(&before));
    again.put(service("a", "web"));
    assert_eq!(again.settle(), Vec::<String>::new());
}

#[test]
fn a_plan_that_takes_most_is_guarded() {
    let mut world = World::of(base());
    for number in 0..20 {
        world.put(ingress(
            "a",
            &format!("i{number}"),
            &format!("h{number}.x"),
            false,
        ));
    }
    world.settle();
    for number in 0..15 {
        world.delete(&ingress("a", &format!("i{number}"), "", false).key);
    }
    let plan = world.plan();
    let told = world.lane.guard(&plan, 50).unwrap();
    assert!(told.contains("15 of 20 pool objects"), "{told}");
    assert_eq!(world.lane.guard(&plan, 80), None);
    for op in &plan.ops {
        done(&mut world.lane, op);
    }
}

/// A few hosts may be named alike in both schemes: what was settled once is not guessed again.
#[test]
fn a_naming_scheme_stays_over_a_restart() {
    let unsettled = || {
        let settings = aviary_settings::parse("AKOSettings: {clusterName: c1}").settings;
        let settings = settings.unwrap();
        Lane::new(settings.instances().cloned().collect())
    };
    let start = |mut lane: Lane| {
        let domain = lane.domains()[0].clone();
        lane.discover(&domain, Inventory::default());
        lane.observe(Observed::default());
        lane
    };
    let mut first = start(unsettled());
    let kept = first.take_schemes();
    assert_eq!(kept, [("c1".into(), Scheme::Documented)].into());
    assert!(first.take_schemes().is_empty());
    let mut other = unsettled();
    other.restore_schemes([("c1".into(), Scheme::Ako)]);
    let mut other = start(other);
    let domain = other.domains()[0].clone();
    assert_eq!(other.env(&domain).unwrap().scheme, Scheme::Ako);
    assert!(other.take_schemes().is_empty());
}
