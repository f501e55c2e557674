//! Waits until the Controllers show what was heard.

use super::desk::Desk;
use super::refusal::{bad_field, bad_fields, not_found};
use crate::convert;
use crate::order::Order;
use crate::view::Snapshot;
use aviary_proto::query::v1::{
    ObjectVersion, WaitConvergedRequest, WaitConvergedResponse, wait_converged_request::What,
};
use aviary_types::{Generation, ObjectKey};
use tonic::Status;

/// Most findings of an answer: ListFindings has all.
const FINDINGS_MAX: usize = 1_000;

pub(super) async fn wait(
    desk: &Desk,
    request: WaitConvergedRequest,
) -> Result<WaitConvergedResponse, Status> {
    let object = match request.what {
        Some(What::Object(object)) => Some(version(desk, object)?),
        Some(What::Everything(_)) => None,
        None => return Err(bad_field("what", "say what to wait for")),
    };
    let mark = desk.ask(Order::Mark).await?;
    let mut snapshots = desk.snapshots.clone();
    let reached = |snapshot: &Snapshot| match &object {
        Some((key, asked)) => is_heard(snapshot, key, asked) && is_done(snapshot, Generation(0)),
        None => is_done(snapshot, mark),
    };
    let snapshot = snapshots.wait_for(reached).await;
    let snapshot = snapshot
        .map_err(|_| Status::unavailable("the translator is stopping"))?
        .clone();
    let answer = move || answer(&snapshot, object.map(|(key, _)| key).as_ref());
    let answered = desk.blocking.run(answer).await;
    answered.map_err(|_| Status::internal("the answer could not be made"))
}

fn answer(snapshot: &Snapshot, object: Option<&ObjectKey>) -> WaitConvergedResponse {
    let mut findings = snapshot.findings();
    findings.retain(|finding| object.is_none_or(|key| finding.object == *key));
    WaitConvergedResponse {
        generation: snapshot.generation().0,
        findings_total: findings.len() as u64,
        findings: findings
            .iter()
            .take(FINDINGS_MAX)
            .map(convert::finding)
            .collect(),
    }
}

fn version(desk: &Desk, object: ObjectVersion) -> Result<(ObjectKey, String), Status> {
    let key = object
        .key
        .ok_or_else(|| bad_field("object.key", "it is needed"))?;
    let mut wrong = Vec::new();
    if object.cluster.is_empty() {
        wrong.push(("object.cluster", "it is needed".to_owned()));
    }
    if key.name.is_empty() {
        wrong.push(("object.key.name", "it is needed".to_owned()));
    }
    let found = convert::key_of(&object.cluster.as_str().into(), &key);
    if found.is_none() {
        let why = "it is not a kind that is translated".to_owned();
        wrong.push(("object.key.kind", why));
    }
    let found = found.filter(|_| wrong.is_empty());
    let found = found.ok_or_else(|| bad_fields(wrong))?;
    // Nobody will ever speak for a cluster that is not configured.
    let snapshot = desk.snapshots.borrow();
    let mut domains = snapshot.sites.iter().flat_map(|site| &site.domains);
    let is_served = domains.any(|domain| domain.cluster == found.cluster);
    if !is_served && !snapshot.sites.is_empty() {
        return Err(not_found("cluster", &object.cluster));
    }
    Ok((found, object.resource_version))
}

/// Whether that version of the object, or a later one, was heard.
fn is_heard(snapshot: &Snapshot, key: &ObjectKey, asked: &str) -> bool {
    let Some(heard) = snapshot.versions.get(key) else {
        return false;
    };
    let number = |text: &str| text.parse::<u64>().ok();
    match (number(heard), number(asked)) {
        (Some(heard), Some(asked)) => heard >= asked,
        _ => asked.is_empty() || heard == asked,
    }
}

/// Whether everything up to a generation was done, held or refused, and told.
pub(super) fn is_done(snapshot: &Snapshot, mark: Generation) -> bool {
    let translated = |built: Generation| built >= mark && built == snapshot.generation();
    snapshot.is_settled()
        && snapshot
            .sites
            .iter()
            .all(|site| translated(site.built.facts.generation))
}
