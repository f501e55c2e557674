//! A fault of our own ends what it must, and says so.

use crate::agent::Cluster;
use crate::lab::{Plan, everywhere, simulator, start, writes};
use crate::objects::{base, shop};
use aviary_boot::Clock;
use aviary_proto::query::v1::WatchObjectsRequest;
use aviary_runtime::StoreAt;
use aviary_runtime::service::Error;
use aviary_session::{CredentialSource, Credentials, Proof, SourceError};
use aviary_types::Secret;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

/// Credentials that panic when they are told to.
#[derive(Default)]
struct Faulty(AtomicBool);

impl CredentialSource for Faulty {
    fn read(&self) -> Result<Credentials, SourceError> {
        assert!(!self.0.load(Ordering::Relaxed), "a fault");
        Ok(Credentials {
            username: "admin".into(),
            proof: Proof::Password(Secret::new("secret")),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_ends_the_translator_and_names_itself() {
    let (simulator, cluster) = (simulator(), Cluster::default());
    for object in base(&["shop"])
        .into_iter()
        .chain(shop("shop", "shop.avi.internal"))
    {
        cluster.put(object);
    }
    let faulty = Arc::new(Faulty::default());
    let plan = Plan {
        credentials: faulty.clone(),
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let mut watch = translator.query();
    let watch = watch.watch_objects(WatchObjectsRequest::default()).await;
    let _open = watch.unwrap().into_inner();
    faulty.0.store(true, Ordering::Relaxed);
    simulator.expire_sessions();
    // The look for drift has to log in. Streams that are open keep nothing up.
    let ended = tokio::time::timeout(Duration::from_hours(1), translator.end()).await;
    let error = ended.unwrap().unwrap_err();
    assert!(matches!(error, Error::Task("look for drift")), "{error}");
}

/// A clock that panics when it is told to.
fn faulty_clock(faulty: &Arc<AtomicBool>) -> Clock {
    let usual = Clock::virtual_from(jiff::Timestamp::from_second(1_790_000_000).unwrap());
    let faulty = faulty.clone();
    Clock::read(move || {
        assert!(!faulty.load(Ordering::Relaxed), "a fault");
        usual.now()
    })
}

#[tokio::test(start_paused = true)]
async fn a_core_that_panics_ends_the_translator_says_so_and_leaves_the_store_to_the_next() {
    let (simulator, cluster) = (simulator(), Cluster::default());
    for object in base(&["shop"])
        .into_iter()
        .chain(shop("shop", "shop.avi.internal"))
    {
        cluster.put(object);
    }
    let folder = tempfile::tempdir().unwrap();
    let faulty = Arc::new(AtomicBool::new(false));
    let plan = Plan {
        store: StoreAt::Folder(folder.path().to_owned()),
        clock: Some(faulty_clock(&faulty)),
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    let agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    agent.stop().await;
    let mut health = HealthClient::new(translator.channel());
    let told = health.watch(HealthCheckRequest::default()).await;
    let mut told = told.unwrap().into_inner();
    let first = told.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    simulator.clear_log();

    // Nobody asks anything: it is the core that looks at the clock next.
    faulty.store(true, Ordering::Relaxed);
    let then = async { told.message().await.unwrap().unwrap().status() };
    let ended = async {
        let end = tokio::time::timeout(Duration::from_hours(1), translator.end());
        end.await.unwrap().unwrap_err()
    };
    let (then, error) = tokio::join!(then, ended);
    assert_eq!(then, ServingStatus::NotServing);
    assert!(matches!(error, Error::Core(_)), "{error}");

    let next = Plan {
        store: StoreAt::Folder(folder.path().to_owned()),
        ..Plan::default()
    };
    let translator = start(&simulator, next).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    assert!(writes(&simulator).is_empty(), "{:?}", writes(&simulator));
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_no_stream_that_somebody_holds_open() {
    let (simulator, cluster) = (simulator(), Cluster::default());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let mut health = HealthClient::new(translator.channel());
    let told = health.watch(HealthCheckRequest::default()).await;
    let _open = told.unwrap().into_inner();
    let stopped = tokio::time::timeout(Duration::from_mins(1), translator.stop());
    assert!(stopped.await.is_ok(), "it does not end");
}
