//! What a world can be asked: its hosts with their paths, and its L4 listeners.

use crate::datascript::{is_passthrough, labelled_groups};
use crate::http::Request;
use crate::l4::{Listener, Protocol, is_l4, l4_sets, speaks, takes};
use crate::matching::{Comparison, Criterion};
use crate::policy::sets;
use crate::probe::Probe;
use crate::walk::Walk;
use crate::world::World;
use aviary_avi::AviKey;
use aviary_avi::http_policy_set::HttpRequestRule;
use aviary_avi::virtual_service::VirtualService;
use aviary_types::EcoString;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The label that is put in the place of `*` to ask for a wildcard name.
const ANY_LABEL: &str = "aviary-any";

/// A port where requests for a host may be sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Door {
    /// Where.
    pub vip: AviKey,
    /// Port.
    pub port: u16,
    /// Whether the client speaks TLS there.
    pub tls: bool,
}

/// What a world says of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HostSurface {
    /// Whether DNS knows it.
    pub in_dns: bool,
    /// Where it can be asked for.
    pub doors: BTreeSet<Door>,
    /// Paths that something is configured for; `/` always.
    pub paths: BTreeSet<EcoString>,
}

/// The hosts and paths of one VsVip.
type Paths = BTreeMap<EcoString, BTreeSet<EcoString>>;

impl World {
    /// Every host that is configured for requests, served or not. Wildcard names begin with `*`.
    pub fn hosts(&self) -> BTreeMap<EcoString, HostSurface> {
        let mut hosts: BTreeMap<EcoString, HostSurface> = BTreeMap::new();
        for vip in self.index.services.keys() {
            let doors = self.doors(vip);
            if doors.is_empty() {
                continue;
            }
            for (host, paths) in self.paths_at(vip) {
                let in_dns = self.index.dns.contains_key(&host);
                let surface = hosts.entry(host).or_default();
                surface.in_dns |= in_dns;
                surface.doors.extend(doors.iter().cloned());
                surface.paths.extend(paths);
            }
        }
        hosts
    }

    /// Every L4 listener, by the name of the virtual service and by each DNS name.
    pub fn listeners(&self) -> BTreeSet<Listener> {
        let walk = Walk::new(self);
        let mut listeners = BTreeSet::new();
        for vip in self.index.services.keys() {
            for (key, service) in self.services_at(vip) {
                if is_l4(&walk, key, service) && !is_passthrough(&walk, key, service) {
                    let ports = self.ports_of(key, service);
                    let targets = self.dns_names(vip).chain([key.name.clone()]);
                    listeners.extend(targets.flat_map(|target| {
                        ports.iter().map(move |&(port, protocol)| {
                            let target = target.clone();
                            Listener {
                                target,
                                port,
                                protocol,
                            }
                        })
                    }));
                }
            }
        }
        listeners
    }

    /// Everything that is worth asking. A host that several VsVips hold is asked for at each.
    pub fn probes(&self) -> BTreeSet<Probe> {
        let mut probes: BTreeSet<Probe> = self.listeners().into_iter().map(Probe::L4).collect();
        for (host, surface) in self.hosts() {
            let vips: BTreeSet<_> = surface.doors.iter().map(|door| &door.vip).collect();
            let host = concrete(&host);
            for door in &surface.doors {
                let sni = door.tls.then(|| host.clone());
                for path in &surface.paths {
                    let (host, sni, path) = (host.clone(), sni.clone(), path.clone());
                    let request = Request {
                        host,
                        port: door.port,
                        sni,
                        path,
                        vip: None,
                    };
                    if vips.len() > 1 || !surface.in_dns {
                        probes.insert(Probe::Http(request.clone().at(door.vip.clone())));
                    }
                    if surface.in_dns {
                        probes.insert(Probe::Http(request));
                    }
                }
            }
        }
        probes
    }

    fn dns_names(&self, vip: &AviKey) -> impl Iterator<Item = EcoString> {
        let names = self.vip(vip).into_iter().flat_map(|vip| &vip.dns_info);
        names.map(|dns| dns.fqdn.to_lowercase())
    }

    /// The ports of a VsVip where requests, or TLS passed through, are served.
    fn doors(&self, vip: &AviKey) -> BTreeSet<Door> {
        let walk = Walk::new(self);
        let mut doors = BTreeSet::new();
        for (key, service) in self.services_at(vip) {
            let passthrough = is_passthrough(&walk, key, service);
            if is_l4(&walk, key, service) && !passthrough {
                continue;
            }
            for listener in &service.services {
                if speaks(service, listener, Protocol::Tcp) {
                    let tls = passthrough || listener.enable_ssl == Some(true);
                    doors.insert(Door {
                        vip: vip.clone(),
                        port: listener.port,
                        tls,
                    });
                }
            }
        }
        doors
    }

    fn ports_of(&self, key: &AviKey, service: &VirtualService) -> Vec<(u16, Protocol)> {
        let sets = l4_sets(self, key, service);
        let mut ports = Vec::new();
        for listener in &service.services {
            let spoken = Protocol::ALL
                .into_iter()
                .filter(|p| speaks(service, listener, *p));
            let spoken: Vec<_> = spoken.collect();
            let is_ruled = |protocol: Protocol| {
                let mut rules = sets
                    .iter()
                    .flat_map(|(_, set)| &set.l4_connection_policy.rules);
                rules.any(|rule| takes(rule, listener.port, protocol))
            };
            // A profile that tells no protocol: the rules do, and without rules it is TCP.
            let told = spoken.len() == 1;
            let ruled = spoken.iter().any(|protocol| is_ruled(*protocol));
            let kept = spoken.into_iter().filter(|protocol| {
                told || is_ruled(*protocol) || (!ruled && *protocol == Protocol::Tcp)
            });
            ports.extend(kept.map(|protocol| (listener.port, protocol)));
        }
        ports
    }

    fn paths_at(&self, vip: &AviKey) -> Paths {
        let walk = Walk::new(self);
        let mut paths = Paths::new();
        let names: Vec<EcoString> = self.dns_names(vip).collect();
        for name in &names {
            add(&mut paths, name, "/");
        }
        for (key, service) in self.services_at(vip) {
            for (host, path) in labels(&walk, key, service) {
                add(&mut paths, &host, &path);
            }
            add_rules(&mut paths, &walk, (key, service), &names);
            for (domain, children) in self.index.children.get(key).into_iter().flatten() {
                add(&mut paths, domain, "/");
                let children = children
                    .iter()
                    .filter_map(|key| Some((key, self.service(key)?)));
                for child in children {
                    add_rules(&mut paths, &walk, child, std::slice::from_ref(domain));
                }
            }
        }
        paths
    }
}

fn add(paths: &mut Paths, host: &str, path: &str) {
    let path = if path.starts_with('/') {
        path.into()
    } else {
        EcoString::from("/") + path
    };
    let paths = paths.entry(host.into()).or_default();
    paths.insert("/".into());
    paths.insert(path);
}

/// Hosts and paths of the labels of the shared groups.
fn labels<'w>(
    walk: &Walk<'w>,
    key: &'w AviKey,
    service: &VirtualService,
) -> Vec<(EcoString, EcoString)> {
    let groups = labelled_groups(walk, key, service);
    let members = groups.iter().flat_map(|(_, group)| &group.members);
    let labels = members.filter_map(|member| member.priority_label.as_deref());
    let split = labels.map(|label| match label.find('/') {
        Some(at) => label.split_at(at),
        None => (label, "/"),
    });
    let named = split.filter(|(host, _)| !host.is_empty());
    named
        .map(|(host, path)| (host.into(), path.into()))
        .collect()
}

/// Hosts and paths of rules; a rule that names no host is for all of `names`.
fn add_rules(
    paths: &mut Paths,
    walk: &Walk<'_>,
    (key, service): (&AviKey, &VirtualService),
    names: &[EcoString],
) {
    for (_, set) in sets(walk, key, service) {
        for rule in &set.http_request_policy.rules {
            let own = hosts_of(rule);
            for host in own.as_deref().unwrap_or(names) {
                for path in paths_of(rule) {
                    add(paths, &host.to_lowercase(), &path);
                }
            }
        }
    }
}

fn hosts_of(rule: &HttpRequestRule) -> Option<Vec<EcoString>> {
    let condition = rule.matches.as_ref()?.host_hdr.as_ref()?;
    let equals = Criterion {
        how: Comparison::Equals,
        negated: false,
    };
    (Criterion::parse(&condition.match_criteria) == Some(equals)).then(|| condition.value.clone())
}

/// The paths that can be read off a rule; patterns cannot be turned into paths.
fn paths_of(rule: &HttpRequestRule) -> Vec<EcoString> {
    let condition = rule
        .matches
        .as_ref()
        .and_then(|target| target.path.as_ref());
    let Some(condition) = condition else {
        return vec!["/".into()];
    };
    match Criterion::parse(&condition.match_criteria) {
        Some(Criterion {
            how: Comparison::Equals | Comparison::BeginsWith,
            negated: false,
        }) => condition.match_str.clone(),
        _ => Vec::new(),
    }
}

/// A name that a wildcard stands for.
fn concrete(host: &str) -> EcoString {
    match host.strip_prefix('*') {
        Some(rest) => EcoString::from(ANY_LABEL) + rest,
        None => host.into(),
    }
}
