//! What keeps the state from being converged.

use crate::view::{SiteView, Snapshot};
use aviary_proto::query::v1::{Wait, WaitReason};

/// Everything that is waited for, by reason; nothing if it is converged.
pub(super) fn waits(snapshot: &Snapshot) -> Vec<Wait> {
    let mut waits = Vec::new();
    if snapshot.sites.is_empty() {
        waits.push(wait(
            WaitReason::Controller,
            "",
            0,
            "the translator is starting",
        ));
    }
    for site in &snapshot.sites {
        of_site(site, &mut waits);
        if site.built.facts.generation != snapshot.generation() {
            waits.push(wait(WaitReason::Translation, &site.controller, 0, ""));
        }
    }
    if snapshot.asking {
        waits.push(wait(WaitReason::Answers, "", 0, ""));
    }
    if snapshot.intents > 0 {
        waits.push(wait(WaitReason::Intents, "", snapshot.intents, ""));
    }
    waits.sort_by(|a, b| (a.reason, &a.controller).cmp(&(b.reason, &b.controller)));
    waits
}

fn of_site(site: &SiteView, waits: &mut Vec<Wait>) {
    let (name, progress) = (&site.controller, &site.progress);
    if site.observed.is_none() {
        waits.push(wait(WaitReason::Controller, name, 0, &site.trouble));
    } else if !progress.open {
        waits.push(wait(WaitReason::Agents, name, 0, ""));
    }
    if progress.open && progress.comparing {
        waits.push(wait(WaitReason::Comparison, name, 0, ""));
    }
    if !progress.sending.is_empty() {
        waits.push(wait(WaitReason::Operations, name, site.ops.len(), ""));
    }
    if progress.retries > 0 {
        waits.push(wait(
            WaitReason::Retries,
            name,
            progress.retries,
            &site.trouble,
        ));
    }
}

fn wait(reason: WaitReason, controller: &str, count: usize, detail: &str) -> Wait {
    Wait {
        reason: reason.into(),
        controller: controller.to_owned(),
        count: count as u64,
        detail: detail.to_owned(),
    }
}
