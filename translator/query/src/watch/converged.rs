//! Whether the Controllers show what was heard, what is waited for, and what has changed.

use super::{Answers, start, too_slow};
use crate::convert;
use crate::desk::Desk;
use crate::feed::{Feed, What};
use crate::mask;
use crate::waits::waits;
use aviary_avi::AviKey;
use aviary_identity::Caller;
use aviary_proto::query::v1::{WatchConvergedRequest, WatchConvergedResponse};
use aviary_proto::types::v1::AviObjectRef;
use tonic::Status;

/// Objects that are named in one message.
const NAMED_MAX: usize = 100;

/// Tells where things stand, now and whenever that changes.
pub(crate) fn converged(
    desk: &Desk,
    caller: Caller,
    asked: &WatchConvergedRequest,
) -> Result<Answers<WatchConvergedResponse>, Status> {
    let name = "aviary.query.v1.WatchConvergedResponse";
    let mask = mask::read(asked.read_mask.as_ref(), name)?;
    start(desk, caller, "watch convergence", |mut teller| async move {
        let mut feed = teller.newest();
        let mut position = feed.next;
        let mut told = None;
        loop {
            let now = stand(&feed, position).ok_or_else(too_slow)?;
            position = feed.next;
            let is_quiet = now.desired_changes + now.observed_changes == 0;
            if !(is_quiet && told.as_ref() == Some(&now)) {
                let without_changes = WatchConvergedResponse {
                    desired_changed: Vec::new(),
                    desired_changes: 0,
                    observed_changed: Vec::new(),
                    observed_changes: 0,
                    ..now.clone()
                };
                told = Some(without_changes);
                teller.tell(mask::apply(mask.as_ref(), now)).await?;
            }
            feed = teller.next().await?;
        }
    })
}

/// Where things stand, and what changed since a position; `None` if that is not remembered.
fn stand(feed: &Feed, position: u64) -> Option<WatchConvergedResponse> {
    let snapshot = &feed.snapshot;
    let waits = waits(snapshot);
    let sites = snapshot.sites.iter();
    let mut stand = WatchConvergedResponse {
        generation: snapshot.generation().0,
        converged: waits.is_empty(),
        waits,
        holds: sites.clone().map(|site| site.holds.len() as u64).sum(),
        refusals: sites.map(|site| site.refusals.len() as u64).sum(),
        ..WatchConvergedResponse::default()
    };
    for change in feed.since(position)? {
        match &change.what {
            What::Observed(key) => {
                name(key, &mut stand.observed_changed);
                stand.observed_changes += 1;
            }
            What::Desired(key) => {
                name(key, &mut stand.desired_changed);
                stand.desired_changes += 1;
            }
            What::Claims(_) => {}
        }
    }
    Some(stand)
}

fn name(key: &AviKey, named: &mut Vec<AviObjectRef>) {
    if named.len() < NAMED_MAX {
        named.push(convert::avi_ref(key));
    }
}
