//! The checksum of an HTTP policy set as AKO computes it when it makes the set. Later values depend
//! on how often AKO looked at the set, so no value of an observed set means anything.

use super::Sum;
use crate::go_json::go_json;
use crate::hash::fnv1a32;
use crate::http_policy_set::{HttpPolicySet, HttpRequestRule, PathMatch};
use aviary_types::EcoString;
use serde::Serialize;

/// What the body of a path-switch rule does not say.
#[derive(Debug, Clone, Default)]
pub struct RuleExtra {
    /// The Ingress or Route that has the path.
    pub ingress: EcoString,
    /// Port number of its backend.
    pub service_port: u16,
}

/// How often AKO has digested a fresh entry when the set is sent: once when the entry is stored,
/// once when the set is built.
const ROUNDS_OF_FRESH_ENTRY: usize = 2;

/// `cloud_config_cksum` of an HTTP policy set. `rules` has one entry for each rule of the body;
/// redirects need none.
pub fn http_policy_set(body: &HttpPolicySet, rules: &[RuleExtra]) -> EcoString {
    let none = RuleExtra::default();
    let mut sum = Sum::default();
    for (at, rule) in body.http_request_policy.rules.iter().enumerate() {
        sum = if rule.redirect_action.is_some() {
            redirect(sum, rule)
        } else {
            sum.number(Entry::of(rule, rules.get(at).unwrap_or(&none)).checksum())
        };
    }
    sum.markers(&body.markers).decimal()
}

fn redirect(sum: Sum, rule: &HttpRequestRule) -> Sum {
    let target = rule.matches.as_ref();
    let mut hosts = target
        .and_then(|target| target.host_hdr.as_ref())
        .map(|host| host.value.clone())
        .unwrap_or_default();
    hosts.sort_unstable();
    sum.json(&hosts)
}

/// One path of AKO's model, with its fields in their order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    name: &'a str,
    checksum: u32,
    host: Option<()>,
    path: Option<Vec<&'a EcoString>>,
    port: u32,
    pool: &'a str,
    pool_group: &'a str,
    match_criteria: &'a str,
    protocol: &'a str,
    ing_name: &'a str,
    match_case: &'a str,
    string_group_refs: Option<Vec<EcoString>>,
    svc_port: u16,
}

impl<'a> Entry<'a> {
    fn of(rule: &'a HttpRequestRule, extra: &'a RuleExtra) -> Self {
        let path = rule.matches.as_ref().and_then(|m| m.path.as_ref());
        let action = rule.switching_action.as_ref();
        let group = action.and_then(|action| action.pool_group_ref.as_ref());
        let pool = action.and_then(|action| action.pool_ref.as_ref());
        let group = group.map_or("", |group| group.name.as_str());
        Self {
            name: group,
            checksum: 0,
            host: None,
            path: path.filter(|path| !path.match_str.is_empty()).map(paths),
            port: 0,
            pool: pool.map_or("", |pool| pool.name.as_str()),
            pool_group: group,
            match_criteria: path.map_or("", |path| path.match_criteria.as_str()),
            protocol: "",
            ing_name: &extra.ingress,
            match_case: path.map_or("", special_case),
            string_group_refs: None,
            svc_port: extra.service_port,
        }
    }

    fn checksum(mut self) -> u32 {
        for _ in 0..ROUNDS_OF_FRESH_ENTRY {
            self.checksum = fnv1a32(&go_json(&self));
        }
        self.checksum
    }
}

fn paths(path: &PathMatch) -> Vec<&EcoString> {
    let mut paths: Vec<_> = path.match_str.iter().collect();
    paths.sort_unstable();
    paths
}

/// AKO's model holds the case only where it is not the usual one.
fn special_case(path: &PathMatch) -> &str {
    if path.match_case == "SENSITIVE" {
        ""
    } else {
        &path.match_case
    }
}
