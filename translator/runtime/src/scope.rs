//! What is read from the Controller for one instance.

use aviary_avi::{Named, Observed, Owned};
use aviary_session::{Scope, Tenants, Wanted};
use aviary_settings::{InstanceSettings, NetworkRef};
use aviary_types::{DomainId, EcoString, eco_format};
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
        vrfs: vec![vrf.into()],
        se_groups: vec![controller.service_engine_group.as_str().into()],
    }
}

/// Why the settings cannot hold for what stands: a Controller changes the cloud of no object, and
/// policy sets, which know no cloud, find pool groups by names that both clouds would have.
pub fn misplaced(settings: &InstanceSettings, observed: &Observed) -> Option<EcoString> {
    let (domain, cloud) = (settings.domain(), settings.controller.cloud.as_str());
    let objects = observed.objects.values();
    let mut owned = objects.filter(|object| object.body.owner(&domain) == Owned::Yes);
    let other = owned.find_map(|object| {
        let name = &object.body.cloud_ref()?.name;
        (name != cloud).then_some(name)
    });
    let other = other.filter(|_| !settings.ako.delete_config)?;
    Some(eco_format!(
        "ControllerSettings.cloudName: objects stand in cloud {other}, and none can go to {cloud}; \
         let an instance of its own serve there, or remove them first (deleteConfig)"
    ))
}

/// What the settings name and the Controller must have.
pub fn wanted(settings: &InstanceSettings) -> Wanted {
    let controller = &settings.controller;
    let network = &settings.network;
    let vips = network.vip_networks.iter();
    let nodes = network.node_networks.iter();
    let labels = settings.syncs_static_routes();
    Wanted {
        cloud: controller.cloud.as_str().into(),
        tenant: controller.tenant.clone(),
        vrf: controller.vrf.as_deref().map(EcoString::from),
        se_groups: vec![controller.service_engine_group.as_str().into()],
        labels: labels.then(|| settings.cluster.clone()),
        vip_networks: vips.clone().map(|it| named(&it.network)).collect(),
        has_v6: vips.clone().any(|it| it.v6cidr.is_some()),
        node_networks: nodes.map(|it| named(&it.network)).collect(),
        tier1: network.nsxt_t1lr.as_deref().map(EcoString::from),
        vpc: settings.ako.vpc_mode,
    }
}

fn named(network: &NetworkRef) -> Named {
    match network {
        NetworkRef::Name(name) => Named::Network(name.as_str().into()),
        NetworkRef::Uuid(uuid) => Named::NetworkUuid(uuid.as_str().into()),
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
