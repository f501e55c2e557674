//! Who claims which host, as it changes.

use super::sight::{Place, Sight, Told, watch};
use super::{Answers, start};
use crate::claims::{CLAIM, Filter};
use crate::convert;
use crate::desk::Desk;
use crate::feed::{Change, Feed};
use crate::mask::{self, Mask};
use aviary_graph::UnitKey;
use aviary_identity::Caller;
use aviary_proto::query::v1::{
    ClaimsChange, ListClaimsRequest, WatchClaimsRequest, WatchClaimsResponse,
};
use std::sync::Arc;
use tonic::Status;

/// What one reader wants to see.
struct View {
    filter: Filter,
    mask: Option<Mask>,
    place: Place,
}

/// Tells all claims to hosts that are meant, then what changes.
pub(crate) fn claims(
    desk: &Desk,
    caller: Caller,
    asked: &WatchClaimsRequest,
) -> Result<Answers<WatchClaimsResponse>, Status> {
    let list = ListClaimsRequest {
        cluster: asked.cluster.clone(),
        name: asked.name.clone(),
        state: asked.state,
        contested_only: asked.contested_only,
        ..ListClaimsRequest::default()
    };
    let view = Arc::new(View {
        filter: Filter::of(&list)?,
        mask: mask::read(asked.read_mask.as_ref(), CLAIM)?,
        place: Place::of(desk, &list),
    });
    let resume = view.place.resume(&asked.resume_token)?;
    start(desk, caller, "watch claims", move |teller| {
        watch(teller, view, resume)
    })
}

impl View {
    /// What a domain claims of a host now; `None` for what is no host.
    fn change(&self, feed: &Feed, (site, unit): (usize, &UnitKey)) -> Option<ClaimsChange> {
        let UnitKey::Host(domain, host) = unit else {
            return None;
        };
        let at = feed.snapshot.sites.get(site)?;
        let claims = self.filter.of_unit(&feed.snapshot, at, unit);
        let masked = |claim| mask::apply(self.mask.as_ref(), claim);
        Some(ClaimsChange {
            controller: at.controller.to_string(),
            domain: Some(convert::domain(domain)),
            host: host.to_string(),
            claims: claims.into_iter().map(masked).collect(),
        })
    }
}

impl Sight for View {
    type Message = WatchClaimsResponse;
    type Shown = ClaimsChange;
    type At = (usize, UnitKey);

    fn place(&self) -> &Place {
        &self.place
    }

    fn concerns(&self, change: &Change) -> bool {
        change
            .claims()
            .is_some_and(|unit| self.filter.may_meet(unit))
    }

    fn now(&self, feed: &Feed, change: &Change) -> Option<ClaimsChange> {
        self.change(feed, (change.site, change.claims()?))
    }

    fn all<'a>(
        &'a self,
        feed: &'a Feed,
        after: Option<&'a (usize, UnitKey)>,
    ) -> Box<dyn Iterator<Item = ((usize, UnitKey), ClaimsChange)> + 'a> {
        let from = after.map_or(0, |(site, _)| *site);
        let sites = feed.snapshot.sites.iter().enumerate().skip(from);
        let units = sites.flat_map(move |(at, site)| {
            let after = after.filter(|(of, _)| *of == at);
            let units = site.built.claims.hosts(after.map(|(_, unit)| unit));
            units.map(move |unit| (at, unit))
        });
        let meant = units.filter(|(_, unit)| self.filter.may_meet(unit));
        let shown = meant.filter_map(|(at, unit)| {
            let change = self.change(feed, (at, unit))?;
            (!change.claims.is_empty()).then(|| ((at, unit.clone()), change))
        });
        Box::new(shown)
    }

    fn message(told: Told<ClaimsChange>) -> WatchClaimsResponse {
        WatchClaimsResponse {
            generation: told.generation,
            reset: told.reset,
            changes: told.changes,
            complete: told.complete,
            resume_token: told.resume_token,
        }
    }
}
