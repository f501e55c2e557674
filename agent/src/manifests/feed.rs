//! A lane's watch over a folder.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use aviary_link::key::{Extent, Kind, Lane, Name};
use aviary_proto::sync::v1::LaneCondition;
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::shelf::{State, Stored};
use crate::source::Sight;

/// Objects of namespaced kinds that name no namespace are in this one, as with kubectl.
pub(super) const DEFAULT_NAMESPACE: &str = "default";

/// The watch of a lane. What is to be said next waits as references: bodies are copied one by one.
struct Feed {
    lane: Lane,
    states: watch::Receiver<Arc<State>>,
    seen: BTreeMap<Name, Arc<Stored>>,
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
        seen: BTreeMap::new(),
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
        let now = objects(&self.lane, state);
        if !self.whole {
            self.seen.clear();
            self.next.push_back(Next::Listing);
        }
        for (name, stored) in &now {
            if self
                .seen
                .get(name)
                .is_none_or(|seen| !Arc::ptr_eq(seen, stored))
            {
                self.next
                    .push_back(Next::Object(name.clone(), stored.clone()));
            }
        }
        for name in self.seen.keys().filter(|name| !now.contains_key(name)) {
            self.next.push_back(Next::Gone(name.clone()));
        }
        self.seen = now;
        if !self.whole {
            self.next.push_back(match &state.unknown {
                None => Next::Listed,
                Some(reason) => Next::Failed(reason.clone()),
            });
            self.whole = state.unknown.is_none();
        }
    }
}

fn say(next: Next) -> Sight {
    match next {
        Next::Listing => Sight::Listing,
        Next::Listed => Sight::Listed,
        Next::Gone(name) => Sight::Gone(name),
        Next::Failed(reason) => Sight::Failed(LaneCondition::Failed, reason),
        Next::Object(name, stored) => Sight::Object(named(&stored.value, &name)),
    }
}

/// The objects of a lane.
fn objects(lane: &Lane, state: &State) -> BTreeMap<Name, Arc<Stored>> {
    let Some(objects) = state.objects.get(&lane.kind) else {
        return BTreeMap::new();
    };
    let mut found: BTreeMap<Name, Arc<Stored>> = BTreeMap::new();
    for (name, stored) in objects.iter() {
        let placed = placed(&lane.extent, name);
        if lane.extent.contains(&placed.namespace)
            && (placed == *name || !objects.contains_key(&placed))
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
pub(super) fn named(value: &Value, name: &Name) -> Value {
    let mut value = value.clone();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        if name.namespace.is_empty() {
            metadata.remove("namespace");
        } else {
            metadata.insert("namespace".into(), json!(name.namespace));
        }
    }
    value
}

impl State {
    /// True if a manifest has the object under this very name.
    pub(super) fn has(&self, kind: &Kind, name: &Name) -> bool {
        self.objects
            .get(kind)
            .is_some_and(|objects| objects.contains_key(name))
    }

    /// The object of a name, wherever its manifest puts it.
    pub(super) fn find(&self, kind: &Kind, name: &Name) -> Option<(Name, Arc<Stored>)> {
        let objects = self.objects.get(kind)?;
        let bare = Name::new("", &name.name);
        let in_default = name.namespace == DEFAULT_NAMESPACE;
        [Some(name.clone()), in_default.then_some(bare)]
            .into_iter()
            .flatten()
            .find_map(|name| objects.get(&name).map(|stored| (name, stored.clone())))
    }
}
