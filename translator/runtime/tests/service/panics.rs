//! A fault of our own ends what it must, and says so.

use crate::agent::Cluster;
use crate::lab::{Plan, everywhere, simulator, start};
use crate::objects::{base, shop};
use aviary_proto::query::v1::WatchObjectsRequest;
use aviary_runtime::service::Error;
use aviary_session::{CredentialSource, Credentials, Proof, SourceError};
use aviary_types::Secret;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
