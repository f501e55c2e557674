//! VIP addresses: handed out from the networks when a VsVip is written, freed when it goes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::intervals::Intervals;
use crate::network::{self, Family};
use crate::place::{FIELDS, Fields, Place, Space, Taken, addresses_of, fits, pools, vips};
use crate::reply::Refusal;
use crate::store::Store;

/// The addresses in use.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    used: BTreeMap<Space, Intervals>,
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
        let place = Place::of(store, body, cloud);
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
                let fits = |old: &IpAddr| is_there(before, vip) && fits(place, fields, vip, *old);
                let kept = old.filter(|old| wanted.is_some() || fits(old));
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

/// Carries an address over a write that does not name it.
fn keep(fields: &Fields, before: Option<&Map<String, Value>>, vip: &mut Map<String, Value>) {
    for field in [fields.address, "avi_allocated_vip"] {
        if let Some(value) = before.and_then(|old| old.get(field)) {
            vip.entry(field).or_insert_with(|| value.clone());
        }
    }
}

/// Whether a VIP stays in the subnet that it names, where it names one.
fn is_there(before: Option<&Map<String, Value>>, vip: &Map<String, Value>) -> bool {
    let subnet = |vip: &Map<String, Value>| vip.get("subnet_uuid").cloned();
    before.and_then(subnet) == subnet(vip)
}
