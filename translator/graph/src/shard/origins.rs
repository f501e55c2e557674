//! Where the joined lists of a shard parent come from, element by element.

use crate::parts::{Share, ShareMember};
use aviary_avi::pool_group::PoolGroup;
use aviary_avi::vs_vip::VsVip;
use aviary_types::{EcoString, Origin, Place, Provenance, Role, number};
use std::collections::BTreeMap;

const NAMES: &str = "dns_info";
const MEMBERS: &str = "members";
const REDIRECTED: &str = "http_request_policy.rules[*].match.host_hdr.value";

/// The names of the VIP: those of hosts from where the hosts are named, the parent's own from
/// settings and cloud.
pub(crate) fn of_names(mut from: Provenance, vip: &VsVip, shares: &[&Share]) -> Provenance {
    let hosts = by_host(shares.iter().filter(|share| share.named));
    for (at, name) in vip.dns_info.iter().enumerate() {
        let own = [
            Origin::Setting("L4Settings.autoFQDN"),
            Origin::Controller("DNS domains of the cloud"),
        ];
        let named = hosts.get(&name.fqdn).map(|places| {
            let places = places.iter().map(|place| (*place).clone());
            places.map(Origin::from).collect()
        });
        for origin in named.unwrap_or_else(|| Vec::from(own)) {
            from.bind(NAMES, number(at), (Role::Name, origin));
        }
    }
    from
}

/// The members of the shared group, each from its path.
pub(super) fn of_members(mut from: Provenance, group: &PoolGroup, shares: &[&Share]) -> Provenance {
    let mut members: BTreeMap<&EcoString, &ShareMember> = BTreeMap::new();
    for member in shares.iter().flat_map(|share| &share.members) {
        members.entry(&member.pool).or_insert(member);
    }
    for (at, member) in group.members.iter().enumerate() {
        if let Some(ShareMember {
            host_at, path_at, ..
        }) = members.get(&member.pool_ref.name)
        {
            for (role, place) in [(Role::Host, host_at), (Role::PathText, path_at)] {
                from.bind(MEMBERS, number(at), (role, place.clone().into()));
            }
        }
    }
    from
}

/// The hosts that are redirected, in the order of the rule's list.
pub(super) fn of_redirected(mut from: Provenance, shares: &[&Share]) -> Provenance {
    let hosts = by_host(shares.iter().filter(|share| share.redirect));
    for (at, places) in hosts.values().enumerate() {
        for place in places {
            let bound = (Role::Host, (*place).clone().into());
            from.bind(REDIRECTED, number(at), bound);
        }
    }
    from
}

/// What the parent has because of its secure hosts.
pub(super) fn of_parent(from: Provenance, shares: &[&Share]) -> Provenance {
    let redirects = shares.iter().filter(|share| share.redirect);
    from.with_all(
        Role::Host,
        redirects.flat_map(|share| share.host_at.iter().cloned()),
    )
}

fn by_host<'a>(
    shares: impl Iterator<Item = &'a &'a Share>,
) -> BTreeMap<&'a EcoString, Vec<&'a Place>> {
    let mut hosts: BTreeMap<&EcoString, Vec<&Place>> = BTreeMap::new();
    for share in shares {
        let places = hosts.entry(share.host.text()).or_default();
        places.extend(&share.host_at);
    }
    hosts
}
