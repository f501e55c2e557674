//! Who refers to whom, turned round once, so that a question costs no search.

use crate::matching::{Case, Comparison, Criterion, Patterns, compile};
use crate::problem::Problem;
use crate::world::{Scope, World};
use aviary_avi::http_policy_set::{HttpRequestRule, MatchTarget};
use aviary_avi::{AviKey, Body, Ref};
use aviary_types::EcoString;
use std::collections::{BTreeMap, BTreeSet};

/// The children of one parent by lower-case domain, in the order of their keys.
pub(crate) type Domains = BTreeMap<EcoString, Vec<AviKey>>;

/// What a world looks up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    /// VsVips by lower-case DNS name.
    pub(crate) dns: BTreeMap<EcoString, Vec<AviKey>>,
    /// Virtual services by VsVip.
    pub(crate) services: BTreeMap<AviKey, Vec<AviKey>>,
    /// Children by parent.
    pub(crate) children: BTreeMap<AviKey, Domains>,
    /// Regular expressions of all rules.
    pub(crate) patterns: Patterns,
}

impl Index {
    /// Reads all objects once.
    pub(crate) fn of(world: &World) -> (Self, BTreeSet<Problem>) {
        let mut index = Self::default();
        let mut problems = BTreeSet::new();
        for (key, body) in &world.objects {
            report_dangling(world, key, body, &mut problems);
            match body.as_ref() {
                Body::VsVip(vip) => {
                    for dns in &vip.dns_info {
                        push(&mut index.dns, dns.fqdn.to_lowercase(), key);
                    }
                }
                Body::VirtualService(_) => index.add_service(world, key, &mut problems),
                Body::HttpPolicySet(set) => {
                    for rule in &set.http_request_policy.rules {
                        index.add_rule(key, rule, &mut problems);
                    }
                }
                _ => {}
            }
        }
        (index, problems)
    }

    fn add_service(&mut self, world: &World, key: &AviKey, problems: &mut BTreeSet<Problem>) {
        let Some(service) = world.service(key) else {
            return;
        };
        let resolve = |reference| world.resolve(Scope::of(key), reference).cloned();
        if let Some(parent) = service.vh_parent_vs_ref.as_ref().and_then(resolve) {
            let domains = self.children.entry(parent.clone()).or_default();
            for domain in &service.vh_domain_name {
                let domain = domain.to_lowercase();
                if domains
                    .get(&domain)
                    .is_some_and(|former| former.iter().any(|k| k != key))
                {
                    let (parent, domain) = (parent.clone(), domain.clone());
                    problems.insert(Problem::SharedDomain { parent, domain });
                }
                push(domains, domain, key);
            }
        } else if let Some(vip) = service.vsvip_ref.as_ref().and_then(resolve) {
            push(&mut self.services, vip, key);
        }
    }

    fn add_rule(&mut self, set: &AviKey, rule: &HttpRequestRule, problems: &mut BTreeSet<Problem>) {
        let Some(target) = &rule.matches else { return };
        for what in unmodelled(target) {
            problems.insert(Problem::Unmodelled {
                object: set.clone(),
                what,
            });
        }
        for text in patterns_of(target) {
            match compile(&text) {
                Some(pattern) => drop(self.patterns.insert(text, pattern)),
                None => {
                    problems.insert(Problem::BadPattern {
                        object: set.clone(),
                        pattern: text,
                    });
                }
            }
        }
    }
}

fn push<K: Ord>(map: &mut BTreeMap<K, Vec<AviKey>>, at: K, key: &AviKey) {
    let keys = map.entry(at).or_default();
    if !keys.contains(key) {
        keys.push(key.clone());
    }
}

fn report_dangling(world: &World, key: &AviKey, body: &Body, problems: &mut BTreeSet<Problem>) {
    for reference in body.refs() {
        if world.is_broken(Scope::of(key), reference) {
            let reference = reference.text();
            problems.insert(Problem::Dangling {
                object: key.clone(),
                reference,
            });
        }
    }
}

/// The conditions that this model does not know.
fn unmodelled(target: &MatchTarget) -> Vec<EcoString> {
    let strings = target.path.iter().map(|m| &m.match_criteria);
    let strings = strings.chain(target.host_hdr.iter().map(|m| &m.match_criteria));
    let strings = strings.filter(|text| Criterion::parse(text).is_none());
    let ports = target.vs_port.iter().map(|m| &m.match_criteria);
    let ports = ports.filter(|text| !matches!(text.as_str(), "IS_IN" | "IS_NOT_IN"));
    let groups = target.path.iter().flat_map(|m| &m.string_group_refs);
    let criteria = strings.chain(ports).cloned();
    criteria.chain(groups.map(Ref::text)).collect()
}

/// The patterns of a rule as they are compiled.
fn patterns_of(target: &MatchTarget) -> Vec<EcoString> {
    let is_regex = |text: &str| {
        Criterion::parse(text).is_some_and(|criterion| criterion.how == Comparison::Regex)
    };
    let paths = target.path.iter().filter(|m| is_regex(&m.match_criteria));
    let paths = paths.flat_map(|m| {
        let case = Case::parse(&m.match_case);
        m.match_str.iter().map(move |text| case.pattern(text))
    });
    let hosts = target
        .host_hdr
        .iter()
        .filter(|m| is_regex(&m.match_criteria));
    let hosts = hosts
        .flat_map(|m| &m.value)
        .map(|text| Case::Insensitive.pattern(text));
    paths.chain(hosts).collect()
}
