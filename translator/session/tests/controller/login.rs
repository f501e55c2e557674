use crate::support::{PASSWORD, key, lab, lab_with, pool, rule};
use aviary_session::{Class, Error, FileCredentials, NotSent, Proof, Session, transport};
use aviary_sim::FaultRule;
use aviary_types::Secret;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn many_callers_share_one_login() {
    let lab = lab();
    lab.fault(FaultRule {
        delay_ms: 300,
        ..rule("POST", "login")
    });
    let wanted = key(&pool("c1--p", "c1"));
    let finds = (0..20).map(|_| lab.session.find(&wanted));
    for found in futures::future::join_all(finds).await {
        assert!(found.unwrap().is_none());
    }
    assert_eq!(lab.logged("POST", "login").len(), 1);
    assert_eq!(lab.logged("GET", "pool").len(), 20);
}

#[tokio::test(start_paused = true)]
async fn an_expired_session_is_renewed_once_and_the_calls_are_sent_again() {
    let lab = lab();
    let wanted = key(&pool("c1--p", "c1"));
    lab.session.find(&wanted).await.unwrap();
    lab.simulator.expire_sessions();
    let finds = (0..5).map(|_| lab.session.find(&wanted));
    for found in futures::future::join_all(finds).await {
        found.unwrap();
    }
    assert_eq!(lab.logged("POST", "login").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_is_renewed() {
    let lab = lab();
    let wanted = key(&pool("c1--p", "c1"));
    lab.session.find(&wanted).await.unwrap();
    tokio::time::sleep(Duration::from_mins(16)).await;
    lab.session.find(&wanted).await.unwrap();
    assert_eq!(lab.logged("POST", "login").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_post_is_not_sent_again_after_a_renewed_login() {
    let lab = lab();
    let body = pool("c1--p", "c1");
    lab.session.find(&key(&body)).await.unwrap();
    lab.simulator.expire_sessions();
    let refused = lab.session.create(&key(&body), &body, &|_| true).await;
    assert_eq!(refused.unwrap_err().class(), Class::Relogin);
    assert_eq!(lab.logged("POST", "pool").len(), 1);
    lab.session
        .create(&key(&body), &body, &|_| true)
        .await
        .unwrap();
    assert_eq!(lab.logged("POST", "login").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_not_tried_again_before_they_change_or_time_has_passed() {
    let lab = lab();
    let wrong = || lab.credentials.set(Proof::Password(Secret::new("wrong")));
    wrong();
    let wanted = key(&pool("c1--p", "c1"));
    for _ in 0..10 {
        let error = lab.session.find(&wanted).await.unwrap_err();
        assert_eq!(error.class(), Class::Stop);
        assert!(matches!(
            error,
            Error::NotSent {
                why: NotSent::CredentialsRefused { .. },
                ..
            }
        ));
        tokio::time::sleep(Duration::from_secs(80)).await;
    }
    assert_eq!(lab.logged("POST", "login").len(), 1);
    tokio::time::sleep(Duration::from_mins(2)).await;
    lab.session.find(&wanted).await.unwrap_err();
    assert_eq!(lab.logged("POST", "login").len(), 2);
    lab.credentials.set(Proof::Password(Secret::new(PASSWORD)));
    lab.session.find(&wanted).await.unwrap();
    assert_eq!(lab.logged("POST", "login").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_a_former_session_was_refused_is_not_tried_before_its_time() {
    let lab = lab();
    lab.credentials.set(Proof::Password(Secret::new("wrong")));
    let wanted = key(&pool("c1--p", "c1"));
    lab.session.find(&wanted).await.unwrap_err();
    let refusals = lab.session.refusals().borrow().clone();
    assert_eq!(refusals.len(), 1);
    let next = || {
        let way = transport::of(lab.simulator.clone());
        let session = Session::new(lab.session.config().clone(), way, lab.credentials.clone());
        session.restore_refusals(refusals.clone());
        session
    };
    let session = next();
    for _ in 0..3 {
        let error = session.find(&wanted).await.unwrap_err();
        assert!(error.to_string().contains("refused the login"), "{error}");
    }
    assert_eq!(lab.logged("POST", "login").len(), 1);
    lab.credentials.set(Proof::Password(Secret::new(PASSWORD)));
    session.find(&wanted).await.unwrap();
    assert_eq!(lab.logged("POST", "login").len(), 2);
    assert!(session.refusals().borrow().is_empty());
    lab.credentials.set(Proof::Password(Secret::new("wrong")));
    let session = next();
    tokio::time::sleep(Duration::from_mins(15)).await;
    session.find(&wanted).await.unwrap_err();
    assert_eq!(lab.logged("POST", "login").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn credentials_that_change_to_and_fro_do_not_lock_the_account() {
    let lab = lab();
    let wanted = key(&pool("c1--p", "c1"));
    for round in 0..6 {
        let wrong = ["one", "other"][round % 2];
        lab.credentials.set(Proof::Password(Secret::new(wrong)));
        lab.session.find(&wanted).await.unwrap_err();
    }
    assert_eq!(lab.logged("POST", "login").len(), 2);
    lab.credentials.set(Proof::Password(Secret::new(PASSWORD)));
    lab.session.find(&wanted).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_is_followed_in_the_version_that_runs_then() {
    let lab = lab();
    let wanted = key(&pool("c1--p", "c1"));
    lab.simulator.set_version("22.1.4");
    lab.session.find(&wanted).await.unwrap();
    lab.simulator.set_phase(aviary_sim::Phase::Starting);
    assert_eq!(
        lab.session.find(&wanted).await.unwrap_err().class(),
        Class::Retry
    );
    lab.simulator.set_version("30.2.1");
    lab.simulator.set_phase(aviary_sim::Phase::Up);
    lab.session.find(&wanted).await.unwrap();
    let logins = *lab.session.logins().borrow();
    assert_eq!(logins.count, 2);
    assert_eq!(logins.version, Some("30.2.1".parse().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_login_that_fails_otherwise_is_tried_again_with_pauses() {
    let lab = lab();
    lab.fault(FaultRule {
        status: Some(503),
        count: Some(2),
        ..rule("POST", "login")
    });
    let started = Instant::now();
    lab.session.find(&key(&pool("c1--p", "c1"))).await.unwrap();
    let logins = lab.logged("POST", "login");
    assert_eq!(logins.len(), 3);
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert!(
        logins
            .windows(2)
            .all(|pair| pair[1].at_micros - pair[0].at_micros >= 1_000_000)
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_logs_in_and_is_neither_renewed_nor_deleted() {
    let lab = lab();
    let options = aviary_sim::Options::default();
    let simulator = aviary_sim::Simulator::new(options).unwrap();
    lab.credentials.set(Proof::Token(Secret::new("token-1")));
    let config = lab.session.config().clone();
    let way = transport::of(simulator.clone());
    let session = Session::new(config, way, lab.credentials.clone());
    session.find(&key(&pool("c1--p", "c1"))).await.unwrap();
    let asked: Vec<String> = simulator
        .log()
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(asked, ["login", "initial-data", "pool"]);
}

#[tokio::test(start_paused = true)]
async fn the_login_has_the_official_form_and_calls_carry_version_and_tenant() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let lab = lab_with(|_| {});
    let inner = lab.simulator.clone();
    let spy = seen.clone();
    let way = transport::of(tower::service_fn(
        move |request: http::Request<bytes::Bytes>| {
            let headers = request.headers();
            let text = |name: &str| headers.get(name).map(|it| it.to_str().unwrap().to_owned());
            spy.lock().unwrap().push((
                request.uri().to_string(),
                text("x-avi-version"),
                text("x-avi-tenant"),
                text("referer"),
            ));
            let inner = inner.clone();
            async move { inner.answer(request).await }
        },
    ));
    let config = lab.session.config().clone();
    let session = Session::new(config, way, lab.credentials.clone());
    session.find(&key(&pool("c1--p", "c1"))).await.unwrap();
    let seen = seen.lock().unwrap();
    let referer = Some("http://controller/".to_owned());
    assert_eq!(
        seen[0],
        (
            "http://controller/login".to_owned(),
            None,
            None,
            referer.clone()
        )
    );
    assert_eq!(seen[2].1.as_deref(), Some("30.2.1"));
    assert_eq!(seen[2].2.as_deref(), Some("admin"));
    assert_eq!(seen[2].3, referer);
}

#[tokio::test(start_paused = true)]
async fn a_router_in_this_process_serves_as_well() {
    let lab = lab();
    let config = lab.session.config().clone();
    let way = transport::in_process(lab.simulator.router());
    let session = Session::new(config, way, lab.credentials.clone());
    let body = pool("c1--p", "c1");
    session.create(&key(&body), &body, &|_| true).await.unwrap();
    lab.fault(FaultRule {
        drop: Some(aviary_sim::Drop::Before),
        ..rule("POST", "pool")
    });
    let lost = session.create(&key(&body), &body, &|_| true).await;
    assert_eq!(lost.unwrap_err().class(), Class::Lost);
}

#[tokio::test(start_paused = true)]
async fn a_closed_session_cuts_calls_off_and_sends_nothing_more() {
    let lab = lab();
    let wanted = key(&pool("c1--p", "c1"));
    lab.session.find(&wanted).await.unwrap();
    lab.fault(FaultRule {
        delay_ms: 10_000,
        ..rule("GET", "pool")
    });
    let session = lab.session.clone();
    let started = Instant::now();
    let close = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        session.close();
    };
    let (found, ()) = tokio::join!(lab.session.find(&wanted), close);
    assert_eq!(found.unwrap_err().class(), Class::Stop);
    assert_eq!(started.elapsed(), Duration::from_secs(1));
    assert_eq!(
        lab.session.find(&wanted).await.unwrap_err().class(),
        Class::Stop
    );
}

#[test]
fn credential_files_are_read_as_they_are_now() {
    use aviary_session::CredentialSource;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let files = FileCredentials {
        username: path("username"),
        password: Some(path("password")),
        token: Some(path("token")),
    };
    assert!(files.read().unwrap_err().to_string().contains("username"));
    std::fs::write(path("username"), "ako\n").unwrap();
    std::fs::write(path("password"), "one\n").unwrap();
    let proof = |files: &FileCredentials| files.read().unwrap().proof;
    assert_eq!(proof(&files), Proof::Password(Secret::new("one")));
    std::fs::write(path("password"), "two").unwrap();
    assert_eq!(proof(&files), Proof::Password(Secret::new("two")));
    std::fs::write(path("token"), "t").unwrap();
    assert_eq!(proof(&files), Proof::Token(Secret::new("t")));
}
