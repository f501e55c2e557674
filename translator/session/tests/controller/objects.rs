use crate::support::{key, lab, make, pool, rule};
use aviary_session::{Class, Error, NotSent};
use aviary_sim::{Drop, FaultRule};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn an_object_is_made_found_changed_and_deleted() {
    let lab = lab();
    let body = pool("c1--p", "c1");
    let key = key(&body);
    let made = lab
        .session
        .create(&key, &body, &|_| true)
        .await
        .unwrap()
        .object;
    let found = lab.session.find(&key).await.unwrap().unwrap();
    assert_eq!((&found.key, &found.uuid), (&key, &made.uuid));
    assert_eq!(found.last_modified, made.last_modified);
    let mut changed = serde_json::to_value(&body).unwrap();
    changed["_last_modified"] = json!(made.last_modified.as_str());
    let written = lab
        .session
        .update(&key, &made.uuid, &changed, &|_| true)
        .await;
    assert_ne!(written.unwrap().object.last_modified, made.last_modified);
    let stale = lab
        .session
        .update(&key, &made.uuid, &changed, &|_| true)
        .await;
    assert_eq!(stale.unwrap_err().class(), Class::Reread);
    lab.session
        .delete(&key, &made.uuid, &|_| true)
        .await
        .unwrap();
    let again = lab.session.delete(&key, &made.uuid, &|_| true).await;
    assert_eq!(again.unwrap_err().class(), Class::Gone);
    assert!(lab.session.fetch(&key, &made.uuid).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_second_object_of_a_name_exists_already() {
    let lab = lab();
    let body = pool("c1--p", "c1");
    make(&lab, &body).await;
    let error = lab.session.create(&key(&body), &body, &|_| true).await;
    let error = error.unwrap_err();
    assert_eq!(error.class(), Class::Exists);
    assert_eq!(
        error.to_string(),
        format!(
            "POST pool admin/c1--p: the Controller answered 409: {}",
            error.message()
        )
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_permit_nothing_is_sent() {
    let lab = lab();
    let body = pool("c1--p", "c1");
    let asked = std::sync::Mutex::new(Vec::new());
    let permit = |time: Duration| {
        asked.lock().unwrap().push(time);
        false
    };
    let error = lab
        .session
        .create(&key(&body), &body, &permit)
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        Error::NotSent {
            why: NotSent::Fenced,
            ..
        }
    ));
    assert_eq!(*asked.lock().unwrap(), [Duration::from_mins(1)]);
    assert!(lab.logged("POST", "pool").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_lost_and_a_silent_controller_times_out() {
    let lab = lab();
    let body = pool("c1--p", "c1");
    lab.fault(FaultRule {
        drop: Some(Drop::After),
        count: Some(1),
        ..rule("POST", "pool")
    });
    let lost = lab.session.create(&key(&body), &body, &|_| true).await;
    assert_eq!(lost.unwrap_err().class(), Class::Lost);
    assert!(lab.session.find(&key(&body)).await.unwrap().is_some());
    lab.fault(FaultRule {
        delay_ms: 61_000,
        ..rule("DELETE", "pool")
    });
    let uuid = lab.session.find(&key(&body)).await.unwrap().unwrap().uuid;
    let started = Instant::now();
    let late = lab.session.delete(&key(&body), &uuid, &|_| true).await;
    assert!(matches!(late.unwrap_err(), Error::TimedOut { .. }));
    assert_eq!(started.elapsed(), Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn reads_are_tried_again_but_not_without_end() {
    let lab = lab();
    let wanted = key(&pool("c1--p", "c1"));
    lab.fault(FaultRule {
        status: Some(500),
        count: Some(2),
        ..rule("GET", "pool")
    });
    lab.session.find(&wanted).await.unwrap();
    assert_eq!(lab.logged("GET", "pool").len(), 3);
    lab.simulator.clear_log();
    lab.fault(FaultRule {
        status: Some(500),
        ..rule("GET", "pool")
    });
    assert_eq!(
        lab.session.find(&wanted).await.unwrap_err().class(),
        Class::Retry
    );
    assert_eq!(lab.logged("GET", "pool").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn everyone_waits_as_long_as_the_controller_asks() {
    let lab = lab();
    let body = pool("c1--p", "c1");
    lab.session.find(&key(&body)).await.unwrap();
    lab.fault(FaultRule {
        status: Some(429),
        count: Some(1),
        headers: BTreeMap::from([("Retry-After".to_owned(), "7".to_owned())]),
        ..rule("POST", "pool")
    });
    let started = Instant::now();
    let refused = lab.session.create(&key(&body), &body, &|_| true).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.class(), Class::Retry);
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(7)));
    lab.session.find(&key(&body)).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(7));
    assert!(started.elapsed() < Duration::from_secs(8));
}
