//! Who claims what, who has it, and who does not.

use crate::agent::{Agent, Cluster, identity};
use crate::lab::{Plan, Running, SETTINGS, everywhere, simulator, start};
use crate::objects::{base, ingress, secret, shop};
use aviary_link::agent::Identity;
use aviary_proto::query::v1::{
    Claim, ClaimKind, ClaimState, ListClaimsRequest, SourceObject, WatchClaimsRequest,
    WatchClaimsResponse,
};
use aviary_proto::sync::v1::intent;
use prost_types::FieldMask;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tonic::Streaming;

const HOST: &str = "shop.avi.internal";

async fn claims(translator: &Running, asked: ListClaimsRequest) -> Vec<Claim> {
    let answer = translator.query().list_claims(asked).await;
    answer.unwrap().into_inner().claims
}

fn name(source: Option<&SourceObject>) -> String {
    source.unwrap().key.as_ref().unwrap().name.clone()
}

fn cluster() -> Cluster {
    let cluster = Cluster::default();
    for object in base(&["shop"]).into_iter().chain(shop("shop", HOST)) {
        cluster.put(object);
    }
    cluster
}

/// Two instances of cluster blue that take the same namespace, and cluster green, whose agent is
/// answered, too. All of them serve one host.
pub(crate) async fn fleet() -> (Running, [Agent; 2]) {
    let settings = format!(
        "{SETTINGS}
instances:
- namespace: second
  values: {{AKOSettings: {{namespaceSelector: {{labelKey: instance, labelValue: blue}}}}}}
clusters:
- name: green
  issuer: https://green
  jwks: /none
"
    );
    let (blue, green) = (cluster(), cluster());
    let labels = json!({"instance": "blue"});
    blue.put(json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "shop", "labels": labels}}));
    blue.put(ingress("shop", "two", HOST, None));
    let plan = Plan {
        settings,
        ..Plan::default()
    };
    let translator = start(&simulator(), plan).await;
    let who = Identity {
        cluster: "green".into(),
        ..identity(everywhere())
    };
    let agents = [
        translator.agent(&blue, everywhere()),
        Agent::with_token(green, who, translator.channel(), None),
    ];
    tokio::time::sleep(Duration::from_mins(1)).await;
    translator.settle().await;
    (translator, agents)
}

#[tokio::test(start_paused = true)]
async fn a_host_is_held_by_one_instance_and_lost_by_the_other() {
    let (translator, _agents) = fleet().await;
    let blue = ListClaimsRequest {
        cluster: "blue".into(),
        ..ListClaimsRequest::default()
    };
    let all = claims(&translator, blue).await;
    let [one, other] = &all[..] else {
        panic!("{all:?}")
    };
    let is_held = one.state() == ClaimState::Held;
    let (held, lost) = if is_held { (one, other) } else { (other, one) };
    assert_eq!(
        (held.state(), lost.state()),
        (ClaimState::Held, ClaimState::Lost)
    );
    assert_eq!((&lost.winner, &held.winner), (&held.source, &None));
    let names: Vec<String> = held.sources.iter().map(|it| name(Some(it))).collect();
    assert_eq!(names, ["shop", "two"]);
    assert_eq!((held.host.as_str(), held.tenant.as_str()), (HOST, "admin"));
    assert!(held.created.is_some() && held.object.is_none());
    let only_lost = ListClaimsRequest {
        state: ClaimState::Lost.into(),
        read_mask: Some(FieldMask {
            paths: vec!["host".into()],
        }),
        ..ListClaimsRequest::default()
    };
    let only_lost = claims(&translator, only_lost).await;
    let [lost] = &only_lost[..] else {
        panic!("{only_lost:?}")
    };
    assert!(lost.host == HOST && lost.source.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_same_host_of_another_cluster_is_an_overlap() {
    let (translator, _agents) = fleet().await;
    let contested = ListClaimsRequest {
        contested_only: true,
        ..ListClaimsRequest::default()
    };
    let green = ListClaimsRequest {
        cluster: "green".into(),
        ..contested.clone()
    };
    let green = claims(&translator, green).await;
    let [claim] = &green[..] else {
        panic!("{green:?}")
    };
    assert_eq!((claim.state(), claim.overlap), (ClaimState::Held, true));
    let [other] = &claim.elsewhere[..] else {
        panic!("{claim:?}")
    };
    assert_eq!(name(other.source.as_ref()), "shop");
    let domain = other.domain.as_ref().unwrap();
    assert_eq!(
        (domain.cluster.as_str(), other.tenant.as_str()),
        ("blue", "admin")
    );
    assert_eq!(claims(&translator, contested).await.len(), 3);
    let names = ListClaimsRequest {
        kind: ClaimKind::Name.into(),
        name: HOST.into(),
        ..ListClaimsRequest::default()
    };
    let names = claims(&translator, names).await;
    let is_pool = |it: &Claim| it.object.as_ref().is_some_and(|it| it.r#type == "pool");
    assert!(names.iter().any(is_pool), "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn a_host_whose_secret_was_not_heard_waits() {
    let (simulator, cluster) = (simulator(), cluster());
    cluster.put(secret("shop", "pay", "pay.avi.internal"));
    cluster.put(ingress("shop", "pay", "pay.avi.internal", Some("pay")));
    cluster.set_deaf(true);
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    tokio::time::sleep(Duration::from_mins(1)).await;
    let waiting = ListClaimsRequest {
        state: ClaimState::Waiting.into(),
        ..ListClaimsRequest::default()
    };
    let waiting = claims(&translator, waiting).await;
    let [claim] = &waiting[..] else {
        panic!("{waiting:?}")
    };
    assert_eq!(claim.host, "pay.avi.internal");
    assert_eq!(name(claim.awaited.as_ref()), "pay");
}

/// Two clusters on one Controller, of which one alone may have a host.
async fn rivals() -> (Running, [Cluster; 2], [Agent; 2]) {
    let settings = format!(
        "{SETTINGS}
AviarySettings: {{crossClusterHosts: exclusive}}
clusters:
- name: green
  issuer: https://green
  jwks: /none
"
    );
    let plan = Plan {
        settings,
        ..Plan::default()
    };
    let translator = start(&simulator(), plan).await;
    let (blue, green) = (cluster(), cluster());
    let mut younger = ingress("shop", "shop", HOST, None);
    younger["metadata"]["creationTimestamp"] = json!("2026-02-02T00:00:00Z");
    green.put(younger);
    let who = Identity {
        cluster: "green".into(),
        ..identity(everywhere())
    };
    let agents = [
        translator.agent(&blue, everywhere()),
        Agent::with_token(green.clone(), who, translator.channel(), None),
    ];
    tokio::time::sleep(Duration::from_mins(1)).await;
    translator.settle().await;
    (translator, [blue, green], agents)
}

/// Who claims the host now, as a watch has told it: clusters with what became of their claims.
struct Told {
    stream: Streaming<WatchClaimsResponse>,
    now: BTreeMap<String, Vec<Claim>>,
    token: String,
}

impl Told {
    async fn open(translator: &Running, resume_token: &str) -> Self {
        let asked = WatchClaimsRequest {
            resume_token: resume_token.to_owned(),
            ..WatchClaimsRequest::default()
        };
        let stream = translator.query().watch_claims(asked).await.unwrap();
        Self {
            stream: stream.into_inner(),
            now: BTreeMap::new(),
            token: String::new(),
        }
    }

    /// Reads until it is so.
    async fn until(&mut self, is_so: impl Fn(&str) -> bool) {
        while !is_so(&self.state()) || self.token.is_empty() {
            let next = tokio::time::timeout(Duration::from_mins(5), self.stream.message());
            let next = next
                .await
                .unwrap_or_else(|_| panic!("nothing new: {}", self.state()));
            let message = next.unwrap().unwrap();
            if message.reset {
                self.now.clear();
            }
            for change in message.changes {
                let cluster = change.domain.unwrap().cluster;
                self.now.insert(cluster, change.claims);
            }
            self.token = message.resume_token;
        }
    }

    /// `blue HELD, green LOST frozen`.
    fn state(&self) -> String {
        let claims = self.now.iter().flat_map(|(cluster, claims)| {
            claims.iter().map(move |claim| {
                let state = claim.state().as_str_name().replace("CLAIM_STATE_", "");
                let frozen = claim.frozen_since.map_or("", |_| " frozen");
                format!("{cluster} {state}{frozen}")
            })
        });
        claims.collect::<Vec<_>>().join(", ")
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_who_takes_over_and_who_is_not_heard() {
    let (translator, [blue, green], [blue_agent, _green_agent]) = rivals().await;
    let mut told = Told::open(&translator, "").await;
    told.until(|now| now == "blue HELD, green LOST").await;
    assert!(told.now["green"][0].winner.is_some());
    // The loser is told at its object: an Event, and an annotation with the winner's name.
    let loser = green.get(&ingress("shop", "shop", HOST, None));
    let note = &loser["metadata"]["annotations"]["aviary.dev/findings"];
    assert!(
        note.as_str().unwrap().contains("of cluster blue"),
        "{loser}"
    );
    let events = green
        .intents()
        .into_iter()
        .filter_map(|intent| intent.write);
    let mut events = events.filter_map(|write| match write {
        intent::Write::Event(event) => Some(event.reason),
        _ => None,
    });
    assert!(events.any(|reason| reason == "AVY-1201"));
    // Nobody tells of the owner any more: it stays.
    blue_agent.stop().await;
    told.until(|now| now == "blue HELD frozen, green LOST")
        .await;
    let agent = translator.agent(&blue, everywhere());
    told.until(|now| now == "blue HELD, green LOST").await;
    drop(agent);
    let token = told.token.clone();
    let _agent = translator.agent(&blue, everywhere());
    blue.delete(&ingress("shop", "shop", HOST, None));
    told.until(|now| now == "green HELD").await;
    // A later watch goes on where the first one was.
    let mut later = Told::open(&translator, &token).await;
    later.until(|now| now == "green HELD").await;
    assert!(later.now["blue"].is_empty());
    translator.settle().await;
    let winner = green.get(&ingress("shop", "shop", HOST, None));
    assert!(winner["metadata"]["annotations"]["aviary.dev/findings"].is_null());
    assert_eq!(
        winner["status"]["loadBalancer"]["ingress"][0]["hostname"],
        HOST
    );
}
