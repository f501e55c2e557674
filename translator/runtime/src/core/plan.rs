//! Compares, and hands what is to be done to the executors.

use super::Core;
use super::adopt::is_granted;
use super::site::Site;
use super::wake::{SiteId, Wake};
use crate::control::Told;
use crate::trace::{self, Causes, Changes};
use crate::vital;
use aviary_avi::{AviKey, AviKind, Owned};
use aviary_boot::trace::Context;
use aviary_execute::{Outcome, Submission, Traces};
use aviary_kinds::namespace;
use aviary_plan::{Hold, Method, Op, Plan, leave_out};
use aviary_query::Target;
use aviary_query::view::Held;
use aviary_session::Drift;
use aviary_settings::Drift as DriftPolicy;
use aviary_types::{Digest, DomainId, EcoString, ObjectKey, ScopeKey, eco_format};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::Span;

impl Core {
    /// Plans wherever something changed.
    pub(super) fn plan(&mut self, now: Instant) {
        for id in 0..self.sites.len() {
            self.open(id, now);
            let Some(site) = self.sites.get_mut(id) else {
                continue;
            };
            site.look_at_waits(now);
            site.look_again(now);
            if site.is_due(now) {
                self.plan_site(id);
                self.news = true;
            }
            self.look_for_drift(id, now);
        }
    }

    /// A Controller's plans begin once everything was read, or could have been.
    fn open(&mut self, id: SiteId, now: Instant) {
        let Some(site) = self.sites.get(id) else {
            return;
        };
        if site.open || site.closed || site.lane.observed().is_none() || self.is_held_up(site, now)
        {
            return;
        }
        if let Some(site) = self.sites.get_mut(id) {
            tracing::info!(controller = %site.name, "everything was read: plans are made from now on");
            site.open = true;
            site.mark();
            self.statuses.opened();
        }
    }

    /// Whether plans of a Controller wait for what agents are about to tell.
    pub(super) fn is_held_up(&self, site: &Site, now: Instant) -> bool {
        let is_told = || !self.wants.are_open(&self.hub) && self.is_all_heard(site);
        now < self.started + self.grace && !is_told()
    }

    /// Whether every scope was heard in full that was kept over the restart, that an object of the
    /// Controller names, or that an agent has begun to tell about. Others hold nothing back.
    fn is_all_heard(&self, site: &Site) -> bool {
        let facts = self.store.peek();
        let heard = |scope: &ScopeKey| {
            let view = self.scopes.get(scope);
            view.is_some_and(|view| {
                view.kinds.iter().all(|(_, stands)| stands.is_none())
                    && view.kinds.len() == self.watched(scope).count()
            })
        };
        site.clusters().into_iter().all(|cluster| {
            let known = facts.scopes().map(|(scope, _)| scope);
            let known = known.filter(|it| it.cluster == *cluster && facts.is_published(it));
            let namespaces = facts.lookup(&namespace::all(cluster));
            let named = namespaces.iter().map(|entry| ScopeKey {
                cluster: cluster.clone(),
                namespace: entry.key.name.clone().into(),
            });
            let is_marked = |scope: &ScopeKey| {
                let mut objects = site
                    .lane
                    .observed()
                    .into_iter()
                    .flat_map(|it| it.objects.values());
                objects.any(|object| object.body.namespaces().contains(scope.namespace.as_str()))
            };
            let awaited = |scope: &ScopeKey| self.hub.speaker(scope).is_some() || is_marked(scope);
            heard(&ScopeKey::cluster_wide(cluster))
                && known.into_iter().all(heard)
                && named
                    .filter(|scope| !heard(scope))
                    .all(|scope| !awaited(&scope))
        })
    }

    fn plan_site(&mut self, id: SiteId) {
        let percent = self.settings.service.delete_guard_percent;
        let Some(site) = self.sites.get_mut(id) else {
            return;
        };
        let parked: Vec<AviKey> = site.parked.keys().map(|key| key.object.clone()).collect();
        for key in &parked {
            site.lane.doubt(key);
        }
        let compared = site.lane.waiting().cloned();
        let (plan, span, changes) = compare(site, &self.causes);
        let _entered = span.enter();
        site.compared(&plan);
        site.clear_compared(compared.as_ref());
        for hold in &plan.holds {
            note_hold(site, hold);
        }
        let (plan, paused) = split(plan, &self.pauses);
        for op in paused {
            park(site, op, "paused by an operator", false);
        }
        let plan = self.adopt(id, plan);
        let Some(site) = self.sites.get_mut(id) else {
            return;
        };
        let is_granted = is_granted(&mut site.adoption, &plan);
        let guarded = site.lane.guard(&plan, percent);
        if let Some(what) = guarded.filter(|_| !is_granted) {
            span.record("aviary.guarded", true);
            guard(site, plan, &what);
            return;
        }
        site.guarded = EcoString::new();
        site.guard = None;
        if plan.ops.is_empty() {
            return;
        }
        if self.observe_only || site.executor.is_none() {
            site.show(&shared(plan.ops), false);
        } else {
            let context = Context::of(&span);
            let traces = trace::traces(&plan, context.as_ref(), &changes, &self.causes);
            submit(site, plan, traces);
        }
    }

    pub(super) fn submitted(&mut self, id: SiteId) {
        if let Some(site) = self.sites.get_mut(id) {
            site.submitting = false;
            self.news = true;
        }
    }

    pub(super) fn outcome(&mut self, id: SiteId, outcome: Outcome) {
        if let Some(site) = self.sites.get_mut(id) {
            // Statuses tell of virtual services, of their addresses, of what must stand for it, and
            // of what went wrong.
            let object = &outcome.op.key.object;
            let shown = matches!(object.kind, AviKind::VirtualService | AviKind::VsVip);
            let made = outcome.op.method == Method::Create;
            if shown || made || !outcome.is_done() || site.refusals.contains_key(object) {
                let causes = &self.causes;
                let telling = |key: &ObjectKey| causes.telling(key, outcome.trace.as_ref());
                self.statuses
                    .touch(outcome.op.provenance.objects(), telling);
            }
            site.finish(outcome);
            self.news = true;
        }
    }

    /// What reading a Controller brought.
    pub(super) fn told(&mut self, id: SiteId, told: Told) {
        let policy = self.settings.service.drift;
        let (interval, quiet) = (
            self.settings.service.drift_interval,
            self.settings.service.adoption_quiet,
        );
        let today = self.clock.now();
        let Some(site) = self.sites.get_mut(id) else {
            return;
        };
        self.news = true;
        match told {
            Told::Cloud(cloud) => self.rebuild |= site.foresee(*cloud),
            Told::All(all) => {
                let is_taken = site.take(all);
                self.rebuild |= is_taken;
                if is_taken {
                    self.find_owners(id);
                }
                if let Some(site) = self.sites.get_mut(id) {
                    site.drift_due = Some(site.look_after(interval, quiet));
                }
            }
            Told::Trouble(why) => site.trouble = why,
            Told::NoStamps(why) => {
                site.trouble = why;
                site.drift_due = Some(site.look_after(interval, quiet));
                site.look_began = None;
            }
            Told::Stamps { writes, stamps } => {
                site.trouble = EcoString::new();
                site.drift_due = Some(site.look_after(interval, quiet));
                if let Some(observed) = site.lane.observed() {
                    let drift = newer(site, Drift::between(observed, &stamps), writes);
                    site.note_others(&drift, today);
                    let reads = policy == DriftPolicy::Repair || site.adoption.is_watching();
                    follow(site, drift, reads);
                }
            }
            Told::Named {
                domain,
                writes,
                found,
            } => {
                site.learn(&domain, found, writes);
                self.rebuild = true;
            }
            Told::Changed { writes, objects } => {
                let touched: Vec<AviKey> = objects.keys().cloned().collect();
                for (key, now) in objects {
                    if !site.is_newer(&key, writes) {
                        site.note_fields(&key, now.as_ref());
                        site.found(&key, now);
                    }
                }
                let desired = &site.lane.built().desired.objects;
                let sources = touched.iter().filter_map(|key| desired.get(key));
                let sources: Vec<_> = sources
                    .flat_map(|it| it.provenance.objects().cloned())
                    .collect();
                self.statuses.touch(sources.iter(), |_| None);
            }
        }
    }

    fn look_for_drift(&mut self, id: SiteId, now: Instant) {
        let is_off = self.settings.service.drift == DriftPolicy::Off;
        let Some(site) = self.sites.get_mut(id) else {
            return;
        };
        if is_off && !site.adoption.is_watching() {
            return;
        }
        // What was written meanwhile is to be known when a reading ends.
        if site.open && !site.reading.is_active && site.drift_due.is_some_and(|due| due <= now) {
            site.drift_due = None;
            site.look_began = Some(now);
            site.look_up(site.lane.unfound());
            site.forget_writes();
            site.reader
                .clone()
                .list_stamps(site.scopes.clone(), site.seen);
        }
    }
}

/// Makes the plan, in the trace of what it is due to. One that follows from the outcomes of another
/// has a span only if it does anything.
fn compare(site: &mut Site, causes: &Causes) -> (Plan, Span, Changes) {
    let mut due = std::mem::take(&mut site.due);
    let mut span = Span::none();
    if !due.changes.is_empty() {
        span = trace::diff(&site.name, due.build.as_ref(), &due.changes);
    }
    let plan = span.in_scope(|| site.compare());
    if span.is_none() && !plan.ops.is_empty() {
        due.changes = causes.behind(&plan.ops);
        span = trace::diff(&site.name, site.diff.as_ref(), &due.changes);
    }
    trace::planned(&span, &plan);
    site.diff = Context::of(&span).or(site.diff.take());
    (plan, span, due.changes)
}

/// Takes up a plan that was approved, in a trace of its own.
pub(super) fn submit_approved(site: &mut Site, plan: Plan) {
    let nothing = (Changes::default(), Causes::default());
    let span = trace::diff(&site.name, None, &nothing.0);
    let _entered = span.enter();
    trace::planned(&span, &plan);
    let context = Context::of(&span);
    let traces = trace::traces(&plan, context.as_ref(), &nothing.0, &nothing.1);
    submit(site, plan, traces);
}

fn submit(site: &mut Site, plan: Plan, traces: Traces) {
    let (Some(executor), Some(observed)) = (site.executor.clone(), site.lane.observed()) else {
        return;
    };
    let submission = Submission {
        observed: observed.clone(),
        read_at: site.read_at,
        seen: site.seen,
        ops: shared(plan.ops),
        traces,
    };
    tracing::info!(controller = %site.name, operations = submission.ops.len(),
        generation = plan.generation.0, "a plan goes out");
    site.show(&submission.ops, true);
    site.submitting = true;
    let (id, wakes) = (site.reader.site, site.reader.wakes.clone());
    vital::spawn(&wakes.clone(), "submit plan", async move {
        if let Err(error) = executor.submit(submission).await {
            tracing::error!(%error, "the plan is lost");
        }
        // Without a core nobody waits.
        let _gone = wakes.send(Wake::Submitted(id)).await;
    });
}

/// What is shown and what is handed out are the same operations.
fn shared(ops: Vec<Op>) -> Vec<Arc<Op>> {
    ops.into_iter().map(Arc::new).collect()
}

fn note_hold(site: &mut Site, hold: &Hold) {
    let desired = site.lane.built().desired.objects.get(&hold.object);
    let domain = desired.map(|desired| desired.domain.clone());
    // What is to go is desired no more: its marks tell whose it is.
    let domain = domain.or_else(|| {
        let observed = site.lane.observed()?.objects.get(&hold.object)?;
        let owned = |domain: &DomainId| {
            matches!(observed.body.owner(domain), Owned::Yes | Owned::IfReferred)
        };
        site.lane.domains().into_iter().find(owned)
    });
    let kept = Held {
        hold: hold.clone(),
        domain,
        approvable: false,
        op: None,
    };
    site.holds.insert(hold.object.clone(), kept);
}

pub(super) fn park(site: &mut Site, op: Op, why: &str, approvable: bool) {
    let key = op.key.object.clone();
    let hold = Hold {
        object: key.clone(),
        method: op.method,
        why: why.into(),
    };
    let domain = Some(op.domain.clone());
    site.holds.insert(
        key,
        Held {
            hold,
            domain,
            approvable,
            op: Some(Arc::new(op.clone())),
        },
    );
    site.parked.insert(op.key.clone(), op);
}

/// Takes operations out that a pause keeps back, and those that wait for them.
fn split<T>(mut plan: Plan, pauses: &BTreeMap<Target, T>) -> (Plan, Vec<Op>) {
    if pauses.is_empty() {
        return (plan, Vec::new());
    }
    let kept = leave_out(&mut plan.ops, |op| is_paused(op, pauses));
    (plan, kept)
}

fn is_paused<T>(op: &Op, pauses: &BTreeMap<Target, T>) -> bool {
    pauses.contains_key(&Target::Domain(op.domain.clone()))
        || op
            .provenance
            .objects()
            .any(|key| pauses.contains_key(&Target::Scope(key.scope())))
        || pauses.keys().any(|target| match target {
            // A delete has no sources left; its markers told the domain alone.
            Target::Scope(scope) => {
                op.method == Method::Delete && scope.cluster == op.domain.cluster
            }
            Target::Domain(_) => false,
        })
}

/// A plan deletes so much that somebody must look at it first.
fn guard(site: &mut Site, plan: Plan, what: &str) {
    site.guarded = eco_format!("{}", Digest::of_value(&plan.ops));
    let why = eco_format!("{what} at once: look at the plan and approve it");
    tracing::warn!(controller = %site.name, digest = %site.guarded, %why, "a plan waits for approval");
    for op in plan.ops.clone() {
        park(site, op, &why, true);
    }
    site.guard = Some(plan);
}

/// The differences that are not of our own making.
fn newer(site: &Site, drift: Drift, writes: u64) -> Drift {
    let Drift { changed, gone } = drift;
    let is_ours = |kind: AviKind, tenant: &str, name: &str| {
        keys_of(site, kind, tenant, name)
            .iter()
            .any(|key| site.is_newer(key, writes))
    };
    Drift {
        changed: changed
            .into_iter()
            .filter(|it| !is_ours(it.kind, it.tenant.as_str(), &it.name))
            .collect(),
        gone: gone
            .into_iter()
            .filter(|key| !site.is_newer(key, writes))
            .collect(),
    }
}

fn follow(site: &Site, drift: Drift, reads: bool) {
    if drift.is_empty() {
        return;
    }
    tracing::warn!(controller = %site.name, changed = drift.changed.len(), gone = drift.gone.len(),
        "others changed objects of ours");
    for stamp in &drift.changed {
        tracing::debug!(kind = %stamp.kind, name = %stamp.name, "changed by others");
    }
    if !reads {
        return;
    }
    let suspects = drift
        .changed
        .iter()
        .flat_map(|stamp| keys_of(site, stamp.kind, stamp.tenant.as_str(), &stamp.name));
    let observed = |key: &AviKey| {
        site.lane
            .observed()
            .is_some_and(|observed| observed.objects.contains_key(key))
    };
    // What changed so that it is no longer ours counts as gone.
    let lost: Vec<AviKey> = suspects.filter(observed).collect();
    site.reader
        .clone()
        .read_changed(site.scopes.clone(), (drift, lost), site.seen);
}

/// The keys that a cheap list may mean: it does not tell the cloud.
fn keys_of(site: &Site, kind: AviKind, tenant: &str, name: &str) -> Vec<AviKey> {
    let key = AviKey {
        kind,
        tenant: tenant.into(),
        cloud: EcoString::new(),
        name: name.into(),
    };
    if !kind.has_cloud() {
        return vec![key];
    }
    let observed = site
        .lane
        .observed()
        .into_iter()
        .flat_map(|it| it.objects.keys());
    observed
        .filter(|it| {
            AviKey {
                cloud: EcoString::new(),
                ..(*it).clone()
            } == key
        })
        .cloned()
        .collect()
}
