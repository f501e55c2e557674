//! What changed from one published state to the next, for those who watch. A task of its own compares
//! the states, which costs what changed; the core knows nothing of it.

use crate::view::{SiteView, Snapshot};
use aviary_avi::{AviKey, Observed};
use aviary_boot::Blocking;
use aviary_graph::{UnitKey, key_of};
use aviary_types::{EcoString, Host, ScopeKey};
use imbl::OrdMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::watch;

/// So many changes are remembered, or the last ones, if they were more at once.
const CHANGES_MAX: u64 = 16_384;

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Change {
    /// The place of its Controller in the state.
    pub(super) site: usize,
    pub(super) what: What,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// An object as it should be.
    Desired(AviKey),
    /// An object as it is.
    Observed(AviKey),
    /// The claims that a domain makes for a host, or how they look.
    Claims(UnitKey),
}

impl Change {
    /// The object that changed on one of the two sides.
    pub(super) fn object(&self, is_observed: bool) -> Option<&AviKey> {
        match &self.what {
            What::Desired(key) if !is_observed => Some(key),
            What::Observed(key) if is_observed => Some(key),
            _ => None,
        }
    }

    /// The host whose claims changed.
    pub(super) fn claims(&self) -> Option<&UnitKey> {
        match &self.what {
            What::Claims(unit) => Some(unit),
            _ => None,
        }
    }
}

/// The newest state, and what changed before it. Positions count changes since the start.
#[derive(Clone, Default)]
pub struct Feed {
    pub(super) snapshot: Snapshot,
    changes: OrdMap<u64, Change>,
    /// The position of the next change.
    pub(super) next: u64,
}

/// The newest feed.
pub type Feeds = watch::Receiver<Arc<Feed>>;

impl Feed {
    /// What changed since a position; `None` if that is not remembered any more.
    pub(super) fn since(&self, position: u64) -> Option<impl Iterator<Item = &Change>> {
        let oldest = self.changes.get_min().map_or(self.next, |(at, _)| *at);
        let known = oldest..=self.next;
        let changes = self.changes.range(position..).map(|(_, change)| change);
        known.contains(&position).then_some(changes)
    }

    /// The feed with a newer state.
    fn follow(&self, snapshot: Snapshot) -> Self {
        let mut changes = self.changes.clone();
        let mut position = self.next;
        let mut note = |site: usize, what: What| {
            changes.insert(position, Change { site, what });
            position += 1;
        };
        let unread = SiteView::default();
        for (at, new) in snapshot.sites.iter().enumerate() {
            let old = self.snapshot.sites.get(at).unwrap_or(&unread);
            let (before, after) = (&old.built.desired, &new.built.desired);
            let diff = before.objects.diff(&after.objects);
            diff.for_each(|item| note(at, What::Desired(key_of(&item).clone())));
            let nothing = Observed::default();
            let (before, after) = (old.observed.as_ref(), new.observed.as_ref());
            let before = &before.unwrap_or(&nothing).objects;
            let diff = before.diff(&after.unwrap_or(&nothing).objects);
            diff.for_each(|item| note(at, What::Observed(key_of(&item).clone())));
        }
        for (at, unit) in claims_changed(&self.snapshot, &snapshot) {
            note(at, What::Claims(unit));
        }
        let kept = (position - self.next).max(CHANGES_MAX);
        let oldest = position.saturating_sub(kept);
        while changes.get_min().is_some_and(|(at, _)| *at < oldest) {
            changes = changes.without_min().1;
        }
        Self {
            snapshot,
            changes,
            next: position,
        }
    }
}

/// Hosts whose claims look different, by Controller: those that changed, those of scopes that are not
/// heard any more or again, and those that overlap with one that changed.
fn claims_changed(before: &Snapshot, after: &Snapshot) -> BTreeSet<(usize, UnitKey)> {
    let unread = SiteView::default();
    let mut changed: BTreeSet<(usize, UnitKey)> = BTreeSet::new();
    let scopes = before.scopes.diff(&after.scopes);
    let scopes = scopes.map(|item| key_of(&item));
    let turned = scopes.filter(|scope| frozen(before, scope) != frozen(after, scope));
    let turned: Vec<&ScopeKey> = turned.collect();
    for (at, new) in after.sites.iter().enumerate() {
        let old = before.sites.get(at).unwrap_or(&unread);
        let mut units = new.built.claims_changed(&old.built);
        for scope in &turned {
            if scope.is_cluster_wide() {
                let hosts = new.built.claims.hosts(None);
                let hosts = hosts.filter(|unit| unit.domain().cluster == scope.cluster);
                units.extend(hosts.cloned());
            } else {
                units.extend(new.built.units_of(scope));
            }
        }
        changed.extend(units.into_iter().map(|unit| (at, unit)));
    }
    let hosts = changed.iter().filter_map(|(_, unit)| host_of(unit));
    let overlaps = hosts.flat_map(|host| claimants(after, host));
    let overlaps: Vec<(usize, UnitKey)> = overlaps.collect();
    changed.extend(overlaps);
    changed
}

/// Since when a scope is not heard.
fn frozen<'a>(snapshot: &'a Snapshot, scope: &ScopeKey) -> Option<&'a EcoString> {
    let state = snapshot.facts.scope(scope)?;
    Some(&state.frozen.as_ref()?.since)
}

fn host_of(unit: &UnitKey) -> Option<&Host> {
    match unit {
        UnitKey::Host(_, host) => Some(host),
        _ => None,
    }
}

/// Everybody who claims a host.
fn claimants(snapshot: &Snapshot, host: &Host) -> Vec<(usize, UnitKey)> {
    let mut all = Vec::new();
    for (at, site) in snapshot.sites.iter().enumerate() {
        let units = site.domains.iter();
        let units = units.map(|domain| UnitKey::Host(domain.clone(), host.clone()));
        let claims = &site.built.claims;
        let asking = units.filter(|unit| claims.of_unit(unit).next().is_some());
        all.extend(asking.map(|unit| (at, unit)));
    }
    all
}

/// Follows the published states until there are no more. States that come faster than they are
/// compared are compared once.
pub async fn run(
    mut snapshots: watch::Receiver<Snapshot>,
    newest: watch::Sender<Arc<Feed>>,
    blocking: Blocking,
) {
    while snapshots.changed().await.is_ok() {
        let snapshot = snapshots.borrow_and_update().clone();
        let feed = newest.borrow().clone();
        match blocking.run(move || Arc::new(feed.follow(snapshot))).await {
            Ok(feed) => drop(newest.send_replace(feed)),
            Err(error) => {
                tracing::error!(%error, "those who watch are told no more");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CHANGES_MAX, Feed};
    use crate::view::{SiteView, Snapshot};
    use aviary_avi::pool::Pool;
    use aviary_avi::{AviKey, AviKind, Observed, ObservedObject};
    use std::sync::Arc;

    fn object(name: &str, uuid: &str) -> ObservedObject {
        let body = Pool {
            name: name.into(),
            ..Pool::default()
        };
        ObservedObject {
            key: AviKey {
                kind: AviKind::Pool,
                tenant: "admin".into(),
                cloud: "".into(),
                name: name.into(),
            },
            uuid: uuid.into(),
            last_modified: "1".into(),
            body: Arc::new(body.into()),
            raw: None,
        }
    }

    fn state(observed: &Observed) -> Snapshot {
        Snapshot {
            sites: vec![SiteView {
                observed: Some(observed.clone()),
                ..SiteView::default()
            }],
            ..Snapshot::default()
        }
    }

    fn names(feed: &Feed, position: u64) -> Option<Vec<String>> {
        let changes = feed.since(position)?;
        Some(
            changes
                .filter_map(|it| it.object(true))
                .map(|it| it.name.to_string())
                .collect(),
        )
    }

    #[test]
    fn changes_are_told_once_and_in_their_order() {
        let mut observed = Observed::default();
        for name in ["a", "b", "c"] {
            observed.insert(object(name, "1"));
        }
        let first = Feed::default().follow(state(&observed));
        assert_eq!(names(&first, 0).unwrap(), ["a", "b", "c"]);
        let key = object("a", "1").key;
        observed.remove(&key);
        observed.insert(object("b", "2"));
        observed.insert(object("c", "1"));
        let second = first.follow(state(&observed));
        assert_eq!(names(&second, first.next).unwrap(), ["a", "b"]);
        assert_eq!(names(&second, 0).unwrap(), ["a", "b", "c", "a", "b"]);
        let third = second.follow(state(&observed));
        assert_eq!(third.next, second.next);
        assert_eq!(names(&third, third.next).unwrap(), [""; 0]);
        assert!(names(&third, third.next + 1).is_none());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut observed = Observed::default();
        observed.insert(object("a", "0"));
        let mut feed = Feed::default();
        for round in 0..CHANGES_MAX + 5 {
            observed.insert(object("a", &round.to_string()));
            feed = feed.follow(state(&observed));
        }
        assert_eq!(feed.changes.len() as u64, CHANGES_MAX);
        assert!(feed.since(4).is_none() && feed.since(5).is_some());
    }

    #[test]
    fn many_changes_at_once_are_all_remembered_until_the_next() {
        let mut observed = Observed::default();
        for number in 0..=CHANGES_MAX {
            observed.insert(object(&format!("p{number}"), "1"));
        }
        let feed = Feed::default().follow(state(&observed));
        assert_eq!(names(&feed, 0).unwrap().len() as u64, CHANGES_MAX + 1);
        observed.insert(object("p1", "2"));
        let feed = feed.follow(state(&observed));
        assert!(feed.since(0).is_none() && feed.since(2).is_some());
    }
}
