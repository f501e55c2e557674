//! Hosts that the Controller serves for objects that were not heard: whoever has such a host keeps it,
//! and claims of others wait. What is kept is taken off the Controller when it is read in full.

use aviary_avi::{Knowledge, Observed};
use aviary_types::{DomainId, EcoString, Host, TenantName};
use std::collections::{BTreeMap, BTreeSet};

/// A domain that has a host in a tenant, with the namespaces that it has it for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Incumbent {
    domain: DomainId,
    tenant: TenantName,
    namespaces: BTreeSet<EcoString>,
}

/// Who has which host for what was not heard when the Controller was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incumbents(BTreeMap<Host, Vec<Incumbent>>);

/// Who keeps a host, and for which namespace, which was not heard since.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Keeper {
    /// The domain that has it.
    pub domain: DomainId,
    /// The namespace that was not heard.
    pub namespace: EcoString,
}

/// Who asks for a host.
pub(crate) struct Asking<'a> {
    pub(crate) domain: &'a DomainId,
    pub(crate) tenant: &'a TenantName,
    /// Whether one cluster alone may have the host.
    pub(crate) is_exclusive: bool,
}

impl Incumbents {
    /// Reads them off the Controller. A domain that is alone has nobody to keep hosts from.
    pub fn of(observed: &Observed, domains: &[DomainId], knowledge: &dyn Knowledge) -> Self {
        let mut incumbents = Self::default();
        if domains.len() < 2 {
            return incumbents;
        }
        for object in observed.objects.values() {
            let hosts = object.body.sources().hosts();
            let owner = object.body.owner_among(domains);
            let Some(domain) = owner.filter(|_| !hosts.is_empty()) else {
                continue;
            };
            let all = knowledge.holds_domain(domain);
            let mut namespaces = object.body.namespaces();
            namespaces.retain(|name| all || knowledge.holds_namespace(domain, name));
            for host in hosts.iter().filter(|_| !namespaces.is_empty()) {
                incumbents.add(host, domain, (&object.key.tenant, &namespaces));
            }
        }
        incumbents
    }

    fn add(
        &mut self,
        host: &EcoString,
        domain: &DomainId,
        (tenant, namespaces): (&TenantName, &BTreeSet<EcoString>),
    ) {
        let all = self.0.entry(Host::from(host.clone())).or_default();
        let mut known = all.iter_mut();
        let known = known.find(|it| it.domain == *domain && it.tenant == *tenant);
        if let Some(known) = known {
            known.namespaces.extend(namespaces.iter().cloned());
        } else {
            all.push(Incumbent {
                domain: domain.clone(),
                tenant: tenant.clone(),
                namespaces: namespaces.clone(),
            });
        }
    }

    /// Whether all of them are of such domains.
    pub(crate) fn all_in(&self, is_meant: impl Fn(&DomainId) -> bool) -> bool {
        let mut all = self.0.values().flatten();
        all.all(|it| is_meant(&it.domain))
    }

    /// The hosts that somebody has.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.0.keys()
    }

    /// Whom a host must be left to, as long as `is_unheard` says so of one of its namespaces.
    pub(crate) fn keeper(
        &self,
        host: &Host,
        asking: &Asking<'_>,
        is_unheard: impl Fn(&DomainId, &str) -> bool,
    ) -> Option<Keeper> {
        let mut others = self.0.get(host)?.iter().filter(|it| asking.meets(it));
        others.find_map(|it| {
            let mut namespaces = it.namespaces.iter();
            let namespace = namespaces.find(|name| is_unheard(&it.domain, name))?;
            Some(Keeper {
                domain: it.domain.clone(),
                namespace: namespace.clone(),
            })
        })
    }
}

impl Asking<'_> {
    /// Whether both cannot have the host: its names are the same in one tenant of a cluster.
    fn meets(&self, other: &Incumbent) -> bool {
        if other.domain.cluster == self.domain.cluster {
            other.domain != *self.domain && other.tenant == *self.tenant
        } else {
            self.is_exclusive
        }
    }
}
