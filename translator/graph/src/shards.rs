//! The shard parents: which units add to which, and the objects that were joined from that.

use crate::parts::{Parts, ShardKey, ShardKind, Share};
use crate::unit::UnitKey;
use crate::{passthrough_shard, shard};
use aviary_avi::names::Names;
use aviary_avi::{AviKey, DesiredObject};
use aviary_kinds::Env;
use aviary_types::{DomainId, EcoString, Origin, TenantName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All shard parents.
#[derive(Debug, Default)]
pub(crate) struct Shards {
    /// Every parent that has a form, if only the empty one, with the units that add to it.
    units: BTreeMap<ShardKey, BTreeMap<UnitKey, Arc<Parts>>>,
    joined: BTreeMap<ShardKey, Vec<AviKey>>,
    /// With where the tenant is said.
    wanted: BTreeMap<ShardKey, Origin>,
}

impl Shards {
    /// Puts what a unit adds in the place of what it added before. Answers the parents to join.
    pub(crate) fn replace(
        &mut self,
        unit: &UnitKey,
        former: &Parts,
        parts: &Arc<Parts>,
    ) -> BTreeSet<ShardKey> {
        for share in &former.shares {
            if let Some(units) = self.units.get_mut(&share.shard) {
                units.remove(unit);
            }
        }
        for share in &parts.shares {
            let units = self.units.entry(share.shard.clone()).or_default();
            units.insert(unit.clone(), parts.clone());
        }
        if former.shares == parts.shares {
            return BTreeSet::new();
        }
        let shares = former.shares.iter().chain(&parts.shares);
        shares.map(|share| share.shard.clone()).collect()
    }

    /// The parents of a domain that have a form.
    pub(crate) fn of_domain(&self, domain: &DomainId) -> impl Iterator<Item = &ShardKey> {
        self.joined
            .keys()
            .filter(move |shard| shard.domain == *domain)
    }

    /// These parents have a form from here on, if only the empty one, and no others but those with
    /// hosts. Answers those to join.
    pub(crate) fn want(&mut self, wanted: BTreeMap<ShardKey, Origin>) -> BTreeSet<ShardKey> {
        let keys = self.wanted.keys().chain(wanted.keys());
        let changed = keys.filter(|key| self.wanted.get(key) != wanted.get(key));
        let changed = changed.cloned().collect();
        self.wanted = wanted;
        changed
    }

    /// Joins a parent anew: the keys that it had, and its objects now.
    pub(crate) fn join(
        &mut self,
        shard: &ShardKey,
        env: Option<&Env>,
    ) -> (Vec<AviKey>, Vec<Arc<DesiredObject>>) {
        if self.units.get(shard).is_some_and(BTreeMap::is_empty) {
            self.units.remove(shard);
        }
        let units = self.units.get(shard);
        let objects = match env {
            Some(env) if units.is_some() || self.wanted.contains_key(shard) => {
                let said = self.wanted.get(shard).cloned();
                let said = said.unwrap_or(Origin::Setting("ControllerSettings.tenantName"));
                let shares = units.into_iter().flat_map(BTreeMap::values);
                let shares = shares.flat_map(|parts| &parts.shares);
                let shares: Vec<&Share> = shares.filter(|share| share.shard == *shard).collect();
                match shard.kind {
                    ShardKind::Shared => shard::join(env, shard, said, &shares),
                    ShardKind::Passthrough => passthrough_shard::join(env, shard, said, &shares),
                }
            }
            _ => Vec::new(),
        };
        let keys: Vec<AviKey> = objects.iter().map(|object| object.key.clone()).collect();
        let former = if keys.is_empty() {
            self.joined.remove(shard)
        } else {
            self.joined.insert(shard.clone(), keys)
        };
        (former.unwrap_or_default(), objects)
    }
}

/// The shards of a domain in one tenant.
pub(crate) fn shards_of(env: &Env, tenant: &TenantName) -> impl Iterator<Item = ShardKey> {
    let names = names_of(env);
    let l7 = &env.settings.l7;
    let shared = (0..l7.shard_size.count())
        .map(|index| (ShardKind::Shared, names.shared(index)))
        .collect::<Vec<_>>();
    let passthrough = (0..passthrough_shards(env))
        .map(|index| (ShardKind::Passthrough, names.passthrough(index)));
    let all: Vec<_> = shared.into_iter().chain(passthrough).collect();
    all.into_iter().map(|(kind, name)| ShardKey {
        domain: env.domain.clone(),
        tenant: tenant.clone(),
        name,
        kind,
    })
}

/// How many virtual services share the passthrough hosts. There is no dedicated one for each: AKO's
/// number of them is none then, which it does not expect.
pub(crate) fn passthrough_shards(env: &Env) -> u32 {
    env.settings.l7.passthrough_shard_size.count().max(1)
}

/// The name that a parent has for itself among the names of its VIP.
pub(crate) fn own_fqdn(env: &Env, shard: &ShardKey) -> Option<EcoString> {
    match shard.kind {
        ShardKind::Shared => env.shard_fqdn(&shard.name, shard.tenant.as_str()),
        ShardKind::Passthrough => None,
    }
}

/// The names of a domain's objects.
pub(crate) fn names_of(env: &Env) -> Names {
    Names::new(env.scheme, &env.domain)
}
