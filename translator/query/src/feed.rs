//! What changed from one published state to the next, for those who watch. A task of its own compares
//! the states, which costs what changed; the core knows nothing of it.

use crate::view::{SiteView, Snapshot};
use aviary_avi::{AviKey, Observed};
use aviary_boot::Blocking;
use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use std::sync::Arc;
use tokio::sync::watch;

/// So many changes are remembered, or the last ones, if they were more at once.
const CHANGES_MAX: u64 = 16_384;

/// An object that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// The place of its Controller in the state.
    pub(super) site: usize,
    pub(super) is_observed: bool,
    pub(super) key: AviKey,
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
        let mut note = |site: usize, is_observed: bool, key: &AviKey| {
            let key = key.clone();
            let change = Change {
                site,
                is_observed,
                key,
            };
            changes.insert(position, change);
            position += 1;
        };
        let unread = SiteView::default();
        for (at, new) in snapshot.sites.iter().enumerate() {
            let old = self.snapshot.sites.get(at).unwrap_or(&unread);
            let (before, after) = (&old.built.desired, &new.built.desired);
            let diff = before.objects.diff(&after.objects);
            diff.for_each(|item| note(at, false, key_of(&item)));
            let nothing = Observed::default();
            let (before, after) = (old.observed.as_ref(), new.observed.as_ref());
            let before = &before.unwrap_or(&nothing).objects;
            let diff = before.diff(&after.unwrap_or(&nothing).objects);
            diff.for_each(|item| note(at, true, key_of(&item)));
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

fn key_of<'b, V>(item: &DiffItem<'b, 'b, AviKey, V>) -> &'b AviKey {
    match item {
        DiffItem::Add(key, _)
        | DiffItem::Remove(key, _)
        | DiffItem::Update { new: (key, _), .. } => key,
    }
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
        Some(changes.map(|it| it.key.name.to_string()).collect())
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
