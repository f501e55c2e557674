//! Who made what does not show whose it is.

use aviary_types::{DomainId, EcoString};
use std::collections::BTreeMap;

/// Names of objects that do not show whose they are, each with the domain that has it; one of an
/// earlier store may have none, and is any domain's of its cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal(BTreeMap<EcoString, Option<DomainId>>);

/// How a domain comes to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// It is about to make the object: who is known to have the name keeps it, for the object may
    /// exist.
    Makes,
    /// An object of its own refers to it.
    Refers,
}

impl Journal {
    /// A domain has a name.
    pub fn note(&mut self, name: EcoString, domain: Option<DomainId>, right: Right) {
        let known = self.0.entry(name).or_insert_with(|| domain.clone());
        if right == Right::Refers || known.is_none() {
            *known = domain;
        }
    }

    /// Who has a name, if anybody has it: a domain, or one that is not known.
    pub fn owner(&self, name: &str) -> Option<Option<&DomainId>> {
        self.0.get(name).map(Option::as_ref)
    }

    /// Whether a domain has a name.
    pub fn is_of(&self, name: &str, domain: &DomainId) -> bool {
        self.owner(name)
            .is_some_and(|owner| owner.is_none_or(|owner| owner == domain))
    }

    /// Takes over what another one has.
    pub fn extend(&mut self, other: &Self) {
        for (name, domain) in &other.0 {
            self.note(name.clone(), domain.clone(), Right::Makes);
        }
    }
}
