//! Agents, how fresh each scope is, and findings.

use super::filters::is;
use super::page::{Page, SIZES};
use super::refusal::bad_field;
use crate::convert;
use crate::view::{AgentView, ScopeView, Snapshot};
use aviary_proto::query::v1::{
    Agent, KindFreshness, ListAgentsRequest, ListAgentsResponse, ListFindingsRequest,
    ListFindingsResponse, ListScopesRequest, ListScopesResponse, ScopeFreshness,
};
use aviary_proto::types::v1::Severity;
use aviary_types::{Finding, Kind, ScopeKey, eco_format};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use tonic::Status;

pub(super) fn agents(
    snapshot: &Snapshot,
    asked: &ListAgentsRequest,
) -> Result<ListAgentsResponse, Status> {
    let page = Page::of(asked, "aviary.query.v1.Agent", SIZES)?;
    let ours = snapshot
        .agents
        .iter()
        .filter(|it| is(&asked.cluster, it.about.cluster.as_str()));
    let mut entries: Vec<(String, &AgentView)> = ours.map(|it| (order(it), it)).collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (agents, next_page_token) = page.take(entries.into_iter(), agent);
    Ok(ListAgentsResponse {
        agents,
        next_page_token,
    })
}

/// Sessions sort by number: `s2` before `s10`.
fn order(agent: &AgentView) -> String {
    let session = agent.id.to_string();
    format!("{}\0{:04}\0{session}", agent.about.cluster, session.len())
}

fn agent(view: &AgentView) -> Agent {
    let about = &view.about;
    let seconds = |seconds: i64| prost_types::Timestamp { seconds, nanos: 0 };
    let expires = about.expires.load(Ordering::Relaxed);
    Agent {
        session: view.id.to_string(),
        cluster: about.cluster.to_string(),
        coverage: Some(about.coverage.clone()),
        name: about.name.to_string(),
        build: about.build.to_string(),
        identity: about.identity.to_string(),
        connected: Some(convert::timestamp(about.connected)),
        last_heard: Some(seconds(about.last_heard.load(Ordering::Relaxed))),
        token_expires: (expires != 0).then(|| seconds(expires)),
        intents_open: u32::try_from(view.intents_open).unwrap_or(u32::MAX),
    }
}

pub(super) fn list(
    snapshot: &Snapshot,
    asked: &ListScopesRequest,
) -> Result<ListScopesResponse, Status> {
    let page = Page::of(asked, "aviary.query.v1.ScopeFreshness", SIZES)?;
    let counts = counts(snapshot);
    let matches = |scope: &ScopeKey| {
        is(&asked.cluster, scope.cluster.as_str()) && is(&asked.namespace, scope.namespace.as_str())
    };
    let entries = snapshot.scopes.iter().filter(|(scope, _)| matches(scope));
    let entries = entries.map(|(scope, view)| {
        let order = format!("{}\0{}", scope.cluster, scope.namespace);
        (order, freshness(snapshot, (scope, view), &counts))
    });
    let entries = entries.filter(|(_, fresh)| !(asked.incomplete_only && fresh.complete));
    let (scopes, next_page_token) = page.take(entries, |fresh| fresh);
    Ok(ListScopesResponse {
        scopes,
        next_page_token,
    })
}

type Counts = BTreeMap<(ScopeKey, Kind), u64>;

fn counts(snapshot: &Snapshot) -> Counts {
    let mut counts = Counts::new();
    for entry in snapshot.facts.objects() {
        *counts
            .entry((entry.key.scope(), entry.key.kind))
            .or_default() += 1;
    }
    counts
}

fn freshness(
    snapshot: &Snapshot,
    (scope, view): (&ScopeKey, &ScopeView),
    counts: &Counts,
) -> ScopeFreshness {
    let frozen = snapshot
        .facts
        .scope(scope)
        .and_then(|state| state.frozen.as_ref());
    let kind = |(kind, stands): &(Kind, Option<(jiff::Timestamp, aviary_types::EcoString)>)| {
        KindFreshness {
            kind: Some(convert::kind(*kind)),
            complete: stands.is_none(),
            objects: counts
                .get(&(scope.clone(), *kind))
                .copied()
                .unwrap_or_default(),
            frozen_since: stands.as_ref().map(|(at, _)| convert::timestamp(*at)),
            why: stands
                .as_ref()
                .map(|(_, why)| why.to_string())
                .unwrap_or_default(),
        }
    };
    let session = view
        .session
        .map(|session| session.to_string())
        .unwrap_or_default();
    let spoken = snapshot
        .agents
        .iter()
        .find(|agent| Some(agent.id) == view.session);
    let heard = spoken.map(|agent| agent.about.last_heard.load(Ordering::Relaxed));
    let heard = heard.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 });
    ScopeFreshness {
        scope: Some(convert::scope(scope)),
        complete: view.kinds.iter().all(|(_, stands)| stands.is_none()),
        last_heard: heard.or_else(|| view.last_heard.map(convert::timestamp)),
        frozen_since: frozen.and_then(|frozen| convert::instant(&frozen.since)),
        why: frozen
            .map(|frozen| frozen.why.to_string())
            .unwrap_or_default(),
        session,
        kinds: view.kinds.iter().map(kind).collect(),
    }
}

pub(super) fn findings(
    snapshot: &Snapshot,
    asked: &ListFindingsRequest,
) -> Result<ListFindingsResponse, Status> {
    let page = Page::of(asked, "aviary.types.v1.Finding", SIZES)?;
    let at_least = Severity::try_from(asked.at_least);
    let at_least = at_least.map_err(|_| bad_field("at_least", "there is no such severity"))?;
    let at_least = i32::from(at_least);
    let matches = |finding: &Finding| {
        let object = &finding.object;
        is(&asked.cluster, object.cluster.as_str())
            && is(&asked.namespace, object.namespace.as_str())
            && is(&asked.kind, object.kind.kind)
            && is(&asked.name, &object.name)
            && is(&asked.code, &eco_format!("{}", finding.code))
            && i32::from(convert::severity(finding.code.severity())) >= at_least
    };
    let all = snapshot.findings();
    let mut entries: Vec<(String, &Finding)> = all
        .iter()
        .filter(|finding| matches(finding))
        .enumerate()
        .map(|(number, it)| {
            let (object, code) = (&it.object, it.code.number());
            let order = format!("{}\0{object}\0{code:05}\0{number:08}", object.cluster);
            (order, it)
        })
        .collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (findings, next_page_token) = page.take(entries.into_iter(), convert::finding);
    Ok(ListFindingsResponse {
        generation: snapshot.generation().0,
        findings,
        next_page_token,
    })
}
