//! What questions are answered: differences, the plan with its reasons, claims, masks, pages.

use crate::agent::{Agent, Cluster, identity};
use crate::lab::{Plan, Running, SETTINGS, everywhere, named, simulator, start};
use crate::objects::{base, endpoints, ingress, secret, shop};
use aviary_link::agent::Identity;
use aviary_proto::admin::v1 as orders;
use aviary_proto::query::v1::{self as query, ClaimState, OperationCause, OperationState, Side};
use aviary_proto::types::v1::Domain;
use prost_types::FieldMask;
use serde_json::{Value, json};
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::StatusExt;

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask {
        paths: paths.iter().map(ToString::to_string).collect(),
    })
}

fn cluster(namespaces: &[&str]) -> Cluster {
    let cluster = Cluster::default();
    for object in base(namespaces) {
        cluster.put(object);
    }
    for namespace in namespaces {
        for object in shop(namespace, &format!("{namespace}.avi.internal")) {
            cluster.put(object);
        }
    }
    cluster
}

/// Everything of a kind, by pages of two.
async fn pools(translator: &Running, side: Side) -> Vec<query::AviObject> {
    let mut asked = query::ListObjectsRequest {
        side: side.into(),
        r#type: "pool".into(),
        page_size: 2,
        ..Default::default()
    };
    let mut all = Vec::new();
    loop {
        let page = translator.query().list_objects(asked.clone()).await;
        let page = page.unwrap().into_inner();
        all.extend(page.objects);
        if page.next_page_token.is_empty() {
            return all;
        }
        asked.page_token = page.next_page_token;
    }
}

#[tokio::test(start_paused = true)]
async fn a_difference_is_told_by_its_fields_and_a_hold_by_its_reason() {
    let (simulator, cluster) = (simulator(), cluster(&["shop"]));
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let pool = pools(&translator, Side::Observed).await.remove(0);
    let asked = query::GetObjectRequest {
        r#ref: pool.r#ref.clone(),
        controller: pool.controller.clone(),
        read_mask: None,
    };
    let mut client = translator.query();
    let before = client.get_object(asked.clone()).await.unwrap().into_inner();
    assert!(before.same && before.differences.is_empty());
    let target = orders::pause_target::Target::Domain(Domain {
        cluster: "blue".into(),
        instance: String::new(),
    });
    let pause = orders::PauseRequest {
        target: Some(orders::PauseTarget {
            target: Some(target),
        }),
        ..Default::default()
    };
    translator.admin().pause(pause).await.unwrap();
    cluster.put(endpoints("shop", "web", &["10.1.0.9"]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    translator.settle().await;
    let after = client.get_object(asked.clone()).await.unwrap().into_inner();
    let [difference] = &after.differences[..] else {
        panic!("{:?}", after.differences)
    };
    assert_eq!((after.same, difference.path.as_str()), (false, "servers"));
    assert!(difference.desired.contains("10.1.0.9"), "{difference:?}");
    assert!(difference.observed.contains("10.1.0.2"), "{difference:?}");
    let plan = query::GetPlanRequest {
        r#type: "pool".into(),
        ..Default::default()
    };
    let plan = client.get_plan(plan).await.unwrap().into_inner();
    let [hold] = &plan.holds[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(hold.kind(), query::OperationKind::Update);
    assert_eq!(
        (&hold.r#ref, &hold.controller),
        (&pool.r#ref, &pool.controller)
    );
    assert!(hold.reason.contains("paused") && hold.scopes.is_empty());
    // A mask of the answer as a whole.
    let asked = query::GetObjectRequest {
        read_mask: mask(&["differences.path", "observed.uuid"]),
        ..asked
    };
    let masked = client.get_object(asked).await.unwrap().into_inner();
    assert_eq!(masked.differences[0].path, "servers");
    assert!(masked.differences[0].desired.is_empty() && masked.desired.is_none());
    let observed = masked.observed.unwrap();
    assert_eq!((observed.uuid, observed.body.as_str()), (pool.uuid, ""));
}

#[tokio::test(start_paused = true)]
async fn the_plan_says_why_each_operation_is_there() {
    let (simulator, cluster) = (simulator(), cluster(&["shop", "pay"]));
    let translator = start(&simulator, Plan::default()).await;
    let agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    agent.stop().await;
    translator.stop().await;
    cluster.put(endpoints("shop", "web", &["10.1.0.9"]));
    cluster.put(ingress("shop", "new", "new.avi.internal", None));
    cluster.delete(&ingress("pay", "shop", "", None));
    let observing = Plan {
        observe_only: true,
        later: Duration::from_hours(1),
        ..Plan::default()
    };
    let translator = start(&simulator, observing).await;
    let _agent = translator.agent(&cluster, everywhere());
    tokio::time::sleep(Duration::from_mins(1)).await;
    translator.settle().await;
    let mut asked = query::GetPlanRequest {
        page_size: 1,
        ..Default::default()
    };
    let mut operations = Vec::new();
    loop {
        let page = translator.query().get_plan(asked.clone()).await;
        let page = page.unwrap().into_inner();
        assert!(page.operations.len() + page.holds.len() <= 1);
        operations.extend(page.operations);
        if page.next_page_token.is_empty() {
            break;
        }
        asked.page_token = page.next_page_token;
    }
    let of = |cause: OperationCause| {
        let ours = operations.iter().filter(|op| op.cause() == cause);
        let ours = ours.filter(|op| op.r#ref.as_ref().unwrap().r#type == "pool");
        ours.collect::<Vec<_>>()
    };
    let [missing] = of(OperationCause::Missing)[..] else {
        panic!("{operations:?}")
    };
    assert!(
        missing
            .sources
            .iter()
            .any(|it| it.key.as_ref().unwrap().name == "new")
    );
    let [differs] = of(OperationCause::Differs)[..] else {
        panic!("{operations:?}")
    };
    assert_eq!(differs.fields, ["servers"]);
    let [unwanted] = of(OperationCause::NotWanted)[..] else {
        panic!("{operations:?}")
    };
    assert!(
        unwanted
            .r#ref
            .as_ref()
            .unwrap()
            .name
            .contains("pay.avi.internal")
    );
    // The group loses its member first.
    assert!(
        unwanted.after.iter().any(|it| it.r#type == "poolgroup"),
        "{unwanted:?}"
    );
    assert!(
        operations
            .iter()
            .all(|op| op.state() == OperationState::Planned)
    );
    assert!(operations.iter().all(|op| op.controller == "controller"));
}

#[tokio::test(start_paused = true)]
async fn a_hold_names_the_scopes_that_are_not_heard() {
    let (simulator, cluster) = (simulator(), cluster(&["shop", "pay"]));
    let translator = start(&simulator, Plan::default()).await;
    let agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    agent.stop().await;
    translator.stop().await;
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, named(&["shop"], true));
    tokio::time::sleep(Duration::from_mins(1)).await;
    translator.settle().await;
    let plan = query::GetPlanRequest {
        r#type: "pool".into(),
        name: "pay.avi.internal".into(),
        ..Default::default()
    };
    let plan = translator
        .query()
        .get_plan(plan)
        .await
        .unwrap()
        .into_inner();
    let [hold] = &plan.holds[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(hold.kind(), query::OperationKind::Delete);
    let scopes: Vec<&str> = hold.scopes.iter().map(|it| it.namespace.as_str()).collect();
    assert_eq!(scopes, ["pay"]);
}

async fn claims(translator: &Running, asked: query::ListClaimsRequest) -> Vec<query::Claim> {
    let answer = translator.query().list_claims(asked).await;
    answer.unwrap().into_inner().claims
}

fn labelled(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"instance": "blue"}}})
}

#[tokio::test(start_paused = true)]
async fn claims_tell_who_has_a_host_and_who_does_not() {
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
    let (simulator, cluster, green) = (simulator(), cluster(&["shop"]), cluster(&["shop"]));
    cluster.put(labelled("shop"));
    let plan = Plan {
        settings,
        ..Plan::default()
    };
    let translator = start(&simulator, plan).await;
    let _blue = translator.agent(&cluster, everywhere());
    let who = Identity {
        cluster: "green".into(),
        ..identity(everywhere())
    };
    let _green = Agent::with_token(green, who, translator.channel(), None);
    cluster.put(ingress("shop", "two", "shop.avi.internal", None));
    cluster.put(ingress(
        "shop",
        "calm",
        "calm.avi.internal",
        Some("unheard"),
    ));
    tokio::time::sleep(Duration::from_mins(1)).await;
    translator.settle().await;
    let all = claims(&translator, query::ListClaimsRequest::default()).await;
    let of = |host: &str, cluster: &str| {
        let ours = all.iter().filter(|it| it.host == host);
        let ours = ours.filter(|it| it.domain.as_ref().unwrap().cluster == cluster);
        ours.collect::<Vec<_>>()
    };
    let [one, other] = of("shop.avi.internal", "blue")[..] else {
        panic!("{all:?}")
    };
    let (held, lost) = if one.state() == ClaimState::Held {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!(
        (held.state(), lost.state()),
        (ClaimState::Held, ClaimState::Lost)
    );
    assert_eq!(lost.winner, held.source);
    let names = held
        .sources
        .iter()
        .map(|it| it.key.as_ref().unwrap().name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["shop", "two"]);
    assert!(held.created.is_some() && held.tenant == "admin");
    let [foreign] = of("shop.avi.internal", "green")[..] else {
        panic!("{all:?}")
    };
    assert_eq!((foreign.state(), foreign.overlap), (ClaimState::Held, true));
    assert!(held.overlap && held.object.is_none());
    let contested = query::ListClaimsRequest {
        contested_only: true,
        cluster: "green".into(),
        ..Default::default()
    };
    let contested = claims(&translator, contested).await;
    assert_eq!(contested.len(), 1, "{contested:?}");
    let lost = query::ListClaimsRequest {
        state: ClaimState::Lost.into(),
        read_mask: mask(&["host"]),
        ..Default::default()
    };
    let lost = claims(&translator, lost).await;
    assert!(
        lost.iter()
            .any(|it| it.host == "shop.avi.internal" && it.source.is_none())
    );
    let names = query::ListClaimsRequest {
        kind: query::ClaimKind::Name.into(),
        name: "shop.avi.internal".into(),
        ..Default::default()
    };
    let names = claims(&translator, names).await;
    assert!(
        names
            .iter()
            .any(|it| it.object.as_ref().unwrap().r#type == "pool"),
        "{names:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_whose_secret_was_not_heard_waits() {
    let (simulator, cluster) = (simulator(), cluster(&["shop"]));
    cluster.put(secret("shop", "pay", "pay.avi.internal"));
    cluster.put(ingress("shop", "pay", "pay.avi.internal", Some("pay")));
    cluster.set_deaf(true);
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    tokio::time::sleep(Duration::from_mins(1)).await;
    let waiting = query::ListClaimsRequest {
        state: ClaimState::Waiting.into(),
        ..Default::default()
    };
    let waiting = claims(&translator, waiting).await;
    let [claim] = &waiting[..] else {
        panic!("{waiting:?}")
    };
    assert_eq!(claim.host, "pay.avi.internal");
    assert_eq!(
        claim.awaited.as_ref().unwrap().key.as_ref().unwrap().kind,
        "Secret"
    );
}

#[tokio::test(start_paused = true)]
async fn pages_stay_right_while_objects_come_and_go() {
    let (simulator, cluster) = (simulator(), cluster(&["shop", "pay"]));
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    for host in ["b", "d", "f", "h"] {
        cluster.put(ingress("shop", host, &format!("{host}.avi.internal"), None));
    }
    translator.settle().await;
    let asked = query::GetShardMapRequest {
        page_size: 3,
        read_mask: mask(&["host"]),
        ..Default::default()
    };
    let mut client = translator.query();
    let first = client
        .get_shard_map(asked.clone())
        .await
        .unwrap()
        .into_inner();
    let hosts = |page: &query::GetShardMapResponse| {
        let hosts = page
            .entries
            .iter()
            .map(|it| it.host.replace(".avi.internal", ""));
        hosts.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(hosts(&first), "b d f");
    assert!(first.entries.iter().all(|it| it.domain.is_none()));
    cluster.delete(&ingress("shop", "b", "", None));
    cluster.put(ingress("shop", "a", "a.avi.internal", None));
    let version = cluster.put(ingress("shop", "g", "g.avi.internal", None));
    translator.shows(("shop", "g"), &version).await;
    let next = query::GetShardMapRequest {
        page_token: first.next_page_token,
        page_size: 10,
        ..asked
    };
    let second = client
        .get_shard_map(next.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(hosts(&second), "g h pay shop");
    let other = query::GetShardMapRequest {
        host: "avi".into(),
        ..next
    };
    let why = client.get_shard_map(other).await.unwrap_err();
    assert_eq!(field_of(&why), "page_token");
}

/// The field that a refusal names.
fn field_of(why: &Status) -> String {
    assert_eq!(why.code(), Code::InvalidArgument, "{why}");
    let details = why.get_error_details();
    let fields = &details.bad_request().unwrap().field_violations;
    let fields: Vec<&str> = fields.iter().map(|it| it.field.as_str()).collect();
    fields.join(" ")
}

#[tokio::test(start_paused = true)]
async fn every_wrong_question_names_its_fields() {
    let translator = start(&simulator(), Plan::default()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut client = translator.query();
    macro_rules! refused {
        ($call:ident, $request:ident { $($field:ident: $value:expr),* }, $fields:expr) => {
            let asked = query::$request { $($field: $value,)* ..Default::default() };
            let why = client.$call(asked).await.err().unwrap();
            assert_eq!(field_of(&why), $fields, stringify!($call));
        };
    }
    let unknown = || mask(&["no_such_field"]);
    refused!(list_objects, ListObjectsRequest { side: 9 }, "side");
    refused!(
        list_objects,
        ListObjectsRequest {
            read_mask: unknown()
        },
        "read_mask"
    );
    refused!(
        get_object,
        GetObjectRequest {
            read_mask: unknown()
        },
        "read_mask"
    );
    refused!(
        get_object,
        GetObjectRequest {
            r#ref: Some(Default::default())
        },
        "ref.type ref.name"
    );
    refused!(
        get_shard_map,
        GetShardMapRequest { page_size: 10_001 },
        "page_size"
    );
    refused!(
        get_shard_map,
        GetShardMapRequest {
            read_mask: unknown()
        },
        "read_mask"
    );
    refused!(list_claims, ListClaimsRequest { kind: 9 }, "kind");
    refused!(list_claims, ListClaimsRequest { state: -1 }, "state");
    refused!(
        list_claims,
        ListClaimsRequest {
            page_token: "x".into()
        },
        "page_token"
    );
    refused!(
        list_agents,
        ListAgentsRequest { page_size: 1_001 },
        "page_size"
    );
    refused!(
        list_scopes,
        ListScopesRequest {
            read_mask: unknown()
        },
        "read_mask"
    );
    refused!(
        list_findings,
        ListFindingsRequest { at_least: 9 },
        "at_least"
    );
    refused!(get_plan, GetPlanRequest { r#type: "x".into() }, "type");
    refused!(
        get_plan,
        GetPlanRequest {
            read_mask: unknown()
        },
        "read_mask"
    );
    refused!(wait_converged, WaitConvergedRequest {}, "what");
    let object = |it| Some(query::wait_converged_request::What::Object(it));
    let nameless = query::ObjectVersion {
        key: Some(Default::default()),
        ..Default::default()
    };
    let fields = "object.cluster object.key.name object.key.kind";
    refused!(
        wait_converged,
        WaitConvergedRequest {
            what: object(nameless)
        },
        fields
    );
    refused!(
        watch_objects,
        WatchObjectsRequest { r#type: "x".into() },
        "type"
    );
    refused!(
        watch_objects,
        WatchObjectsRequest {
            resume_token: "x".into()
        },
        "resume_token"
    );
    refused!(
        watch_converged,
        WatchConvergedRequest {
            read_mask: unknown()
        },
        "read_mask"
    );
    let elsewhere = query::GetObjectRequest {
        r#ref: Some(aviary_proto::types::v1::AviObjectRef {
            r#type: "pool".into(),
            tenant: "admin".into(),
            name: "p".into(),
        }),
        controller: "elsewhere".into(),
        read_mask: None,
    };
    let why = client.get_object(elsewhere).await.unwrap_err();
    assert_eq!(why.code(), Code::NotFound);
    let missing = why.get_error_details();
    assert_eq!(missing.resource_info().unwrap().resource_name, "elsewhere");
    let unknown = query::ObjectVersion {
        cluster: "red".into(),
        key: Some(aviary_proto::types::v1::ObjectKey {
            kind: "Secret".into(),
            namespace: "shop".into(),
            name: "pay".into(),
            ..Default::default()
        }),
        resource_version: String::new(),
    };
    let asked = query::WaitConvergedRequest {
        what: object(unknown),
    };
    let why = client.wait_converged(asked).await.unwrap_err();
    assert_eq!(why.code(), Code::NotFound);
    let missing = why.get_error_details();
    assert_eq!(missing.resource_info().unwrap().resource_type, "cluster");
}
