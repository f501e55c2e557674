//! Whose hand the objects of each domain are in.

use super::filters::is;
use super::page::{Page, SIZES};
use crate::convert;
use crate::view::{AdoptionStand, Change, ChangeKind, SiteView, Snapshot};
use aviary_proto::query::v1::{
    Adoption, AdoptionState, ListAdoptionsRequest, ListAdoptionsResponse, OthersChange,
    OthersChangeKind,
};
use aviary_types::DomainId;
use tonic::Status;

pub(super) fn list(
    snapshot: &Snapshot,
    asked: &ListAdoptionsRequest,
) -> Result<ListAdoptionsResponse, Status> {
    let page = Page::of(asked, "aviary.query.v1.Adoption", SIZES)?;
    let ours = snapshot
        .places()
        .filter(|(_, domain)| is(&asked.cluster, domain.cluster.as_str()));
    let mut entries: Vec<(String, (&SiteView, &DomainId))> =
        ours.map(|entry| (order(entry.0, entry.1), entry)).collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (adoptions, next_page_token) =
        page.take(entries.into_iter(), |(site, domain)| adoption(site, domain));
    Ok(ListAdoptionsResponse {
        adoptions,
        next_page_token,
    })
}

fn order(site: &SiteView, domain: &DomainId) -> String {
    let instance = domain.instance.as_deref().unwrap_or_default();
    format!("{}\0{}\0{instance}", site.controller, domain.cluster)
}

fn adoption(site: &SiteView, domain: &DomainId) -> Adoption {
    let view = site.adoptions.get(domain).filter(|_| site.progress.open);
    let held = site.holds.values();
    let held = held.filter(|held| held.domain.as_ref() == Some(domain));
    let (planned, holds): (Vec<_>, Vec<_>) = held.partition(|held| held.op.is_some());
    let shown = site.ops.values().filter(|op| op.domain == *domain);
    let state = match view.map(|view| view.stand) {
        None => AdoptionState::Reading,
        Some(AdoptionStand::Fresh) => AdoptionState::Fresh,
        Some(AdoptionStand::Ours) => AdoptionState::Ours,
        Some(AdoptionStand::Watched) => AdoptionState::Watched,
        Some(AdoptionStand::OthersWrite) => AdoptionState::OthersWrite,
        Some(AdoptionStand::NeedsApproval) => AdoptionState::NeedsApproval,
        Some(AdoptionStand::Ready) => AdoptionState::Ready,
    };
    // The guard against mass deletion waits for approval, too, whosever the objects are.
    let is_guarded = planned.iter().any(|held| held.approvable);
    let digest = match view {
        Some(view) if view.stand == AdoptionStand::NeedsApproval => view.digest.to_string(),
        _ if is_guarded => site.guarded.to_string(),
        _ => String::new(),
    };
    let changes = view.map(|view| view.changes.iter().map(change).collect());
    Adoption {
        domain: Some(convert::domain(domain)),
        controller: site.controller.to_string(),
        state: state.into(),
        naming_scheme: site
            .schemes
            .get(domain)
            .map(|scheme| scheme.name().to_owned())
            .unwrap_or_default(),
        operations: (planned.len() + shown.count()) as u64,
        digest,
        changes: changes.unwrap_or_default(),
        observes: site.observes,
        holds: holds.len() as u64,
    }
}

fn change(change: &Change) -> OthersChange {
    let kind = match change.how {
        ChangeKind::Made => OthersChangeKind::Made,
        ChangeKind::Changed => OthersChangeKind::Changed,
        ChangeKind::Deleted => OthersChangeKind::Deleted,
    };
    OthersChange {
        r#ref: Some(convert::avi_ref(&change.object)),
        seen: Some(convert::timestamp(change.seen)),
        kind: kind.into(),
        fields: change.fields.iter().map(ToString::to_string).collect(),
    }
}
