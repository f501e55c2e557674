//! The core of one Avi Controller: what should exist there, what does, and the plan between them.
//! No IO: whoever drives it hands in facts, readings and outcomes.

use self::overlap::Overlap;
use self::under_way::UnderWay;
use aviary_avi::ds_set::KnownScripts;
use aviary_avi::{AviKey, Census, Inventory, Knowledge, Named, Observed, ObservedObject, Standing};
use aviary_graph::{Builder, Built, Incumbents, Orphans, Schemes, count_entries, project};
use aviary_kinds::Env;
use aviary_kinds::status::Wish;
use aviary_plan::{Input, Journal, Op, Plan, Right, Waits, check, diff, leave_out};
use aviary_session::LookedUp;
use aviary_settings::InstanceSettings;
use aviary_store::{Changes, Facts};
use aviary_types::{Code, DomainId, EcoString, Finding, ObjectKey, Scheme, eco_format};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod overlap;
mod under_way;

/// More operations than this at once are bulk work; fewer are somebody's edit.
const URGENT_OPS_MAX: usize = 64;

/// Everything that is computed for the domains of one Controller.
#[derive(Default)]
pub struct Lane {
    instances: Vec<InstanceSettings>,
    inventories: BTreeMap<DomainId, Arc<Inventory>>,
    envs: BTreeMap<DomainId, Arc<Env>>,
    scripts: KnownScripts,
    schemes: Schemes,
    census: BTreeMap<DomainId, Arc<Census>>,
    /// The domains that were translated by the last build.
    open: BTreeSet<DomainId>,
    builder: Builder,
    built: Built,
    observed: Option<Observed>,
    journal: Journal,
    expired: BTreeSet<AviKey>,
    /// Domains whose hosts were placed anew a short time ago.
    overlapping: BTreeSet<DomainId>,
    dirty: BTreeSet<AviKey>,
    all_dirty: bool,
    /// What the last comparison left as it is, for want of knowledge or against a rule.
    held: BTreeSet<AviKey>,
    waits: Waits,
    under_way: UnderWay,
    refused: BTreeMap<AviKey, Refusal>,
}

/// Objects with a write that waits or is under way, or that are not to be written now.
pub trait Busy {
    /// Whether an object is one of them.
    fn has(&self, key: &AviKey) -> bool;

    /// Whether there is none.
    fn is_idle(&self) -> bool;
}

impl Busy for BTreeSet<AviKey> {
    fn has(&self, key: &AviKey) -> bool {
        self.contains(key)
    }

    fn is_idle(&self) -> bool {
        self.is_empty()
    }
}

/// What the Controller said to an object that it did not take.
struct Refusal {
    sources: Vec<ObjectKey>,
    text: EcoString,
}

impl Lane {
    /// The core for these domains. Nothing is planned before the Controller was read.
    pub fn new(instances: Vec<InstanceSettings>) -> Self {
        Self {
            instances,
            ..Self::default()
        }
    }

    /// The domains of the lane.
    pub fn domains(&self) -> Vec<DomainId> {
        self.instances
            .iter()
            .map(InstanceSettings::domain)
            .collect()
    }

    /// What translation of a domain depends on, once that is known.
    pub fn env(&self, domain: &DomainId) -> Option<&Arc<Env>> {
        self.envs.get(domain)
    }

    /// Settings changed: everything of the domains that differ is built anew.
    pub fn configure(&mut self, instances: Vec<InstanceSettings>) {
        self.instances = instances;
        self.settle();
    }

    /// What the Controller was found to be, for one domain.
    pub fn discover(&mut self, domain: &DomainId, inventory: Inventory) {
        self.inventories.insert(domain.clone(), Arc::new(inventory));
        self.settle();
    }

    /// Scripts on the Controller that are left alone, since they do what ours do.
    pub fn recognise(&mut self, scripts: KnownScripts) {
        self.scripts = scripts;
        self.settle();
    }

    /// What was found under names that objects give. It counts from the next build on.
    pub fn learn(&mut self, domain: &DomainId, found: LookedUp) {
        let census = Arc::make_mut(self.census.entry(domain.clone()).or_default());
        census.named.extend(found.named);
        for group in found.groups {
            let key = group.key.clone();
            self.written(&key, Some(group.into()));
        }
        self.recount();
    }

    /// What objects name and nobody has looked for on the Controller yet.
    pub fn unnamed(&self) -> BTreeSet<(DomainId, Named)> {
        self.named_if(|standing| standing.is_none())
    }

    /// What objects name and the Controller did not have, or not yet.
    pub fn unfound(&self) -> BTreeSet<(DomainId, Named)> {
        self.named_if(|standing| standing != Some(&Standing::Present))
    }

    fn named_if(&self, which: impl Fn(Option<&Standing>) -> bool) -> BTreeSet<(DomainId, Named)> {
        let named = self.builder.named().filter(|(domain, named)| {
            let census = self.census.get(domain);
            self.envs.contains_key(domain)
                && which(census.and_then(|census| census.named.get(named)))
        });
        named.cloned().collect()
    }

    /// The name of an unmarked object is about to be some domain's.
    pub fn remember(&mut self, name: EcoString, domain: DomainId, right: Right) {
        self.journal.note(name, Some(domain), right);
    }

    /// Names of unmarked objects that were made, from the store's journal.
    pub fn restore_journal(&mut self, journal: &Journal) {
        self.journal.extend(journal);
    }

    /// Naming schemes that were settled before, by domain, from the store.
    pub fn restore_schemes(&mut self, schemes: impl IntoIterator<Item = (EcoString, Scheme)>) {
        self.schemes.restore(schemes);
    }

    /// Naming schemes that were settled since the last call, for the store.
    pub fn take_schemes(&mut self) -> BTreeMap<EcoString, Scheme> {
        self.schemes.take_news()
    }

    /// Nothing is left of a domain that is gone: if it comes again, it begins anew.
    pub fn forget_scheme(&mut self, domain: &DomainId) {
        self.schemes.forget(domain);
    }

    /// Whether the Controller has objects of a domain, or may have: it was not read.
    pub fn may_have(&self, domain: &DomainId) -> bool {
        self.observed.as_ref().is_none_or(|observed| {
            let mut objects = observed.objects.values();
            objects.any(|object| object.body.is_partly_of(domain))
        })
    }

    /// These names.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The Controller was read in full.
    pub fn observe(&mut self, mut observed: Observed) {
        observed.share_bodies(&self.built.desired, None);
        // What was foreseen of a Controller that nobody had read takes no host from anybody.
        let unknown = self.observed.as_ref().map(|_| self.built.unknown.clone());
        let incumbents = Incumbents::of(&observed, &self.domains(), &unknown.unwrap_or_default());
        self.builder.seat(incumbents);
        self.observed = Some(observed);
        self.all_dirty = true;
        self.dirty.clear();
        // It may have changed altogether, so that names are looked for again.
        for census in self.census.values_mut() {
            Arc::make_mut(census).named.clear();
        }
        self.settle();
    }

    /// What the Controller has, as far as it was read.
    pub fn observed(&self) -> Option<&Observed> {
        self.observed.as_ref()
    }

    /// A write ended: this is what the Controller has now (`None`: nothing). The object is compared
    /// again, for the desired form may have changed meanwhile.
    pub fn written(&mut self, key: &AviKey, now: Option<Arc<ObservedObject>>) {
        let Some(observed) = &mut self.observed else {
            return;
        };
        self.refused.remove(key);
        let former = observed.objects.get(key).cloned();
        match now {
            Some(object) => observed.insert(object),
            None => observed.remove(key),
        }
        // What it refers to, or does not any more, may go on now.
        let targets = observed.objects.get(key).into_iter().chain(&former);
        let targets = targets.flat_map(|object| object.targets());
        let freed = targets.filter(|target| self.held.contains(target));
        self.dirty.extend(freed.collect::<Vec<_>>());
        self.dirty.insert(key.clone());
    }

    /// The Controller refused an object for what it is: its sources are told. It is tried again when
    /// its desired form changes.
    pub fn refuse(&mut self, op: &Op, text: EcoString) {
        let sources = op.provenance.objects().cloned().collect();
        self.refused
            .insert(op.key.object.clone(), Refusal { sources, text });
    }

    /// The writes that tell a source's user what became of it.
    pub fn project(&self, source: &ObjectKey) -> Vec<Wish> {
        let Some(observed) = &self.observed else {
            return Vec::new();
        };
        project(&self.built, observed, source, &self.refusals(source))
    }

    /// Findings about what the Controller refused of a source.
    pub fn refusals(&self, source: &ObjectKey) -> Vec<Finding> {
        let refused = self
            .refused
            .iter()
            .filter(|(_, refusal)| refusal.sources.contains(source));
        refused
            .map(|(key, refusal)| {
                Finding::new(
                    source,
                    Code::ControllerRefused,
                    eco_format!("the Controller refused {key}: {}", refusal.text),
                    "correct what the Controller names; it is tried again with the next change",
                )
            })
            .collect()
    }

    /// A write failed, or an object was changed by others: it is compared again.
    pub fn doubt(&mut self, key: &AviKey) {
        self.dirty.insert(key.clone());
    }

    /// Old parents of these domains serve hosts that moved. Answers whether that is news.
    pub fn overlap(&mut self, domains: BTreeSet<DomainId>) -> bool {
        let is_news = self.overlapping != domains;
        self.overlapping = domains;
        is_news
    }

    /// Emptied shard parents that may go now.
    pub fn expire(&mut self, keys: BTreeSet<AviKey>) {
        self.dirty.extend(keys.iter().chain(&self.expired).cloned());
        self.expired = keys;
    }

    /// Translates these facts.
    pub fn build(&mut self, facts: &Facts) -> &Built {
        let mut everywhere = facts.changes.since != self.built.facts.generation || self.all_dirty;
        let restarts = self.built.restarts;
        self.built = self.builder.build(facts, &self.envs);
        // What changed is told since a state that was given up: all is compared.
        everywhere |= self.built.restarts != restarts;
        let unknown = self.built.unknown.clone();
        let open = self
            .envs
            .keys()
            .filter(|domain| !unknown.holds_domain(domain));
        let open: BTreeSet<DomainId> = open.cloned().collect();
        everywhere |= open != self.open;
        self.open = open;
        if self.look_for_orphans(everywhere) {
            self.rebuild(facts);
        }
        self.refused
            .retain(|key, _| !self.built.changed.contains(key));
        if !self.all_dirty {
            self.dirty.extend(self.built.changed.iter().cloned());
        } else if let Some(observed) = &mut self.observed {
            // The first comparison may be far off, for want of what agents still have to tell.
            observed.share_bodies(&self.built.desired, Some(&self.built.changed));
        }
        if self.built.unknown_changed {
            self.dirty.extend(self.held.iter().cloned());
        }
        &self.built
    }

    /// The last build.
    pub fn built(&self) -> &Built {
        &self.built
    }

    /// Whether an object's contents are wanted: those of Secrets that some host names are.
    pub fn wants(&self, key: &ObjectKey) -> bool {
        self.builder.wants(key)
    }

    /// Objects for which that has turned since the last call.
    pub fn take_turned(&mut self) -> BTreeSet<ObjectKey> {
        self.builder.take_turned()
    }

    /// Whether a domain is translated: enough of its cluster was heard.
    pub fn is_translated(&self, domain: &DomainId) -> bool {
        self.open.contains(domain)
    }

    /// Whether something must be compared.
    pub fn is_dirty(&self) -> bool {
        self.observed.is_some() && (self.all_dirty || !self.dirty.is_empty())
    }

    /// What the next plan compares; `None` for everything.
    pub fn waiting(&self) -> Option<&BTreeSet<AviKey>> {
        (!self.all_dirty).then_some(&self.dirty)
    }

    /// Compares what changed since the last plan. Objects that are busy keep for the next plan, after
    /// their outcome.
    pub fn plan(&mut self, busy: &impl Busy) -> Plan {
        if self.observed.is_none() {
            return Plan::default();
        }
        let mut keys = std::mem::take(&mut self.dirty);
        self.waits.join(&mut keys);
        let keys = (!std::mem::take(&mut self.all_dirty)).then_some(keys);
        if keys.is_none() {
            self.waits = Waits::default();
        }
        let compared = self.with_input(keys.as_ref(), |input| {
            let plan = diff(input);
            let violations = check(input, &plan);
            (plan, violations)
        });
        let Some((mut plan, violations)) = compared else {
            return Plan::default();
        };
        let later = self.hold_back(&mut plan);
        self.waits.refuse(&mut plan, &violations);
        if let Some(keys) = &keys {
            for key in keys {
                self.held.remove(key);
            }
        } else {
            self.held.clear();
            if let Some(observed) = &mut self.observed {
                observed.share_bodies(&self.built.desired, None);
            }
        }
        self.held
            .extend(plan.holds.iter().map(|hold| hold.object.clone()));
        if busy.is_idle() {
            self.under_way.clear();
        }
        let (under_way, observed) = (&self.under_way, self.observed.as_ref());
        let kept = leave_out(&mut plan.ops, |op| under_way.blocks(op, busy, observed));
        let kept = kept.into_iter().map(|op| op.key.object);
        self.dirty = kept.chain(later).collect();
        self.under_way.note(&plan.ops, self.observed.as_ref());
        let urgent = plan.ops.len() <= URGENT_OPS_MAX;
        plan.ops.iter_mut().for_each(|op| op.urgent = urgent);
        plan
    }

    fn hold_back(&self, plan: &mut Plan) -> Vec<AviKey> {
        let Some(observed) = &self.observed else {
            return Vec::new();
        };
        let overlap = Overlap {
            desired: &self.built.desired,
            observed,
            domains: &self.overlapping,
        };
        overlap.hold_back(plan)
    }

    /// What the plan takes from a domain, in words, if that is more than this share of it. Domains
    /// that are to go by their own settings have been approved by that.
    pub fn guard(&self, plan: &Plan, percent: u8) -> Option<EcoString> {
        let kept = self.instances.iter().filter(|it| !it.ako.delete_config);
        let kept: Vec<DomainId> = kept.map(InstanceSettings::domain).collect();
        let guard = |input: &Input<'_>| {
            let input = Input {
                domains: &kept,
                ..*input
            };
            aviary_plan::guard(&input, plan, percent)
        };
        self.with_input(None, guard).flatten()
    }

    fn with_input<T>(
        &self,
        keys: Option<&BTreeSet<AviKey>>,
        with: impl FnOnce(&Input<'_>) -> T,
    ) -> Option<T> {
        let domains = self.domains();
        Some(with(&Input {
            generation: self.built.facts.generation,
            desired: &self.built.desired,
            observed: self.observed.as_ref()?,
            knowledge: &*self.built.unknown,
            domains: &domains,
            journal: &self.journal,
            expired: &self.expired,
            keys,
        }))
    }

    /// Parents that nothing explains any more are kept as they stand, or let go.
    fn look_for_orphans(&mut self, everywhere: bool) -> bool {
        let Some(observed) = &self.observed else {
            return false;
        };
        let orphans = Orphans {
            built: &self.built,
            observed,
            envs: &self.envs,
        };
        if orphans.update(&mut self.census, everywhere) {
            self.recount();
            true
        } else {
            false
        }
    }

    /// Translates again with what else is known of the Controller; no fact changed since.
    fn rebuild(&mut self, facts: &Facts) {
        let mut same = facts.clone();
        same.changes = Arc::new(Changes {
            since: facts.generation,
            ..Changes::default()
        });
        let first = std::mem::take(&mut self.built);
        let second = self.builder.build(&same, &self.envs);
        self.built = second.after(&first);
        self.built.facts = facts.clone();
    }

    /// Hands the census to translation.
    fn recount(&mut self) {
        for (domain, env) in &mut self.envs {
            let census = self.census.get(domain).cloned().unwrap_or_default();
            if *env.census != *census {
                Arc::make_mut(env).census = census;
            }
        }
    }

    /// Brings settings, inventories and naming together, as far as all three are known. Where it is
    /// known already how a domain names things, it is translated while its Controller is still being
    /// read: what that brings to be asked for, agents can tell meanwhile.
    fn settle(&mut self) {
        if let Some(observed) = &self.observed {
            for settings in &self.instances {
                let domain = settings.domain();
                let census = self.census.entry(domain).or_default();
                count_entries(census, observed, &self.instances, settings);
            }
        }
        let (observed, schemes) = (self.observed.as_ref(), &mut self.schemes);
        self.envs = self
            .instances
            .iter()
            .filter_map(|settings| {
                let domain = settings.domain();
                let inventory = self.inventories.get(&domain)?.clone();
                let scheme = match observed {
                    Some(observed) => schemes.settle(observed, settings),
                    None => schemes.foreseen(settings)?,
                };
                let settings = Arc::new(settings.clone());
                let domain_key = domain.clone();
                Some((
                    domain.clone(),
                    Arc::new(Env {
                        domain,
                        settings,
                        inventory,
                        scheme,
                        scripts: self.scripts.clone(),
                        census: self.census.get(&domain_key).cloned().unwrap_or_default(),
                    }),
                ))
            })
            .collect();
    }
}
