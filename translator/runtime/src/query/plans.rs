//! What would be written next, and what is held back.

use super::fields;
use super::filters::is;
use super::page::{SIZES, page};
use crate::convert;
use crate::view::{Held, SiteView, Snapshot};
use aviary_plan::{BreakReason, Method, Op, Reason};
use aviary_proto::query::v1::{GetPlanRequest, GetPlanResponse, Hold, Operation, OperationKind};
use aviary_types::{Digest, DomainId, EcoString, eco_format};
use std::sync::Arc;
use tonic::Status;

pub(super) fn get(snapshot: &Snapshot, asked: &GetPlanRequest) -> Result<GetPlanResponse, Status> {
    let ours = |domain: &DomainId| is(&asked.cluster, domain.cluster.as_str());
    let sites = || snapshot.sites.iter().enumerate();
    let ops = sites().flat_map(|(at, site)| {
        let ops = site.ops.iter().filter(|(_, op)| ours(&op.domain));
        ops.map(move |(number, op)| (format!("{at:04}\0{number:020}"), operation(site, op)))
    });
    let (operations, next_page_token) = page(ops, (asked.page_size, &asked.page_token), SIZES)?;
    let holds = snapshot.sites.iter().flat_map(|site| site.holds.values());
    let holds = holds.filter(|held| held.domain.as_ref().is_none_or(ours));
    let first = asked.page_token.is_empty();
    Ok(GetPlanResponse {
        generation: snapshot.generation().0,
        digest: digest(snapshot).to_string(),
        operations,
        holds: if first {
            holds.map(hold).collect()
        } else {
            Vec::new()
        },
        next_page_token,
    })
}

/// Names the plan: what the guard holds, if it holds anything.
fn digest(snapshot: &Snapshot) -> EcoString {
    let guarded = snapshot.sites.iter().find(|site| !site.guarded.is_empty());
    if let Some(site) = guarded {
        return site.guarded.clone();
    }
    let ops = snapshot.sites.iter().flat_map(|site| site.ops.values());
    let ops: Vec<&Op> = ops.map(Arc::as_ref).collect();
    eco_format!("{}", Digest::of_value(&ops))
}

fn operation(site: &SiteView, op: &Op) -> Operation {
    let observed = site
        .observed
        .as_ref()
        .and_then(|all| all.objects.get(&op.key.object));
    let fields = match (&op.body, observed) {
        (Some(body), Some(observed)) => fields::changed(body, &observed.body),
        _ => Vec::new(),
    };
    Operation {
        kind: match op.method {
            Method::Create => OperationKind::Create,
            Method::Update => OperationKind::Update,
            Method::Delete => OperationKind::Delete,
        }
        .into(),
        r#ref: Some(convert::avi_ref(&op.key.object)),
        domain: Some(convert::domain(&op.domain)),
        reason: reason(op.reason).to_owned(),
        break_reason: op
            .breaks
            .map(BreakReason::name)
            .unwrap_or_default()
            .to_owned(),
        fields,
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

pub(super) fn hold(held: &Held) -> Hold {
    let method = match held.hold.method {
        Method::Create => "create",
        Method::Update => "update",
        Method::Delete => "delete",
    };
    Hold {
        id: format!("{method} {}", held.hold.object),
        r#ref: Some(convert::avi_ref(&held.hold.object)),
        domain: held.domain.as_ref().map(convert::domain),
        reason: held.hold.why.to_string(),
        scopes: Vec::new(),
        approvable: held.approvable,
    }
}
