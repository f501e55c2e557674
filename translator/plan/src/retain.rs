//! Entries of list-valued bodies that no known source accounts for, but that stand for something
//! unknown, stay (invariant 1).

use crate::hold::Holder;
use aviary_avi::ds_set::VsDataScriptSet;
use aviary_avi::http_policy_set::HttpPolicySet;
use aviary_avi::pool_group::{PoolGroup, PoolGroupMember};
use aviary_avi::virtual_service::{HttpPolicy, VirtualService};
use aviary_avi::vs_vip::{DnsInfo, VsVip};
use aviary_avi::{AviKey, Body, DesiredObject, ObservedObject, Ref};
use aviary_types::EcoString;
use std::collections::BTreeSet;

/// The desired body with the entries to keep, or `None` where it needs none.
pub(crate) fn retain(
    holder: &Holder<'_>,
    desired: &DesiredObject,
    observed: &ObservedObject,
) -> Option<Body> {
    let key = &desired.key;
    match (&*desired.body, &*observed.body) {
        (Body::PoolGroup(desired), Body::PoolGroup(observed)) => {
            members(holder, key, desired, observed).map(Body::from)
        }
        (Body::VsVip(desired), Body::VsVip(observed)) => {
            names(holder, key, desired, observed).map(Body::from)
        }
        (Body::HttpPolicySet(desired), Body::HttpPolicySet(observed)) => {
            redirects(holder, key, desired, observed).map(Body::from)
        }
        (Body::VsDataScriptSet(desired), Body::VsDataScriptSet(observed)) => {
            groups(holder, key, desired, observed).map(Body::from)
        }
        (Body::VirtualService(desired), Body::VirtualService(observed)) => {
            policies(holder, key, desired, observed).map(Body::from)
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
    let known = desired.members.iter();
    let known: BTreeSet<&EcoString> = known.map(|member| &member.pool_ref.name).collect();
    let is_held = |member: &&PoolGroupMember| {
        let pool = key.target(&member.pool_ref);
        pool.is_some_and(|pool| !known.contains(&pool.name) && holder.holds(&pool))
    };
    let kept: Vec<PoolGroupMember> = observed.members.iter().filter(is_held).cloned().collect();
    (!kept.is_empty()).then(|| {
        let mut body = desired.clone();
        body.members.extend(kept);
        let name = |member: &PoolGroupMember| member.pool_ref.name.clone();
        body.members.sort_by_key(name);
        body
    })
}

/// Pool groups that TLS is passed through to and that are held.
fn groups(
    holder: &Holder<'_>,
    key: &AviKey,
    desired: &VsDataScriptSet,
    observed: &VsDataScriptSet,
) -> Option<VsDataScriptSet> {
    let is_held = |group: &&Ref| {
        let held = key.target(group).is_some_and(|group| holder.holds(&group));
        held && !desired.pool_group_refs.contains(group)
    };
    let kept = observed.pool_group_refs.iter().filter(is_held);
    let kept: Vec<Ref> = kept
        .map(|group| Ref::slash("poolgroup", group.name.clone()))
        .collect();
    (!kept.is_empty()).then(|| {
        let mut body = desired.clone();
        body.pool_group_refs.extend(kept);
        body.pool_group_refs.sort_by(|a, b| a.name.cmp(&b.name));
        body
    })
}

/// DNS names of hosts that something held stands for.
fn names(holder: &Holder<'_>, key: &AviKey, desired: &VsVip, observed: &VsVip) -> Option<VsVip> {
    let known: BTreeSet<&DnsInfo> = desired.dns_info.iter().collect();
    let missing = observed.dns_info.iter().filter(|dns| !known.contains(dns));
    let kept = missing.filter(|dns| holder.holds_host(key, &dns.fqdn));
    let kept: Vec<DnsInfo> = kept.cloned().collect();
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
    let known = redirected(desired);
    let missing = redirected(observed)
        .into_iter()
        .filter(|host| !known.contains(host));
    let kept: Vec<EcoString> = missing
        .filter(|host| holder.holds_host(key, host))
        .cloned()
        .collect();
    if kept.is_empty() {
        return None;
    }
    let mut body = desired.clone();
    let mut rules = body.http_request_policy.rules.iter_mut();
    let rule = rules.find(|rule| rule.redirect_action.is_some())?;
    let host = rule.matches.as_mut()?.host_hdr.as_mut()?;
    host.value.extend(kept);
    host.value.sort();
    Some(body)
}

/// The hosts whose plain requests the set redirects.
fn redirected(set: &HttpPolicySet) -> BTreeSet<&EcoString> {
    let rules = set.http_request_policy.rules.iter();
    let redirects = rules.filter(|rule| rule.redirect_action.is_some());
    let hosts = redirects.filter_map(|rule| rule.matches.as_ref()?.host_hdr.as_ref());
    hosts.flat_map(|host| &host.value).collect()
}

/// The redirect set of a parent on which only held hosts redirect.
fn policies(
    holder: &Holder<'_>,
    key: &AviKey,
    desired: &VirtualService,
    observed: &VirtualService,
) -> Option<VirtualService> {
    let is_known = |policy: &HttpPolicy| {
        let mut known = desired.http_policies.iter();
        known.any(|known| known.http_policy_set_ref == policy.http_policy_set_ref)
    };
    let missing = observed
        .http_policies
        .iter()
        .filter(|policy| !is_known(policy));
    let kept = missing.filter(|policy| {
        let set = key.target(&policy.http_policy_set_ref);
        set.is_some_and(|set| holder.holds(&set) || holder.holds_redirect(&set))
    });
    let kept: Vec<HttpPolicy> = kept.cloned().collect();
    (!kept.is_empty()).then(|| {
        let mut body = desired.clone();
        body.http_policies.extend(kept);
        body.http_policies.sort_by_key(|policy| policy.index);
        body
    })
}
