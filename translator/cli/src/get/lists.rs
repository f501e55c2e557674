//! Lists as tables, all their pages.

use super::{Client, heading};
use crate::table::table;
use aviary_proto::query::v1::{
    AviObject, Claim, ClaimState, GetObjectRequest, GetPlanRequest, GetShardMapRequest, Hold,
    Holder, ListAgentsRequest, ListClaimsRequest, ListFindingsRequest, ListObjectsRequest,
    ListScopesRequest, Operation, Side, SourceObject,
};
use aviary_proto::types::v1::AviObjectRef;
use std::fmt::Write as _;

/// Entries per page.
pub(crate) const PAGE: u32 = 1_000;

/// The entries of all pages: a closure answers those of the page of a token, and the next token.
pub(crate) async fn all<T>(
    mut page: impl AsyncFnMut(String) -> anyhow::Result<(Vec<T>, String)>,
) -> anyhow::Result<Vec<T>> {
    let (mut entries, mut token) = (Vec::new(), String::new());
    loop {
        let (more, next) = page(token).await?;
        entries.extend(more);
        if next.is_empty() {
            return Ok(entries);
        }
        token = next;
    }
}

pub(super) async fn objects(client: &Client, kind: &str, side: Side) -> anyhow::Result<String> {
    let objects = all(async |page_token| {
        let request = ListObjectsRequest {
            side: side.into(),
            r#type: kind.to_owned(),
            page_size: PAGE,
            page_token,
            ..ListObjectsRequest::default()
        };
        let page = client.clone().list_objects(request).await?.into_inner();
        Ok((page.objects, page.next_page_token))
    });
    let mut rows = vec![heading(&["TYPE", "TENANT", "NAME", "UUID"])];
    rows.extend(objects.await?.into_iter().map(row));
    Ok(table(&rows))
}

/// One object as a line of a table.
pub(super) fn row(object: AviObject) -> Vec<String> {
    let AviObjectRef {
        r#type,
        tenant,
        name,
    } = object.r#ref.unwrap_or_default();
    vec![r#type, tenant, name, object.uuid]
}

pub(super) async fn object(
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
    let request = GetObjectRequest {
        r#ref: Some(reference),
        ..GetObjectRequest::default()
    };
    let answer = client.get_object(request).await?.into_inner();
    let mut text = String::new();
    let both = answer.desired.is_some() && answer.observed.is_some();
    for (side, object) in [("desired", answer.desired), ("observed", answer.observed)] {
        let body = object.map_or("null".to_owned(), |object| object.body);
        let pretty = serde_json::from_str::<serde_json::Value>(&body)
            .and_then(|value| serde_json::to_string_pretty(&value))
            .unwrap_or(body);
        text.extend([side, ":\n", &pretty, "\n"]);
    }
    if answer.same {
        text.push_str("nothing has to be written\n");
    } else if both {
        let mut rows = vec![heading(&["FIELD", "DESIRED", "OBSERVED"])];
        let differences = answer.differences.into_iter();
        rows.extend(differences.map(|it| vec![it.path, it.desired, it.observed]));
        text.extend(["differences:\n", &table(&rows)]);
    }
    Ok(text)
}

pub(super) async fn shards(client: &Client) -> anyhow::Result<String> {
    let entries = all(async |page_token| {
        let request = GetShardMapRequest {
            page_size: PAGE,
            page_token,
            ..GetShardMapRequest::default()
        };
        let page = client.clone().get_shard_map(request).await?.into_inner();
        Ok((page.entries, page.next_page_token))
    });
    let mut rows = vec![heading(&["HOST", "VIRTUAL SERVICE"])];
    let entries = entries.await?.into_iter();
    rows.extend(entries.map(|it| vec![it.host, it.virtual_service.unwrap_or_default().name]));
    Ok(table(&rows))
}

pub(super) async fn claims(client: &Client, contested_only: bool) -> anyhow::Result<String> {
    let mut unheard = Vec::new();
    let claims = all(async |page_token| {
        let request = ListClaimsRequest {
            contested_only,
            page_size: PAGE,
            page_token,
            ..ListClaimsRequest::default()
        };
        let page = client.clone().list_claims(request).await?.into_inner();
        unheard = page.unheard;
        Ok((page.claims, page.next_page_token))
    });
    let mut rows = vec![heading(&[
        "HOST",
        "TENANT",
        "CLUSTER",
        "CLAIMED FOR",
        "STATE",
    ])];
    rows.extend(claims.await?.into_iter().map(claim));
    let mut text = table(&rows);
    for scope in unheard {
        let what = match scope.namespace.as_str() {
            "" => String::new(),
            namespace => format!("namespace {namespace} of "),
        };
        let cluster = scope.cluster;
        writeln!(
            text,
            "not heard yet, so not known: the claims of {what}cluster {cluster}"
        )?;
    }
    Ok(text)
}

/// One claim as a line of a table.
pub(super) fn claim(claim: Claim) -> Vec<String> {
    let mut state = match claim.state() {
        ClaimState::Lost => format!("lost to {}", winner(&claim)),
        ClaimState::Waiting => format!("waits for {}", source(claim.awaited.as_ref())),
        ClaimState::Held | ClaimState::Unspecified => "held".to_owned(),
    };
    if claim.state() == ClaimState::Held && claim.overlap {
        let holders = claim.elsewhere.iter().map(holder);
        state = format!("held; also by {}", holders.collect::<Vec<_>>().join(", "));
    }
    if claim.frozen_since.is_some() {
        state.push_str("; frozen: nobody tells of it");
    }
    let owner = source(claim.source.as_ref());
    let cluster = claim.domain.unwrap_or_default().cluster;
    vec![claim.host, claim.tenant, cluster, owner, state]
}

/// Who has it instead; of which cluster is said where that is another one.
fn winner(claim: &Claim) -> String {
    let winner = claim.winner.as_ref();
    let cluster = winner.map_or("", |it| &it.cluster);
    let ours = claim.domain.as_ref().map_or("", |it| &it.cluster);
    let name = source(winner);
    if cluster == ours {
        name
    } else {
        format!("{name} of {cluster}")
    }
}

fn holder(holder: &Holder) -> String {
    let cluster = holder.domain.as_ref().map_or("", |it| &it.cluster);
    format!("{} of {cluster}", source(holder.source.as_ref()))
}

fn source(source: Option<&SourceObject>) -> String {
    let key = source.and_then(|it| it.key.clone()).unwrap_or_default();
    format!("{} {}/{}", key.kind, key.namespace, key.name)
}

pub(super) async fn plan(client: &Client) -> anyhow::Result<String> {
    let parts = all(async |page_token| {
        let request = GetPlanRequest {
            page_size: PAGE,
            page_token,
            ..GetPlanRequest::default()
        };
        let page = client.clone().get_plan(request).await?.into_inner();
        let next = page.next_page_token;
        Ok((vec![(page.operations, page.holds)], next))
    });
    let mut rows = vec![heading(&["STATE", "OPERATION", "TYPE", "NAME", "WHY"])];
    for (operations, holds) in parts.await? {
        rows.extend(operations.into_iter().map(operation));
        rows.extend(holds.into_iter().map(hold));
    }
    Ok(table(&rows))
}

/// Why an operation is made, with the fields that differ, and what it interrupts.
pub(crate) fn why(operation: &Operation) -> String {
    let mut why = operation.reason.clone();
    if !operation.fields.is_empty() {
        why = format!("{why}: {}", operation.fields.join(", "));
    }
    if !operation.break_reason.is_empty() {
        why = format!("{why}; breaks: {}", operation.break_reason);
    }
    why
}

fn operation(operation: Operation) -> Vec<String> {
    let why = why(&operation);
    let (state, kind) = (operation.state(), operation.kind());
    let state = word(state.as_str_name(), "OPERATION_STATE_");
    line(
        state,
        word(kind.as_str_name(), "OPERATION_KIND_"),
        operation.r#ref,
        why,
    )
}

fn hold(hold: Hold) -> Vec<String> {
    let kind = word(hold.kind().as_str_name(), "OPERATION_KIND_");
    line("held".to_owned(), kind, hold.r#ref, hold.reason)
}

fn line(state: String, kind: String, name: Option<AviObjectRef>, why: String) -> Vec<String> {
    let name = name.unwrap_or_default();
    vec![state, kind, name.r#type, name.name, why]
}

/// A value of an enum as a word.
pub(crate) fn word(name: &str, prefix: &str) -> String {
    let word = name.strip_prefix(prefix).unwrap_or(name);
    word.to_lowercase().replace('_', " ")
}

pub(super) async fn agents(client: &Client) -> anyhow::Result<String> {
    let agents = all(async |page_token| {
        let request = ListAgentsRequest {
            page_size: PAGE,
            page_token,
            ..ListAgentsRequest::default()
        };
        let page = client.clone().list_agents(request).await?.into_inner();
        Ok((page.agents, page.next_page_token))
    });
    let mut rows = vec![heading(&["CLUSTER", "AGENT", "COVERAGE", "BUILD"])];
    rows.extend(agents.await?.into_iter().map(|agent| {
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

pub(super) async fn scopes(client: &Client) -> anyhow::Result<String> {
    let scopes = all(async |page_token| {
        let request = ListScopesRequest {
            page_size: PAGE,
            page_token,
            ..ListScopesRequest::default()
        };
        let page = client.clone().list_scopes(request).await?.into_inner();
        Ok((page.scopes, page.next_page_token))
    });
    let mut rows = vec![heading(&["CLUSTER", "NAMESPACE", "STATE", "WHY"])];
    rows.extend(scopes.await?.into_iter().map(|scope| {
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

pub(super) async fn findings(client: &Client) -> anyhow::Result<String> {
    let findings = all(async |page_token| {
        let request = ListFindingsRequest {
            page_size: PAGE,
            page_token,
            ..ListFindingsRequest::default()
        };
        let page = client.clone().list_findings(request).await?.into_inner();
        Ok((page.findings, page.next_page_token))
    });
    let mut rows = vec![heading(&["CODE", "OBJECT", "TEXT"])];
    rows.extend(findings.await?.into_iter().map(|finding| {
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
