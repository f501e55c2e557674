//! Which hosts an Ingress asks for, and how it is found by host.

use super::{BY_HOST, BY_HOSTLESS_NAME, BY_NAMESPACE, Ingress, KIND, Rule};
use crate::env::Env;
use crate::view::{Entry, IndexKey, View};
use aviary_types::{ClusterName, Host, ObjectKey, eco_format};
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
        None => host_of_index(&hostless(key), env),
    }
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
    if let Some(domain) = env.inventory.dns_domains.first() {
        let stem = host.as_str().strip_suffix(domain.trim_start_matches('.'));
        if let Some(stem) = stem.and_then(|stem| stem.strip_suffix('.')) {
            entries.extend(view.lookup(IndexKey::new(cluster, BY_HOSTLESS_NAME, stem)));
        }
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

/// The host that units are made for when this index value changes.
pub fn host_of_index(index: &IndexKey, env: &Env) -> Option<Host> {
    match index.index {
        BY_HOST => Some(Host::from(index.value.clone())),
        BY_HOSTLESS_NAME => {
            let domain = env.inventory.dns_domains.first()?;
            Some(eco_format!("{}.{}", index.value, domain.trim_start_matches('.')).into())
        }
        _ => None,
    }
}
