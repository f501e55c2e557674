//! Questions and orders.

use crate::agent::Cluster;
use crate::lab::{Plan, SETTINGS, everywhere, named, names, simulator, start};
use crate::objects::{base, ingress, secret, shop};
use aviary_proto::admin::v1 as orders;
use aviary_proto::query::v1::{self as query, Side};
use aviary_proto::types::v1::{AviObjectRef, Domain, Scope};
use std::time::Duration;
use tonic::Code;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::{ServerReflectionRequest, server_reflection_request};
use tonic_types::StatusExt;

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

#[tokio::test(start_paused = true)]
async fn both_sides_of_every_object_are_shown_without_keys() {
    let (simulator, cluster) = (simulator(), cluster(&["shop"]));
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    cluster.put(secret("shop", "pay", "pay.avi.internal"));
    cluster.put(ingress("shop", "pay", "pay.avi.internal", Some("pay")));
    tokio::time::sleep(Duration::from_secs(1)).await;
    translator.settle().await;
    let mut client = translator.query();
    let mut seen = Vec::new();
    for side in [Side::Desired, Side::Observed] {
        let mut token = String::new();
        let mut objects = Vec::new();
        loop {
            let request = query::ListObjectsRequest {
                side: side.into(),
                with_body: true,
                page_size: 2,
                page_token: token,
                ..query::ListObjectsRequest::default()
            };
            let page = client.list_objects(request).await.unwrap().into_inner();
            assert!(page.objects.len() <= 2);
            objects.extend(page.objects);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert!(objects.iter().all(|it| !it.body.contains("PRIVATE KEY")));
        let named = objects.iter().map(|it| it.r#ref.clone().unwrap());
        seen.push(named.filter(|it| it.r#type == "pool").collect::<Vec<_>>());
    }
    assert_eq!(seen[0], seen[1]);
    let asked = query::GetObjectRequest {
        r#ref: seen[0].first().cloned(),
        ..query::GetObjectRequest::default()
    };
    let both = client.get_object(asked).await.unwrap().into_inner();
    let (desired, observed) = (both.desired.unwrap(), both.observed.unwrap());
    assert!(desired.uuid.is_empty() && !desired.sources.is_empty());
    assert!(!observed.uuid.is_empty());
    assert_eq!(
        desired.owner,
        Some(Domain {
            cluster: "blue".into(),
            instance: String::new()
        })
    );
    let asked = query::ListObjectsRequest {
        r#type: "sslkeyandcertificate".into(),
        with_body: true,
        ..query::ListObjectsRequest::default()
    };
    let certificates = client
        .list_objects(asked)
        .await
        .unwrap()
        .into_inner()
        .objects;
    assert!(
        certificates[0].body.contains("<sensitive>"),
        "{}",
        certificates[0].body
    );
}

#[tokio::test(start_paused = true)]
async fn agents_scopes_shards_and_findings_are_listed() {
    let (simulator, cluster) = (simulator(), cluster(&["shop", "pay"]));
    let translator = start(&simulator, Plan::default()).await;
    let _wide = translator.agent(&cluster, named(&[], true));
    let agent = translator.agent(&cluster, named(&["shop", "pay"], false));
    cluster.put(ingress("pay", "lost", "lost.avi.internal", Some("none")));
    translator.settle().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut client = translator.query();
    let agents = client
        .list_agents(query::ListAgentsRequest::default())
        .await
        .unwrap();
    let agents = agents.into_inner().agents;
    assert_eq!(agents.len(), 2);
    assert_eq!(agents[0].identity, "local");
    let scopes = client
        .list_scopes(query::ListScopesRequest::default())
        .await
        .unwrap()
        .into_inner();
    let listed: Vec<(&str, bool)> = scopes
        .scopes
        .iter()
        .map(|it| (it.scope.as_ref().unwrap().namespace.as_str(), it.complete))
        .collect();
    assert_eq!(listed, [("", true), ("pay", true), ("shop", true)]);
    let hosts = client
        .get_shard_map(query::GetShardMapRequest::default())
        .await
        .unwrap();
    let hosts = hosts.into_inner().entries;
    let shop = hosts
        .iter()
        .find(|it| it.host == "shop.avi.internal")
        .unwrap();
    assert_eq!((shop.shard, shop.shards), (Some(0), Some(1)));
    assert_eq!(
        shop.owner.as_ref().unwrap().key.as_ref().unwrap().name,
        "shop"
    );
    let asked = query::ListFindingsRequest {
        code: "AVY-1104".into(),
        ..Default::default()
    };
    let findings = client
        .list_findings(asked)
        .await
        .unwrap()
        .into_inner()
        .findings;
    assert_eq!(findings.len(), 1);
    agent.stop().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = query::ListScopesRequest {
        incomplete_only: true,
        ..Default::default()
    };
    let frozen = client.list_scopes(asked).await.unwrap().into_inner().scopes;
    assert_eq!(frozen.len(), 2);
    assert!(frozen[0].frozen_since.is_some() && frozen[0].why.contains("no agent"));
}

#[tokio::test(start_paused = true)]
async fn wrong_questions_are_told_what_is_wrong() {
    let translator = start(&simulator(), Plan::default()).await;
    let mut client = translator.query();
    let asked = query::ListObjectsRequest {
        r#type: "virtualserver".into(),
        ..Default::default()
    };
    let status = client.list_objects(asked).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.get_error_details();
    assert_eq!(
        details.bad_request().unwrap().field_violations[0].field,
        "type"
    );
    let asked = query::ListObjectsRequest {
        page_size: 5_000,
        ..Default::default()
    };
    assert_eq!(
        client.list_objects(asked).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let unknown = AviObjectRef {
        r#type: "pool".into(),
        name: "none".into(),
        ..Default::default()
    };
    let asked = query::GetObjectRequest {
        r#ref: Some(unknown),
        ..query::GetObjectRequest::default()
    };
    let status = client.get_object(asked).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.get_error_details().resource_info().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_pause_stops_writes_until_its_end() {
    let (simulator, cluster) = (simulator(), cluster(&["shop"]));
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let domain = Domain {
        cluster: "blue".into(),
        instance: String::new(),
    };
    let target = orders::PauseTarget {
        target: Some(orders::pause_target::Target::Domain(domain)),
    };
    let mut admin = translator.admin();
    let pause = orders::PauseRequest {
        target: Some(target.clone()),
        ..Default::default()
    };
    admin.pause(pause).await.unwrap();
    let version = cluster.put(ingress("shop", "new", "new.avi.internal", None));
    translator.shows(("shop", "new"), &version).await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .all(|name| !name.contains("new"))
    );
    let plan = translator
        .query()
        .get_plan(query::GetPlanRequest::default())
        .await
        .unwrap();
    assert!(
        plan.into_inner()
            .holds
            .iter()
            .any(|hold| hold.reason.contains("paused"))
    );
    let resumed = admin
        .resume(orders::ResumeRequest {
            target: Some(target),
        })
        .await
        .unwrap();
    assert!(resumed.into_inner().was_paused);
    translator.settle().await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .any(|name| name.contains("new"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_deletes_much_waits_for_approval() {
    let (simulator, cluster) = (simulator(), cluster(&["shop"]));
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    let hosts: Vec<String> = (0..24)
        .map(|number| format!("h{number}.avi.internal"))
        .collect();
    cluster.put(secret("shop", "pay", "pay.avi.internal"));
    for host in &hosts {
        cluster.put(ingress("shop", host, host, Some("pay")));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    translator.settle().await;
    let before = names(&simulator, "virtualservice").len();
    assert!(before > hosts.len());
    for host in &hosts {
        cluster.delete(&ingress("shop", host, host, None));
    }
    let version = cluster.put(ingress("shop", "shop", "shop.avi.internal", None));
    translator.shows(("shop", "shop"), &version).await;
    assert_eq!(names(&simulator, "virtualservice").len(), before);
    let plan = translator
        .query()
        .get_plan(query::GetPlanRequest::default())
        .await
        .unwrap();
    let plan = plan.into_inner();
    assert!(plan.holds.iter().any(|hold| hold.approvable));
    let mut admin = translator.admin();
    let wrong = orders::ApprovePlanRequest {
        digest: "0".into(),
        ..Default::default()
    };
    assert_eq!(
        admin.approve_plan(wrong).await.unwrap_err().code(),
        Code::FailedPrecondition
    );
    let right = orders::ApprovePlanRequest {
        digest: plan.digest,
        ..Default::default()
    };
    assert!(
        admin
            .approve_plan(right)
            .await
            .unwrap()
            .into_inner()
            .operations
            > 0
    );
    translator.settle().await;
    assert_eq!(
        names(&simulator, "virtualservice").len(),
        before - hosts.len()
    );
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_nobody_speaks_for_can_be_given_up() {
    let (simulator, cluster) = (simulator(), cluster(&["shop", "pay"]));
    let translator = start(&simulator, Plan::default()).await;
    let _wide = translator.agent(&cluster, named(&["shop"], true));
    let pay = translator.agent(&cluster, named(&["pay"], false));
    translator.settle().await;
    let scope = Scope {
        cluster: "blue".into(),
        namespace: "pay".into(),
    };
    let release = || orders::ReleaseScopeRequest {
        scope: Some(scope.clone()),
        reason: "the team has left".into(),
    };
    let mut admin = translator.admin();
    assert_eq!(
        admin.release_scope(release()).await.unwrap_err().code(),
        Code::FailedPrecondition
    );
    pay.stop().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let released = admin.release_scope(release()).await.unwrap().into_inner();
    assert_eq!(released.objects, 3);
    translator.settle().await;
    assert!(
        names(&simulator, "pool")
            .iter()
            .all(|name| !name.contains("pay"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_newer_session_supersedes_an_older_one() {
    let (simulator, cluster) = (simulator(), cluster(&["shop"]));
    let translator = start(&simulator, Plan::default()).await;
    let old = translator.agent(&cluster, everywhere());
    translator.settle().await;
    let new = translator.agent(&cluster, everywhere());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let version = cluster.put(ingress("shop", "new", "new.avi.internal", None));
    translator.shows(("shop", "new"), &version).await;
    new.stop().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let version = cluster.put(ingress("shop", "newer", "newer.avi.internal", None));
    translator.shows(("shop", "newer"), &version).await;
    old.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_cluster_is_turned_away() {
    let settings = SETTINGS.replace("clusterName: blue", "clusterName: green");
    let plan = Plan {
        settings,
        ..Plan::default()
    };
    let translator = start(&simulator(), plan).await;
    let why = translator
        .agent(&Cluster::default(), everywhere())
        .ended()
        .await;
    assert!(why.contains("cluster blue is not configured"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn health_and_descriptions_are_served() {
    let translator = start(&simulator(), Plan::default()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut health = HealthClient::new(translator.channel());
    let answer = health
        .check(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.status(), ServingStatus::Serving);
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let mut reflection = ServerReflectionClient::new(translator.channel());
    let answers = reflection
        .server_reflection_info(tokio_stream::once(ask))
        .await
        .unwrap();
    let first = answers.into_inner().message().await.unwrap().unwrap();
    let text = format!("{first:?}");
    for name in [
        "aviary.query.v1.QueryService",
        "aviary.admin.v1.AdminService",
        "grpc.health.v1.Health",
    ] {
        assert!(text.contains(name), "{text}");
    }
}
