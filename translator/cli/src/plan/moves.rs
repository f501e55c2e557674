//! Which hosts are at which addresses, and what of that a change of settings changes.

use aviary_avi::common::IpAddr;
use aviary_avi::{AviKey, Body};
use aviary_runtime::lane::Lane;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Where the hosts are.
pub struct Places {
    /// The VsVips that have a name.
    hosts: BTreeMap<String, BTreeSet<AviKey>>,
    /// The addresses of each VsVip.
    vips: BTreeMap<AviKey, BTreeSet<String>>,
}

/// What is elsewhere than before.
#[derive(Serialize)]
pub struct Change {
    /// Hosts that are found at another VsVip.
    pub moves: Vec<Move>,
    /// VsVips that come, go, or change their address.
    pub addresses: Vec<Address>,
}

/// A host that is found elsewhere: at these VsVips, with their addresses.
#[derive(Serialize)]
pub struct Move {
    /// The host.
    pub host: String,
    /// Where it was.
    pub from: Vec<String>,
    /// Where it is then.
    pub to: Vec<String>,
}

/// A VsVip with other addresses: none before where it comes, none after where it goes.
#[derive(Serialize)]
pub struct Address {
    /// The VsVip.
    #[serde(flatten)]
    pub vip: AviKey,
    /// Its addresses before.
    pub before: BTreeSet<String>,
    /// Its addresses then.
    pub after: BTreeSet<String>,
}

impl Places {
    /// As the Controller has it.
    pub fn of(lane: &Lane) -> Self {
        let mut places = Self {
            hosts: BTreeMap::new(),
            vips: BTreeMap::new(),
        };
        let objects = lane
            .observed()
            .into_iter()
            .flat_map(|it| it.objects.values());
        for object in objects {
            let Body::VsVip(vip) = &*object.body else {
                continue;
            };
            for dns in &vip.dns_info {
                let at = places.hosts.entry(dns.fqdn.to_string()).or_default();
                at.insert(object.key.clone());
            }
            let addresses = vip.addresses().map(IpAddr::canonical);
            let addresses = addresses.map(|it| it.to_string()).collect();
            places.vips.insert(object.key.clone(), addresses);
        }
        places
    }

    /// What is elsewhere then.
    pub fn until(&self, then: &Self) -> Change {
        let hosts: BTreeSet<&String> = self.hosts.keys().chain(then.hosts.keys()).collect();
        let moves = hosts.into_iter().filter_map(|host| {
            let (from, to) = (self.hosts.get(host)?, then.hosts.get(host)?);
            (from != to).then(|| Move {
                host: host.clone(),
                from: self.told(from),
                to: then.told(to),
            })
        });
        let vips: BTreeSet<&AviKey> = self.vips.keys().chain(then.vips.keys()).collect();
        let addresses = vips.into_iter().filter_map(|vip| {
            let at = |places: &Self| places.vips.get(vip).cloned();
            (at(self) != at(then)).then(|| Address {
                vip: vip.clone(),
                before: at(self).unwrap_or_default(),
                after: at(then).unwrap_or_default(),
            })
        });
        Change {
            moves: moves.collect(),
            addresses: addresses.collect(),
        }
    }

    fn told(&self, vips: &BTreeSet<AviKey>) -> Vec<String> {
        let line = |vip: &AviKey| {
            let addresses = self.vips.get(vip).map(listed).unwrap_or_default();
            format!("{} {} ({addresses})", vip.tenant, vip.name)
        };
        vips.iter().map(line).collect()
    }
}

/// Addresses in a line; `-` for none.
pub(super) fn listed(addresses: &BTreeSet<String>) -> String {
    if addresses.is_empty() {
        return "-".to_owned();
    }
    let all: Vec<&str> = addresses.iter().map(String::as_str).collect();
    all.join(", ")
}
