//! Wrong questions are answered with what is wrong in them.

use crate::lab::{Plan, Running, simulator, start};
use aviary_proto::query::v1::query_service_client::QueryServiceClient;
use aviary_proto::query::v1::wait_converged_request::What;
use aviary_proto::query::v1::{
    GetObjectRequest, GetPlanRequest, GetShardMapRequest, ListAdoptionsRequest, ListAgentsRequest,
    ListClaimsRequest, ListFindingsRequest, ListObjectsRequest, ListScopesRequest, ObjectVersion,
    WaitConvergedRequest, WatchConvergedRequest, WatchObjectsRequest,
};
use aviary_proto::types::v1::{AviObjectRef, ObjectKey};
use prost_types::FieldMask;
use std::time::Duration;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The fields that a refusal names.
fn fields_of(why: &Status) -> String {
    assert_eq!(why.code(), Code::InvalidArgument, "{why}");
    let details = why.get_error_details();
    let fields = &details.bad_request().unwrap().field_violations;
    let fields: Vec<&str> = fields.iter().map(|it| it.field.as_str()).collect();
    fields.join(" ")
}

/// The type and name of what is missing.
fn missing(why: &Status) -> (String, String) {
    assert_eq!(why.code(), Code::NotFound, "{why}");
    let details = why.get_error_details();
    let missing = details.resource_info().unwrap();
    (missing.resource_type.clone(), missing.resource_name.clone())
}

fn unknown() -> FieldMask {
    let paths = vec!["no_such_field".into()];
    FieldMask { paths }
}

async fn ready() -> (Running, QueryServiceClient<Channel>) {
    let translator = start(&simulator(), Plan::default()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let client = translator.query();
    (translator, client)
}

/// Asks each question, and holds the refusal to the fields that it must name.
macro_rules! refused {
    ($client:ident, $($call:ident $request:ident { $field:ident: $value:expr } $fields:expr;)*) => {
        $(
            let mut asked = $request::default();
            asked.$field = $value;
            let why = $client.$call(asked).await.err().unwrap();
            assert_eq!(fields_of(&why), $fields, stringify!($call $field));
        )*
    };
}

#[tokio::test(start_paused = true)]
async fn questions_about_objects_and_plans_name_what_is_wrong() {
    let (_translator, mut client) = ready().await;
    refused! { client,
        list_objects ListObjectsRequest { side: 9 } "side";
        list_objects ListObjectsRequest { read_mask: Some(unknown()) } "read_mask";
        get_object GetObjectRequest { read_mask: Some(unknown()) } "read_mask";
        get_object GetObjectRequest { r#ref: None } "ref";
        get_object GetObjectRequest { r#ref: Some(AviObjectRef::default()) } "ref.type ref.name";
        get_plan GetPlanRequest { r#type: "x".into() } "type";
        get_plan GetPlanRequest { read_mask: Some(unknown()) } "read_mask";
        get_plan GetPlanRequest { page_token: "x".into() } "page_token";
        watch_objects WatchObjectsRequest { r#type: "x".into() } "type";
        watch_objects WatchObjectsRequest { side: -1 } "side";
        watch_objects WatchObjectsRequest { read_mask: Some(unknown()) } "read_mask";
        watch_objects WatchObjectsRequest { resume_token: "x".into() } "resume_token";
        watch_converged WatchConvergedRequest { read_mask: Some(unknown()) } "read_mask";
    }
    let elsewhere = GetObjectRequest {
        r#ref: Some(AviObjectRef {
            r#type: "pool".into(),
            tenant: "admin".into(),
            name: "p".into(),
        }),
        controller: "elsewhere".into(),
        read_mask: None,
    };
    let why = client.get_object(elsewhere).await.unwrap_err();
    assert_eq!(missing(&why), ("controller".into(), "elsewhere".into()));
}

#[tokio::test(start_paused = true)]
async fn questions_about_hosts_and_agents_name_what_is_wrong() {
    let (_translator, mut client) = ready().await;
    refused! { client,
        get_shard_map GetShardMapRequest { page_size: 10_001 } "page_size";
        get_shard_map GetShardMapRequest { read_mask: Some(unknown()) } "read_mask";
        list_claims ListClaimsRequest { kind: 9 } "kind";
        list_claims ListClaimsRequest { state: -1 } "state";
        list_claims ListClaimsRequest { page_token: "x".into() } "page_token";
        list_claims ListClaimsRequest { read_mask: Some(unknown()) } "read_mask";
        list_adoptions ListAdoptionsRequest { page_size: 1_001 } "page_size";
        list_adoptions ListAdoptionsRequest { read_mask: Some(unknown()) } "read_mask";
        list_agents ListAgentsRequest { page_size: 1_001 } "page_size";
        list_agents ListAgentsRequest { read_mask: Some(unknown()) } "read_mask";
        list_scopes ListScopesRequest { page_token: "x".into() } "page_token";
        list_scopes ListScopesRequest { read_mask: Some(unknown()) } "read_mask";
        list_findings ListFindingsRequest { at_least: 9 } "at_least";
        list_findings ListFindingsRequest { read_mask: Some(unknown()) } "read_mask";
    }
}

#[tokio::test(start_paused = true)]
async fn waits_for_what_can_never_be_are_refused() {
    let (_translator, mut client) = ready().await;
    let nameless = ObjectVersion {
        key: Some(ObjectKey::default()),
        ..ObjectVersion::default()
    };
    let fields = "object.cluster object.key.name object.key.kind";
    for (what, named) in [
        (None, "what"),
        (Some(What::Object(ObjectVersion::default())), "object.key"),
        (Some(What::Object(nameless)), fields),
    ] {
        let asked = WaitConvergedRequest { what };
        let why = client.wait_converged(asked).await.unwrap_err();
        assert_eq!(fields_of(&why), named);
    }
    let unknown = ObjectVersion {
        cluster: "red".into(),
        key: Some(ObjectKey {
            kind: "Secret".into(),
            namespace: "shop".into(),
            name: "pay".into(),
            ..ObjectKey::default()
        }),
        resource_version: String::new(),
    };
    let what = Some(What::Object(unknown));
    let why = client.wait_converged(WaitConvergedRequest { what }).await;
    assert_eq!(missing(&why.unwrap_err()), ("cluster".into(), "red".into()));
}
