//! What is read from the Controller for one instance.

use aviary_avi::Named;
use aviary_session::{Scope, Tenants, Wanted};
use aviary_settings::{InstanceSettings, NetworkRef};
use aviary_types::{DomainId, EcoString};
use std::collections::{BTreeMap, BTreeSet};

/// Whose objects are read back.
pub fn of(settings: &InstanceSettings, vrf: &str) -> Scope {
    let controller = &settings.controller;
    let tenants = if controller.dedicated_tenant_mode {
        Tenants::Only(vec![controller.tenant.clone()])
    } else {
        Tenants::All
    };
    Scope {
        domains: vec![settings.domain()],
        tenants,
        cloud: controller.cloud.as_str().into(),
        vrfs: vec![controller.vrf.as_deref().unwrap_or(vrf).into()],
        se_groups: vec![controller.service_engine_group.as_str().into()],
    }
}

/// What the settings name and the Controller must have.
pub fn wanted(settings: &InstanceSettings) -> Wanted {
    let controller = &settings.controller;
    let networks = settings
        .network
        .vip_networks
        .iter()
        .map(|network| &network.network);
    let named = networks.filter_map(|network| match network {
        NetworkRef::Name(name) => Some(EcoString::from(name.as_str())),
        NetworkRef::Uuid(_) => None,
    });
    Wanted {
        cloud: controller.cloud.as_str().into(),
        tenant: controller.tenant.clone(),
        vrf: controller.vrf.as_deref().map(EcoString::from),
        se_groups: vec![controller.service_engine_group.as_str().into()],
        networks: named.collect(),
        tier1: settings.network.nsxt_t1lr.as_deref().map(EcoString::from),
    }
}

/// Names by the domain that asks for them.
pub(crate) fn by_domain(
    names: impl IntoIterator<Item = (DomainId, Named)>,
) -> BTreeMap<DomainId, BTreeSet<Named>> {
    let mut all: BTreeMap<DomainId, BTreeSet<Named>> = BTreeMap::new();
    for (domain, named) in names {
        all.entry(domain).or_default().insert(named);
    }
    all
}
