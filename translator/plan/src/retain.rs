//! Entries of list-valued bodies that no known source accounts for, but that stand for something
//! unknown, stay (invariant 1).

use crate::hold::Holder;
use aviary_avi::http_policy_set::HttpPolicySet;
use aviary_avi::pool_group::PoolGroup;
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::vs_vip::VsVip;
use aviary_avi::{AviKey, Body, DesiredObject, ObservedObject};
use aviary_types::EcoString;
use std::collections::BTreeSet;

/// The desired body with the entries to keep, or `None` where it needs none.
pub(crate) fn retain(
    holder: &Holder<'_>,
    desired: &DesiredObject,
    observed: &ObservedObject,
) -> Option<Body> {
    if desired.key.kind.is_shared() || holder.is_complete(&desired.domain) {
        return None;
    }
    match (&*desired.body, &*observed.body) {
        (Body::PoolGroup(desired_group), Body::PoolGroup(group)) => {
            members(holder, &desired.key, desired_group, group).map(Body::from)
        }
        (Body::VsVip(desired_vip), Body::VsVip(vip)) => {
            names(holder, &desired.key, desired_vip, vip).map(Body::from)
        }
        (Body::HttpPolicySet(desired_set), Body::HttpPolicySet(set)) => {
            redirects(holder, &desired.key, desired_set, set).map(Body::from)
        }
        (Body::VirtualService(desired_service), Body::VirtualService(service)) => {
            policies(holder, &desired.key, desired_service, service).map(Body::from)
        }
        _ => None,
    }
}

/// Members of the shared group whose pool is held.
fn members(
    holder: &Holder<'_>,
    key: &AviKey,
    desired: &PoolGroup,
    observed: &PoolGroup,
) -> Option<PoolGroup> {
    let wanted = |member: &&aviary_avi::pool_group::PoolGroupMember| {
        desired
            .members
            .iter()
            .all(|known| known.pool_ref != member.pool_ref)
            && key
                .target(&member.pool_ref)
                .is_some_and(|pool| holder.holds(&pool))
    };
    let kept: Vec<_> = observed.members.iter().filter(wanted).cloned().collect();
    (!kept.is_empty()).then(|| {
        let mut body = desired.clone();
        body.members.extend(kept);
        body.members
            .sort_by(|a, b| a.pool_ref.name.cmp(&b.pool_ref.name));
        body
    })
}

/// DNS names of hosts that something held stands for.
fn names(holder: &Holder<'_>, key: &AviKey, desired: &VsVip, observed: &VsVip) -> Option<VsVip> {
    let missing = observed
        .dns_info
        .iter()
        .filter(|dns| !desired.dns_info.contains(dns));
    let hosts = held_hosts(holder, key);
    let kept: Vec<_> = missing
        .filter(|dns| hosts.contains(&dns.fqdn))
        .cloned()
        .collect();
    (!kept.is_empty()).then(|| {
        let mut body = desired.clone();
        body.dns_info.extend(kept);
        body.dns_info.sort();
        body
    })
}

/// Redirects of hosts that something held stands for.
fn redirects(
    holder: &Holder<'_>,
    key: &AviKey,
    desired: &HttpPolicySet,
    observed: &HttpPolicySet,
) -> Option<HttpPolicySet> {
    let hosts = |set: &HttpPolicySet| -> BTreeSet<EcoString> {
        let rules = set
            .http_request_policy
            .rules
            .iter()
            .filter(|r| r.redirect_action.is_some());
        let matches = rules.filter_map(|rule| rule.matches.as_ref()?.host_hdr.as_ref());
        matches
            .flat_map(|host| host.value.iter().cloned())
            .collect()
    };
    let known = hosts(desired);
    let held = held_hosts(holder, key);
    let kept: Vec<EcoString> = hosts(observed)
        .into_iter()
        .filter(|h| !known.contains(h) && held.contains(h))
        .collect();
    let mut body = desired.clone();
    let rules = &mut body.http_request_policy.rules;
    let rule = rules
        .iter_mut()
        .find(|rule| rule.redirect_action.is_some())?;
    let host = rule.matches.as_mut()?.host_hdr.as_mut()?;
    host.value.extend(kept.iter().cloned());
    host.value.sort();
    (!kept.is_empty()).then_some(body)
}

/// The redirect set of a parent on which only held hosts redirect.
fn policies(
    holder: &Holder<'_>,
    key: &AviKey,
    desired: &VirtualService,
    observed: &VirtualService,
) -> Option<VirtualService> {
    let missing = observed.http_policies.iter().filter(|policy| {
        desired
            .http_policies
            .iter()
            .all(|p| p.http_policy_set_ref != policy.http_policy_set_ref)
    });
    let kept: Vec<_> = missing
        .filter(|policy| {
            let target = key.target(&policy.http_policy_set_ref);
            target.is_some_and(|set| holder.holds(&set) || holds_redirect(holder, &set))
        })
        .cloned()
        .collect();
    (!kept.is_empty()).then(|| {
        let mut body = desired.clone();
        body.http_policies.extend(kept);
        body.http_policies.sort_by_key(|policy| policy.index);
        body
    })
}

/// Whether a redirect set of a shard has a host that something held stands for.
pub(crate) fn holds_redirect(holder: &Holder<'_>, set: &AviKey) -> bool {
    let Some(observed) = holder.input().observed.objects.get(set) else {
        return false;
    };
    let Body::HttpPolicySet(body) = &*observed.body else {
        return false;
    };
    let held = held_hosts(holder, set);
    body.http_request_policy.rules.iter().any(|rule| {
        let host = rule
            .matches
            .as_ref()
            .and_then(|matches| matches.host_hdr.as_ref());
        host.is_some_and(|host| host.value.iter().any(|value| held.contains(value)))
    })
}

/// Hosts (and names) that held objects of the tenant stand for. Only asked for where something of
/// the domain is not known.
fn held_hosts(holder: &Holder<'_>, key: &AviKey) -> BTreeSet<EcoString> {
    let objects = holder.input().observed.objects.values();
    objects
        .filter(|object| object.key.tenant == key.tenant)
        .filter(|object| {
            object
                .body
                .markers()
                .iter()
                .any(|marker| marker.key == "Host")
        })
        .filter(|object| holder.why(object).is_some())
        .flat_map(|object| object.body.sources().hosts().to_vec())
        .collect()
}
