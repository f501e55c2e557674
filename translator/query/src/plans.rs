//! What would be written next, and what is held back.

use super::filters::{has, is};
use super::objects::{kind, source};
use super::page::{Page, SIZES};
use crate::convert;
use crate::view::{Held, SiteView, Snapshot};
use aviary_avi::{AviKey, AviKind};
use aviary_plan::{BreakReason, Method, Op, Reason};
use aviary_proto::query::v1::{
    GetPlanRequest, GetPlanResponse, Hold, Operation, OperationCause, OperationKind, OperationState,
};
use aviary_proto::types::v1 as wire;
use aviary_types::{Digest, DomainId, EcoString, ScopeKey, eco_format};
use std::collections::BTreeSet;
use tonic::Status;

/// An entry of a page.
enum Entry<'a> {
    Operation(&'a SiteView, &'a Op),
    Hold(&'a SiteView, &'a Held),
}

/// A page of the plan: operations in their order, then holds by object.
pub(super) fn get(snapshot: &Snapshot, asked: &GetPlanRequest) -> Result<GetPlanResponse, Status> {
    let page = Page::of(asked, "aviary.query.v1.GetPlanResponse", SIZES)?;
    let kind = kind(&asked.r#type)?;
    let entries = operations(snapshot).chain(holds(snapshot));
    let entries = entries.filter(|(_, entry)| entry.is_meant(asked, kind));
    let all = || GetPlanResponse {
        generation: snapshot.generation().0,
        digest: digest(snapshot).to_string(),
        ..GetPlanResponse::default()
    };
    let (parts, next_page_token) = page.take(entries, |entry| entry.show(snapshot));
    let mut response = super::mask::apply(page.mask.as_ref(), all());
    for part in parts {
        response.operations.extend(part.operations);
        response.holds.extend(part.holds);
    }
    response.next_page_token = next_page_token;
    Ok(response)
}

fn operations(snapshot: &Snapshot) -> impl Iterator<Item = (String, Entry<'_>)> {
    let sites = snapshot.sites.iter().enumerate();
    sites.flat_map(|(at, site)| {
        let ops = site.ops.iter();
        ops.map(move |(number, op)| {
            let place = format!("0\0{at:04}\0{number:020}");
            (place, Entry::Operation(site, op))
        })
    })
}

fn holds(snapshot: &Snapshot) -> impl Iterator<Item = (String, Entry<'_>)> {
    let sites = snapshot.sites.iter().enumerate();
    sites.flat_map(|(at, site)| {
        site.holds.iter().map(move |(key, held)| {
            let (kind, tenant, cloud, name) = (key.kind, &key.tenant, &key.cloud, &key.name);
            let place = format!("1\0{at:04}\0{kind}\0{tenant}\0{cloud}\0{name}");
            (place, Entry::Hold(site, held))
        })
    })
}

impl Entry<'_> {
    fn key(&self) -> &AviKey {
        match self {
            Self::Operation(_, op) => &op.key.object,
            Self::Hold(_, held) => &held.hold.object,
        }
    }

    fn is_meant(&self, asked: &GetPlanRequest, kind: Option<AviKind>) -> bool {
        let ours = |domain: &DomainId| is(&asked.cluster, domain.cluster.as_str());
        let key = self.key();
        let of_cluster = match self {
            Self::Operation(_, op) => ours(&op.domain),
            Self::Hold(_, held) => held.domain.as_ref().is_none_or(ours),
        };
        of_cluster
            && kind.is_none_or(|kind| kind == key.kind)
            && is(&asked.tenant, key.tenant.as_str())
            && has(&asked.name, &key.name)
    }

    fn show(&self, snapshot: &Snapshot) -> GetPlanResponse {
        let mut part = GetPlanResponse::default();
        match self {
            Self::Operation(site, op) => part.operations.push(operation(site, op)),
            Self::Hold(site, held) => part.holds.push(hold(snapshot, site, held)),
        }
        part
    }
}

/// Names the plan: what the guard holds, if it holds anything; else what is to be done.
fn digest(snapshot: &Snapshot) -> EcoString {
    let guarded = snapshot.sites.iter().find(|site| !site.guarded.is_empty());
    if let Some(site) = guarded {
        return site.guarded.clone();
    }
    let sites = snapshot.sites.iter();
    let ops = sites.flat_map(|site| site.ops.iter());
    let ops = ops.map(|(number, op)| (number, &op.key, op.method));
    eco_format!("{}", Digest::of_value(&ops.collect::<Vec<_>>()))
}

fn operation(site: &SiteView, op: &Op) -> Operation {
    let key = &op.key.object;
    let observed = site.observed.as_ref().and_then(|all| all.objects.get(key));
    let differences = op.body.as_ref().zip(observed);
    let differences = differences.map(|(body, observed)| body.differences(&observed.body));
    let differences = differences.unwrap_or_default().into_iter();
    let state = if site.progress.sending.contains_key(key) {
        OperationState::Sending
    } else {
        OperationState::Planned
    };
    let after: BTreeSet<&AviKey> = op.after.iter().map(|before| &before.object).collect();
    Operation {
        kind: method(op.method).into(),
        r#ref: Some(convert::avi_ref(key)),
        domain: Some(convert::domain(&op.domain)),
        reason: reason(op.reason).to_owned(),
        break_reason: op
            .breaks
            .map(BreakReason::name)
            .unwrap_or_default()
            .to_owned(),
        fields: differences.map(|it| it.path).collect(),
        cause: cause(op.reason).into(),
        state: state.into(),
        controller: site.controller.to_string(),
        sources: op.provenance.objects().map(source).collect(),
        after: after.into_iter().map(convert::avi_ref).collect(),
        stage: op.key.stage.into(),
    }
}

fn method(method: Method) -> OperationKind {
    match method {
        Method::Create => OperationKind::Create,
        Method::Update => OperationKind::Update,
        Method::Delete => OperationKind::Delete,
    }
}

fn cause(reason: Reason) -> OperationCause {
    match reason {
        Reason::Missing => OperationCause::Missing,
        Reason::Differs => OperationCause::Differs,
        Reason::Widen => OperationCause::Widen,
        Reason::NotWanted => OperationCause::NotWanted,
        Reason::Replace => OperationCause::Replace,
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Missing => "it should exist and does not",
        Reason::Differs => "it exists in another form",
        Reason::Widen => "first of two writes: the old and the new entries together",
        Reason::NotWanted => "nothing asks for it any more",
        Reason::Replace => "the Controller cannot change it: it is made anew",
    }
}

pub(super) fn hold(snapshot: &Snapshot, site: &SiteView, held: &Held) -> Hold {
    let verb = match held.hold.method {
        Method::Create => "create",
        Method::Update => "update",
        Method::Delete => "delete",
    };
    Hold {
        id: format!("{verb} {}", held.hold.object),
        r#ref: Some(convert::avi_ref(&held.hold.object)),
        domain: held.domain.as_ref().map(convert::domain),
        reason: held.hold.why.to_string(),
        scopes: scopes(snapshot, site, held),
        approvable: held.approvable,
        kind: method(held.hold.method).into(),
        controller: site.controller.to_string(),
        operation: held.op.as_ref().map(|op| operation(site, op)),
    }
}

/// The scopes that the object comes from, by its sources and its markers, and that are not heard in
/// full.
fn scopes(snapshot: &Snapshot, site: &SiteView, held: &Held) -> Vec<wire::Scope> {
    let key = &held.hold.object;
    let mut scopes: BTreeSet<ScopeKey> = BTreeSet::new();
    if let Some(desired) = site.built.desired.objects.get(key) {
        let sources = desired.provenance.objects();
        scopes.extend(sources.map(aviary_types::ObjectKey::scope));
    }
    if let Some(domain) = &held.domain {
        scopes.insert(ScopeKey::cluster_wide(&domain.cluster));
        let observed = site.observed.as_ref().and_then(|all| all.objects.get(key));
        let marked = observed.map(|it| it.body.namespaces()).unwrap_or_default();
        scopes.extend(marked.into_iter().map(|namespace| ScopeKey {
            cluster: domain.cluster.clone(),
            namespace: namespace.into(),
        }));
    }
    let is_heard = |scope: &ScopeKey| {
        let state = snapshot.facts.scope(scope);
        state.is_some_and(|state| state.published && state.frozen.is_none())
    };
    let open = scopes.iter().filter(|scope| !is_heard(scope));
    open.map(convert::scope).collect()
}
