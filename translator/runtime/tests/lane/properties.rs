//! Whatever is told, in whatever order writes end, the Controller ends as a lane that starts now
//! would leave it.

use crate::world::{
    World, base, check_sound, class, done, ingress, lane, namespace, object, secret, service,
    slice, with_provider,
};
use aviary_avi::{AviKey, Observed};
use aviary_kinds::RawObject;
use aviary_plan::Op;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;
use std::collections::BTreeSet;

#[derive(Debug, Clone)]
enum Step {
    Put(RawObject),
    Delete(Index),
    Plan,
    /// The next operations end: well, or not at all.
    End(usize, bool),
}

fn objects() -> impl Strategy<Value = RawObject> {
    let names = || select(vec!["i", "j", "b-i"]);
    let hosts = select(vec!["p.x", "q.x", "b-p.x"]);
    let namespaces = || select(vec!["a", "a-b"]);
    let ingress = (namespaces(), names(), hosts, any::<bool>())
        .prop_map(|(ns, name, host, tls)| ingress(ns, name, host, tls));
    let slice = (namespaces(), 0..4_usize).prop_map(|(ns, count)| {
        slice(
            ns,
            "web",
            &["10.0.0.1", "10.0.0.2", "10.0.0.3"][..count.min(3)],
        )
    });
    let balancer = (namespaces(), names(), 53..55_u16).prop_map(|(ns, name, port)| {
        object(json!({
            "kind": "Service", "ns": ns, "name": name,
            "spec": {"type": "LoadBalancer", "ports": [{"port": port}]},
        }))
    });
    let rest = select(vec![
        secret("a"),
        secret("a-b"),
        service("a", "web"),
        service("a-b", "web"),
        namespace("a-b"),
        class(),
    ]);
    prop_oneof![5 => ingress, 2 => slice, 2 => balancer, 2 => rest]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => objects().prop_map(Step::Put),
        3 => any::<Index>().prop_map(Step::Delete),
        4 => Just(Step::Plan),
        6 => (1..8_usize, prop::bool::weighted(0.8)).prop_map(|(count, well)| Step::End(count, well)),
    ]
}

/// Operations that were handed out, in their order; what fails takes along what waits for it.
#[derive(Default)]
struct Queue(Vec<Op>);

impl Queue {
    fn busy(&self) -> BTreeSet<AviKey> {
        self.0.iter().map(|op| op.key.object.clone()).collect()
    }

    fn end(&mut self, world: &mut World, well: bool) {
        if self.0.is_empty() {
            return;
        }
        let op = self.0.remove(0);
        if well && is_accepted(world.observed(), &op) {
            done(&mut world.lane, &op);
            return;
        }
        let mut lost = BTreeSet::from([op.key.object.clone()]);
        world.lane.doubt(&op.key.object);
        let waits = |op: &Op, lost: &BTreeSet<AviKey>| {
            lost.contains(&op.key.object) || op.after.iter().any(|key| lost.contains(&key.object))
        };
        self.0.retain(|op| {
            let is_lost = waits(op, &lost);
            if is_lost {
                lost.insert(op.key.object.clone());
                world.lane.doubt(&op.key.object);
            }
            !is_lost
        });
    }
}

/// A Controller refuses references to nothing, and the end of what is referred to.
fn is_accepted(observed: &Observed, op: &Op) -> bool {
    let key = &op.key.object;
    match &op.body {
        None => observed.referrers(key).next().is_none(),
        Some(body) => {
            let references = body.refs().into_iter();
            let mut targets = references.filter_map(|reference| key.target(reference));
            targets.all(|target| observed.objects.contains_key(&target))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_end_is_that_of_a_fresh_start(steps in prop::collection::vec(step(), 1..50)) {
        let mut world = World::of(base());
        let mut observed = Observed::default();
        with_provider(&mut observed);
        world.lane = lane(observed);
        let mut queue = Queue::default();
        for step in &steps {
            match step {
                Step::Put(object) => world.put(object.clone()),
                Step::Delete(at) if !world.objects.is_empty() => {
                    let keys: Vec<_> = world.objects.keys().cloned().collect();
                    world.delete(at.get(&keys));
                }
                Step::Delete(_) => {}
                Step::Plan => {
                    world.lane.build(&world.store.snapshot());
                    let plan = world.lane.plan(&queue.busy());
                    check_sound(&plan);
                    queue.0.extend(plan.ops);
                }
                Step::End(count, well) => (0..*count).for_each(|_| queue.end(&mut world, *well)),
            }
        }
        while !queue.0.is_empty() {
            queue.end(&mut world, true);
        }
        world.hear_all();
        world.settle();
        // A lane that starts now finds nothing to do.
        let kept = world.observed().clone();
        world.lane = lane(kept);
        let plan = world.plan();
        check_sound(&plan);
        prop_assert!(plan.ops.is_empty(), "{:?}", crate::world::short(&plan));
    }
}
