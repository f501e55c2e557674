//! Everything that units ask for, and what became of it: for whoever reads.

use crate::claims::{Claim, Claims, Rank, Winners};
use crate::report::key_of;
use crate::unit::UnitKey;
use aviary_avi::{AviKey, AviKind};
use aviary_types::{DomainId, EcoString, Host, ObjectKey, TenantName};
use imbl::OrdMap;
use std::ops::Bound;
use std::sync::Arc;

/// What one unit asks for, and who has what it does not get.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) claims: Claims,
    pub(crate) winners: Winners,
}

/// The claims of all units; an immutable value that shares what did not change.
#[derive(Debug, Clone, Default)]
pub struct Claimed(OrdMap<UnitKey, Arc<Asked>>);

/// Something that only one, or so many, can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prize<'a> {
    /// A host in a tenant.
    Host(&'a TenantName, &'a Host),
    /// The name of an Avi object.
    Name(&'a AviKey),
    /// A place among the names of a shard's VIP: the shard's parent.
    Place(AviKey),
}

/// One claim, and what became of it.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// What is asked for.
    pub prize: Prize<'a>,
    /// By which unit.
    pub unit: &'a UnitKey,
    /// The oldest object that it is asked for.
    pub source: &'a ObjectKey,
    /// When that was created, RFC 3339; empty if it does not say.
    pub created: &'a EcoString,
    /// Who has it instead; `None` if it was granted.
    pub winner: Option<&'a ObjectKey>,
}

impl Claimed {
    /// All claims, by unit.
    pub fn all(&self) -> impl Iterator<Item = Ask<'_>> {
        self.0.iter().flat_map(|(unit, asked)| asks(unit, asked))
    }

    /// The claims that one domain makes for one host.
    pub fn of_host(&self, domain: &DomainId, host: &Host) -> impl Iterator<Item = Ask<'_>> {
        self.of_unit(&UnitKey::Host(domain.clone(), host.clone()))
    }

    /// The claims that one unit makes.
    pub fn of_unit<'a>(&'a self, unit: &UnitKey) -> impl Iterator<Item = Ask<'a>> + use<'a> {
        let found = self.0.get_key_value(unit).into_iter();
        found.flat_map(|(unit, asked)| asks(unit, asked))
    }

    /// The hosts that somebody claims, by unit; those after one, in order.
    pub fn hosts(&self, after: Option<&UnitKey>) -> impl Iterator<Item = &UnitKey> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let units = self.0.range::<_, UnitKey>((start, Bound::Unbounded));
        let units = units.map(|(unit, _)| unit);
        units.filter(|unit| matches!(unit, UnitKey::Host(..)))
    }

    /// Units that ask for other things than before, or with another end.
    pub(crate) fn changed<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a UnitKey> {
        before.0.diff(&self.0).map(|item| key_of(&item))
    }

    pub(crate) fn replace(&mut self, unit: &UnitKey, asked: &Arc<Asked>) {
        if asked.claims.is_empty() {
            self.0.remove(unit);
        } else {
            self.0.insert(unit.clone(), asked.clone());
        }
    }
}

fn asks<'a>(unit: &'a UnitKey, asked: &'a Asked) -> impl Iterator<Item = Ask<'a>> {
    let ask = move |(claim, rank): &'a (Claim, Arc<Rank>)| {
        Some(Ask {
            prize: prize(claim)?,
            unit,
            source: &rank.source,
            created: &rank.created,
            winner: asked.winner(claim),
        })
    };
    asked.claims.iter().filter_map(ask)
}

impl Asked {
    /// Who has it instead. A host may be lost in its tenant, or to another cluster as a whole: then
    /// nobody of this one has it.
    fn winner(&self, claim: &Claim) -> Option<&ObjectKey> {
        let whole = match claim {
            Claim::Host(_, host) => self.winners.get(&Claim::Everywhere(host.clone())),
            _ => None,
        };
        whole.or_else(|| self.winners.get(claim))
    }
}

/// What is shown of a claim: one to a host everywhere is part of those to the host in each tenant.
fn prize(claim: &Claim) -> Option<Prize<'_>> {
    Some(match claim {
        Claim::Host(tenant, host) => Prize::Host(tenant, host),
        Claim::Everywhere(_) => return None,
        Claim::Name(key) | Claim::Common(key) => Prize::Name(key),
        Claim::Place(shard, _) => Prize::Place(AviKey {
            kind: AviKind::VirtualService,
            tenant: shard.tenant.clone(),
            cloud: EcoString::new(),
            name: shard.name.clone(),
        }),
    })
}
