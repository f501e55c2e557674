use crate::support::{Lab, key, lab, lab_with, make, pool, scope};
use aviary_avi::common::Marker;
use aviary_avi::vs_vip::VsVip;
use aviary_avi::{AviKind, Body, Ref};
use aviary_session::{Drift, Session, Tenants, transport};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn vip(name: &str, cluster: &str) -> Body {
    VsVip {
        name: name.into(),
        tenant_ref: Some(Ref::tenant("admin")),
        cloud_ref: Some(Ref::plain("cloud", "Default-Cloud")),
        markers: vec![Marker::one("clustername", cluster)],
        ..VsVip::default()
    }
    .into()
}

fn names(observed: &aviary_avi::Observed, kind: AviKind) -> Vec<&str> {
    let keys = observed.objects.keys().filter(|key| key.kind == kind);
    keys.map(|key| key.name.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn lists_are_read_page_by_page() {
    let lab = lab_with(|config| config.page_size = 20);
    for n in 0..105 {
        make(&lab, &pool(&format!("c1--{n:03}"), "c1")).await;
    }
    lab.simulator.clear_log();
    let reading = lab.session.observe(&scope("c1")).await.unwrap();
    assert_eq!(names(&reading.observed, AviKind::Pool).len(), 105);
    assert_eq!(lab.logged("GET", "pool").len(), 6);
    assert!(reading.unreadable.is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_what_bears_all_marks_is_ours() {
    let lab = lab();
    make(&lab, &pool("orange--a", "orange")).await;
    make(&lab, &pool("orange-new--a", "orange-new")).await;
    let mut unmarked = serde_json::to_value(pool("orange--b", "orange")).unwrap();
    unmarked.as_object_mut().unwrap().remove("markers");
    make(&lab, &AviKind::Pool.read(&unmarked).unwrap()).await;
    make(&lab, &vip("orange--vip", "orange")).await;
    make(&lab, &vip("blood-orange--vip", "blood-orange")).await;
    let reading = lab.session.observe(&scope("orange")).await.unwrap();
    assert_eq!(names(&reading.observed, AviKind::Pool), ["orange--a"]);
    assert_eq!(names(&reading.observed, AviKind::VsVip), ["orange--vip"]);
    assert_eq!(names(&reading.observed, AviKind::VrfContext), ["global"]);
    let group = names(&reading.observed, AviKind::ServiceEngineGroup);
    assert_eq!(group, ["Default-Group"]);
}

#[tokio::test(start_paused = true)]
async fn whole_answers_are_kept_only_where_they_are_merged() {
    let lab = lab();
    make(&lab, &pool("c1--p", "c1")).await;
    make(&lab, &vip("c1--vip", "c1")).await;
    let observed = lab.session.observe(&scope("c1")).await.unwrap().observed;
    let raw = |kind| {
        observed
            .objects
            .values()
            .find(|it| it.key.kind == kind)
            .unwrap()
            .raw
            .clone()
    };
    assert!(raw(AviKind::Pool).is_none());
    assert!(raw(AviKind::VsVip).is_some());
}

#[tokio::test(start_paused = true)]
async fn one_tenant_is_read_alone_if_the_user_lives_there() {
    let lab = lab();
    make(&lab, &pool("c1--p", "c1")).await;
    let blue = aviary_session::Scope {
        tenants: Tenants::Only(vec!["blue".into()]),
        ..scope("c1")
    };
    lab.simulator.clear_log();
    let observed = lab.session.observe(&blue).await.unwrap().observed;
    assert!(names(&observed, AviKind::Pool).is_empty());
    assert!(
        lab.simulator
            .log()
            .iter()
            .all(|entry| entry.tenant == "blue")
    );
}

/// A session that deletes the first object of the list after its first page was read.
fn disturbed(lab: &Lab, victim: aviary_types::EcoString) -> Session {
    let done = Arc::new(AtomicBool::new(false));
    let (inner, other) = (lab.simulator.clone(), lab.session.clone());
    let way = transport::of(tower::service_fn(move |request: http::Request<Bytes>| {
        let is_second = request
            .uri()
            .query()
            .is_some_and(|query| query.contains("page=2"));
        let strike = is_second && !done.swap(true, Ordering::Relaxed);
        let (inner, other, victim) = (inner.clone(), other.clone(), victim.clone());
        async move {
            if strike {
                let key = key(&pool("c1--000", "c1"));
                other.delete(&key, &victim, &|_| true).await.unwrap();
            }
            inner.answer(request).await
        }
    }));
    Session::new(lab.session.config().clone(), way, lab.credentials.clone())
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_slips_between_two_pages_is_not_taken_for_absent() {
    let lab = lab_with(|config| config.page_size = 10);
    let mut uuids = Vec::new();
    for n in 0..25 {
        uuids.push(make(&lab, &pool(&format!("c1--{n:03}"), "c1")).await);
    }
    let session = disturbed(&lab, uuids[0].clone());
    let observed = session.observe(&scope("c1")).await.unwrap().observed;
    let names = names(&observed, AviKind::Pool);
    assert_eq!(names.len(), 24);
    assert!(names.contains(&"c1--010"), "the one that moved up");
}

#[tokio::test(start_paused = true)]
async fn drift_is_found_by_cheap_lists_and_read_again() {
    let lab = lab();
    let (kept, changed, gone) = (
        pool("c1--a", "c1"),
        pool("c1--b", "c1"),
        pool("c1--c", "c1"),
    );
    make(&lab, &kept).await;
    let uuid = make(&lab, &changed).await;
    let gone_uuid = make(&lab, &gone).await;
    let scope = scope("c1");
    let observed = lab.session.observe(&scope).await.unwrap().observed;
    let stamps = lab.session.stamps(&scope).await.unwrap();
    assert!(Drift::between(&observed, &stamps).is_empty());
    lab.session
        .update(&key(&changed), &uuid, &changed, &|_| true)
        .await
        .unwrap();
    lab.session
        .delete(&key(&gone), &gone_uuid, &|_| true)
        .await
        .unwrap();
    make(&lab, &pool("c1--d", "c1")).await;
    make(&lab, &vip("blood-c1--vip", "blood-c1")).await;
    let stamps = lab.session.stamps(&scope).await.unwrap();
    let drift = Drift::between(&observed, &stamps);
    let mut news: Vec<&str> = drift
        .changed
        .iter()
        .map(|stamp| stamp.name.as_str())
        .collect();
    news.sort_unstable();
    assert_eq!(news, ["c1--b", "c1--d"]);
    assert_eq!(drift.gone, [key(&gone)]);
    let fresh = lab
        .session
        .refresh(&scope, &observed, &drift)
        .await
        .unwrap()
        .observed;
    assert_eq!(names(&fresh, AviKind::Pool), ["c1--a", "c1--b", "c1--d"]);
    assert!(Drift::between(&fresh, &stamps).is_empty());
}
