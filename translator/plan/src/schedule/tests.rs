use super::{Ending, Scheduler};
use crate::op::{BreakReason, Method, Op, OpKey, Reason};
use aviary_avi::{AviKey, AviKind};
use aviary_types::DomainId;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn key(object: u8, stage: u16) -> OpKey {
    let object = AviKey {
        kind: AviKind::Pool,
        tenant: "admin".into(),
        cloud: "c".into(),
        name: format!("{object}").into(),
    };
    OpKey { object, stage }
}

fn op(object: u8, stage: u16, after: &[OpKey]) -> Op {
    Op {
        key: key(object, stage),
        method: Method::Update,
        domain: DomainId::primary(&"c1".into()),
        body: None,
        after: after.to_vec(),
        reason: Reason::Differs,
        breaks: None,
        whose: None,
        urgent: false,
        provenance: Arc::default(),
    }
}

fn urgent(op: Op) -> Op {
    Op { urgent: true, ..op }
}

fn breaking(op: Op) -> Op {
    Op {
        breaks: Some(BreakReason::StaticVipChanged),
        ..op
    }
}

fn names(ops: &[Arc<Op>]) -> Vec<String> {
    ops.iter()
        .map(|op| format!("{}@{}", op.key.object.name, op.key.stage))
        .collect()
}

/// Runs everything to its end, one at a time, and answers the order.
fn drain(scheduler: &mut Scheduler) -> Vec<String> {
    let mut order = Vec::new();
    loop {
        let ops = scheduler.ready(1);
        let Some(op) = ops.first() else { break };
        order.extend(names(&ops));
        assert!(scheduler.finish(&op.key, Ending::Success).is_empty());
    }
    assert!(scheduler.is_idle());
    order
}

#[test]
fn urgent_goes_first_then_the_order_of_the_plan() {
    let mut scheduler = Scheduler::new(100);
    scheduler.admit(vec![op(1, 0, &[]), op(2, 0, &[]), urgent(op(3, 0, &[]))]);
    scheduler.admit(vec![op(4, 0, &[]), urgent(op(5, 0, &[]))]);
    assert_eq!(drain(&mut scheduler), ["3@0", "5@0", "1@0", "2@0", "4@0"]);
}

#[test]
fn a_newer_operation_takes_the_place_of_the_waiting_one_and_its_dependents_wait_for_it() {
    let mut scheduler = Scheduler::new(100);
    scheduler.admit(vec![op(1, 0, &[]), op(1, 1, &[]), op(2, 0, &[key(1, 1)])]);
    scheduler.admit(vec![op(3, 0, &[]), op(1, 0, &[key(3, 0)])]);
    assert_eq!(drain(&mut scheduler), ["3@0", "1@0", "2@0"]);
}

#[test]
fn a_newer_operation_waits_for_the_one_under_way_and_survives_its_failure() {
    let mut scheduler = Scheduler::new(100);
    scheduler.admit(vec![op(1, 0, &[]), op(2, 0, &[key(1, 0)])]);
    assert_eq!(names(&scheduler.ready(9)), ["1@0"]);
    scheduler.admit(vec![op(1, 0, &[])]);
    assert!(scheduler.ready(9).is_empty());
    assert!(scheduler.finish(&key(1, 0), Ending::Failure).is_empty());
    assert_eq!(drain(&mut scheduler), ["1@0", "2@0"]);
}

#[test]
fn a_failure_drops_what_waits_for_it_and_nothing_else() {
    let mut scheduler = Scheduler::new(100);
    scheduler.admit(vec![
        op(1, 0, &[]),
        op(1, 1, &[]),
        op(2, 0, &[key(1, 0)]),
        op(3, 0, &[key(2, 0)]),
        op(4, 0, &[]),
    ]);
    scheduler.ready(1);
    let dropped = scheduler.finish(&key(1, 0), Ending::Failure);
    assert_eq!(names(&dropped), ["1@1", "2@0", "3@0"]);
    assert_eq!(drain(&mut scheduler), ["4@0"]);
}

#[test]
fn an_old_operation_gives_way_to_a_plan_that_contradicts_it() {
    let mut scheduler = Scheduler::new(100);
    scheduler.admit(vec![
        op(1, 0, &[]),
        op(2, 0, &[key(1, 0)]),
        op(3, 0, &[key(2, 0)]),
    ]);
    let admission = scheduler.admit(vec![op(1, 0, &[key(2, 0)])]);
    assert_eq!(names(&admission.dropped), ["2@0", "3@0"]);
    assert_eq!(drain(&mut scheduler), ["1@0"]);
}

#[test]
fn what_finds_no_room_is_returned() {
    let mut scheduler = Scheduler::new(2);
    let plan = vec![op(1, 0, &[]), op(2, 0, &[]), op(3, 0, &[]), op(1, 1, &[])];
    assert_eq!(names(&scheduler.admit(plan).refused), ["3@0", "1@1"]);
    assert!(scheduler.admit(vec![op(2, 0, &[])]).refused.is_empty());
    assert_eq!(names(&scheduler.clear()), ["1@0", "2@0"]);
    assert!(scheduler.is_idle());
}

#[test]
fn interrupting_groups_run_alone_and_one_after_the_other() {
    let mut scheduler = Scheduler::new(100);
    scheduler.admit(vec![
        op(9, 0, &[]),
        breaking(op(1, 0, &[])),
        breaking(op(2, 0, &[key(1, 0)])),
        breaking(op(3, 0, &[])),
        breaking(op(4, 0, &[key(3, 0)])),
        breaking(op(1, 1, &[key(2, 0)])),
        op(5, 0, &[]),
    ]);
    assert_eq!(names(&scheduler.ready(9)), ["9@0"]);
    assert!(scheduler.ready(9).is_empty(), "waits for what is under way");
    scheduler.finish(&key(9, 0), Ending::Success);
    assert_eq!(names(&scheduler.ready(9)), ["1@0"]);
    scheduler.finish(&key(1, 0), Ending::Success);
    scheduler.admit(vec![urgent(op(6, 0, &[]))]);
    let want = ["2@0", "1@1", "6@0", "3@0", "4@0", "5@0"];
    assert_eq!(drain(&mut scheduler), want);
}

#[test]
fn an_interruption_that_finds_no_room_as_a_whole_does_not_begin() {
    let plan = || {
        vec![
            op(9, 0, &[]),
            breaking(op(1, 0, &[])),
            breaking(op(2, 0, &[key(1, 0)])),
        ]
    };
    let mut scheduler = Scheduler::new(2);
    assert_eq!(names(&scheduler.admit(plan()).refused), ["1@0", "2@0"]);
    let mut scheduler = Scheduler::new(3);
    assert!(scheduler.admit(plan()).refused.is_empty());
}

#[test]
fn a_group_that_needs_something_from_outside_waits_for_it() {
    let mut scheduler = Scheduler::new(100);
    scheduler.admit(vec![
        breaking(op(1, 0, &[])),
        op(3, 0, &[]),
        breaking(op(2, 0, &[key(1, 0), key(3, 0)])),
    ]);
    assert_eq!(drain(&mut scheduler), ["3@0", "1@0", "2@0"]);
}

#[test]
fn a_group_with_an_outsider_between_ends_all_the_same() {
    let mut scheduler = Scheduler::new(100);
    scheduler.admit(vec![
        breaking(op(1, 0, &[])),
        op(3, 0, &[key(1, 0)]),
        breaking(op(2, 0, &[key(1, 0), key(3, 0)])),
    ]);
    assert_eq!(drain(&mut scheduler), ["1@0", "3@0", "2@0"]);
}

/// Object, stage, after, urgent, breaks.
type Spec = (u8, u8, Vec<(u8, u8)>, bool, bool);

/// What happens to a scheduler.
#[derive(Debug, Clone)]
enum Step {
    Admit(Vec<Spec>),
    Ready(usize),
    Finish(usize, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let named = vec((0..8_u8, 0..2_u8), 0..4);
    let op = (
        0..8_u8,
        0..2_u8,
        named,
        any::<bool>(),
        prop::bool::weighted(0.2),
    );
    let step = prop_oneof![
        vec(op, 0..8).prop_map(Step::Admit),
        (1..5_usize).prop_map(Step::Ready),
        (0..8_usize, prop::bool::weighted(0.8)).prop_map(|(n, well)| Step::Finish(n, well)),
    ];
    vec(step, 0..40)
}

/// What must be true of any scheduler, kept beside it.
#[derive(Default)]
struct Witness {
    waiting: BTreeMap<OpKey, Op>,
    running: BTreeMap<OpKey, bool>,
}

impl Witness {
    fn admit(&mut self, scheduler: &mut Scheduler, plan: Vec<Op>) {
        let objects: BTreeSet<_> = plan.iter().map(|op| op.key.object.clone()).collect();
        let admission = scheduler.admit(plan.clone());
        assert!(admission.refused.is_empty());
        let kept = self.waiting.len();
        self.waiting.retain(|key, _| !objects.contains(&key.object));
        assert_eq!(admission.replaced.len(), kept - self.waiting.len());
        self.waiting
            .extend(plan.into_iter().map(|op| (op.key.clone(), op)));
        self.forget(&admission.dropped);
        assert_eq!(scheduler.waiting(), self.waiting.len());
    }

    fn start(&mut self, op: &Op) {
        let active =
            |key: &OpKey, after: &OpKey| key.object == after.object && key.stage <= after.stage;
        self.waiting.remove(&op.key).unwrap();
        let others = || self.waiting.keys().chain(self.running.keys());
        for after in op
            .after
            .iter()
            .filter(|after| after.object != op.key.object)
        {
            assert!(!others().any(|key| active(key, after)), "{after:?} first");
        }
        assert!(self.running.keys().all(|key| key.object != op.key.object));
        if op.breaks.is_some() || self.running.values().any(|breaks| *breaks) {
            assert!(self.running.is_empty(), "interruptions are alone");
        }
        self.running.insert(op.key.clone(), op.breaks.is_some());
    }

    fn finish(&mut self, scheduler: &mut Scheduler, nth: usize, well: bool) {
        let Some(key) = self.running.keys().nth(nth).cloned() else {
            return;
        };
        self.running.remove(&key);
        let ending = if well {
            Ending::Success
        } else {
            Ending::Failure
        };
        let dropped = scheduler.finish(&key, ending);
        assert!(!well || dropped.is_empty());
        self.forget(&dropped);
        assert_eq!(scheduler.waiting(), self.waiting.len());
    }

    fn forget(&mut self, dropped: &[Arc<Op>]) {
        for op in dropped {
            assert!(self.waiting.remove(&op.key).is_some());
        }
    }
}

fn plan_of(specs: Vec<Spec>) -> Vec<Op> {
    let mut plan = Vec::new();
    let mut seen = BTreeSet::new();
    for (object, stage, after, is_urgent, breaks) in specs {
        let after: Vec<OpKey> = after
            .into_iter()
            .map(|(object, stage)| key(object, stage.into()))
            .collect();
        let op = op(object, stage.into(), &after);
        let op = if is_urgent { urgent(op) } else { op };
        let op = if breaks { breaking(op) } else { op };
        if seen.insert(op.key.clone()) {
            plan.push(op);
        }
    }
    plan
}

proptest! {
    #[test]
    fn order_is_kept_and_everything_ends(steps in steps()) {
        let mut scheduler = Scheduler::new(1_000);
        let mut witness = Witness::default();
        for step in steps {
            match step {
                Step::Admit(specs) => witness.admit(&mut scheduler, plan_of(specs)),
                Step::Ready(room) => {
                    for op in scheduler.ready(room) {
                        witness.start(&op);
                    }
                }
                Step::Finish(nth, well) => witness.finish(&mut scheduler, nth, well),
            }
        }
        while !scheduler.is_idle() {
            let ready = scheduler.ready(3);
            for op in &ready {
                witness.start(op);
            }
            prop_assert!(!witness.running.is_empty(), "nothing can go on");
            witness.finish(&mut scheduler, 0, true);
        }
        prop_assert!(witness.waiting.is_empty() && witness.running.is_empty());
    }
}
