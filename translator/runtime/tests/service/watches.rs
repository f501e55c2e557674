//! Watches: everything first, then what changes; and what happens at each bound.

use crate::lab::{Plan, Running, everywhere, simulator, start};
use crate::objects::{endpoints, ingress, shop_cluster};
use aviary_proto::query::v1::{
    ChangeKind, Side, Wait, WaitReason, WatchConvergedRequest, WatchConvergedResponse,
    WatchObjectsRequest, WatchObjectsResponse,
};
use prost_types::FieldMask;
use std::collections::BTreeMap;
use std::time::Duration;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

fn pools(side: Side) -> WatchObjectsRequest {
    WatchObjectsRequest {
        side: side.into(),
        r#type: "pool".into(),
        with_body: true,
        ..WatchObjectsRequest::default()
    }
}

/// A client that keeps what it is told.
struct Reader {
    stream: Streaming<WatchObjectsResponse>,
    bodies: BTreeMap<String, String>,
    token: String,
    resets: usize,
    told: usize,
}

impl Reader {
    async fn open(translator: &Running, request: WatchObjectsRequest) -> Self {
        let stream = translator.query().watch_objects(request).await.unwrap();
        Self {
            stream: stream.into_inner(),
            bodies: BTreeMap::new(),
            token: String::new(),
            resets: 0,
            told: 0,
        }
    }

    /// Reads until everything is told.
    async fn complete(&mut self) -> u64 {
        loop {
            let message = next(&mut self.stream).await.unwrap().unwrap();
            if message.reset {
                self.bodies.clear();
                self.resets += 1;
            }
            for change in message.changes {
                self.told += 1;
                let kind = change.kind();
                let object = change.object.unwrap();
                let name = object.r#ref.unwrap().name;
                match kind {
                    ChangeKind::Deleted => drop(self.bodies.remove(&name)),
                    _ => drop(self.bodies.insert(name, object.body)),
                }
            }
            assert_eq!(message.complete, !message.resume_token.is_empty());
            if message.complete {
                self.token = message.resume_token;
                return message.generation;
            }
        }
    }

    /// Reads until something is so.
    async fn until(&mut self, is_so: impl Fn(&BTreeMap<String, String>) -> bool) {
        while !is_so(&self.bodies) {
            self.complete().await;
        }
    }

    fn names(&self) -> String {
        let names = self.bodies.keys().map(|it| it.replace("blue--", ""));
        names.collect::<Vec<_>>().join(" ")
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_everything_and_then_each_change() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    for side in [Side::Desired, Side::Observed] {
        let mut reader = Reader::open(&translator, pools(side)).await;
        let first = reader.complete().await;
        assert_eq!(reader.names(), "shop.avi.internal_-shop-shop");
        assert!(first > 0 && reader.resets == 1);
        cluster.put(ingress("shop", "new", "new.avi.internal", None));
        reader.until(|bodies| bodies.len() == 2).await;
        cluster.put(endpoints("shop", "web", &["10.1.0.9"]));
        let all_moved = |bodies: &BTreeMap<String, String>| {
            bodies.values().all(|body| body.contains("10.1.0.9"))
        };
        reader.until(all_moved).await;
        cluster.delete(&ingress("shop", "new", "", None));
        reader.until(|bodies| bodies.len() == 1).await;
        assert_eq!(reader.resets, 1);
        cluster.put(endpoints("shop", "web", &["10.1.0.1"]));
        reader
            .until(|bodies| bodies.values().all(|it| it.contains("10.1.0.1\"")))
            .await;
        tokio::time::sleep(Duration::from_mins(1)).await;
        translator.settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_where_an_earlier_one_ended() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    cluster.put(ingress("shop", "old", "old.avi.internal", None));
    translator.settle().await;
    let mut reader = Reader::open(&translator, pools(Side::Desired)).await;
    reader.complete().await;
    let token = reader.token.clone();
    drop(reader);
    let version = cluster.put(ingress("shop", "new", "new.avi.internal", None));
    translator.shows(("shop", "new"), &version).await;
    let resumed = WatchObjectsRequest {
        resume_token: token.clone(),
        ..pools(Side::Desired)
    };
    let mut reader = Reader::open(&translator, resumed.clone()).await;
    reader.until(|bodies| !bodies.is_empty()).await;
    assert_eq!((reader.resets, reader.told), (0, 1));
    assert_eq!(reader.names(), "new.avi.internal_-shop-new");
    // Another question, and another start of the translator, bring everything anew.
    let other = WatchObjectsRequest {
        resume_token: token,
        ..pools(Side::Observed)
    };
    let mut reader = Reader::open(&translator, other).await;
    reader.complete().await;
    assert_eq!((reader.resets, reader.bodies.len()), (1, 3));
    translator.stop().await;
    let later = Plan {
        later: Duration::from_hours(1),
        ..Plan::default()
    };
    let translator = start(&simulator, later).await;
    let _agent = translator.agent(&cluster, everywhere());
    tokio::time::sleep(Duration::from_mins(1)).await;
    let mut reader = Reader::open(&translator, resumed).await;
    reader.complete().await;
    assert_eq!((reader.resets, reader.bodies.len()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_mask_leaves_out_all_but_what_names_the_object() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let paths = vec!["uuid".to_owned()];
    let request = WatchObjectsRequest {
        read_mask: Some(FieldMask { paths }),
        ..pools(Side::Observed)
    };
    let stream = translator.query().watch_objects(request).await;
    let first = stream
        .unwrap()
        .into_inner()
        .message()
        .await
        .unwrap()
        .unwrap();
    let object = first.changes[0].object.clone().unwrap();
    assert!(object.r#ref.is_some() && !object.uuid.is_empty() && !object.controller.is_empty());
    assert!(object.body.is_empty() && object.owner.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_cut_off_and_told_how_to_go_on() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    cluster.put(ingress("shop", "other", "other.avi.internal", None));
    translator.settle().await;
    let mut reader = Reader::open(&translator, pools(Side::Desired)).await;
    let mut quick = Reader::open(&translator, pools(Side::Desired)).await;
    reader.complete().await;
    quick.complete().await;
    // Both pools get large: far more than a connection holds (2 MiB).
    for round in 0..20 {
        let address = |it: usize| format!("10.{round}.{}.{}", it / 250, it % 250);
        let addresses: Vec<String> = (0..1_000).map(address).collect();
        let all: Vec<&str> = addresses.iter().map(String::as_str).collect();
        cluster.put(endpoints("shop", "web", &all));
        let is_told = |body: &String| body.contains(&addresses[999]);
        quick.until(|bodies| bodies.values().all(is_told)).await;
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    let why = end(&mut reader.stream).await;
    assert_eq!(why.code(), Code::ResourceExhausted, "{why}");
    assert!(why.message().contains("resume_token"), "{why}");
    let details = why.get_error_details();
    assert!(details.quota_failure().is_some() && details.retry_info().is_some());
    // What it says to do works.
    let resumed = WatchObjectsRequest {
        resume_token: reader.token.clone(),
        ..pools(Side::Desired)
    };
    let mut reader = Reader::open(&translator, resumed).await;
    reader.complete().await;
    assert_eq!((reader.resets, reader.bodies), (0, quick.bodies));
}

/// The next message: time is paused, so that waiting in vain would never end.
async fn next<T>(stream: &mut Streaming<T>) -> Result<Option<T>, Status> {
    let message = tokio::time::timeout(Duration::from_mins(5), stream.message());
    message.await.expect("nothing is told")
}

/// How a watch ends.
async fn end<T>(stream: &mut Streaming<T>) -> Status {
    loop {
        match next(stream).await {
            Ok(Some(_)) => {}
            Ok(None) => return Status::ok(""),
            Err(why) => return why,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn watches_are_counted() {
    let translator = start(&simulator(), Plan::default()).await;
    let mut open = Vec::new();
    let mut clients = [translator.query(), translator.query()];
    for number in 0..256 {
        let watch = clients[number % 2].watch_converged(WatchConvergedRequest::default());
        open.push(watch.await.unwrap());
    }
    let one_more = clients[0].watch_objects(pools(Side::Desired)).await;
    let why = one_more.unwrap_err();
    assert_eq!(why.code(), Code::ResourceExhausted, "{why}");
    open.pop();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(clients[0].watch_objects(pools(Side::Desired)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn convergence_is_told_with_what_it_waits_for() {
    let (simulator, cluster) = (simulator(), shop_cluster());
    let translator = start(&simulator, Plan::default()).await;
    let mut watch = converged(&translator).await;
    let first = next(&mut watch).await.unwrap().unwrap();
    assert!(!first.converged && !first.waits.is_empty(), "{first:?}");
    let mut reasons: Vec<_> = first.waits.iter().map(Wait::reason).collect();
    while !reasons.contains(&WaitReason::Agents) {
        let stand = next(&mut watch).await.unwrap().unwrap();
        reasons.extend(stand.waits.iter().map(Wait::reason));
    }
    let _agent = translator.agent(&cluster, everywhere());
    let mut changes = 0;
    loop {
        let stand = next(&mut watch).await.unwrap().unwrap();
        assert_eq!(stand.converged, stand.waits.is_empty(), "{stand:?}");
        reasons.extend(stand.waits.iter().map(Wait::reason));
        changes += stand.observed_changes;
        let pools = translator.snapshots.borrow().sites[0]
            .built
            .desired
            .objects
            .len();
        if stand.converged && pools > 3 {
            break;
        }
    }
    assert!(reasons.contains(&WaitReason::Operations), "{reasons:?}");
    assert!(changes > 0);
    cluster.put(ingress("shop", "new", "new.avi.internal", None));
    let (mut desired, mut observed) = (Vec::new(), Vec::new());
    loop {
        let stand = next(&mut watch).await.unwrap().unwrap();
        desired.extend(stand.desired_changed);
        observed.extend(stand.observed_changed);
        if stand.converged && !observed.is_empty() {
            break;
        }
    }
    for changed in [desired, observed] {
        assert!(
            changed
                .iter()
                .any(|it| it.name.contains("new.avi.internal")),
            "{changed:?}"
        );
    }
    translator.stop().await;
    assert_eq!(end(&mut watch).await.code(), Code::Unavailable);
}

async fn converged(translator: &Running) -> Streaming<WatchConvergedResponse> {
    let asked = WatchConvergedRequest::default();
    let watch = translator.query().watch_converged(asked).await;
    watch.unwrap().into_inner()
}
