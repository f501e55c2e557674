//! `aviary get`: what a translator knows, without grpcurl.

use crate::table::table;
use anyhow::Context;
use aviary_proto::query::v1::query_service_client::QueryServiceClient;
use aviary_proto::query::v1::{
    AviObject, GetObjectRequest, GetShardMapRequest, ListAgentsRequest, ListFindingsRequest,
    ListObjectsRequest, ListScopesRequest, Side,
};
use aviary_proto::types::v1::AviObjectRef;
use clap::{Args, ValueEnum};
use std::io::Write;
use tonic::transport::Channel;

/// Entries per page.
const PAGE: u32 = 1_000;

/// Arguments of `aviary get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// What to show: an Avi type such as `virtualservice` or `pool`, or one of `objects`, `shards`,
    /// `agents`, `scopes`, `findings`.
    what: String,
    /// Name of one Avi object, to show its bodies.
    name: Option<String>,
    /// Tenant of that object.
    #[arg(long, default_value = "admin")]
    tenant: String,
    /// The translator.
    #[arg(
        long,
        env = "AVIARY_TRANSLATOR",
        default_value = "http://127.0.0.1:9440"
    )]
    translator: String,
    /// Desired, or observed on the Controller.
    #[arg(long, default_value = "observed")]
    side: SideArg,
}

/// Which set of objects.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum SideArg {
    /// What should exist.
    Desired,
    /// What the Controller has.
    Observed,
}

type Client = QueryServiceClient<Channel>;

/// Asks and prints.
///
/// # Errors
/// When the translator cannot be reached or refuses.
pub async fn run(args: GetArgs) -> anyhow::Result<()> {
    let channel = Channel::from_shared(args.translator.clone())
        .context("the translator's address")?
        .connect()
        .await
        .with_context(|| format!("connecting to {}", args.translator))?;
    let mut client = QueryServiceClient::new(channel);
    let text = match (args.what.as_str(), &args.name) {
        ("shards", _) => shards(&mut client).await?,
        ("agents", _) => agents(&mut client).await?,
        ("scopes", _) => scopes(&mut client).await?,
        ("findings", _) => findings(&mut client).await?,
        (kind, Some(name)) => object(&mut client, kind, &args.tenant, name).await?,
        ("objects", None) => objects(&mut client, "", args.side).await?,
        (kind, None) => objects(&mut client, kind, args.side).await?,
    };
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

async fn objects(client: &mut Client, kind: &str, side: SideArg) -> anyhow::Result<String> {
    let side = match side {
        SideArg::Desired => Side::Desired,
        SideArg::Observed => Side::Observed,
    };
    let mut rows = vec![heading(&["TYPE", "TENANT", "NAME", "UUID"])];
    let mut request = ListObjectsRequest {
        side: side.into(),
        r#type: kind.to_owned(),
        page_size: PAGE,
        ..ListObjectsRequest::default()
    };
    loop {
        let page = client.list_objects(request.clone()).await?.into_inner();
        rows.extend(page.objects.into_iter().map(row));
        if page.next_page_token.is_empty() {
            return Ok(table(&rows));
        }
        request.page_token = page.next_page_token;
    }
}

fn row(object: AviObject) -> Vec<String> {
    let AviObjectRef {
        r#type,
        tenant,
        name,
    } = object.r#ref.unwrap_or_default();
    vec![r#type, tenant, name, object.uuid]
}

async fn object(
    client: &mut Client,
    kind: &str,
    tenant: &str,
    name: &str,
) -> anyhow::Result<String> {
    let reference = AviObjectRef {
        r#type: kind.to_owned(),
        tenant: tenant.to_owned(),
        name: name.to_owned(),
    };
    let answer = client
        .get_object(GetObjectRequest {
            r#ref: Some(reference),
            ..GetObjectRequest::default()
        })
        .await?
        .into_inner();
    let mut text = String::new();
    for (side, object) in [("desired", answer.desired), ("observed", answer.observed)] {
        let body = object.map_or("null".to_owned(), |object| object.body);
        let pretty = serde_json::from_str::<serde_json::Value>(&body)
            .and_then(|value| serde_json::to_string_pretty(&value))
            .unwrap_or(body);
        text.extend([side, ":\n", &pretty, "\n"]);
    }
    Ok(text)
}

async fn shards(client: &mut Client) -> anyhow::Result<String> {
    let request = GetShardMapRequest {
        page_size: PAGE,
        ..GetShardMapRequest::default()
    };
    let page = client.get_shard_map(request).await?.into_inner();
    let mut rows = vec![heading(&["HOST", "VIRTUAL SERVICE"])];
    rows.extend(
        page.entries
            .into_iter()
            .map(|entry| vec![entry.host, entry.virtual_service.unwrap_or_default().name]),
    );
    Ok(table(&rows))
}

async fn agents(client: &mut Client) -> anyhow::Result<String> {
    let request = ListAgentsRequest {
        page_size: PAGE,
        ..ListAgentsRequest::default()
    };
    let page = client.list_agents(request).await?.into_inner();
    let mut rows = vec![heading(&["CLUSTER", "AGENT", "COVERAGE", "BUILD"])];
    rows.extend(page.agents.into_iter().map(|agent| {
        let coverage = agent.coverage.unwrap_or_default();
        let mut parts = coverage.namespaces;
        if coverage.all_namespaces {
            parts.push("all namespaces".to_owned());
        }
        if coverage.cluster_scope {
            parts.push("cluster-wide".to_owned());
        }
        vec![agent.cluster, agent.name, parts.join(","), agent.build]
    }));
    Ok(table(&rows))
}

async fn scopes(client: &mut Client) -> anyhow::Result<String> {
    let request = ListScopesRequest {
        page_size: PAGE,
        ..ListScopesRequest::default()
    };
    let page = client.list_scopes(request).await?.into_inner();
    let mut rows = vec![heading(&["CLUSTER", "NAMESPACE", "STATE", "WHY"])];
    rows.extend(page.scopes.into_iter().map(|scope| {
        let state = match (scope.complete, &scope.frozen_since) {
            (_, Some(_)) => "frozen",
            (true, None) => "complete",
            (false, None) => "incomplete",
        };
        let at = scope.scope.unwrap_or_default();
        let namespace = if at.namespace.is_empty() {
            "(cluster-wide)".to_owned()
        } else {
            at.namespace
        };
        vec![at.cluster, namespace, state.to_owned(), scope.why]
    }));
    Ok(table(&rows))
}

async fn findings(client: &mut Client) -> anyhow::Result<String> {
    let request = ListFindingsRequest {
        page_size: PAGE,
        ..ListFindingsRequest::default()
    };
    let page = client.list_findings(request).await?.into_inner();
    let mut rows = vec![heading(&["CODE", "OBJECT", "TEXT"])];
    rows.extend(page.findings.into_iter().map(|finding| {
        let key = finding.object.unwrap_or_default();
        let object = format!("{} {}/{}", key.kind, key.namespace, key.name);
        vec![
            finding.code,
            object,
            format!("{}; {}", finding.text, finding.hint),
        ]
    }));
    Ok(table(&rows))
}

fn heading(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}
