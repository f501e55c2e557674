//! Peers that speak the protocol wrongly (invariant 9): whatever they send, nothing panics, they are
//! told by a status or not heeded, and what other agents hold stays as it is.

use crate::agent::{Agent, Cluster};
use crate::lab::{Plan, Running, named, names, simulator, start};
use crate::objects::{base, endpoints, ingress, service, shop};
use aviary_proto::query::v1::ListFindingsRequest;
use aviary_proto::sync::v1::sync_request::Message;
use aviary_proto::sync::v1::sync_service_client::SyncServiceClient;
use aviary_proto::sync::v1::{
    AgentFindings, AllNamespaces, ClusterScoped, Delta, Heartbeat, HeldLane, Hello, IntentOutcome,
    Lane, LaneState, NamespaceSum, Removal, SecretValue, SnapshotBegin, SnapshotEnd, SyncRequest,
    TokenRenewal, Upsert, delta, lane,
};
use aviary_proto::types::v1::{Coverage, Finding, Kind, ObjectKey};
use aviary_sim::Simulator;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

/// A message, and how far its sequence is from the right one.
type Act = (Message, u64);

/// Namespace of the agent that must not be harmed.
const SHOP: &str = "shop";
/// Namespace that the hostile peers may speak for.
const CAFE: &str = "cafe";

fn kind() -> impl Strategy<Value = Kind> {
    let known = select(vec![
        ("networking.k8s.io", "Ingress"),
        ("networking.k8s.io", "IngressClass"),
        ("discovery.k8s.io", "EndpointSlice"),
        ("", "Service"),
        ("", "Secret"),
        ("", "Namespace"),
        ("", "Node"),
        ("x.example", "Unknown"),
        ("", ""),
    ]);
    known.prop_map(|(group, kind)| Kind {
        group: group.into(),
        kind: kind.into(),
    })
}

fn namespace() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(CAFE.to_owned()),
        2 => Just(SHOP.to_owned()),
        1 => Just(String::new()),
        1 => "\\PC{0,8}",
    ]
}

fn lane() -> impl Strategy<Value = Option<Lane>> {
    let extent = prop_oneof![
        8 => namespace().prop_map(|namespace| Some(lane::Extent::Namespace(namespace))),
        1 => Just(Some(lane::Extent::AllNamespaces(AllNamespaces {}))),
        1 => Just(Some(lane::Extent::ClusterScoped(ClusterScoped {}))),
        1 => Just(None),
    ];
    let lane = (prop::option::weighted(0.95, kind()), extent);
    prop::option::weighted(0.95, lane.prop_map(|(kind, extent)| Lane { kind, extent }))
}

/// Sums that fit an empty lane, and others.
fn sums() -> impl Strategy<Value = Vec<NamespaceSum>> {
    let sum = (
        namespace(),
        select(vec![0, 1, 2, u64::MAX]),
        prop::collection::vec(any::<u8>(), 0..20),
    );
    let sum = sum.prop_map(|(namespace, count, digest)| NamespaceSum {
        namespace,
        count,
        digest,
    });
    prop_oneof![Just(Vec::new()), prop::collection::vec(sum, 1..4)]
}

/// Bodies: none, torn, far too deep or large, of another shape, and good ones.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let torn = |(body, at): (Vec<u8>, prop::sample::Index)| {
        let end = at.index(body.len());
        body.into_iter().take(end).collect()
    };
    prop_oneof![
        4 => good(),
        1 => (good(), any::<prop::sample::Index>()).prop_map(torn),
        1 => prop::collection::vec(any::<u8>(), 0..64),
        1 => Just(b"[".repeat(100_000)),
        1 => Just(b"{\"spec\":{\"rules\":[null,7,{\"host\":{}}]},\"metadata\":[]}".to_vec()),
    ]
}

fn good() -> impl Strategy<Value = Vec<u8>> {
    let made = prop_oneof![
        select(vec![
            "a.cafe.avi.internal",
            "b.cafe.avi.internal",
            "",
            "*",
            "-"
        ])
        .prop_map(|host| ingress(CAFE, "menu", host, None)),
        Just(ingress(CAFE, "menu", "tls.cafe.avi.internal", Some("none"))),
        Just(service(CAFE, "web")),
        Just(endpoints(
            CAFE,
            "web",
            &["10.2.0.1", "", "::", "10.2.0.999"]
        )),
    ];
    made.prop_map(|object| object.to_string().into_bytes())
}

fn change() -> impl Strategy<Value = Option<delta::Change>> {
    let secret = prop::collection::vec(any::<u8>(), 0..32).prop_map(|value| SecretValue {
        path: "data".into(),
        value,
    });
    let upsert = (body(), "[0-9]{0,3}", prop::option::weighted(0.2, secret));
    let upsert = upsert.prop_map(|(object, version, secret)| {
        let upsert = Upsert {
            resource_version: version,
            creation_timestamp: "2026-01-01T00:00:00Z".into(),
            object: object.into(),
            secrets: secret.into_iter().collect(),
        };
        Some(delta::Change::Upsert(upsert))
    });
    prop_oneof![
        6 => upsert,
        3 => Just(Some(delta::Change::Removal(Removal {}))),
        1 => Just(None),
    ]
}

fn delta() -> impl Strategy<Value = Message> {
    let name = select(vec!["web", "web-1", "menu", "shop", "", "a/b"]);
    let key = (kind(), namespace(), name).prop_map(|(kind, namespace, name)| ObjectKey {
        group: kind.group,
        kind: kind.kind,
        namespace,
        name: name.into(),
    });
    let parts = (prop::option::weighted(0.95, key), change(), "\\PC{0,60}");
    parts.prop_map(|(key, change, traceparent)| {
        Message::Delta(Delta {
            key,
            uid: "uid".into(),
            change,
            traceparent,
            ..Delta::default()
        })
    })
}

fn begin() -> impl Strategy<Value = Message> {
    let parts = (lane(), 0..4_u64, select(vec![0, 1, u64::MAX]));
    parts.prop_map(|(lane, snapshot, epoch)| {
        Message::SnapshotBegin(SnapshotBegin {
            lane,
            snapshot,
            epoch,
        })
    })
}

fn end() -> impl Strategy<Value = Message> {
    (lane(), 0..4_u64, sums()).prop_map(|(lane, snapshot, sums)| {
        Message::SnapshotEnd(SnapshotEnd {
            lane,
            snapshot,
            sums,
        })
    })
}

/// What bears no sequence.
fn aside() -> impl Strategy<Value = Message> {
    let state = (lane(), -1..5_i32).prop_map(|(lane, condition)| LaneState {
        lane,
        condition,
        reason: "x".repeat(10_000),
    });
    prop_oneof![
        state.prop_map(Message::LaneState),
        (any::<u64>(), -1..9_i32).prop_map(|(id, result)| {
            Message::IntentOutcome(IntentOutcome {
                id,
                result,
                ..IntentOutcome::default()
            })
        }),
        "\\PC{0,40}".prop_map(|token| Message::TokenRenewal(TokenRenewal { token })),
        (0..3_000_usize).prop_map(|count| {
            let findings = vec![Finding::default(); count];
            Message::AgentFindings(AgentFindings { findings })
        }),
        any::<u32>().prop_map(|pending| Message::Heartbeat(Heartbeat { pending })),
        hello().prop_map(Message::Hello),
    ]
}

/// What is served of the namespace that is not to be harmed.
const SHOWN: [(&str, &str, &str); 3] = [
    ("networking.k8s.io", "Ingress", "shop"),
    ("discovery.k8s.io", "EndpointSlice", "web-1"),
    ("", "Service", "web"),
];

/// Objects of that namespace, written or said to be gone.
fn foreign() -> impl Strategy<Value = Message> {
    (select(SHOWN.to_vec()), change()).prop_map(|((group, kind, name), change)| {
        let key = ObjectKey {
            group: group.into(),
            kind: kind.into(),
            namespace: SHOP.into(),
            name: name.into(),
        };
        Message::Delta(Delta {
            key: Some(key),
            uid: "uid".into(),
            change,
            ..Delta::default()
        })
    })
}

/// Listings that are begun, and perhaps ended, as they should be: they get further than chance does.
fn proper() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(any::<bool>(), SHOWN.len()).prop_map(|whole| {
        let mut acts = Vec::new();
        for ((group, kind, _), whole) in SHOWN.into_iter().zip(whole) {
            let kind = Kind {
                group: group.into(),
                kind: kind.into(),
            };
            let lane = Lane {
                kind: Some(kind),
                extent: Some(lane::Extent::Namespace(CAFE.into())),
            };
            let (lane, snapshot) = (Some(lane), 9);
            let begin = SnapshotBegin {
                lane: lane.clone(),
                snapshot,
                epoch: 1,
            };
            acts.push((Message::SnapshotBegin(begin), 0));
            if whole {
                let end = SnapshotEnd {
                    lane,
                    snapshot,
                    sums: Vec::new(),
                };
                acts.push((Message::SnapshotEnd(end), 0));
            }
        }
        acts
    })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let message =
        prop_oneof![4 => begin(), 10 => delta(), 6 => foreign(), 4 => end(), 2 => aside()];
    let step = prop_oneof![60 => Just(0), 1 => Just(1), 1 => any::<u64>()];
    let acts = prop::collection::vec((message, step), 0..30);
    let proper = prop_oneof![2 => proper(), 1 => Just(Vec::new())];
    (proper, acts).prop_map(|(proper, acts)| [proper, acts].concat())
}

fn hello() -> impl Strategy<Value = Hello> {
    let cover = |namespaces: &[&str]| Some(named(namespaces, false));
    let many = Coverage {
        namespaces: vec!["n".to_owned(); 10_001],
        ..Coverage::default()
    };
    let coverage = prop_oneof![
        12 => select(vec![cover(&[CAFE]), cover(&[CAFE, CAFE, "ghost"])]),
        1 => select(vec![None, cover(&[]), cover(&[""]), Some(many)]),
    ];
    let cluster = prop_oneof![12 => Just("blue"), 1 => select(vec!["", "red", "blue\n"])];
    let version = prop_oneof![12 => Just(1), 1 => any::<u32>()];
    let held = (lane(), sums()).prop_map(|(lane, sums)| HeldLane {
        lane,
        epoch: 1,
        sums,
    });
    let held = prop::collection::vec(held, 0..3);
    (version, cluster, coverage, held).prop_map(|(protocol_version, cluster, coverage, held)| {
        Hello {
            protocol_version,
            cluster: cluster.into(),
            coverage,
            build: "x".repeat(1_000),
            name: String::new(),
            held,
            intent_window: u32::MAX,
        }
    })
}

/// A stream of a hostile peer that is still open.
struct Peer {
    out: mpsc::Sender<SyncRequest>,
    said: Streaming<aviary_proto::sync::v1::SyncResponse>,
}

/// Says all that, and takes what is answered between; the peer, if it was not thrown out.
async fn attack(translator: &Running, hello: Hello, acts: Vec<Act>) -> Option<Peer> {
    let (out, requests) = mpsc::channel(1);
    let mut client = SyncServiceClient::new(translator.channel());
    let first = SyncRequest {
        sequence: 0,
        message: Some(Message::Hello(hello)),
    };
    out.send(first).await.unwrap();
    let said = match client.sync(ReceiverStream::new(requests)).await {
        Ok(said) => said.into_inner(),
        Err(status) => return refused(&status),
    };
    let mut peer = Peer { out, said };
    let mut sequence = 0;
    for (message, off) in acts {
        let counts = matches!(
            message,
            Message::SnapshotBegin(_) | Message::Delta(_) | Message::SnapshotEnd(_)
        );
        sequence += u64::from(counts);
        let request = SyncRequest {
            sequence: if counts {
                off.wrapping_add(sequence)
            } else {
                0
            },
            message: Some(message),
        };
        let _cut = peer.out.send(request).await;
        // Nothing may come in answer to much of this; time stands still until all is looked at.
        let answers = tokio::time::sleep(Duration::from_millis(1));
        tokio::pin!(answers);
        loop {
            tokio::select! {
                biased;
                answer = peer.said.next() => match answer {
                    Some(Ok(_)) => {}
                    Some(Err(status)) => return refused(&status),
                    None => return None,
                },
                () = &mut answers => break,
            }
        }
    }
    Some(peer)
}

/// A status that says what the peer did, and not that we failed.
fn refused(status: &Status) -> Option<Peer> {
    let code = status.code();
    assert!(
        !matches!(code, Code::Internal | Code::Unknown | Code::Ok) && !status.message().is_empty(),
        "{status}"
    );
    None
}

fn cluster() -> Cluster {
    let cluster = Cluster::default();
    for object in base(&[SHOP, CAFE])
        .into_iter()
        .chain(shop(SHOP, "shop.avi.internal"))
        .chain(shop(CAFE, "cafe.avi.internal"))
    {
        cluster.put(object);
    }
    cluster
}

/// What stands on the Controller for hosts.
fn standing(simulator: &Simulator) -> Vec<String> {
    let mut all = names(simulator, "pool");
    all.extend(names(simulator, "poolgroup"));
    all.extend(names(simulator, "sslkeyandcertificate"));
    all.sort_unstable();
    all
}

/// Pools of the host that no hostile peer speaks for.
fn shop_pools(simulator: &Simulator) -> Vec<serde_json::Value> {
    let dump = simulator.dump();
    let mut pools = dump["pool"].as_array().cloned().unwrap_or_default();
    pools.retain(|pool| pool["name"].to_string().contains("shop.avi.internal"));
    pools
}

/// What stands where nobody is hostile.
fn undisturbed() -> &'static [String] {
    static STANDING: OnceLock<Vec<String>> = OnceLock::new();
    STANDING.get_or_init(|| {
        let runs = async {
            let (simulator, cluster) = (simulator(), cluster());
            let translator = start(&simulator, Plan::default()).await;
            let _both = translator.agent(&cluster, named(&[SHOP, CAFE], true));
            cluster.put(ingress(SHOP, "late", "late.avi.internal", None));
            translator.settle().await;
            standing(&simulator)
        };
        std::thread::scope(|scope| scope.spawn(|| on_paused_time(runs)).join().unwrap())
    })
}

fn on_paused_time<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(future)
}

async fn no_fault_of_ours(translator: &Running) {
    let request = ListFindingsRequest {
        code: "AVY-1701".into(),
        ..ListFindingsRequest::default()
    };
    let found = translator.query().list_findings(request).await.unwrap();
    assert_eq!(found.into_inner().findings, []);
}

async fn play(attacks: Vec<(Hello, Vec<Act>)>) {
    let (simulator, cluster) = (simulator(), cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _honest = translator.agent(&cluster, named(&[SHOP], true));
    cluster.put(ingress(SHOP, "now", "now.avi.internal", None));
    translator.settle().await;
    let before = shop_pools(&simulator);
    assert_eq!(before.len(), 1);
    let mut peers = Vec::new();
    for (hello, acts) in attacks {
        peers.extend(attack(&translator, hello, acts).await);
    }

    // Whom it was not about: all stands, and goes on.
    let version = cluster.put(ingress(SHOP, "late", "late.avi.internal", None));
    translator.shows((SHOP, "late"), &version).await;
    cluster.delete(&ingress(SHOP, "now", "now.avi.internal", None));
    assert_eq!(shop_pools(&simulator), before);

    // Whoever speaks rightly for the namespace is heeded, and nothing is left of what was said.
    drop(peers);
    let _rightly: Agent = translator.agent(&cluster, named(&[CAFE], false));
    translator.settle().await;
    assert_eq!(standing(&simulator), undisturbed());
    assert_eq!(shop_pools(&simulator), before);
    no_fault_of_ours(&translator).await;
    translator.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn whatever_a_peer_sends_harms_nobody_else(
        attacks in prop::collection::vec((hello(), acts()), 1..4),
    ) {
        on_paused_time(play(attacks));
    }
}
