//! What only one source can have, or so many: names, hosts, places on a shard's VIP. The older
//! source has it. Which sources ask for what is kept over all units, so that a unit knows what it
//! lost without looking at the others, and those that are touched by a change are found.

use crate::incumbents::Keeper;
use crate::parts::{HostClaim, Parts, ShardKey};
use crate::shards::own_fqdn;
use crate::stay::Stays;
use crate::unit::UnitKey;
use aviary_avi::AviKey;
use aviary_kinds::Env;
use aviary_settings::CrossClusterHosts;
use aviary_store::Facts;
use aviary_types::{DomainId, EcoString, Host, Members, ObjectKey, TenantName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most names that a VsVip may have.
pub(crate) const NAMES_MAX: usize = 1_000;

/// Something that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Claim {
    /// An Avi object's name.
    Name(AviKey),
    /// The name of an object that all units of a domain have together.
    Common(AviKey),
    /// A host in a tenant; the instances of a cluster share its names.
    Host(TenantName, Host),
    /// A host in all tenants, where one cluster alone may serve it.
    Everywhere(Host),
    /// One of so many places among the names of a shard's VIP.
    Place(Arc<ShardKey>, usize),
}

impl Claim {
    /// How many can have it.
    fn room(&self) -> usize {
        match self {
            Self::Place(_, room) => *room,
            _ => 1,
        }
    }

    /// Whether two domains have it together.
    fn is_joint(&self, one: &DomainId, other: &DomainId) -> bool {
        match self {
            Self::Common(_) => one == other,
            Self::Everywhere(_) => one.cluster == other.cluster,
            _ => false,
        }
    }
}

/// What decides between two claims: the older object, then the smaller key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    pub(crate) created: EcoString,
    pub(crate) source: ObjectKey,
}

/// What one unit asks for, sorted.
pub(crate) type Claims = Box<[(Claim, Arc<Rank>)]>;

fn rank_in<'a>(claims: &'a Claims, claim: &Claim) -> Option<&'a Arc<Rank>> {
    let at = claims
        .binary_search_by(|(other, _)| other.cmp(claim))
        .ok()?;
    claims.get(at).map(|(_, rank)| rank)
}

/// What one unit asks for and does not get.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Names that it must not use.
    pub(crate) names: BTreeSet<AviKey>,
    /// Hosts by tenant, with the source that has them.
    pub(crate) hosts: BTreeMap<TenantName, ObjectKey>,
    /// The source in another cluster that has the host alone.
    pub(crate) elsewhere: Option<ObjectKey>,
    /// Hosts by tenant that are kept for what was not heard.
    pub(crate) kept: BTreeMap<TenantName, Keeper>,
    /// Forms of the host that stay where they stand.
    pub(crate) stays: Stays,
    /// Names that another unit has for the very same source: two instances take its namespace.
    pub(crate) twice: BTreeSet<AviKey>,
    /// Shards without room.
    pub(crate) shards: BTreeSet<ShardKey>,
}

/// Who has what a unit asks for and does not get.
pub(crate) type Winners = BTreeMap<Claim, ObjectKey>;

impl Lost {
    /// By what was lost, and to whom.
    pub(crate) fn of(claims: &Claims, winners: &Winners) -> Self {
        let mut lost = Self::default();
        for (claim, winner) in winners {
            match claim {
                Claim::Name(key) | Claim::Common(key) => {
                    if rank_in(claims, claim).is_some_and(|rank| rank.source == *winner) {
                        lost.twice.insert(key.clone());
                    }
                    lost.names.insert(key.clone());
                }
                Claim::Host(tenant, _) => {
                    lost.hosts.insert(tenant.clone(), winner.clone());
                }
                Claim::Everywhere(_) => lost.elsewhere = Some(winner.clone()),
                Claim::Place(shard, _) => {
                    lost.shards.insert(ShardKey::clone(shard));
                }
            }
        }
        lost
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Who asks, and by what right. Both are shared by all claims of a unit.
type Asker = (Arc<Rank>, Arc<UnitKey>);

/// Everything that is asked for, by whom.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    claims: BTreeMap<Claim, Members<Asker>>,
}

impl Registry {
    /// Puts a unit's claims in the place of its former ones. Answers the other units whose claims
    /// may have another end now.
    pub(crate) fn replace(
        &mut self,
        unit: &UnitKey,
        former: &Claims,
        claims: &Claims,
    ) -> BTreeSet<UnitKey> {
        let mut touched = BTreeSet::new();
        let asker = Arc::new(unit.clone());
        for (claim, rank) in former {
            if rank_in(claims, claim) != Some(rank) {
                let holder = self.holder(claim);
                self.withdraw(claim, &(rank.clone(), asker.clone()));
                self.neighbours(claim, (unit, holder), &mut touched);
            }
        }
        for (claim, rank) in claims {
            if rank_in(former, claim) != Some(rank) {
                let holder = self.holder(claim);
                let all = self.claims.entry(claim.clone()).or_default();
                all.insert((rank.clone(), asker.clone()));
                self.neighbours(claim, (unit, holder), &mut touched);
            }
        }
        touched
    }

    fn withdraw(&mut self, claim: &Claim, who: &Asker) {
        if let Some(all) = self.claims.get_mut(claim) {
            all.remove(who);
            if all.is_empty() {
                self.claims.remove(claim);
            }
        }
    }

    /// The domain that has what a domain has as a whole.
    fn holder(&self, claim: &Claim) -> Option<DomainId> {
        let all = match claim {
            Claim::Common(_) => self.claims.get(claim)?,
            _ => return None,
        };
        all.iter().next().map(|(_, unit)| unit.domain().clone())
    }

    /// The other units next to the end of the room: one more or less before them changes theirs. Of a
    /// thing for one, all others: each is told who has it. Of what a domain has as a whole, all
    /// others, but only where it passes from its former holder to another.
    fn neighbours(
        &self,
        claim: &Claim,
        (unit, holder): (&UnitKey, Option<DomainId>),
        touched: &mut BTreeSet<UnitKey>,
    ) {
        let Some(all) = self.claims.get(claim) else {
            return;
        };
        let room = claim.room();
        if matches!(claim, Claim::Common(_)) && holder == self.holder(claim) {
            return;
        }
        let (from, count) = if room == 1 {
            (0, all.len())
        } else if all.len() >= room {
            (room.saturating_sub(1), 2)
        } else {
            return;
        };
        let near = all.iter().skip(from).take(count);
        let others = near.filter(|(_, other)| **other != *unit);
        touched.extend(others.map(|(_, other)| UnitKey::clone(other)));
    }

    /// What the unit does not get of what it asks for, and the last source that has it.
    pub(crate) fn winners(&self, unit: &UnitKey, claims: &Claims) -> Winners {
        let winner = |(claim, rank): &(Claim, Arc<Rank>)| {
            let winner = self.winner_before(unit, claim, rank)?;
            Some((claim.clone(), winner.clone()))
        };
        claims.iter().filter_map(winner).collect()
    }

    /// The last source that has what an equal claim of this unit does not get.
    fn winner_before(&self, unit: &UnitKey, claim: &Claim, rank: &Rank) -> Option<&ObjectKey> {
        let same_view = |other: &UnitKey| match claim {
            Claim::Host(..) => other.domain().cluster == unit.domain().cluster,
            _ => true,
        };
        let all = self.claims.get(claim)?;
        if all.len() < claim.room() {
            return None;
        }
        let mut all = all.iter().filter(|(_, other)| same_view(other));
        let (last, last_unit) = all.nth(claim.room().saturating_sub(1))?;
        if claim.is_joint(last_unit.domain(), unit.domain()) {
            return None;
        }
        ((&**last, &**last_unit) < (rank, unit)).then_some(&last.source)
    }
}

/// What a unit asks for, by what it would make if it got everything.
pub(crate) fn claims_of(facts: &Facts, env: &Env, parts: &Parts) -> Claims {
    let mut known: Option<Arc<Rank>> = None;
    // Mostly one source asks for everything: its rank is kept once.
    let mut rank = |sources: &mut dyn Iterator<Item = &ObjectKey>| {
        let ranks = sources.map(|source| Rank {
            created: facts
                .get(source)
                .map(|entry| entry.created.clone())
                .unwrap_or_default(),
            source: source.clone(),
        });
        let rank = ranks.min()?;
        if known.as_deref() != Some(&rank) {
            known = Some(Arc::new(rank));
        }
        known.clone()
    };
    let mut claims: BTreeMap<Claim, Arc<Rank>> = BTreeMap::new();
    for object in parts
        .objects
        .iter()
        .filter(|object| !object.key.kind.is_shared())
    {
        if let Some(rank) = rank(&mut object.provenance.objects()) {
            claims.insert(Claim::Name(object.key.clone()), rank);
        }
    }
    for object in &parts.common {
        if let Some(rank) = rank(&mut object.provenance.objects()) {
            claims.insert(Claim::Common(object.key.clone()), rank);
        }
    }
    for share in parts.shares.iter().filter(|share| share.named) {
        if let Some(rank) = rank(&mut share.sources.iter().map(|source| &**source)) {
            let room = NAMES_MAX - usize::from(own_fqdn(env, &share.shard).is_some());
            claims.insert(Claim::Place(Arc::new(share.shard.clone()), room), rank);
        }
    }
    for HostClaim {
        tenant,
        host,
        sources,
    } in &parts.hosts
    {
        if let Some(rank) = rank(&mut sources.iter()) {
            if env.settings.cross_cluster_hosts == CrossClusterHosts::Exclusive {
                let all = claims.entry(Claim::Everywhere(host.clone()));
                let oldest = all.or_insert_with(|| rank.clone());
                *oldest = rank.clone().min(oldest.clone());
            }
            claims.insert(Claim::Host(tenant.clone(), host.clone()), rank);
        }
    }
    claims.into_iter().collect()
}
