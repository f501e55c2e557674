use crate::support::{create, delete, lab_over, pool, rule, update};
use aviary_execute::{End, Fence, NoJournal};
use aviary_session::Class;
use aviary_sim::{FaultRule, Options};
use aviary_types::DomainId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

#[derive(Default)]
struct Gate {
    is_shut: AtomicBool,
    no_deletes: AtomicBool,
    /// Shuts by itself after so many questions; 0 means never.
    questions: AtomicU32,
}

impl Fence for Gate {
    fn may_write(&self, _: &DomainId, time: Duration) -> bool {
        assert_eq!(time, Duration::from_mins(1));
        if self.questions.load(Ordering::Relaxed) > 0
            && self.questions.fetch_sub(1, Ordering::Relaxed) == 1
        {
            self.is_shut.store(true, Ordering::Relaxed);
        }
        !self.is_shut.load(Ordering::Relaxed)
    }

    fn may_delete(&self, domain: &DomainId, _: Instant, time: Duration) -> bool {
        !self.no_deletes.load(Ordering::Relaxed) && self.may_write(domain, time)
    }
}

fn lab_behind(gate: &Arc<Gate>) -> crate::support::Lab {
    lab_over(Options::default(), gate.clone(), Arc::new(NoJournal))
}

#[tokio::test(start_paused = true)]
async fn behind_a_shut_fence_nothing_is_sent() {
    let gate = Arc::new(Gate::default());
    let mut lab = lab_behind(&gate);
    lab.given(&[pool("a"), pool("b")]).await;
    gate.is_shut.store(true, Ordering::Relaxed);
    let ops = vec![create(&pool("c")), update(&pool("a")), delete(&pool("b"))];
    let report = lab.run(ops).await;
    for outcome in &report.failed {
        let End::Failed(failure) = &outcome.end else {
            panic!()
        };
        assert_eq!(failure.class, Class::Stop);
    }
    assert_eq!(report.failed.len(), 3);
    assert!(lab.simulator.log().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_fence_that_shuts_between_two_tries_stops_the_second() {
    let gate = Arc::new(Gate::default());
    let mut lab = lab_behind(&gate);
    lab.fault(FaultRule {
        status: Some(503),
        ..rule("POST", "pool")
    });
    gate.questions.store(3, Ordering::Relaxed);
    let report = lab.run(vec![create(&pool("a"))]).await;
    let End::Failed(failure) = &report.failed[0].end else {
        panic!()
    };
    assert_eq!(failure.class, Class::Stop);
    assert_eq!(lab.sent("POST", "pool").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn deletes_have_a_fence_of_their_own() {
    let gate = Arc::new(Gate::default());
    let mut lab = lab_behind(&gate);
    lab.given(&[pool("a"), pool("b")]).await;
    gate.no_deletes.store(true, Ordering::Relaxed);
    let report = lab.run(vec![delete(&pool("a")), update(&pool("b"))]).await;
    assert_eq!(lab.writes(), ["PUT pool c1--b"]);
    assert_eq!((report.done.len(), report.failed.len()), (1, 1));
}

/// Panics when it is asked for one domain.
struct Faulty;

impl Fence for Faulty {
    fn may_write(&self, domain: &DomainId, _: Duration) -> bool {
        assert_ne!(domain.cluster.as_str(), "c2", "a fault");
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_panics_fails_alone() {
    let mut lab = lab_over(Options::default(), Arc::new(Faulty), Arc::new(NoJournal));
    let mut bad = create(&pool("bad"));
    bad.domain.cluster = "c2".into();
    let report = lab.run(vec![bad, create(&pool("good"))]).await;
    assert_eq!((report.done.len(), report.failed.len()), (1, 1));
    let End::Failed(failure) = &report.failed[0].end else {
        panic!()
    };
    assert_eq!(failure.class, Class::Lost);
}
