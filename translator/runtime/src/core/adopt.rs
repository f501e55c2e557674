//! Takeovers: keeps operations back whose objects others made, until they may go out.

use super::Core;
use super::plan::park;
use super::site::Site;
use super::wake::SiteId;
use crate::adoption::{Adoption, Origin, Untaken, Verdict, Weight, is_as_left, mark, origin};
use aviary_avi::{AviKey, ObservedObject};
use aviary_plan::{Op, Plan, leave_out};
use aviary_query::Refused;
use aviary_query::view::{Change, ChangeKind};
use aviary_session::Drift;
use aviary_settings::{Adoption as Policy, InstanceSettings};
use aviary_types::{Digest, DomainId, EcoString, eco_format};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Looks follow each other after so many times what one takes, at the soonest.
const LOOK_SHARE: u32 = 10;

impl Core {
    /// A Controller was read: who made what stands there?
    pub(super) fn find_owners(&mut self, id: SiteId) {
        let Some(site) = self.sites.get_mut(id) else {
            return;
        };
        let domains = site.lane.domains();
        site.adoption.keep(&domains);
        let now = Instant::now();
        site.adoption.reread(now);
        for settings in &site.instances {
            let domain = settings.domain();
            if site.adoption.knows(&domain) {
                continue;
            }
            if self.retain.has_adopted(&eco_format!("{domain}")) {
                site.adoption.own(domain);
            } else if let Some(observed) = site.lane.observed() {
                let text = eco_format!("{domain}");
                let left = self.retain.left(&text).filter(|mark| !mark.is_empty());
                let as_left = left.map(|mark| is_as_left(mark, observed, &domain));
                if as_left == Some(true) && !self.observe_only {
                    tracing::info!(controller = %site.name, %domain,
                        "its objects are as they were left: they are ours again");
                    site.adoption.note(&domain);
                    self.retain.adopt(text);
                    continue;
                }
                let origin = match origin(observed, settings) {
                    // Whose hand it was once says nothing of who changed it since.
                    Origin::OwnHand if as_left == Some(false) => Origin::Others,
                    origin => origin,
                };
                if origin != Origin::Nothing {
                    tracing::info!(controller = %site.name, %domain, ?origin,
                        "objects stand that are not known to be ours: they are watched first");
                }
                site.adoption.find(domain, origin, now);
            }
        }
    }

    /// A domain is configured no more: what its objects are is noted, for when it comes again.
    pub(super) fn leave(&mut self, domain: &DomainId) {
        let text = eco_format!("{domain}");
        let mut sites = self.sites.iter();
        let site = sites.find(|site| !site.closed && site.serves(&domain.cluster));
        let mark = site.map(|site| mark(site.lane.observed(), domain, site.under_way()));
        if !self.observe_only {
            self.retain.leave(text, mark.unwrap_or_default());
        }
    }

    /// Domains that are not configured since before the start: of what others did to them, nothing is
    /// known.
    pub(super) fn leave_unread(&mut self) {
        let now = self.settings.instances().map(InstanceSettings::domain);
        let now: BTreeSet<EcoString> = now.map(|domain| eco_format!("{domain}")).collect();
        let adopted = self
            .retain
            .adopted()
            .filter(|domain| !now.contains(*domain));
        for domain in adopted.cloned().collect::<Vec<_>>() {
            self.retain.leave(domain, EcoString::new());
        }
    }

    /// Takes operations out of a plan whose objects may not be written yet.
    pub(super) fn adopt(&mut self, id: SiteId, mut plan: Plan) -> Plan {
        let quiet = self.settings.service.adoption_quiet;
        let Some(site) = self.sites.get_mut(id) else {
            return plan;
        };
        let closed = site.adoption.closed();
        if closed.is_empty() {
            return plan;
        }
        let mut verdicts = BTreeMap::new();
        for domain in closed {
            let mut ops = planned(site, &plan.ops);
            let is_empty = !ops.any(|op| op.domain == domain);
            drop(ops);
            look_at_fresh(site, &domain, is_empty);
            let weight = weight(site, &domain, &plan.ops, is_empty);
            let verdict = site.adoption.weigh(&domain, weight, quiet);
            if verdict == Verdict::Note && !self.observe_only && site.adoption.note(&domain) {
                tracing::info!(controller = %site.name, %domain, "its objects are ours from now on");
                self.retain.adopt(eco_format!("{domain}"));
            }
            verdicts.insert(domain, verdict);
        }
        if self.observe_only {
            return plan;
        }
        let kept = leave_out(&mut plan.ops, |op| verdicts.contains_key(&op.domain));
        for op in kept {
            let verdict = verdicts.get(&op.domain).copied();
            let is_approvable = verdict == Some(Verdict::Approval);
            park(site, op, why(verdict), is_approvable);
        }
        plan
    }

    /// Objects whose domains were noted as ours may be written. Answers whether there are any.
    pub(super) fn look_at_noted(&mut self) -> bool {
        let retain = &self.retain;
        let mut news = false;
        for site in &mut self.sites {
            let is_noted = |domain: &DomainId| retain.has_adopted(&eco_format!("{domain}"));
            if site.adoption.noted(is_noted) {
                site.mark();
                news = true;
            }
        }
        if news {
            self.statuses.adopted();
        }
        news
    }

    /// Approves what a takeover would write.
    pub(super) fn approve_adoption(&mut self, digest: &str) -> Result<usize, Refused> {
        if self.observe_only {
            return Err(Refused::UnknownPlan);
        }
        for site in &mut self.sites {
            match site.adoption.approve(digest) {
                Ok(domain) => {
                    site.mark();
                    let parked = site.parked.values();
                    return Ok(parked.filter(|op| op.domain == domain).count());
                }
                Err(Untaken::Unknown) => {}
                Err(Untaken::Early(domain)) => return Err(Refused::TooEarly(domain)),
                Err(Untaken::Others(domain, key)) => {
                    return Err(Refused::OthersWrite(domain, key));
                }
            }
        }
        Err(Refused::UnknownPlan)
    }
}

/// A domain without anything on the Controller may have got something meanwhile, from others.
fn look_at_fresh(site: &mut Site, domain: &DomainId, is_empty: bool) {
    if is_empty || !site.adoption.is_fresh(domain) {
        return;
    }
    let settings = site.instances.iter().find(|it| it.domain() == *domain);
    if let Some((settings, observed)) = settings.zip(site.lane.observed()) {
        site.adoption
            .refind(domain, origin(observed, settings), Instant::now());
    }
}

/// The operations of a plan, and those that were compared before: what is paused or only shown.
fn planned<'a>(site: &'a Site, ops: &'a [Op]) -> impl Iterator<Item = &'a Op> {
    let shown = site.ops.values().map(AsRef::as_ref);
    ops.iter().chain(site.parked.values()).chain(shown)
}

fn weight(site: &Site, domain: &DomainId, ops: &[Op], is_empty: bool) -> Weight {
    let held = site.holds.values();
    let mut held = held.filter(|held| held.domain.as_ref().is_none_or(|it| it == domain));
    let settings = site.instances.iter().find(|it| it.domain() == *domain);
    let approves =
        |it: &InstanceSettings| it.aviary.adoption == Policy::Auto || it.ako.delete_config;
    // Digesting the bodies of a first start would cost as much as comparing them.
    let named = !is_empty && site.adoption.is_found(domain);
    Weight {
        is_empty,
        digest: if named {
            digest(domain, planned(site, ops))
        } else {
            EcoString::new()
        },
        is_complete: site.lane.is_translated(domain) && held.next().is_none(),
        is_approved: settings.is_some_and(approves),
    }
}

/// Names what is to be done to a domain; empty if nothing is.
pub(super) fn digest<'a>(domain: &DomainId, ops: impl Iterator<Item = &'a Op>) -> EcoString {
    let ops = ops.filter(|op| op.domain == *domain);
    let ops: BTreeMap<_, _> = ops
        .map(|op| (&op.key, (op.method, op.body.as_ref().map(|it| it.masked()))))
        .collect();
    if ops.is_empty() {
        return EcoString::new();
    }
    let ops: Vec<_> = ops.into_iter().collect();
    eco_format!("{}", Digest::of_value(&(domain, ops)))
}

fn why(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Approval) => {
            "others made what stands there: see `aviary adopt`, and approve it"
        }
        Some(Verdict::Others) => "somebody else still writes what stands there: stop it first",
        Some(Verdict::Look) => "whether somebody else writes what stands there is being watched",
        Some(Verdict::Note) => "it is being noted that the objects are ours",
        Some(Verdict::Write) | None => "it waits for what is left out",
    }
}

impl Site {
    /// When to look for changes of others again: often while objects stand that others may write.
    pub(super) fn look_after(&self, interval: Duration, quiet: Duration) -> Instant {
        let now = Instant::now();
        let interval = if self.adoption.is_watching() {
            let took = self
                .look_began
                .map(|began| now.saturating_duration_since(began));
            let pause = took.unwrap_or_default().saturating_mul(LOOK_SHARE);
            interval.min(quiet.max(pause))
        } else {
            interval
        };
        now + interval
    }

    /// Notes what others changed, by the marks of the objects, while that counts.
    pub(super) fn note_others(&mut self, drift: &Drift, seen: Timestamp) {
        if let Some(began) = self.look_began.take() {
            self.adoption.looked(began);
        }
        if !self.adoption.is_watching() {
            return;
        }
        self.mark();
        let now = Instant::now();
        let observed = self.lane.observed().cloned().unwrap_or_default();
        let known: BTreeSet<&EcoString> = observed.objects.values().map(|it| &it.uuid).collect();
        let mut changes = Vec::new();
        for stamp in &drift.changed {
            let Some(domain) = &stamp.owner else { continue };
            let how = if known.contains(&stamp.uuid) {
                ChangeKind::Changed
            } else {
                ChangeKind::Made
            };
            let object = AviKey {
                kind: stamp.kind,
                tenant: stamp.tenant.clone(),
                cloud: EcoString::new(),
                name: stamp.name.clone(),
            };
            changes.push((domain.clone(), object, how));
        }
        let domains = self.lane.domains();
        for key in &drift.gone {
            let body = observed.objects.get(key).map(|object| &object.body);
            let owner = body.and_then(|body| body.owner_among(&domains));
            changes.extend(owner.map(|it| (it.clone(), key.clone(), ChangeKind::Deleted)));
        }
        for (domain, object, how) in changes {
            let change = Change {
                object,
                seen,
                how,
                fields: Vec::new(),
            };
            self.adoption.changed(&domain, change, now);
        }
    }

    /// Notes in what an object differs that others changed.
    pub(super) fn note_fields(&mut self, key: &AviKey, now: Option<&Arc<ObservedObject>>) {
        let observed = self.lane.observed();
        let former = observed.and_then(|observed| observed.objects.get(key));
        let Some((former, now)) = former.zip(now) else {
            return;
        };
        let fields = former.body.differences(&now.body).into_iter();
        let fields: Vec<EcoString> = fields.map(|it| it.path.into()).collect();
        let bare = AviKey {
            cloud: EcoString::new(),
            ..key.clone()
        };
        self.adoption.differs(&bare, &fields);
    }
}

/// Whether what is to be done is what was approved, once.
pub(super) fn is_granted(adoption: &mut Adoption, plan: &Plan) -> bool {
    adoption.take_granted(|domain| digest(domain, plan.ops.iter()))
}
