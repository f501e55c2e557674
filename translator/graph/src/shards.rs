//! The shard parents: which units add to which, and the objects that were joined from that.

use crate::parts::{Parts, ShardKey, ShardKind, Share};
use crate::unit::UnitKey;
use crate::{passthrough_shard, shard};
use aviary_avi::names::{Names, is_passthrough_name, shard_of_name};
use aviary_avi::{AviKey, DesiredObject};
use aviary_kinds::Env;
use aviary_kinds::avi_infra_setting::Infra;
use aviary_types::{DomainId, EcoString, ObjectKey, Origin, TenantName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All shard parents.
#[derive(Debug, Default)]
pub(crate) struct Shards {
    /// Every parent that has a form, if only the empty one, with the units that add to it.
    units: BTreeMap<ShardKey, BTreeMap<UnitKey, Arc<Parts>>>,
    joined: BTreeMap<ShardKey, Vec<AviKey>>,
    wanted: BTreeSet<ShardKey>,
    /// Where tenants are said.
    tenants: Tenants,
}

/// A parent that was joined anew.
pub(crate) struct Joined {
    /// The keys that it had.
    pub(crate) former: Vec<AviKey>,
    /// Its objects now.
    pub(crate) objects: Vec<Arc<DesiredObject>>,
    /// The AviInfraSetting that it stands as.
    pub(crate) ruling: Option<Arc<ObjectKey>>,
}

/// Where the tenants of domains are said.
pub(crate) type Tenants = BTreeMap<(DomainId, TenantName), Origin>;

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
    pub(crate) fn want(
        &mut self,
        wanted: BTreeSet<ShardKey>,
        tenants: Tenants,
    ) -> BTreeSet<ShardKey> {
        let mut changed: BTreeSet<ShardKey> =
            self.wanted.symmetric_difference(&wanted).cloned().collect();
        let said = |key: &ShardKey| {
            let place = (key.domain.clone(), key.tenant.clone());
            self.tenants.get(&place) != tenants.get(&place)
        };
        changed.extend(wanted.iter().filter(|key| said(key)).cloned());
        changed.extend(self.joined.keys().filter(|key| said(key)).cloned());
        (self.wanted, self.tenants) = (wanted, tenants);
        changed
    }

    /// Where the tenant of a shard is said. One that nobody names is that of what stands.
    fn said(&self, shard: &ShardKey) -> Origin {
        let place = (shard.domain.clone(), shard.tenant.clone());
        let said = self.tenants.get(&place).cloned();
        said.unwrap_or(Origin::Controller("shard parents that stand"))
    }

    /// What the units add to a parent.
    pub(crate) fn shares<'a>(&'a self, shard: &'a ShardKey) -> impl Iterator<Item = &'a Share> {
        let units = self.units.get(shard).into_iter();
        let shares = units
            .flat_map(BTreeMap::values)
            .flat_map(|parts| &parts.shares);
        shares.filter(move |share| share.shard == *shard)
    }

    /// Joins a parent anew.
    pub(crate) fn join(&mut self, shard: &ShardKey, env: Option<&Env>) -> Joined {
        let mut ruling = None;
        if self.units.get(shard).is_some_and(BTreeMap::is_empty) {
            self.units.remove(shard);
        }
        let units = self.units.get(shard);
        let objects = match env {
            Some(env) if units.is_some() || self.wanted.contains(shard) => {
                let said = self.said(shard);
                let shares: Vec<&Share> = self.shares(shard).collect();
                let oldest = shard::oldest(shares.iter().copied());
                ruling = oldest.map(|bound| bound.infra.source.clone());
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
        Joined {
            former: former.unwrap_or_default(),
            objects,
            ruling,
        }
    }
}

/// The shards of a domain in one tenant.
pub(crate) fn shards_of(env: &Env, tenant: &TenantName) -> impl Iterator<Item = ShardKey> {
    let names = names_of(env);
    let l7 = &env.settings.l7;
    let shared = (0..l7.shard_size.count())
        .map(|index| (ShardKind::Shared, names.shared(index)))
        .collect::<Vec<_>>();
    let passthrough = (0..passthrough_shards(env, None))
        .map(|index| (ShardKind::Passthrough, names.passthrough(index)));
    let all: Vec<_> = shared.into_iter().chain(passthrough).collect();
    all.into_iter().map(|(kind, name)| ShardKey {
        domain: env.domain.clone(),
        tenant: tenant.clone(),
        name,
        kind,
    })
}

/// Parents that stand on the Controller though no object of today explains them.
pub(crate) fn standing(env: &Env) -> impl Iterator<Item = ShardKey> {
    let parents = env.census.parents.keys();
    parents.filter_map(|(tenant, name)| shard_key(env, tenant, name))
}

/// The key of the parent of this name.
pub(crate) fn shard_key(env: &Env, tenant: &TenantName, name: &EcoString) -> Option<ShardKey> {
    shard_of_name(name)?;
    Some(ShardKey {
        domain: env.domain.clone(),
        tenant: tenant.clone(),
        name: name.clone(),
        kind: if is_passthrough_name(name) {
            ShardKind::Passthrough
        } else {
            ShardKind::Shared
        },
    })
}

/// How many virtual services share the passthrough hosts: what an AviInfraSetting says of other
/// hosts, as with AKO, or the setting for all. There is no dedicated one for each: AKO's number of
/// them is none then, which it does not expect.
pub(crate) fn passthrough_shards(env: &Env, infra: Option<&Arc<Infra>>) -> u32 {
    let asked = infra.and_then(|infra| infra.setting.shard_size);
    let size = asked.unwrap_or(env.settings.l7.passthrough_shard_size);
    size.count().max(1)
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
