//! What a domain takes of its cluster: the tenants of its namespaces, and the namespaces that it
//! takes but that were not heard yet.

use crate::recorder::Recorder;
use aviary_kinds::{Env, namespace};
use aviary_store::Facts;
use aviary_types::{EcoString, Namespace, ObjectKey, Origin, ScopeKey, TenantName};
use imbl::{OrdMap, OrdSet};
use std::collections::BTreeMap;

/// What one domain takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reach {
    /// Tenants that may have objects: the domain's own and those that its namespaces ask for, with
    /// where each is said.
    pub(crate) tenants: BTreeMap<TenantName, Origin>,
    /// Namespaces that exist, are taken, and were never heard in full.
    pub(crate) unheard: OrdSet<Namespace>,
    /// The AviInfraSettings that those of them ask for, with their tenants.
    pub(crate) settings: OrdMap<Namespace, (TenantName, EcoString)>,
}

impl Reach {
    /// Looks at every Namespace of the cluster. What is to go altogether waits for none of them.
    pub(crate) fn of(facts: &Facts, env: &Env) -> Self {
        let own = env.settings.controller.tenant.clone();
        let said = Origin::Setting("ControllerSettings.tenantName");
        let mut reach = Self {
            tenants: BTreeMap::from([(own, said)]),
            ..Self::default()
        };
        if env.is_to_go() {
            return reach;
        }
        let view = Recorder::new(facts, env);
        for entry in facts.lookup(&namespace::all(&env.domain.cluster)) {
            if let Some(tenant) = namespace::tenant(&view, &entry.key.name) {
                let said = || namespace::tenant_origin(&view, &entry.key.name);
                reach.tenants.entry(tenant).or_insert_with(said);
                reach.update(facts, env, &entry.key.name.clone().into());
            }
        }
        reach
    }

    /// Looks again at one namespace, whose scope may have been heard or given up. Answers whether
    /// it holds nothing back any more.
    pub(crate) fn update(&mut self, facts: &Facts, env: &Env, namespace: &Namespace) -> bool {
        if env.is_to_go() {
            return false;
        }
        let scope = ScopeKey {
            cluster: env.domain.cluster.clone(),
            namespace: namespace.clone(),
        };
        let name = namespace.as_str();
        let key = ObjectKey::new(&scope.cluster, namespace::KIND, "", name);
        let view = Recorder::new(facts, env);
        let tenant = namespace::tenant(&view, name).filter(|_| facts.get(&key).is_some());
        let Some(tenant) = tenant.filter(|_| !facts.is_known(&scope)) else {
            self.settings.remove(namespace);
            return self.unheard.remove(namespace).is_some();
        };
        self.unheard.insert(namespace.clone());
        if let Some(setting) = namespace::infra_setting(&view, name) {
            self.settings.insert(namespace.clone(), (tenant, setting));
        }
        false
    }

    /// Whether a namespace that held something back before does not any more.
    pub(crate) fn frees(&self, before: &Self) -> bool {
        let mut before = before.unheard.iter();
        before.any(|namespace| !self.unheard.contains(namespace))
    }
}
