//! From what the link heard to facts, and to how fresh they are.

use super::Core;
use crate::hub::object;
use crate::trace;
use aviary_boot::trace::Context;
use aviary_disk::Record;
use aviary_kinds::{Watch, namespace, room_of, rooms_of};
use aviary_link::key::{Extent as Where, Kind as LinkKind, Name};
use aviary_link::trace::TraceContext;
use aviary_link::translator::{Event, Heard, Upserted, Why};
use aviary_query::view::ScopeView;
use aviary_store::Applied;
use aviary_types::{
    ClusterName, EcoString, Finding, Kind, Namespace, ObjectKey, ScopeKey, eco_format,
};
use jiff::Timestamp;

impl Core {
    /// Takes what was heard into the store. Answers why an object is not usable, if one is not.
    pub(super) fn learn(&mut self, cluster: &ClusterName, events: Vec<Event>) -> Option<Finding> {
        let mut rejected = None;
        self.news |= !events.is_empty();
        for event in events {
            match event {
                Event::Upsert(upserted) => {
                    rejected = self.upsert(cluster, &upserted).or(rejected);
                }
                Event::Removed { kind, name, trace } => {
                    self.remove(cluster, (&kind, &name), &trace);
                }
                Event::Complete {
                    kind,
                    extent,
                    assumed,
                    ..
                } => {
                    if let Some(why) = assumed {
                        tracing::warn!(%cluster, %kind, %extent, %why, "counts as empty");
                    }
                    self.stir(cluster, &extent);
                }
                Event::Frozen { extent, .. } => self.stir(cluster, &extent),
                Event::Outcome(outcome) => self.statuses.outcome(&outcome, &self.versions),
                Event::Lost(ids) => self.statuses.lost(&ids),
                Event::Findings(findings) => {
                    for finding in findings {
                        tracing::warn!(%cluster, code = finding.code, text = finding.text,
                            "an agent tells what is wrong with its source");
                    }
                }
                // The stream's task has looked at it already.
                Event::Token(_) => {}
            }
        }
        rejected
    }

    fn upsert(&mut self, cluster: &ClusterName, upserted: &Upserted) -> Option<Finding> {
        let room = room_of(&upserted.kind.group, &upserted.kind.kind)?;
        let key = key(cluster, room.kind, &upserted.name);
        let span = trace::ingest(&key, &upserted.trace);
        let _entered = span.enter();
        if let Some(context) = Context::of(&span) {
            self.causes.note(&key, context);
        }
        let raw = object::raw(room, key.clone(), upserted);
        self.versions
            .insert(key.clone(), raw.resource_version.clone());
        self.statuses.heard(&key);
        if room.watch == Watch::ByName {
            self.wants.answered(&key);
        }
        self.met(&key);
        self.news = true;
        // What reading it said may have changed although no fact did. Of what was asked for by name the
        // answer is noted above.
        self.rebuild |= room.watch == Watch::Full;
        let (statuses, causes) = (&mut self.statuses, &self.causes);
        statuses.touch(std::iter::once(&key), |key| causes.of(key).cloned());
        let record = (room.watch == Watch::Full).then(|| Record::of(upserted));
        match self.overlapping(&key, |core| core.store.apply(raw)) {
            Applied::Accepted => {
                span.record("aviary.outcome", "accepted");
                self.retain.accept(&key, record);
                None
            }
            Applied::Rejected(findings) => {
                span.record("aviary.outcome", "rejected");
                self.retain.reject(&key, record);
                findings.into_iter().next()
            }
            Applied::UnknownKind => None,
        }
    }

    fn remove(
        &mut self,
        cluster: &ClusterName,
        (kind, name): (&LinkKind, &Name),
        trace: &TraceContext,
    ) {
        let Some(room) = room_of(&kind.group, &kind.kind) else {
            return;
        };
        let key = key(cluster, room.kind, name);
        let span = trace::ingest(&key, trace);
        let _entered = span.enter();
        if let Some(context) = Context::of(&span) {
            self.causes.note(&key, context);
        }
        self.overlapping(&key, |core| core.store.delete(&key));
        if room.kind == namespace::KIND {
            self.stir(cluster, &Where::Namespace(name.name.as_str().into()));
        }
        if room.watch == Watch::ByName {
            self.wants.answered(&key);
            self.wants.stir();
        }
        self.versions.remove(&key);
        self.retain.remove(&key);
        self.news = true;
    }

    /// An object of a namespace that was not met before, or a Namespace itself: sessions that cover
    /// all namespaces have told about it already, without knowing its name.
    fn met(&mut self, key: &ObjectKey) {
        let mut scope = key.scope();
        if key.kind == namespace::KIND {
            scope.namespace = Namespace::from(key.name.clone());
        }
        if !self.scopes.contains_key(&scope) {
            self.stirred.insert(scope);
        }
    }

    /// Notes whose freshness may have changed.
    fn stir(&mut self, cluster: &ClusterName, extent: &Where) {
        let scope = |namespace: &str| ScopeKey {
            cluster: cluster.clone(),
            namespace: namespace.into(),
        };
        match extent {
            Where::Namespace(namespace) => {
                self.stirred.insert(scope(namespace));
            }
            Where::Cluster => {
                self.stirred.insert(scope(""));
            }
            Where::All => {
                let known = self.scopes.keys().filter(|it| it.cluster == *cluster);
                self.stirred
                    .extend(known.filter(|it| !it.is_cluster_wide()).cloned());
            }
        }
    }

    /// Looks how well the stirred scopes are known now.
    pub(super) fn freshen(&mut self) {
        let stirred = std::mem::take(&mut self.stirred);
        if !stirred.is_empty() {
            self.wants.stir();
        }
        for scope in &stirred {
            self.freshen_one(scope);
            self.news = true;
        }
        if !stirred.is_empty() {
            self.forget_gone();
        }
    }

    /// A namespace that is gone often takes its agent along before that can tell: what nobody tells
    /// about any more, of a namespace that the cluster-wide agent knows to be gone, counts as gone.
    fn forget_gone(&mut self) {
        let facts = self.store.peek();
        let is_gone = |scope: &ScopeKey| {
            let wide = facts.scope(&ScopeKey::cluster_wide(&scope.cluster));
            let is_known = wide.is_some_and(|wide| wide.published && wide.frozen.is_none());
            let name = scope.namespace.as_str();
            let key = ObjectKey::new(&scope.cluster, namespace::KIND, "", name);
            is_known && facts.get(&key).is_none() && !facts.rejected().contains_key(&key)
        };
        let silent = facts.scopes().filter(|(scope, state)| {
            state.frozen.is_some() && !scope.is_cluster_wide() && is_gone(scope)
        });
        for scope in silent.map(|(scope, _)| scope.clone()).collect::<Vec<_>>() {
            // Whoever speaks for it again will tell what there is.
            if let Err(heard) = self.release(&scope) {
                tracing::debug!(%scope, %heard, "its Namespace is gone, but somebody tells about it");
            }
        }
    }

    fn freshen_one(&mut self, scope: &ScopeKey) {
        let now = self.clock.now();
        let former = self.scopes.get(scope).cloned().unwrap_or_default();
        // A kind stands still since it began to, whatever the reason became.
        let since = |kind: Kind| {
            let old = former.kinds.iter().find(|(of, _)| *of == kind);
            old.and_then(|(_, stands)| stands.as_ref())
                .map_or(now, |(at, _)| *at)
        };
        let mut view = ScopeView {
            session: self.hub.speaker(scope),
            last_heard: former.last_heard,
            kinds: Vec::new(),
        };
        let mut frozen: Option<(Timestamp, EcoString)> = None;
        for room in rooms_of(scope) {
            if !self.watches(&scope.cluster, room.kind) {
                // There is nothing to hear of it.
                self.store.not_installed(scope, room.kind);
                continue;
            }
            let stands = match self.hub.heard(scope, room.kind) {
                Heard::Complete { .. } => {
                    self.store.not_installed(scope, room.kind);
                    None
                }
                Heard::Frozen(why) => {
                    let why = in_words(&why, room.kind);
                    let at = since(room.kind);
                    frozen = frozen.or_else(|| Some((at, why.clone())));
                    Some((at, why))
                }
            };
            view.kinds.push((room.kind, stands));
        }
        if view.session.is_some() {
            view.last_heard = Some(now);
        }
        self.freeze(scope, frozen);
        if self.store.peek().is_published(scope) {
            self.retain.publish(scope);
        }
        self.scopes.insert(scope.clone(), view);
    }

    fn freeze(&mut self, scope: &ScopeKey, frozen: Option<(Timestamp, EcoString)>) {
        let known = self
            .store
            .peek()
            .scope(scope)
            .and_then(|state| state.frozen.clone());
        match frozen {
            None => self.store.thaw(scope),
            Some((_, why)) if known.as_ref().is_some_and(|known| known.why == why) => {}
            Some((at, why)) => {
                let since = known.map_or_else(|| eco_format!("{at:.0}"), |known| known.since);
                self.store.thaw(scope);
                self.store.freeze(scope, since, why);
            }
        }
    }
}

fn key(cluster: &ClusterName, kind: Kind, name: &Name) -> ObjectKey {
    ObjectKey::new(cluster, kind, name.namespace.as_str(), name.name.as_str())
}

fn in_words(why: &Why, kind: Kind) -> EcoString {
    match why {
        Why::Away => eco_format!("{why}"),
        Why::Listing | Why::Failed(_) => eco_format!("{kind}: {why}"),
    }
}
