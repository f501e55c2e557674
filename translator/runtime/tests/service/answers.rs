//! What questions are answered: differences, the plan with its reasons, masks, pages.

use crate::agent::Cluster;
use crate::lab::{Plan, Running, everywhere, named, simulator, start};
use crate::objects::{base, endpoints, ingress, shop};
use aviary_proto::admin::v1 as orders;
use aviary_proto::query::v1::{self as query, OperationCause, OperationState, Side};
use aviary_proto::types::v1::Domain;
use prost_types::FieldMask;
use std::time::Duration;
use tonic::Code;
use tonic_types::StatusExt;

fn mask(paths: &[&str]) -> FieldMask {
    FieldMask {
        paths: paths.iter().map(ToString::to_string).collect(),
    }
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
        read_mask: Some(mask(&["differences.path", "observed.uuid"])),
        ..asked
    };
    let masked = client.get_object(asked).await.unwrap().into_inner();
    assert_eq!(masked.differences[0].path, "servers");
    assert!(masked.differences[0].desired.is_empty() && masked.desired.is_none());
    let observed = masked.observed.unwrap();
    assert_eq!((observed.uuid, observed.body.as_str()), (pool.uuid, ""));
}

/// Every operation, by pages of one.
async fn operations(translator: &Running) -> Vec<query::Operation> {
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
            return operations;
        }
        asked.page_token = page.next_page_token;
    }
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
    let operations = operations(&translator).await;
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
        read_mask: Some(mask(&["host"])),
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
    assert_eq!(why.code(), Code::InvalidArgument);
    let details = why.get_error_details();
    let violation = &details.bad_request().unwrap().field_violations[0];
    assert_eq!(violation.field, "page_token");
}
