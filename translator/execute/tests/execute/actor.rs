use crate::support::{after, create, key, named, pool, pool_with, slow_lab, update};
use aviary_execute::{Bounds, End, Ended, NotTried, Outcome, Submission};
use aviary_plan::OpKey;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

async fn take(outcomes: &mut Receiver<Outcome>, count: usize) -> Vec<Outcome> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.push(outcomes.recv().await.unwrap());
    }
    taken
}

#[tokio::test(start_paused = true)]
async fn plans_go_in_and_every_operation_has_one_outcome() {
    let lab = slow_lab();
    let bounds = Bounds {
        outcomes_max: 2,
        ..Bounds::default()
    };
    let (handle, mut outcomes) = lab.executor.clone().with_bounds(bounds).spawn(1);
    let names: Vec<String> = (0..30).map(|n| format!("{n:02}")).collect();
    for name in &names {
        let submission = lab.submission(vec![create(&pool(name))]);
        handle.submit(submission).await.unwrap();
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    let behind = lab.sent("POST", "pool").len();
    assert!(
        behind < 30,
        "nobody takes the outcomes, so nothing new is sent: {behind}"
    );
    let taken = take(&mut outcomes, 30).await;
    assert!(taken.iter().all(Outcome::is_done));
    let numbers: Vec<u64> = taken.iter().map(|outcome| outcome.number).collect();
    assert_eq!(numbers, (1..=30).collect::<Vec<u64>>());
    drop(handle);
    assert!(outcomes.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_newer_plan_replaces_what_waits_and_follows_what_is_under_way() {
    let mut lab = slow_lab();
    let (handle, mut outcomes) = lab.executor.clone().spawn(4);
    let first = create(&pool("a"));
    let waiting = after(create(&pool_with("b", Some("old"))), &[&first]);
    handle
        .submit(lab.submission(vec![first, waiting]))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(150)).await;
    let newer = vec![
        update(&pool_with("a", Some("new"))),
        create(&pool_with("b", Some("new"))),
    ];
    handle.submit(lab.submission(newer)).await.unwrap();
    let taken = take(&mut outcomes, 4).await;
    let replaced = |it: &&Outcome| matches!(it.end, End::NotTried(NotTried::Replaced));
    assert_eq!(taken.iter().filter(replaced).count(), 1);
    for outcome in &taken {
        outcome.apply(&mut lab.observed);
    }
    for name in ["a", "b"] {
        let body = pool_with(name, Some("new"));
        assert!(body.same(&lab.observed.objects[&key(&body)].body), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_stage_knows_what_the_first_one_made() {
    let lab = slow_lab();
    let (handle, mut outcomes) = lab.executor.clone().spawn(4);
    let first = create(&pool("a"));
    let mut second = after(update(&pool_with("a", Some("t1"))), &[&first]);
    second.key = OpKey {
        stage: 1,
        ..second.key
    };
    handle
        .submit(lab.submission(vec![second, first]))
        .await
        .unwrap();
    let taken = take(&mut outcomes, 2).await;
    assert!(taken.iter().all(Outcome::is_done));
    assert_eq!(lab.writes(), ["POST pool c1--a", "PUT pool c1--a"]);
}

#[tokio::test(start_paused = true)]
async fn a_submission_that_has_not_seen_an_outcome_does_not_undo_it() {
    let mut lab = slow_lab();
    let (handle, mut outcomes) = lab.executor.clone().spawn(4);
    handle
        .submit(lab.submission(vec![create(&pool("a"))]))
        .await
        .unwrap();
    let made = take(&mut outcomes, 1).await;
    // Made from what was observed before the outcome was applied.
    let unaware = lab.submission(vec![update(&pool_with("a", Some("t1")))]);
    handle.submit(unaware).await.unwrap();
    let updated = take(&mut outcomes, 1).await;
    assert!(updated[0].is_done());
    // And one that has applied the first outcome, but not the second.
    made[0].apply(&mut lab.observed);
    let aware = Submission {
        seen: made[0].number,
        ..lab.submission(vec![update(&pool_with("a", Some("t2")))])
    };
    handle.submit(aware).await.unwrap();
    assert!(take(&mut outcomes, 1).await[0].is_done());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_handle_ends_what_is_under_way_and_gives_up_the_rest() {
    let lab = slow_lab();
    let (handle, mut outcomes) = lab.executor.clone().spawn(4);
    let first = create(&pool("a"));
    let second = after(create(&pool("b")), &[&first]);
    handle
        .submit(lab.submission(vec![first, second]))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(handle);
    let taken = take(&mut outcomes, 2).await;
    assert_eq!(named(&taken), ["c1--b", "c1--a"]);
    assert!(matches!(taken[0].end, End::NotTried(NotTried::Stopped)));
    assert!(taken[1].is_done());
    assert!(outcomes.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_aborted_executor_is_silent_at_once() {
    let lab = slow_lab();
    let (handle, mut outcomes) = lab.executor.clone().spawn(4);
    let ops = (0..20).map(|n| create(&pool(&format!("{n}")))).collect();
    handle.submit(lab.submission(ops)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(350)).await;
    handle.abort();
    assert!(take_all(&mut outcomes).await < 20);
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert!(lab.sent("POST", "pool").len() < 20);
    assert_eq!(handle.submit(lab.submission(Vec::new())).await, Err(Ended));
}

async fn take_all(outcomes: &mut Receiver<Outcome>) -> usize {
    let mut count = 0;
    while outcomes.recv().await.is_some() {
        count += 1;
    }
    count
}
