//! Publishes what queries answer from.

use super::Core;
use super::site::Site;
use aviary_query::view::{AgentView, SiteView, Snapshot};
use std::sync::Arc;

impl Core {
    /// Publishes the state, if anything changed, and tells where the facts stand.
    pub(super) fn publish(&mut self) {
        if std::mem::take(&mut self.news) {
            let snapshot = self.snapshot();
            self.published.send_replace(snapshot);
        }
        let generation = self.store.peek().generation;
        for mark in self.marks.drain(..) {
            // Whoever asked may have gone.
            let _unread = mark.send(generation);
        }
    }

    fn snapshot(&mut self) -> Snapshot {
        let asking = self.wants.are_open(&self.hub);
        let agents = self.hub.agents().map(|(id, about)| AgentView {
            id,
            about: about.clone(),
            intents_open: self.hub.open_intents(id),
        });
        Snapshot {
            facts: self.store.peek().clone(),
            sites: self
                .sites
                .iter()
                .filter(|it| !it.closed)
                .map(view)
                .collect(),
            scopes: self.scopes.clone(),
            versions: self.versions.clone(),
            intents: self.statuses.pending(),
            asking,
            agents: Arc::new(agents.collect()),
            settings: self.settings_view(),
        }
    }
}

fn view(site: &Site) -> SiteView {
    let shards = site
        .instances
        .iter()
        .map(|it| (it.domain(), it.l7.shard_size.count()));
    let domains = site.lane.domains();
    let envs = domains.iter().filter_map(|it| site.lane.env(it));
    let schemes = envs.map(|env| (env.domain.clone(), env.scheme)).collect();
    SiteView {
        schemes,
        controller: site.name.clone(),
        domains,
        shards: shards.collect(),
        built: site.lane.built().state(),
        observed: site.lane.observed().cloned(),
        ops: site.ops.clone(),
        holds: site.holds.clone(),
        guarded: if site.guarded.is_empty() {
            site.adoption.digest()
        } else {
            site.guarded.clone()
        },
        adoptions: site.adoption.views(),
        observes: site.executor.is_none(),
        refusals: site.refusals.clone(),
        settled: site.is_settled(),
        progress: site.progress(),
        trouble: site.trouble(),
    }
}
