//! What people order.

use super::Core;
use super::plan::submit_approved;
use super::site::Site;
use crate::hub::watch_list::{watch_lists, watched};
use aviary_kinds::rooms_of;
use aviary_query::{Order, Refused};
use aviary_settings::Settings;
use aviary_types::ScopeKey;

impl Core {
    pub(super) fn order(&mut self, order: Order) {
        self.news = true;
        // An answer that nobody waits for any more changes nothing.
        match order {
            Order::Mark(reply) => self.marks.push(reply),
            Order::Release(scope, reply) => {
                let _unread = reply.send(self.release(&scope));
            }
            Order::Approve(digest, reply) => {
                let _unread = reply.send(self.approve(&digest));
            }
            Order::Pause(target, until, reply) => {
                tracing::info!(?target, ?until, "writes are paused");
                self.pauses.insert(target, until);
                self.replan_all();
                let _unread = reply.send(());
            }
            Order::Resume(target, reply) => {
                tracing::info!(?target, "writes go on");
                let was = self.pauses.remove(&target).is_some();
                self.replan_all();
                let _unread = reply.send(was);
            }
            Order::Configure(settings) => self.configure(*settings),
        }
    }

    /// Pauses end by themselves.
    pub(super) fn end_pauses(&mut self) {
        let now = self.clock.now();
        let over = self
            .pauses
            .extract_if(.., |_, until| until.is_some_and(|until| until <= now));
        if over.count() > 0 {
            self.replan_all();
        }
    }

    fn replan_all(&mut self) {
        self.sites.iter_mut().for_each(Site::mark);
    }

    pub(super) fn release(&mut self, scope: &ScopeKey) -> Result<usize, Refused> {
        if self.hub.speaker(scope).is_some() {
            return Err(Refused::Heard(scope.clone()));
        }
        if self.store.peek().scope(scope).is_none() && !self.scopes.contains_key(scope) {
            return Err(Refused::UnknownScope(scope.clone()));
        }
        let objects = self
            .store
            .peek()
            .objects()
            .filter(|it| it.key.scope() == *scope)
            .count();
        tracing::warn!(%scope, objects, "released: its objects count as gone");
        self.store.release(scope);
        self.hub.release(scope);
        self.retain.release(scope);
        self.scopes.remove(scope);
        self.wants.stir();
        Ok(objects)
    }

    fn approve(&mut self, digest: &str) -> Result<usize, Refused> {
        let held = self
            .sites
            .iter_mut()
            .find(|site| site.guarded == digest && !digest.is_empty());
        let site = held.ok_or(Refused::UnknownPlan)?;
        if site.submitting || self.observe_only {
            return Err(Refused::UnknownPlan);
        }
        let plan = site.guard.take().ok_or(Refused::UnknownPlan)?;
        site.guarded = aviary_types::EcoString::new();
        let count = plan.ops.len();
        let compared = plan.ops.iter().map(|op| op.key.object.clone()).collect();
        site.clear_compared(Some(&compared));
        submit_approved(site, plan);
        Ok(count)
    }

    /// Follows changed settings, as far as the same Controllers serve the same clusters.
    fn configure(&mut self, settings: Settings) {
        if let Some(refused) = self.settings.refused_change(&settings) {
            tracing::error!(%refused, "the settings are not taken over");
            return;
        }
        for site in &mut self.sites {
            let clusters = site.clusters().into_iter().cloned().collect::<Vec<_>>();
            let instances: Vec<_> = settings
                .instances()
                .filter(|instance| clusters.contains(&instance.cluster))
                .cloned()
                .collect();
            if instances != site.instances {
                site.instances.clone_from(&instances);
                site.lane.configure(instances.clone());
                site.reader.clone().read_all(instances);
            }
        }
        tracing::info!("new settings are in force");
        let former = std::mem::replace(&mut self.settings, settings);
        self.rebuild = true;
        self.follow_kinds(&former);
    }

    /// Has agents watch what the settings ask for now. Scopes in which a kind is new are not
    /// translated until it was heard: nothing changes for what stands for them. What is kept of a
    /// kind that is watched no more would be out of date after the next start.
    fn follow_kinds(&mut self, former: &Settings) {
        let scopes: Vec<ScopeKey> = self
            .store
            .peek()
            .scopes()
            .map(|(it, _)| it.clone())
            .collect();
        for scope in scopes {
            for room in rooms_of(&scope) {
                let was = watched(former, &scope.cluster).any(|it| it.kind == room.kind);
                match (was, self.watches(&scope.cluster, room.kind)) {
                    (false, true) => self.store.withdraw(&scope),
                    (true, false) => {
                        for key in self.store.keys_of(&scope, room.kind) {
                            self.retain.remove(&key);
                        }
                    }
                    _ => continue,
                }
                self.stirred.insert(scope.clone());
            }
        }
        for received in self.hub.watch(watch_lists(&self.epochs, &self.settings)) {
            self.learn(&received.cluster, received.events);
        }
    }
}
