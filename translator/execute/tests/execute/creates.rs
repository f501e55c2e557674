use crate::support::{create, delete, group, key, lab, lab_over, pool, pool_with, rule, vip};
use async_trait::async_trait;
use aviary_avi::ssl_cert::{SslCertificate, SslKeyAndCertificate};
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::{AviKey, Body, Ref};
use aviary_execute::{AlwaysMay, End, Journal, JournalError, NoJournal};
use aviary_plan::Right;
use aviary_session::Class;
use aviary_sim::{Drop, FaultRule, Options};
use aviary_types::DomainId;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

fn lost(drop: Drop) -> FaultRule {
    FaultRule {
        drop: Some(drop),
        count: Some(1),
        ..rule("POST", "pool")
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_found_by_name_and_not_made_twice() {
    let mut lab = lab();
    lab.fault(lost(Drop::After));
    assert!(lab.run(vec![create(&pool("a"))]).await.is_clean());
    assert_eq!(lab.sent("POST", "pool").len(), 1);
    assert_eq!(lab.has("pool"), ["c1--a"]);
    assert_eq!(lab.observed.objects.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_is_sent_again() {
    let mut lab = lab();
    lab.fault(lost(Drop::Before));
    assert!(lab.run(vec![create(&pool("a"))]).await.is_clean());
    assert_eq!(lab.sent("POST", "pool").len(), 2);
    assert_eq!(lab.has("pool"), ["c1--a"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_after_its_time_is_not_made_twice() {
    let mut lab = lab();
    lab.fault(FaultRule {
        delay_ms: 61_000,
        count: Some(1),
        ..rule("POST", "pool")
    });
    assert!(lab.run(vec![create(&pool("a"))]).await.is_clean());
    tokio::time::sleep(std::time::Duration::from_mins(2)).await;
    assert_eq!(lab.has("pool"), ["c1--a"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_renewed_login_a_post_is_looked_up_and_repeated() {
    let mut lab = lab();
    lab.given(&[pool("a")]).await;
    lab.simulator.expire_sessions();
    assert!(lab.run(vec![create(&pool("b"))]).await.is_clean());
    let asked: Vec<String> = lab
        .simulator
        .log()
        .iter()
        .map(|it| it.kind.clone())
        .collect();
    assert_eq!(asked, ["pool", "login", "initial-data", "pool", "pool"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_ours_already_is_taken_over() {
    let mut lab = lab();
    lab.given(&[pool("a"), pool_with("b", Some("old"))]).await;
    lab.observed = aviary_avi::Observed::default();
    let ops = vec![create(&pool("a")), create(&pool_with("b", Some("new")))];
    assert!(lab.run(ops).await.is_clean());
    assert_eq!(lab.writes(), ["PUT pool c1--b"]);
    let b = &lab.observed.objects[&key(&pool("b"))].body;
    assert!(b.same(&pool_with("b", Some("new"))));
}

#[tokio::test(start_paused = true)]
async fn what_is_anothers_is_left_alone() {
    let mut lab = lab();
    let Body::Pool(mut other) = pool("a") else {
        panic!()
    };
    other.created_by = Some("ako-c1-other".into());
    let other = Body::Pool(other);
    lab.session
        .create(&key(&other), &other, &|_| true)
        .await
        .unwrap();
    lab.simulator.clear_log();
    let report = lab.run(vec![create(&pool("a"))]).await;
    let End::Failed(failure) = &report.failed[0].end else {
        panic!()
    };
    assert_eq!(failure.class, Class::Refuse);
    assert!(failure.message.contains("somebody else"));
    assert!(lab.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_missing_reference_is_told_as_such() {
    let mut lab = lab();
    let report = lab.run(vec![create(&group("g", &["nowhere"]))]).await;
    let End::Failed(failure) = &report.failed[0].end else {
        panic!()
    };
    assert_eq!(failure.class, Class::MissingReference);
    assert_eq!(lab.sent("POST", "poolgroup").len(), 1);
}

/// Notes what the Controller had when a name was recorded.
#[derive(Default)]
struct Notes {
    names: Mutex<Vec<String>>,
    broken: AtomicBool,
}

#[async_trait]
impl Journal for Notes {
    async fn record(
        &self,
        key: &AviKey,
        domain: &DomainId,
        right: Right,
    ) -> Result<(), JournalError> {
        let name = format!("{} {domain} {right:?}", key.name);
        self.names.lock().unwrap().push(name);
        if self.broken.load(Ordering::Relaxed) {
            let (name, why) = (key.name.clone(), "disk full".into());
            return Err(JournalError { name, why });
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn names_that_do_not_show_their_owner_are_recorded_before_they_are_made() {
    let notes = Arc::new(Notes::default());
    let mut lab = lab_over(Options::default(), Arc::new(AlwaysMay), notes.clone());
    let ops = vec![create(&pool("a")), create(&vip("v", &[]))];
    assert!(lab.run(ops).await.is_clean());
    assert_eq!(*notes.names.lock().unwrap(), ["c1--v c1 Makes"]);
    let broken = Arc::new(Notes {
        broken: true.into(),
        ..Notes::default()
    });
    let mut lab = lab_over(Options::default(), Arc::new(AlwaysMay), broken);
    let report = lab.run(vec![create(&vip("v", &[]))]).await;
    assert_eq!(report.failed.len(), 1);
    assert!(lab.sent("POST", "vsvip").is_empty());
}

/// What refers to a VsVip tells whose it is: once that is gone, the journal alone does.
#[tokio::test(start_paused = true)]
async fn names_are_recorded_before_what_tells_whose_they_are_is_deleted() {
    let service: Body = VirtualService {
        name: "c1--s".into(),
        created_by: Some(crate::support::domain().user()),
        tenant_ref: Some(Ref::tenant("admin")),
        cloud_ref: Some(Ref::plain("cloud", "Default-Cloud")),
        vsvip_ref: Some(Ref::slash("vsvip", "c1--v")),
        ..VirtualService::default()
    }
    .into();
    for broken in [false, true] {
        let notes = Arc::new(Notes::default());
        let mut lab = lab_over(Options::default(), Arc::new(AlwaysMay), notes.clone());
        lab.given(&[vip("v", &[])]).await;
        lab.given(std::slice::from_ref(&service)).await;
        notes.names.lock().unwrap().clear();
        notes.broken.store(broken, Ordering::Relaxed);
        let report = lab.run(vec![delete(&service)]).await;
        assert_eq!(*notes.names.lock().unwrap(), ["c1--v c1 Refers"]);
        assert_eq!(report.is_clean(), !broken);
        assert_eq!(lab.has("virtualservice").is_empty(), !broken);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_leaves_something_out_is_completed_by_a_read() {
    let options = Options {
        fill_defaults: true,
        ..Options::default()
    };
    let mut lab = lab_over(options, Arc::new(AlwaysMay), Arc::new(NoJournal));
    let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let certificate: Body = SslKeyAndCertificate {
        name: "c1--cert".into(),
        created_by: Some(crate::support::domain().user()),
        tenant_ref: Some(Ref::tenant("admin")),
        certificate: SslCertificate {
            certificate: pem.into(),
        },
        kind: "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE".into(),
        markers: vec![aviary_avi::Marker::cluster(&crate::support::domain())],
        ..SslKeyAndCertificate::default()
    }
    .into();
    let report = lab.run(vec![create(&certificate)]).await;
    let End::Done(done) = &report.done[0].end else {
        panic!()
    };
    assert!(done.as_sent);
    let now = &lab.observed.objects[&key(&certificate)].body;
    assert!(certificate.same(now));
}
