use crate::support::{after, create, delete, group, lab, named, pool, rule, slow_lab, vip};
use aviary_avi::Body;
use aviary_execute::{End, NotTried};
use aviary_plan::Op;
use aviary_session::Class;
use aviary_sim::{Drop, FaultRule};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Two pools, a group of them and a VIP, each after what it refers to.
fn chain() -> Vec<Op> {
    let (a, b) = (create(&pool("a")), create(&pool("b")));
    let group = after(create(&group("g", &["a", "b"])), &[&a, &b]);
    let vip = after(create(&vip("v", &["foo.avi.internal"])), &[&group]);
    vec![vip, group, a, b]
}

#[tokio::test(start_paused = true)]
async fn what_is_referred_to_goes_first_and_is_deleted_last() {
    let mut lab = slow_lab();
    let report = lab.run(chain()).await;
    assert!(report.is_clean());
    let want = [
        "POST pool c1--a",
        "POST pool c1--b",
        "POST poolgroup c1--g",
        "POST vsvip c1--v",
    ];
    assert_eq!(lab.writes(), want);
    assert_eq!(lab.observed.objects.len(), 4);
    let group = delete(&group("g", &[]));
    let pools = ["a", "b"].map(|name| after(delete(&pool(name)), &[&group]));
    let report = lab.run([vec![group], pools.to_vec()].concat()).await;
    assert!(report.is_clean());
    let deletes = [
        "DELETE poolgroup c1--g",
        "DELETE pool c1--a",
        "DELETE pool c1--b",
    ];
    assert_eq!(lab.writes()[4..], deletes);
    assert_eq!(lab.observed.objects.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_object_takes_its_dependents_along_and_nothing_else() {
    let mut lab = lab();
    lab.fault(FaultRule {
        name: Some("c1--a".into()),
        status: Some(400),
        body: Some(json!({"error": "ratio must be 1-1000"})),
        ..rule("POST", "pool")
    });
    let report = lab.run(chain()).await;
    assert_eq!(named(&report.done), ["c1--b"]);
    assert_eq!(named(&report.failed), ["c1--a"]);
    assert_eq!(named(&report.not_tried), ["c1--v", "c1--g"]);
    let End::Failed(failure) = &report.failed[0].end else {
        panic!()
    };
    assert_eq!(
        (failure.class, failure.message.as_str()),
        (Class::Refuse, "ratio must be 1-1000")
    );
    let dropped = |outcome: &&aviary_execute::Outcome| {
        matches!(outcome.end, End::NotTried(NotTried::Dropped))
    };
    assert_eq!(report.not_tried.iter().filter(dropped).count(), 2);
    assert_eq!(
        lab.sent("POST", "pool").len(),
        2,
        "a refusal is not tried again"
    );
}

fn pools(count: usize) -> Vec<Body> {
    (0..count).map(|n| pool(&format!("{n:03}"))).collect()
}

/// How many requests each millisecond saw: all take equally long, so those sent together end together.
fn together(lab: &crate::support::Lab) -> Vec<usize> {
    let mut moments: BTreeMap<u64, usize> = BTreeMap::new();
    for entry in lab.sent("POST", "pool") {
        *moments.entry(entry.at_micros / 1_000).or_default() += 1;
    }
    moments.into_values().collect()
}

#[tokio::test(start_paused = true)]
async fn writes_go_out_eight_at_a_time_then_more_up_to_the_cap() {
    let mut lab = slow_lab();
    let report = lab.run(pools(3_000).iter().map(create).collect()).await;
    assert!(report.is_clean());
    let together = together(&lab);
    assert_eq!(together[0], 8);
    assert!(together[2] > 8);
    assert_eq!(together.iter().max(), Some(&32));
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_gets_too_much_gets_less_and_everything_arrives() {
    let mut lab = slow_lab();
    lab.fault(FaultRule {
        status: Some(429),
        headers: BTreeMap::from([("Retry-After".to_owned(), "2".to_owned())]),
        after: 20,
        count: Some(3),
        ..rule("POST", "pool")
    });
    let started = Instant::now();
    let report = lab.run(pools(100).iter().map(create).collect()).await;
    assert!(report.is_clean());
    assert!(started.elapsed() > Duration::from_secs(2));
    assert_eq!(lab.has("pool").len(), 100);
    let together = together(&lab);
    let widest_before = together[..3].iter().max().unwrap();
    assert!(together.last().unwrap() <= widest_before);
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_what_is_gone_succeeds_and_one_still_referred_to_waits() {
    let mut lab = lab();
    lab.given(&[pool("a"), pool("b")]).await;
    let uuid = lab.observed.objects.values().next().unwrap().uuid.clone();
    let key = crate::support::key(&pool("a"));
    lab.session.delete(&key, &uuid, &|_| true).await.unwrap();
    lab.fault(FaultRule {
        status: Some(403),
        body: Some(json!({"error": "Cannot delete, object is referred by: ['PoolGroup g']"})),
        name: Some("c1--b".into()),
        count: Some(2),
        ..rule("DELETE", "pool")
    });
    let report = lab.run(vec![delete(&pool("a")), delete(&pool("b"))]).await;
    assert!(report.is_clean());
    assert!(lab.has("pool").is_empty());
    lab.given(&[pool("a"), group("g", &["a"])]).await;
    let report = lab.run(vec![delete(&pool("a"))]).await;
    let End::Failed(failure) = &report.failed[0].end else {
        panic!()
    };
    assert_eq!(failure.class, Class::StillReferred);
    assert_eq!(lab.sent("DELETE", "pool").len(), 4);
}

/// One run with trouble of all kinds; answers the whole log.
async fn troubled_run() -> Vec<aviary_sim::LogEntry> {
    let mut lab = slow_lab();
    let trouble = |status, after| FaultRule {
        status,
        after,
        count: Some(3),
        ..rule("POST", "pool")
    };
    let lost = FaultRule {
        drop: Some(Drop::After),
        ..trouble(None, 9)
    };
    lab.simulator
        .set_faults(vec![trouble(Some(503), 3), lost, trouble(Some(500), 30)]);
    let ops: Vec<Op> = pools(60).iter().map(create).chain(chain()).collect();
    assert!(lab.run(ops).await.is_clean());
    assert_eq!(lab.has("pool").len(), 62);
    lab.simulator.log()
}

#[test]
fn a_run_repeats_itself() {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.unwrap().block_on(troubled_run())
    };
    assert_eq!(run(), run());
}
