//! VIP addresses: handed out from the networks when a VsVip is written, freed when it goes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::intervals::Intervals;
use crate::kinds::ADMIN;
use crate::network::{self, Family, Range};
use crate::refs::ObjectId;
use crate::reply::Refusal;
use crate::store::{Scope, Store};

/// Addresses are unique within a cloud's VRF and family.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Space {
    cloud: String,
    vrf: String,
    family: Family,
}

/// The addresses in use.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    used: BTreeMap<Space, Intervals>,
}

/// The fields of a VIP, by family.
struct Fields {
    family: Family,
    address: &'static str,
    subnet: &'static str,
}

const FIELDS: [Fields; 2] = [
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
type Taken = (Space, u128);

/// The surroundings in which a VsVip's addresses are chosen.
struct Place<'a> {
    store: &'a Store,
    cloud: &'a str,
    vrf: String,
}

impl Place<'_> {
    fn space(&self, family: Family) -> Space {
        Space {
            cloud: self.cloud.to_owned(),
            vrf: self.vrf.clone(),
            family,
        }
    }
}

impl Addresses {
    /// Takes the addresses of a VsVip that comes from a seed.
    pub(crate) fn adopt(&mut self, store: &Store, body: &Map<String, Value>, cloud: &str) {
        for (space, number) in addresses_of(store, body, cloud) {
            self.used.entry(space).or_default().insert(number);
        }
    }

    /// Frees the addresses of a VsVip that is deleted.
    pub(crate) fn release(&mut self, store: &Store, body: &Map<String, Value>, cloud: &str) {
        for (space, number) in addresses_of(store, body, cloud) {
            self.free(&space, number);
        }
    }

    fn free(&mut self, space: &Space, number: u128) {
        if let Some(used) = self.used.get_mut(space) {
            used.remove(number);
        }
    }

    /// Completes the VIPs of a VsVip that is written: flags, kept and new addresses. `old` is
    /// what it was before. Nothing changes hands if the write is refused.
    pub(crate) fn settle(
        &mut self,
        store: &Store,
        old: Option<&Map<String, Value>>,
        body: &mut Map<String, Value>,
        cloud: &str,
    ) -> Result<(), Refusal> {
        let place = Place {
            store,
            cloud,
            vrf: vrf_of(store, body, cloud),
        };
        let old_vips = old.map(vips).unwrap_or_default();
        check_vip_ids(&old_vips, body)?;
        let freed = old
            .map(|old| addresses_of(store, old, cloud))
            .unwrap_or_default();
        for (space, number) in &freed {
            self.free(space, *number);
        }
        let mut taken = Vec::new();
        let done = self
            .hold_known(&place, &old_vips, body, &mut taken)
            .and_then(|()| self.choose_missing(&place, body, &mut taken));
        if done.is_err() {
            for (space, number) in taken {
                self.free(&space, number);
            }
            for (space, number) in freed {
                self.used.entry(space).or_default().insert(number);
            }
        }
        done
    }

    /// First the addresses that are asked for or were there before, so that none of them is
    /// handed out to another VIP of the same object.
    fn hold_known(
        &mut self,
        place: &Place<'_>,
        old_vips: &BTreeMap<&str, &Map<String, Value>>,
        body: &mut Map<String, Value>,
        taken: &mut Vec<Taken>,
    ) -> Result<(), Refusal> {
        for vip in vips_mut(body) {
            let id = vip
                .get("vip_id")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let before = old_vips.get(id).copied();
            vip.entry("enabled").or_insert(json!(true));
            vip.entry("auto_allocate_ip_type")
                .or_insert(json!("V4_ONLY"));
            for fields in &FIELDS {
                let old = before.and_then(|old| network::address(old.get(fields.address)?));
                let wanted = vip.get(fields.address).and_then(network::address);
                if let (Some(old), Some(wanted)) = (old, wanted)
                    && old != wanted
                {
                    let text = "If a new preferred IP is needed, please recreate the VIP";
                    return Err(Refusal::new(400, text));
                }
                let kept = old.filter(|old| wanted.is_some() || fits(place, fields, vip, *old));
                if kept.is_some() {
                    keep(fields, before, vip);
                }
                if let Some(address) = kept.or(wanted) {
                    self.pin(place.space(fields.family), address, taken)?;
                }
            }
        }
        Ok(())
    }

    fn choose_missing(
        &mut self,
        place: &Place<'_>,
        body: &mut Map<String, Value>,
        taken: &mut Vec<Taken>,
    ) -> Result<(), Refusal> {
        for vip in vips_mut(body) {
            for fields in &FIELDS {
                if !vip.contains_key(fields.address) && wants(fields.family, vip) {
                    self.allocate(place, fields, vip, taken)?;
                }
            }
        }
        Ok(())
    }

    fn pin(&mut self, space: Space, wanted: IpAddr, taken: &mut Vec<Taken>) -> Result<(), Refusal> {
        let number = network::to_number(wanted);
        if !self.used.entry(space.clone()).or_default().insert(number) {
            let text = format!("No available free IPs: {wanted} is in use by another VsVip");
            return Err(Refusal::new(400, text));
        }
        taken.push((space, number));
        Ok(())
    }

    fn allocate(
        &mut self,
        place: &Place<'_>,
        fields: &Fields,
        vip: &mut Map<String, Value>,
        taken: &mut Vec<Taken>,
    ) -> Result<(), Refusal> {
        let space = place.space(fields.family);
        let used = self.used.entry(space.clone()).or_default();
        let free = pools(place, fields, vip)
            .into_iter()
            .find_map(|range| used.lowest_free(range.first, range.last));
        let Some(number) = free else {
            return Err(Refusal::new(400, "No available free IPs"));
        };
        used.insert(number);
        taken.push((space, number));
        let address = network::to_value(fields.family, number);
        vip.insert(fields.address.to_owned(), address);
        vip.insert("avi_allocated_vip".to_owned(), json!(true));
        Ok(())
    }
}

fn vips(body: &Map<String, Value>) -> BTreeMap<&str, &Map<String, Value>> {
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

fn vips_mut(body: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let items = body
        .get_mut("vip")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten();
    items.filter_map(Value::as_object_mut)
}

/// VIPs may come and go, but one may not take another's place.
fn check_vip_ids(
    old: &BTreeMap<&str, &Map<String, Value>>,
    body: &Map<String, Value>,
) -> Result<(), Refusal> {
    let new = vips(body);
    let lost = old.keys().any(|id| !new.contains_key(id));
    let found = !old.is_empty() && new.keys().any(|id| !old.contains_key(id));
    if lost && found {
        return Err(Refusal::new(
            400,
            "Changing an existing VIP's vip_id is not supported",
        ));
    }
    Ok(())
}

/// Whether the Controller is to choose an address of this family.
fn wants(family: Family, vip: &Map<String, Value>) -> bool {
    let auto = vip
        .get("auto_allocate_ip")
        .and_then(Value::as_bool)
        .unwrap_or_default();
    let kind = vip
        .get("auto_allocate_ip_type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let asked = match family {
        Family::V4 => kind != "V6_ONLY",
        Family::V6 => matches!(kind, "V6_ONLY" | "V4_V6"),
    };
    auto && asked
}

/// Whether a kept address still lies in the network that the VIP now asks for.
fn fits(place: &Place<'_>, fields: &Fields, vip: &Map<String, Value>, address: IpAddr) -> bool {
    let Some(network) = asked_network(place, vip) else {
        return true;
    };
    let subnets = network::subnets(network);
    let known = subnets.iter().any(|subnet| subnet.family == fields.family);
    !known || subnets.iter().any(|subnet| subnet.holds(address))
}

/// Carries an address over a write that does not name it.
fn keep(fields: &Fields, before: Option<&Map<String, Value>>, vip: &mut Map<String, Value>) {
    for field in [fields.address, "avi_allocated_vip"] {
        if let Some(value) = before.and_then(|old| old.get(field)) {
            vip.entry(field).or_insert_with(|| value.clone());
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
fn pools(place: &Place<'_>, fields: &Fields, vip: &Map<String, Value>) -> Vec<Range> {
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

fn addresses_of(store: &Store, body: &Map<String, Value>, cloud: &str) -> Vec<Taken> {
    let place = Place {
        store,
        cloud,
        vrf: vrf_of(store, body, cloud),
    };
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
