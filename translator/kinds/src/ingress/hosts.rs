//! Which hosts an Ingress asks for, and how it is found by host.

use super::{BY_HOST, BY_HOSTLESS_NAME, BY_NAMESPACE, Ingress, KIND, Rule};
use crate::env::Env;
use crate::view::{Entry, IndexKey, View};
use aviary_types::{ClusterName, EcoString, Host, ObjectKey, eco_format};
use std::sync::Arc;

pub(super) fn index(ingress: &Ingress, key: &ObjectKey) -> Vec<IndexKey> {
    let mut keys: Vec<IndexKey> = ingress
        .rules
        .iter()
        .map(|rule| match &rule.host {
            Some(host) => IndexKey::new(&key.cluster, BY_HOST, host.text().clone()),
            None => hostless(key),
        })
        .collect();
    keys.push(IndexKey::new(
        &key.cluster,
        BY_NAMESPACE,
        key.namespace.text().clone(),
    ));
    keys.sort();
    keys.dedup();
    keys
}

fn hostless(key: &ObjectKey) -> IndexKey {
    IndexKey::new(
        &key.cluster,
        BY_HOSTLESS_NAME,
        eco_format!("{}.{}", key.name, key.namespace),
    )
}

/// The host of a rule; a rule without one is served as `<ingress>.<namespace>.<first domain>`.
/// `None` where no DNS domain is known to make one up.
pub(super) fn host_of(rule: &Rule, key: &ObjectKey, env: &Env) -> Option<Host> {
    match &rule.host {
        Some(host) => Some(host.clone()),
        None => made_up(&hostless(key).value, env),
    }
}

fn made_up(stem: &EcoString, env: &Env) -> Option<Host> {
    let domain = env.inventory.dns_domains.first()?;
    Some(eco_format!("{stem}.{}", domain.trim_start_matches('.')).into())
}

/// Whether the unit of this host is the one where an Ingress is told that there is no DNS domain to
/// make up the host of a rule.
pub(super) fn is_nameless(ingress: &Ingress, key: &ObjectKey, host: &Host, env: &Env) -> bool {
    let mut rules = ingress.rules.iter();
    env.inventory.dns_domains.is_empty()
        && *host.text() == hostless(key).value
        && rules.any(|rule| rule.host.is_none())
}

/// Whether a rule of the Ingress has this host.
pub(super) fn names(ingress: &Ingress, key: &ObjectKey, host: &Host, env: &Env) -> bool {
    let mut rules = ingress.rules.iter();
    rules.any(|rule| host_of(rule, key, env).as_ref() == Some(host))
}

/// Every host that the Ingress asks for, without duplicates, in order of its rules.
pub fn hosts_of(ingress: &Ingress, key: &ObjectKey, env: &Env) -> Vec<Host> {
    let mut hosts: Vec<Host> = Vec::new();
    for host in ingress
        .rules
        .iter()
        .filter_map(|rule| host_of(rule, key, env))
    {
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

/// Every Ingress with a rule for the host, oldest first.
pub(super) fn claimants(view: &dyn View, host: &Host) -> Vec<Arc<Entry>> {
    let env = view.env();
    let cluster = &env.domain.cluster;
    let mut entries = view.lookup(IndexKey::new(cluster, BY_HOST, host.text().clone()));
    let stem = match env.inventory.dns_domains.first() {
        Some(domain) => {
            let stem = host.as_str().strip_suffix(domain.trim_start_matches('.'));
            stem.and_then(|stem| stem.strip_suffix('.'))
        }
        None => Some(host.as_str()),
    };
    if let Some(stem) = stem {
        entries.extend(view.lookup(IndexKey::new(cluster, BY_HOSTLESS_NAME, stem)));
    }
    entries.sort_by(|a, b| a.seniority().cmp(&b.seniority()));
    entries.dedup_by(|a, b| a.key == b.key);
    entries
}

/// Every Ingress of a namespace.
pub fn in_namespace(view: &dyn View, cluster: &ClusterName, namespace: &str) -> Vec<Arc<Entry>> {
    let mut entries = view.lookup(IndexKey::new(cluster, BY_NAMESPACE, namespace));
    entries.retain(|entry| entry.key.kind == KIND);
    entries
}

/// The host that units are made for when this index value changes. Where no DNS domain is known, a
/// rule without host has a unit of its own all the same: there its Ingress is told.
pub fn host_of_index(index: &IndexKey, env: &Env) -> Option<Host> {
    match index.index {
        BY_HOST => Some(Host::from(index.value.clone())),
        BY_HOSTLESS_NAME => {
            let unnamed = || Host::from(index.value.clone());
            Some(made_up(&index.value, env).unwrap_or_else(unnamed))
        }
        _ => None,
    }
}
