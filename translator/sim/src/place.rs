//! Where a VsVip's addresses come from: its cloud, VRF and networks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::kinds::ADMIN;
use crate::network::{self, Family, Range};
use crate::refs::ObjectId;
use crate::store::{Scope, Store};

/// Addresses are unique within a cloud's VRF and family.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Space {
    cloud: String,
    vrf: String,
    family: Family,
}

/// The fields of a VIP, by family.
pub(crate) struct Fields {
    pub(crate) family: Family,
    pub(crate) address: &'static str,
    subnet: &'static str,
}

/// Both families.
pub(crate) const FIELDS: [Fields; 2] = [
    Fields {
        family: Family::V4,
        address: "ip_address",
        subnet: "subnet",
    },
    Fields {
        family: Family::V6,
        address: "ip6_address",
        subnet: "subnet6",
    },
];

/// An address in its space.
pub(crate) type Taken = (Space, u128);

/// The surroundings in which a VsVip's addresses are chosen.
pub(crate) struct Place<'a> {
    store: &'a Store,
    cloud: &'a str,
    vrf: String,
}

impl<'a> Place<'a> {
    /// The surroundings of a VsVip with this body.
    pub(crate) fn of(store: &'a Store, body: &Map<String, Value>, cloud: &'a str) -> Self {
        Self {
            store,
            cloud,
            vrf: vrf_of(store, body, cloud),
        }
    }
}

impl Place<'_> {
    /// The space of a family here.
    pub(crate) fn space(&self, family: Family) -> Space {
        Space {
            cloud: self.cloud.to_owned(),
            vrf: self.vrf.clone(),
            family,
        }
    }
}

fn record<'a>(store: &'a Store, reference: &Value) -> Option<&'a Map<String, Value>> {
    let id = ObjectId::from_path(reference.as_str()?)?;
    store.get(&id.kind, &id.uuid).map(|record| &record.body)
}

/// The network that a VIP names: by reference, or by uuid or name in public clouds.
fn asked_network<'a>(
    place: &Place<'a>,
    vip: &Map<String, Value>,
) -> Option<&'a Map<String, Value>> {
    let subnet = vip.get("ipam_network_subnet");
    let by_ref = subnet
        .and_then(|subnet| subnet.get("network_ref"))
        .or(vip.get("network_ref"));
    if let Some(network) = by_ref.and_then(|reference| record(place.store, reference)) {
        return Some(network);
    }
    let name = vip
        .get("subnet_uuid")
        .or(subnet.and_then(|subnet| subnet.get("subnet_uuid")))?;
    let name = name.as_str()?;
    let found = place.store.get("network", name).or_else(|| {
        let mut all = place.store.named("network", name);
        all.find(|(_, network)| network.cloud == place.cloud)
            .map(|(_, network)| network)
    });
    found.map(|network| &network.body)
}

/// The ranges to choose from: of the network asked for, else of the cloud's IPAM profile.
pub(crate) fn pools(place: &Place<'_>, fields: &Fields, vip: &Map<String, Value>) -> Vec<Range> {
    let within = vip
        .get("ipam_network_subnet")
        .and_then(|subnet| subnet.get(fields.subnet))
        .and_then(network::subnet);
    let networks = match asked_network(place, vip) {
        Some(network) => vec![network],
        None => usable_networks(place.store, place.cloud),
    };
    let ranges = networks
        .into_iter()
        .flat_map(|network| network::ranges(network, within));
    ranges
        .filter(|range| range.family == fields.family)
        .collect()
}

fn usable_networks<'a>(store: &'a Store, cloud: &str) -> Vec<&'a Map<String, Value>> {
    let profile = store
        .get("cloud", cloud)
        .and_then(|cloud| cloud.body.get("ipam_provider_ref"))
        .and_then(|reference| record(store, reference));
    let usable = profile
        .and_then(|profile| profile.get("internal_profile"))
        .and_then(|internal| internal.get("usable_networks"))
        .and_then(Value::as_array);
    let entries = usable.into_iter().flatten();
    entries
        .filter_map(|entry| record(store, entry.get("nw_ref")?))
        .collect()
}

/// The VRF of a VsVip; one that names none is in its cloud's `global`.
fn vrf_of(store: &Store, body: &Map<String, Value>, cloud: &str) -> String {
    let named = body
        .get("vrf_context_ref")
        .and_then(Value::as_str)
        .and_then(ObjectId::from_path);
    if let Some(id) = named {
        return id.uuid;
    }
    let scope = Scope {
        tenant: ADMIN,
        cloud,
    };
    store
        .holder("vrfcontext", "global", scope)
        .unwrap_or_default()
        .to_owned()
}

/// The addresses of a VsVip.
pub(crate) fn addresses_of(store: &Store, body: &Map<String, Value>, cloud: &str) -> Vec<Taken> {
    let place = Place::of(store, body, cloud);
    vips(body)
        .values()
        .flat_map(|vip| addresses_of_vip(&place, vip))
        .collect()
}

fn addresses_of_vip(place: &Place<'_>, vip: &Map<String, Value>) -> Vec<Taken> {
    let taken = FIELDS.iter().filter_map(|fields| {
        let address = network::address(vip.get(fields.address)?)?;
        Some((place.space(fields.family), network::to_number(address)))
    });
    taken.collect()
}

/// The VIPs of a VsVip by their ids.
pub(crate) fn vips(body: &Map<String, Value>) -> BTreeMap<&str, &Map<String, Value>> {
    let items = body
        .get("vip")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    items
        .filter_map(Value::as_object)
        .filter_map(|vip| Some((vip.get("vip_id")?.as_str()?, vip)))
        .collect()
}

/// Whether a kept address still lies in the network that the VIP now asks for.
pub(crate) fn fits(
    place: &Place<'_>,
    fields: &Fields,
    vip: &Map<String, Value>,
    address: IpAddr,
) -> bool {
    let Some(network) = asked_network(place, vip) else {
        return true;
    };
    let subnets = network::subnets(network);
    let known = subnets.iter().any(|subnet| subnet.family == fields.family);
    !known || subnets.iter().any(|subnet| subnet.holds(address))
}
