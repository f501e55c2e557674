//! A lane's watch over a folder.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use aviary_link::key::{Extent, Lane, Name};
use aviary_proto::sync::v1::LaneCondition;
use futures::stream::{self, BoxStream, StreamExt};
use imbl::ordmap::DiffItem;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::state::{Objects, State, Stored, find};
use crate::source::Sight;

/// Objects of namespaced kinds that name no namespace are in this one, as with kubectl.
pub(super) const DEFAULT_NAMESPACE: &str = "default";

/// The watch of a lane. What is to be said next waits as references: bodies are copied one by one.
struct Feed {
    lane: Lane,
    states: watch::Receiver<Arc<State>>,
    /// What was there when it was looked last.
    seen: Objects,
    next: VecDeque<Next>,
    /// The last listing was complete.
    whole: bool,
    started: bool,
}

enum Next {
    Listing,
    Object(Name, Arc<Stored>),
    Gone(Name),
    Listed,
    Failed(String),
}

/// Watches a lane.
pub(super) fn feed(lane: Lane, states: watch::Receiver<Arc<State>>) -> BoxStream<'static, Sight> {
    let feed = Feed {
        lane,
        states,
        seen: Objects::new(),
        next: VecDeque::new(),
        whole: false,
        started: false,
    };
    stream::unfold(feed, |mut feed| async move {
        let sight = feed.next().await?;
        Some((sight, feed))
    })
    .boxed()
}

impl Feed {
    async fn next(&mut self) -> Option<Sight> {
        loop {
            if let Some(next) = self.next.pop_front() {
                return Some(say(next));
            }
            if self.started {
                self.states.changed().await.ok()?;
            }
            let state = self.states.borrow_and_update().clone();
            self.started = true;
            if state.ready {
                self.follow(&state);
            }
        }
    }

    /// Notes what changed since the state before.
    fn follow(&mut self, state: &State) {
        let now = state.objects.get(&self.lane.kind).cloned();
        let now = now.unwrap_or_default();
        let before = std::mem::replace(&mut self.seen, now);
        if self.whole {
            self.note_changes(&before);
            return;
        }
        self.next.push_back(Next::Listing);
        for (name, stored) in shown(&self.lane.extent, &self.seen) {
            self.next.push_back(Next::Object(name, stored));
        }
        self.next.push_back(match &state.unknown {
            None => Next::Listed,
            Some(reason) => Next::Failed(reason.clone()),
        });
        self.whole = state.unknown.is_none();
    }

    fn note_changes(&mut self, before: &Objects) {
        if self.seen.ptr_eq(before) {
            return;
        }
        let extent = &self.lane.extent;
        let (were, are): (BTreeMap<_, _>, BTreeMap<_, _>) = match extent {
            // Few objects, and several manifest names may mean one of them.
            Extent::Cluster => (shown(extent, before), shown(extent, &self.seen)),
            Extent::Namespace(_) | Extent::All => {
                let names: BTreeSet<Name> = before
                    .diff(&self.seen)
                    .map(|change| match change {
                        DiffItem::Add(name, _) | DiffItem::Remove(name, _) => name,
                        DiffItem::Update { new, .. } => new.0,
                    })
                    .map(|name| placed(extent, name))
                    .filter(|name| extent.contains(&name.namespace))
                    .collect();
                let of = |objects: &Objects| {
                    let found = |name: &Name| Some((name.clone(), find(objects, name)?.1));
                    names.iter().filter_map(found).collect()
                };
                (of(before), of(&self.seen))
            }
        };
        for (name, stored) in &are {
            let was = were.get(name);
            if was.is_none_or(|was| !Arc::ptr_eq(was, stored)) {
                self.next
                    .push_back(Next::Object(name.clone(), stored.clone()));
            }
        }
        for name in were.into_keys().filter(|name| !are.contains_key(name)) {
            self.next.push_back(Next::Gone(name));
        }
    }
}

fn say(next: Next) -> Sight {
    match next {
        Next::Listing => Sight::Listing,
        Next::Listed => Sight::Listed,
        Next::Gone(name) => Sight::Gone(name),
        Next::Failed(reason) => Sight::Failed(LaneCondition::Failed, reason),
        Next::Object(name, stored) => Sight::Object(named(stored.value(), &name)),
    }
}

/// The objects of an extent, by the names that they have there.
fn shown(extent: &Extent, objects: &Objects) -> BTreeMap<Name, Arc<Stored>> {
    let mut found = BTreeMap::new();
    for (name, stored) in objects {
        let placed = placed(extent, name);
        if extent.contains(&placed.namespace) && (placed == *name || !objects.contains_key(&placed))
        {
            found.insert(placed, stored.clone());
        }
    }
    found
}

/// The name that an object has in an extent: cluster-scoped kinds have no namespace, others have one.
fn placed(extent: &Extent, name: &Name) -> Name {
    match extent {
        Extent::Cluster => Name::new("", &name.name),
        Extent::Namespace(_) | Extent::All if name.namespace.is_empty() => {
            Name::new(DEFAULT_NAMESPACE, &name.name)
        }
        Extent::Namespace(_) | Extent::All => name.clone(),
    }
}

/// The object with the namespace that it is in.
pub(super) fn named(mut value: Value, name: &Name) -> Value {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        if name.namespace.is_empty() {
            metadata.remove("namespace");
        } else {
            metadata.insert("namespace".into(), json!(name.namespace));
        }
    }
    value
}
