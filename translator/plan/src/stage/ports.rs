//! Ports of load balancers that share an address: one that leaves is kept until its name has left,
//! one that joins is there before its name comes.

use aviary_avi::Ref;
use aviary_avi::l4_policy_set::{L4PolicySet, L4Rule};
use aviary_avi::virtual_service::{HttpPolicy, Service, VirtualService};
use std::collections::BTreeSet;

/// The network profile of a virtual service that names none.
const DEFAULT_PROFILE: &str = "System-TCP-Proxy";

/// The old rules beside the new ones; of those for one port the new one.
pub(super) fn rules(desired: &L4PolicySet, observed: &L4PolicySet) -> L4PolicySet {
    let known: BTreeSet<_> = rules_of(desired).iter().map(taken).collect();
    let gone = rules_of(observed).iter();
    let mut gone = gone.filter(|rule| !known.contains(&taken(rule))).peekable();
    let is_there = |rule| rules_of(observed).iter().any(|it| taken(it) == taken(rule));
    if gone.peek().is_none() {
        return desired.clone();
    }
    if rules_of(desired).iter().all(is_there) {
        return observed.clone();
    }
    let mut wide = desired.clone();
    let rules = &mut wide.l4_connection_policy.rules;
    rules.extend(gone.map(by_name));
    for (index, rule) in (0..).zip(rules) {
        rule.index = index;
    }
    wide
}

/// What the Controller answers carries uuids.
fn by_name(rule: &L4Rule) -> L4Rule {
    let mut rule = rule.clone();
    let pool = &mut rule.action.select_pool.pool_ref;
    *pool = Ref::plain("pool", pool.name.clone());
    rule
}

fn rules_of(set: &L4PolicySet) -> &[L4Rule] {
    &set.l4_connection_policy.rules
}

/// What a rule is for.
fn taken(rule: &L4Rule) -> (&str, &[u16]) {
    (&rule.matches.protocol.protocol, &rule.matches.port.ports)
}

/// The old listeners and policies beside the new ones; `None` where nobody comes and goes: at the
/// address of one host, and at children.
pub(super) fn listeners(
    desired: &VirtualService,
    observed: &VirtualService,
) -> Option<VirtualService> {
    if desired.l4_policies.is_empty() && !desired.is_parent() {
        return None;
    }
    let mut wide = desired.clone();
    add_listeners(&mut wide, desired, observed);
    add_policies(&mut wide, observed);
    Some(wide)
}

/// Each keeps its network profile.
fn add_listeners(wide: &mut VirtualService, desired: &VirtualService, observed: &VirtualService) {
    let known: BTreeSet<Port<'_>> = ports(desired).collect();
    let is_gone = |service: &&Service| !known.contains(&port(observed, service));
    let mut gone = observed.services.iter().filter(is_gone).peekable();
    if gone.peek().is_none() {
        return;
    }
    let own = desired.services.iter();
    let own = own.map(|it| with_profile(desired, it));
    wide.services = own
        .chain(gone.map(|it| with_profile(observed, it)))
        .collect();
    wide.network_profile_ref = main_profile([desired, observed]).cloned();
    let main = wide.network_profile_ref.clone();
    for service in &mut wide.services {
        let own = service.override_network_profile_ref.take();
        service.override_network_profile_ref =
            own.filter(|own| name(Some(own)) != name(main.as_ref()));
    }
}

/// Each keeps its place, if that is free.
fn add_policies(wide: &mut VirtualService, observed: &VirtualService) {
    for policy in &observed.http_policies {
        let set = &policy.http_policy_set_ref.name;
        let mut known = wide.http_policies.iter();
        if known.any(|known| known.http_policy_set_ref.name == *set) {
            continue;
        }
        let taken: BTreeSet<u32> = wide.http_policies.iter().map(|it| it.index).collect();
        let index = (policy.index..u32::MAX).find(|index| !taken.contains(index));
        wide.http_policies.push(HttpPolicy {
            http_policy_set_ref: Ref::slash("httppolicyset", set.clone()),
            index: index.unwrap_or(policy.index),
        });
    }
}

/// Whether a virtual service listens where it did not before.
pub(crate) fn is_opened(before: &VirtualService, after: &VirtualService) -> bool {
    let known: BTreeSet<Port<'_>> = ports(before).collect();
    !ports(after).all(|port| known.contains(&port))
}

/// A port, and the transport protocol that is spoken there.
type Port<'a> = (u16, &'a str);

fn ports(of: &VirtualService) -> impl Iterator<Item = Port<'_>> {
    of.services.iter().map(move |service| port(of, service))
}

fn port<'a>(of: &'a VirtualService, service: &'a Service) -> Port<'a> {
    (service.port, transport(profile(of, service)))
}

/// The protocol of one of the Controller's own network profiles, which are called
/// `System-<protocol>-…`; the whole name of others.
fn transport(profile: Option<&Ref>) -> &str {
    let name = name(profile);
    let rest = name.strip_prefix("System-");
    let protocol = rest.and_then(|rest| rest.split('-').next());
    protocol.unwrap_or(name)
}

fn name(profile: Option<&Ref>) -> &str {
    profile.map_or(DEFAULT_PROFILE, |it| it.name.as_str())
}

/// Where TCP and another protocol are spoken, the virtual service has the profile of TCP.
fn main_profile(of: [&VirtualService; 2]) -> Option<&Ref> {
    let profiles = of.map(|it| it.network_profile_ref.as_ref());
    let mut all = profiles.into_iter();
    all.find(|profile| transport(*profile) == "TCP")
        .or(profiles.into_iter().next())
        .flatten()
}

fn profile<'a>(of: &'a VirtualService, service: &'a Service) -> Option<&'a Ref> {
    let own = service.override_network_profile_ref.as_ref();
    own.or(of.network_profile_ref.as_ref())
}

/// By name: what the Controller answers carries uuids.
fn with_profile(of: &VirtualService, service: &Service) -> Service {
    let profile = profile(of, service);
    Service {
        override_network_profile_ref: profile
            .map(|it| Ref::slash("networkprofile", it.name.clone())),
        ..service.clone()
    }
}
