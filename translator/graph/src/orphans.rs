//! Shard parents that stand without hosts. Some of them nothing of today explains: their tenant is
//! asked for by no Namespace any more, or the AviInfraSetting that they are named after is used no
//! more. What keeps a shard without hosts keeps them, as they stand; those of a former number of
//! shards go.

use crate::recorder::Recorder;
use crate::report::Built;
use crate::shard::standing::is_said;
use crate::shards::shard_key;
use aviary_avi::names::{INSECURE_TWIN, is_passthrough_name, shard_of_name};
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::vs_vip::VsVip;
use aviary_avi::{
    AviKey, AviKind, Body, Census, Knowledge, Manner, Observed, ObservedObject, Presence,
};
use aviary_kinds::Env;
use aviary_kinds::avi_infra_setting::{self, AviInfraSetting, Binding};
use aviary_types::{DomainId, EcoString, Namespace, ObjectKey, TenantName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is compared.
#[derive(Debug)]
pub struct Orphans<'a> {
    /// What was built last.
    pub built: &'a Built,
    /// What the Controller has.
    pub observed: &'a Observed,
    /// The domains that are configured.
    pub envs: &'a BTreeMap<DomainId, Arc<Env>>,
}

type Parents = BTreeMap<(TenantName, EcoString), Manner>;

impl Orphans<'_> {
    /// Brings the parents of the census up to date: with what the last build changed, or with all that
    /// is observed. Answers whether they changed.
    pub fn update(&self, census: &mut BTreeMap<DomainId, Arc<Census>>, everywhere: bool) -> bool {
        let known = census.values().flat_map(|it| it.parents.keys());
        let known: Vec<AviKey> = known.map(|(tenant, name)| key(tenant, name)).collect();
        let settings = self.built.facts.changes.objects.iter();
        let judged_anew = everywhere
            || self.built.unknown_changed
            || settings
                .into_iter()
                .any(|it| it.kind == avi_infra_setting::KIND);
        let changed = self.built.changed.iter().cloned();
        let observed = everywhere.then(|| self.observed.objects.keys().cloned());
        let known = known.into_iter().filter(|_| judged_anew);
        let keys = changed.chain(observed.into_iter().flatten());
        let keys = keys.filter(is_parent);
        let keys: BTreeSet<AviKey> = keys.chain(known).collect();
        let mut is_new = false;
        for key in keys {
            let place = (key.tenant.clone(), key.name.clone());
            let object = self.observed.objects.get(&key);
            let owner = object.and_then(|object| self.owner(object));
            let before = self.envs.keys().find(|domain| {
                census
                    .get(*domain)
                    .is_some_and(|it| it.parents.contains_key(&place))
            });
            // Of a domain that is not translated nothing is said.
            let domain = owner.or(before).cloned();
            let domain = domain.filter(|domain| !self.built.unknown.holds_domain(domain));
            let Some(domain) = domain else { continue };
            let now = object.and_then(|object| self.manner(&domain, object));
            let parents = census.get(&domain).map(|census| &census.parents);
            if parents.and_then(|parents| parents.get(&place)) == now.as_ref() {
                continue;
            }
            is_new = true;
            let census = Arc::make_mut(census.entry(domain).or_default());
            put(&mut census.parents, place, now);
        }
        is_new
    }

    fn owner(&self, object: &ObservedObject) -> Option<&DomainId> {
        object.body.owner_among(self.envs.keys())
    }

    /// How the parent stands, if it is kept although nothing asks for it. A wanted one without hosts
    /// is, too: hosts that were not heard yet may have brought their namespace's AviInfraSetting.
    fn manner(&self, domain: &DomainId, object: &ObservedObject) -> Option<Manner> {
        let desired = self.built.desired.objects.get(&object.key);
        let env = self.envs.get(domain)?;
        // That it was kept so far is no reason: there may be fewer shards by now.
        let is_emptied = desired.is_none_or(|it| it.presence == Presence::IfObserved);
        if is_emptied && !self.has_place(env, &object.key.name) {
            return None;
        }
        let Body::VirtualService(service) = &*object.body else {
            return None;
        };
        let vip = AviKey {
            kind: AviKind::VsVip,
            ..object.key.clone()
        };
        let vip = self.observed.objects.get(&vip).map(|object| &*object.body);
        let vip = match vip {
            Some(Body::VsVip(vip)) => Some(vip),
            _ => None,
        };
        let vip = vip.map(AsRef::as_ref);
        let is_kept = is_emptied || self.may_be_ruled(env, &object.key, (service, vip));
        is_kept.then(|| Manner::of(service, vip))
    }

    /// Whether a parent with hosts may stand as an AviInfraSetting of a namespace that was not heard
    /// says: one that has a host on it, or whose setting would have it stand just so.
    fn may_be_ruled(
        &self,
        env: &Env,
        key: &AviKey,
        (service, vip): (&VirtualService, Option<&VsVip>),
    ) -> bool {
        let unknown = &self.built.unknown;
        let settings = unknown.settings.get(&env.domain);
        let Some((settings, shard)) = settings.zip(shard_key(env, &key.tenant, &key.name)) else {
            return false;
        };
        let ruling = self.built.rulings.get(&shard).map(|it| &it.name);
        let others = settings
            .iter()
            .filter(|(_, (tenant, setting))| *tenant == key.tenant && Some(setting) != ruling);
        let has_host = |namespace: &EcoString| {
            let incumbents = &unknown.incumbents;
            let mut residents = incumbents.residents(&env.domain, &key.tenant, &key.name);
            residents.any(|it| it == namespace)
        };
        if others
            .clone()
            .any(|(namespace, _)| has_host(namespace.text()))
        {
            return true;
        }
        let distinct: BTreeMap<&EcoString, &Namespace> = others
            .map(|(namespace, (_, setting))| (setting, namespace))
            .collect();
        let view = Recorder::new(&self.built.facts, env);
        let mut distinct = distinct.into_values();
        distinct.any(
            |namespace| match avi_infra_setting::of_namespace(&view, namespace) {
                Binding::To(infra) => is_said(env, &shard, &infra, (service, vip)),
                _ => false,
            },
        )
    }

    /// Whether there are as many shards of its kind, as far as anybody says how many.
    fn has_place(&self, env: &Env, name: &str) -> bool {
        let Some((infra, number)) = shard_of_name(name) else {
            return false;
        };
        let l7 = &env.settings.l7;
        let is_passthrough = is_passthrough_name(name);
        let for_all = if is_passthrough {
            l7.passthrough_shard_size
        } else {
            l7.shard_size
        };
        let Some(infra) = infra else {
            return number < for_all.count().max(u32::from(is_passthrough));
        };
        let source = ObjectKey::new(&env.domain.cluster, avi_infra_setting::KIND, "", infra);
        let entry = self.built.facts.get(&source);
        let setting = entry.and_then(|entry| <&AviInfraSetting>::try_from(&entry.fact).ok());
        // Of a setting that is gone nobody can say how many it had.
        setting.is_none_or(|setting| {
            let size = setting.shard_size.unwrap_or(for_all);
            number < size.count().max(u32::from(is_passthrough))
        })
    }
}

fn put(parents: &mut Parents, place: (TenantName, EcoString), manner: Option<Manner>) {
    match manner {
        Some(manner) => parents.insert(place, manner),
        None => parents.remove(&place),
    };
}

fn key(tenant: &TenantName, name: &EcoString) -> AviKey {
    AviKey {
        kind: AviKind::VirtualService,
        tenant: tenant.clone(),
        cloud: EcoString::new(),
        name: name.clone(),
    }
}

/// The twin of a parent goes with it.
fn is_parent(key: &AviKey) -> bool {
    key.kind == AviKind::VirtualService
        && shard_of_name(&key.name).is_some()
        && !key.name.ends_with(INSECURE_TWIN)
}
