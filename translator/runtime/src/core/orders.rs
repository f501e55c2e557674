//! What people order.

use super::Core;
use super::plan::submit_approved;
use super::site::Site;
use aviary_query::{Order, Refused};
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
        let Some(site) = held else {
            return self.approve_adoption(digest);
        };
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
}
