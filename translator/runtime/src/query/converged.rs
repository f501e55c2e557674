//! Waits until the Controllers show what was heard.

use super::desk::Desk;
use super::refusal::bad_field;
use crate::convert;
use crate::core::wake::Order;
use crate::view::Snapshot;
use aviary_proto::query::v1::{
    ObjectVersion, WaitConvergedRequest, WaitConvergedResponse, wait_converged_request::What,
};
use aviary_types::{Finding, Generation, ObjectKey};
use tonic::Status;

pub(super) async fn wait(
    desk: &Desk,
    request: WaitConvergedRequest,
) -> Result<WaitConvergedResponse, Status> {
    let object = match request.what {
        Some(What::Object(object)) => Some(version(object)?),
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
    let ours = |finding: &&Finding| {
        object
            .as_ref()
            .is_none_or(|(key, _)| finding.object == *key)
    };
    Ok(WaitConvergedResponse {
        generation: snapshot.generation().0,
        findings: snapshot
            .findings()
            .iter()
            .filter(ours)
            .map(convert::finding)
            .collect(),
    })
}

fn version(object: ObjectVersion) -> Result<(ObjectKey, String), Status> {
    let key = object
        .key
        .ok_or_else(|| bad_field("object.key", "it is needed"))?;
    let key = convert::key_of(&object.cluster.as_str().into(), &key)
        .ok_or_else(|| bad_field("object.key.kind", "it is not a kind that is translated"))?;
    Ok((key, object.resource_version))
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
fn is_done(snapshot: &Snapshot, mark: Generation) -> bool {
    let translated = |built: Generation| built >= mark && built == snapshot.generation();
    snapshot.is_settled()
        && snapshot
            .sites
            .iter()
            .all(|site| translated(site.built.facts.generation))
}
