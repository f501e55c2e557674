//! The pure core from what is told to what is planned, and a Controller that does as it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use aviary_avi::ds_set::KnownScripts;
use aviary_avi::{AviKey, Inventory, Observed, ObservedObject};
use aviary_graph::{Builder, Built};
use aviary_kinds::{Env, RawObject, rooms_of};
use aviary_plan::{Input, Method, Plan, check, diff};
use aviary_settings::Scheme;
use aviary_store::{Applied, Store};
use aviary_types::{DomainId, EcoString, Kind, ScopeKey};

use crate::estate::{CLUSTER, Estate};
use crate::wire;

const SETTINGS: &str = "
AKOSettings: {clusterName: c1, namingScheme: documented}
L7Settings: {shardVSSize: LARGE}
";

/// Plans after which everything stands.
const PLANS_MAX: usize = 4;

/// Facts, translation and a Controller's objects.
pub struct Core {
    store: Store,
    builder: Builder,
    built: Built,
    observed: Observed,
    envs: BTreeMap<DomainId, Arc<Env>>,
}

impl Core {
    /// A core that was told of every object of an estate, and has translated nothing.
    ///
    /// # Errors
    /// When an object is not accepted.
    pub fn told(estate: Estate) -> Result<Self> {
        let mut core = Self {
            store: Store::default(),
            builder: Builder::default(),
            built: Built::default(),
            observed: Observed::default(),
            envs: envs()?,
        };
        let mut names: BTreeMap<(ScopeKey, Kind), BTreeSet<EcoString>> = BTreeMap::new();
        let mut scopes: BTreeSet<ScopeKey> = BTreeSet::new();
        for raw in estate.objects() {
            let scope = raw.key.scope();
            scopes.insert(scope.clone());
            let of_kind = names.entry((scope, raw.key.kind)).or_default();
            of_kind.insert(raw.key.name.clone());
            core.tell(raw)?;
        }
        for scope in scopes {
            for room in rooms_of(&scope) {
                let names = names.remove(&(scope.clone(), room.kind));
                let names = names.unwrap_or_default();
                core.store.complete(&scope, room.kind, &names);
            }
        }
        Ok(core)
    }

    /// A core at rest: everything is translated, and stands on the Controller.
    ///
    /// # Errors
    /// When a plan breaks a rule, or there is no end of plans.
    pub fn at_rest(estate: Estate) -> Result<Self> {
        let mut core = Self::told(estate)?;
        core.build();
        core.settle()
    }

    /// Plans and does until nothing is left.
    ///
    /// # Errors
    /// When a plan breaks a rule, or there is no end of plans.
    pub fn settle(mut self) -> Result<Self> {
        for _ in 0..PLANS_MAX {
            let plan = self.plan(None)?;
            if plan.ops.is_empty() {
                return Ok(self);
            }
            self.apply(&plan);
        }
        anyhow::bail!("plans do not come to an end")
    }

    fn tell(&mut self, raw: RawObject) -> Result<()> {
        let name = raw.key.clone();
        let applied = self.store.apply(raw);
        ensure!(
            applied == Applied::Accepted,
            "{name} was not accepted: {applied:?}"
        );
        Ok(())
    }

    /// Translates what was told; answers how many objects should exist.
    pub fn build(&mut self) -> usize {
        self.built = self.builder.build(&self.store.snapshot(), &self.envs);
        self.built.desired.objects.len()
    }

    /// Compares these objects, or all, and checks the plan.
    ///
    /// # Errors
    /// When the plan breaks a rule.
    pub fn plan(&self, keys: Option<&BTreeSet<AviKey>>) -> Result<Plan> {
        let domains: Vec<DomainId> = self.envs.keys().cloned().collect();
        let input = Input {
            generation: self.built.facts.generation,
            desired: &self.built.desired,
            observed: &self.observed,
            knowledge: &*self.built.unknown,
            domains: &domains,
            journal: &aviary_plan::Journal::default(),
            expired: &BTreeSet::new(),
            keys,
        };
        let plan = diff(&input);
        let violations = check(&input, &plan);
        ensure!(
            violations.is_empty(),
            "the plan breaks rules: {violations:?}"
        );
        Ok(plan)
    }

    /// The Controller does what a plan says.
    pub fn apply(&mut self, plan: &Plan) {
        for op in &plan.ops {
            let key = &op.key.object;
            match &op.body {
                Some(body) if op.method != Method::Delete => self.observed.insert(ObservedObject {
                    key: key.clone(),
                    uuid: format!("{}-{}", key.kind, key.name).into(),
                    last_modified: "1700000000000000".into(),
                    body: body.clone(),
                    raw: None,
                }),
                _ => self.observed.remove(key),
            }
        }
    }

    /// From the bytes of a delta to the plan that it leads to.
    ///
    /// # Errors
    /// When the bytes tell of no object, or the plan breaks a rule.
    pub fn change(&mut self, delta: &[u8]) -> Result<Plan> {
        let (_, raw) = wire::decode(delta)?;
        self.tell(raw)?;
        self.build();
        let plan = self.plan(Some(&self.built.changed));
        plan.context("plan the change")
    }

    /// How many units the last build evaluated.
    pub fn evaluated(&self) -> usize {
        self.built.counts.evaluated
    }
}

fn envs() -> Result<BTreeMap<DomainId, Arc<Env>>> {
    let parsed = aviary_settings::parse(SETTINGS).settings;
    let parsed = parsed.ok().context("read the settings")?;
    let inventory = Arc::new(Inventory {
        cloud_type: "CLOUD_NONE".into(),
        dns_domains: vec!["avi.internal".into()],
        license_tier: "ENTERPRISE".into(),
        vrf: "global".into(),
        ..Inventory::default()
    });
    let env = |settings: &aviary_settings::InstanceSettings| {
        debug_assert_eq!(settings.domain().cluster.as_str(), CLUSTER);
        let env = Env {
            domain: settings.domain(),
            settings: Arc::new(settings.clone()),
            inventory: inventory.clone(),
            scheme: Scheme::Documented,
            scripts: KnownScripts::default(),
            census: Arc::default(),
        };
        (settings.domain(), Arc::new(env))
    };
    Ok(parsed.instances().map(env).collect())
}
