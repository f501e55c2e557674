//! The core of one Avi Controller: what should exist there, what does, and the plan between them.
//! No IO: whoever drives it hands in facts, readings and outcomes.

use crate::project::project;
use crate::scheme;
use aviary_avi::{AviKey, Inventory, Observed, ObservedObject};
use aviary_graph::{Builder, Built};
use aviary_kinds::Env;
use aviary_kinds::status::Wish;
use aviary_plan::{Input, Op, Plan, diff};
use aviary_settings::InstanceSettings;
use aviary_store::Facts;
use aviary_types::{Code, DomainId, EcoString, Finding, ObjectKey, eco_format};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// More operations than this at once are bulk work; fewer are somebody's edit.
const URGENT_OPS_MAX: usize = 64;

/// Everything that is computed for the domains of one Controller.
#[derive(Default)]
pub struct Lane {
    instances: Vec<InstanceSettings>,
    inventories: BTreeMap<DomainId, Arc<Inventory>>,
    envs: BTreeMap<DomainId, Arc<Env>>,
    builder: Builder,
    built: Built,
    observed: Option<Observed>,
    journal: BTreeSet<EcoString>,
    expired: BTreeSet<AviKey>,
    dirty: BTreeSet<AviKey>,
    all_dirty: bool,
    refused: BTreeMap<AviKey, Refusal>,
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

    /// Names of unmarked objects that were made, from the store's journal.
    pub fn remember(&mut self, names: impl IntoIterator<Item = EcoString>) {
        self.journal.extend(names);
    }

    /// The Controller was read in full.
    pub fn observe(&mut self, observed: Observed) {
        self.observed = Some(observed);
        self.all_dirty = true;
        self.settle();
    }

    /// What the Controller has, as far as it was read.
    pub fn observed(&self) -> Option<&Observed> {
        self.observed.as_ref()
    }

    /// A write ended: this is what the Controller has now (`None`: nothing). The object is compared
    /// again, for the desired form may have changed meanwhile.
    pub fn written(&mut self, key: &AviKey, now: Option<ObservedObject>) {
        let Some(observed) = &mut self.observed else {
            return;
        };
        self.refused.remove(key);
        match now {
            Some(object) => observed.insert(object),
            None => observed.remove(key),
        }
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

    /// Emptied shard parents that may go now.
    pub fn expire(&mut self, keys: BTreeSet<AviKey>) {
        self.dirty.extend(keys.iter().chain(&self.expired).cloned());
        self.expired = keys;
    }

    /// Translates these facts.
    pub fn build(&mut self, facts: &Facts) -> &Built {
        self.built = self.builder.build(facts, &self.envs);
        self.refused
            .retain(|key, _| !self.built.changed.contains(key));
        self.dirty.extend(self.built.changed.iter().cloned());
        self.all_dirty |= self.built.unknown_changed;
        &self.built
    }

    /// The last build.
    pub fn built(&self) -> &Built {
        &self.built
    }

    /// Objects whose contents are wanted: Secrets that some host names.
    pub fn wanted(&self) -> impl Iterator<Item = &ObjectKey> {
        self.builder.wanted()
    }

    /// Whether something must be compared.
    pub fn is_dirty(&self) -> bool {
        self.observed.is_some() && (self.all_dirty || !self.dirty.is_empty())
    }

    /// What the next plan compares; `None` for everything.
    pub fn waiting(&self) -> Option<&BTreeSet<AviKey>> {
        (!self.all_dirty).then_some(&self.dirty)
    }

    /// Compares what changed since the last plan. Objects in `busy` (a write is waiting or under
    /// way) keep for the next plan, after their outcome.
    pub fn plan(&mut self, busy: &BTreeSet<AviKey>) -> Plan {
        let Some(observed) = &self.observed else {
            return Plan::default();
        };
        let domains = self.domains();
        let keys = std::mem::take(&mut self.dirty);
        let input = Input {
            generation: self.built.facts.generation,
            desired: &self.built.desired,
            observed,
            knowledge: &*self.built.unknown,
            domains: &domains,
            journal: &self.journal,
            expired: &self.expired,
            keys: (!self.all_dirty).then_some(&keys),
        };
        let mut plan = diff(&input);
        self.all_dirty = false;
        let kept = plan.ops.extract_if(.., |op| busy.contains(&op.key.object));
        self.dirty = kept.map(|op| op.key.object).collect();
        // Who waits for an operation that is kept back must wait with it.
        while let Some(at) = plan.ops.iter().position(|op| waits_for(op, &self.dirty)) {
            self.dirty.insert(plan.ops.remove(at).key.object);
        }
        let urgent = plan.ops.len() <= URGENT_OPS_MAX;
        plan.ops.iter_mut().for_each(|op| op.urgent = urgent);
        plan
    }

    /// Brings settings, inventories and naming together, as far as all three are known.
    fn settle(&mut self) {
        let Some(observed) = &self.observed else {
            return;
        };
        self.envs = self
            .instances
            .iter()
            .filter_map(|settings| {
                let domain = settings.domain();
                let inventory = self.inventories.get(&domain)?.clone();
                let known = self.envs.get(&domain).map(|env| env.scheme);
                let asked = settings.ako.naming_scheme.explicit();
                let scheme = asked
                    .or(known)
                    .unwrap_or_else(|| scheme::of(observed, settings));
                let settings = Arc::new(settings.clone());
                Some((
                    domain.clone(),
                    Arc::new(Env {
                        domain,
                        settings,
                        inventory,
                        scheme,
                    }),
                ))
            })
            .collect();
    }
}

fn waits_for(op: &aviary_plan::Op, kept: &BTreeSet<AviKey>) -> bool {
    op.after.iter().any(|before| kept.contains(&before.object))
}
