//! Hosts that the Controller serves for objects that were not heard: whoever has such a host keeps it,
//! and claims of others wait. What is kept is taken off the Controller when it is read in full.

use crate::places::{Place, Places};
use crate::report::Unknown;
use aviary_avi::{Knowledge, Observed, ObservedObject};
use aviary_types::{DomainId, EcoString, Host, TenantName};
use std::collections::{BTreeMap, BTreeSet};

/// A domain that has a host in a tenant, with the namespaces that it has it for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Incumbent {
    domain: DomainId,
    tenant: TenantName,
    /// The AviInfraSetting that its objects are named after.
    setting: Option<EcoString>,
    /// Those that were not heard.
    pub(crate) namespaces: BTreeSet<EcoString>,
    /// The virtual services, parents rather than children, that it stands at.
    pub(crate) places: BTreeSet<EcoString>,
}

/// Who has which host for what was not heard when the Controller was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incumbents {
    hosts: BTreeMap<Host, Vec<Incumbent>>,
    /// Of each place the namespaces that were not heard and have a host there.
    places: BTreeMap<(DomainId, TenantName, EcoString), BTreeSet<EcoString>>,
}

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
    /// Reads them off the Controller: those of domains that were not heard in full.
    pub fn of(observed: &Observed, domains: &[DomainId], unknown: &Unknown) -> Self {
        let mut incumbents = Self::default();
        let domains = domains.iter().filter(|it| unknown.is_in_doubt(it));
        let domains: Vec<DomainId> = domains.cloned().collect();
        let mut places = Places::new(observed);
        for object in observed.objects.values().filter(|_| !domains.is_empty()) {
            let hosts = object.body.sources().hosts();
            let owner = object.body.owner_among(&domains);
            let Some(domain) = owner.filter(|_| !hosts.is_empty()) else {
                continue;
            };
            incumbents.add(domain, object, (&places.of(&object.key), unknown));
        }
        incumbents
    }

    fn add(
        &mut self,
        domain: &DomainId,
        object: &ObservedObject,
        (places, unknown): (&BTreeSet<Place>, &Unknown),
    ) {
        let mut namespaces = object.body.namespaces();
        namespaces.retain(|name| unknown.holds_namespace(domain, name));
        let tenant = &object.key.tenant;
        for place in places {
            let place = (domain.clone(), tenant.clone(), place.name.clone());
            let known = self.places.entry(place).or_default();
            known.extend(namespaces.iter().cloned());
        }
        let marked = object.body.sources().infra_setting();
        for host in object.body.sources().hosts() {
            let all = self.hosts.entry(Host::from(host.clone())).or_default();
            // What hangs on nothing stands nowhere.
            let loose = places.is_empty().then_some(marked);
            let settings: BTreeSet<_> = places.iter().map(|it| it.setting.as_ref()).collect();
            for setting in settings.into_iter().chain(loose) {
                let here = places.iter().filter(|it| it.setting.as_ref() == setting);
                let here = here.map(|place| place.name.clone());
                let mut known = all.iter_mut();
                let known = known.find(|it| {
                    it.domain == *domain && it.tenant == *tenant && it.setting.as_ref() == setting
                });
                if let Some(known) = known {
                    known.namespaces.extend(namespaces.iter().cloned());
                    known.places.extend(here);
                } else {
                    all.push(Incumbent {
                        domain: domain.clone(),
                        tenant: tenant.clone(),
                        setting: setting.cloned(),
                        namespaces: namespaces.clone(),
                        places: here.collect(),
                    });
                }
            }
        }
    }

    /// Whether all of them are of such domains.
    pub(crate) fn all_in(&self, is_meant: impl Fn(&DomainId) -> bool) -> bool {
        let mut all = self.hosts.values().flatten();
        all.all(|it| is_meant(&it.domain))
    }

    /// The hosts that somebody has.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.keys()
    }

    /// Whom a host must be left to, as long as `is_unheard` says so of one of its namespaces.
    pub(crate) fn keeper(
        &self,
        host: &Host,
        asking: &Asking<'_>,
        is_unheard: impl Fn(&DomainId, &str) -> bool,
    ) -> Option<Keeper> {
        let mut others = self.hosts.get(host)?.iter().filter(|it| asking.meets(it));
        others.find_map(|it| {
            let mut namespaces = it.namespaces.iter();
            let namespace = namespaces.find(|name| is_unheard(&it.domain, name))?;
            Some(Keeper {
                domain: it.domain.clone(),
                namespace: namespace.clone(),
            })
        })
    }

    /// How a host of the domain stands already, by tenant and the setting that its objects are named
    /// after.
    pub(crate) fn stands(
        &self,
        domain: &DomainId,
        host: &Host,
    ) -> impl Iterator<Item = (&TenantName, Option<&EcoString>, &Incumbent)> {
        let all = self.hosts.get(host).into_iter().flatten();
        let own = all.filter(move |it| it.domain == *domain);
        own.map(|it| (&it.tenant, it.setting.as_ref(), it))
    }

    /// Namespaces that were not heard and have a host at a place.
    pub(crate) fn residents(
        &self,
        domain: &DomainId,
        tenant: &TenantName,
        place: &EcoString,
    ) -> impl Iterator<Item = &EcoString> {
        let place = (domain.clone(), tenant.clone(), place.clone());
        self.places.get(&place).into_iter().flatten()
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
