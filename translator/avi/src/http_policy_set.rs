//! HTTPPolicySet: path switching and redirects.

use crate::common::Marker;
use crate::compare::{said, same_markers_but, same_values};
use crate::object::{AviObject, Ownership, answer_from_fields};
use crate::reference::Ref;
use aviary_types::EcoString;
use serde::{Deserialize, Serialize};

/// Body of `/api/httppolicyset`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpPolicySet {
    /// Name.
    pub name: EcoString,
    /// AKO's checksum, a decimal; it depends on AKO's history, so it is never compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_config_cksum: Option<EcoString>,
    /// The owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<EcoString>,
    /// Tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// Request rules; always sent, possibly empty.
    pub http_request_policy: HttpRequestPolicy,
    /// Security rules; always sent, possibly empty.
    pub http_security_policy: HttpSecurityPolicy,
    /// Labels of ownership.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
}

impl AviObject for HttpPolicySet {
    const TYPE: &'static str = "httppolicyset";
    const OWNERSHIP: Ownership = Ownership::CreatedBy;

    answer_from_fields!(name, tenant_ref, created_by, markers);

    fn refs(&self) -> Vec<&Ref> {
        let actions = self
            .http_request_policy
            .rules
            .iter()
            .filter_map(|r| r.switching_action.as_ref());
        actions
            .flat_map(|action| action.pool_group_ref.iter().chain(&action.pool_ref))
            .collect()
    }

    fn same(&self, observed: &Self) -> bool {
        let redirects_only = self.redirects_only();
        self.created_by == observed.created_by
            && said(self.tenant_ref.as_ref(), observed.tenant_ref.as_ref())
            && self.same_rules(observed)
            && self.http_security_policy == observed.http_security_policy
            // A redirect belongs to a host, which namespaces may share; a set of paths to one
            // alone.
            && same_markers_but(&self.markers, &observed.markers, |_| redirects_only)
    }
}

/// What the Controller shows where nothing was sent.
const DEFAULT_MATCH_CASE: &str = "INSENSITIVE";
const DEFAULT_STATUS_CODE: &str = "HTTP_REDIRECT_STATUS_CODE_302";

impl HttpPolicySet {
    fn redirects_only(&self) -> bool {
        let mut rules = self.http_request_policy.rules.iter();
        rules.all(|rule| rule.redirect_action.is_some())
    }

    /// Names and places must be the same, and what the rules do, in an order that means the same.
    fn same_rules(&self, observed: &Self) -> bool {
        let (mine, theirs) = (self.in_order(), observed.in_order());
        let label = |rule: &&HttpRequestRule| (rule.index, rule.name.clone());
        mine.iter().map(label).eq(theirs.iter().map(label)) && {
            let (mine, theirs) = (canonical(mine), canonical(theirs));
            mine.len() == theirs.len()
                && mine
                    .iter()
                    .zip(theirs)
                    .all(|(mine, theirs)| mine.same(theirs))
        }
    }

    fn in_order(&self) -> Vec<&HttpRequestRule> {
        let mut rules: Vec<_> = self.http_request_policy.rules.iter().collect();
        rules.sort_by_key(|rule| rule.index);
        rules
    }
}

/// Rules whose paths are equally long stand in an order that AKO leaves to chance (its sort is not
/// stable), and no request meets two of them unless they have the same path: those keep their
/// order.
fn canonical(mut rules: Vec<&HttpRequestRule>) -> Vec<&HttpRequestRule> {
    let alike = |a: &&HttpRequestRule, b: &&HttpRequestRule| {
        let length = |rule: &HttpRequestRule| rule.plain_path().map(str::len);
        length(a).is_some() && length(a) == length(b)
    };
    for group in rules.chunk_by_mut(alike) {
        group.sort_by(|a, b| a.plain_path().cmp(&b.plain_path()));
    }
    rules
}

/// Rules for requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpRequestPolicy {
    /// In order of index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<HttpRequestRule>,
}

/// Rules of security; none are made by the kinds served now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpSecurityPolicy {
    /// In order of index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<serde_json::Value>,
}

/// One request rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpRequestRule {
    /// `<set>-<index>`
    pub name: EcoString,
    /// Place; one counter over all rules of the set.
    pub index: u32,
    /// Always true.
    pub enable: bool,
    /// Conditions, all of which must hold.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<MatchTarget>,
    /// Where the request goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switching_action: Option<SwitchingAction>,
    /// Where the client is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_action: Option<RedirectAction>,
}

impl HttpRequestRule {
    /// Whether both do the same, wherever they stand.
    fn same(&self, observed: &Self) -> bool {
        let target = |rule: &Self| rule.matches.clone().unwrap_or_default();
        self.enable == observed.enable
            && target(self).same(&target(observed))
            && self.switching_action == observed.switching_action
            && both(
                self.redirect_action.as_ref(),
                observed.redirect_action.as_ref(),
                RedirectAction::same,
            )
    }

    /// The path of a path-switch rule of one plain path.
    fn plain_path(&self) -> Option<&str> {
        let path = self.matches.as_ref()?.path.as_ref()?;
        match path.match_str.as_slice() {
            [path] if self.switching_action.is_some() => Some(path),
            _ => None,
        }
    }
}

fn both<T>(desired: Option<&T>, observed: Option<&T>, same: impl Fn(&T, &T) -> bool) -> bool {
    match (desired, observed) {
        (Some(desired), Some(observed)) => same(desired, observed),
        (None, None) => true,
        _ => false,
    }
}

/// Conditions of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MatchTarget {
    /// The Host header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_hdr: Option<HostHdrMatch>,
    /// The path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathMatch>,
    /// The listener's port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vs_port: Option<PortMatch>,
}

/// Condition on the Host header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostHdrMatch {
    /// `HDR_EQUALS`
    pub match_criteria: EcoString,
    /// Hosts.
    pub value: Vec<EcoString>,
}

/// Condition on the path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PathMatch {
    /// `SENSITIVE` or `INSENSITIVE`
    pub match_case: EcoString,
    /// `BEGINS_WITH`, `EQUALS` or `REGEX_MATCH`
    pub match_criteria: EcoString,
    /// Paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_str: Vec<EcoString>,
    /// String groups, for regular expressions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub string_group_refs: Vec<Ref>,
}

/// Condition on the port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PortMatch {
    /// `IS_IN`
    pub match_criteria: EcoString,
    /// Ports.
    pub ports: Vec<u16>,
}

/// Choice of a pool group or pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SwitchingAction {
    /// `HTTP_SWITCHING_SELECT_POOLGROUP` or `HTTP_SWITCHING_SELECT_POOL`
    pub action: EcoString,
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_group_ref: Option<Ref>,
    /// The pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_ref: Option<Ref>,
}

/// A redirect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RedirectAction {
    /// Port of the target.
    pub port: u16,
    /// `HTTPS` or `HTTP`
    pub protocol: EcoString,
    /// `HTTP_REDIRECT_STATUS_CODE_302`
    pub status_code: EcoString,
}

impl MatchTarget {
    fn same(&self, observed: &Self) -> bool {
        let (mine, theirs) = (self, observed);
        both(mine.host_hdr.as_ref(), theirs.host_hdr.as_ref(), |a, b| {
            a.match_criteria == b.match_criteria && same_values(&a.value, &b.value)
        }) && both(mine.path.as_ref(), theirs.path.as_ref(), PathMatch::same)
            && both(mine.vs_port.as_ref(), theirs.vs_port.as_ref(), |a, b| {
                a.match_criteria == b.match_criteria && same_values(&a.ports, &b.ports)
            })
    }
}

impl PathMatch {
    fn same(&self, observed: &Self) -> bool {
        self.match_criteria == observed.match_criteria
            && or(&self.match_case, DEFAULT_MATCH_CASE)
                == or(&observed.match_case, DEFAULT_MATCH_CASE)
            && same_values(&self.match_str, &observed.match_str)
            && same_values(&self.string_group_refs, &observed.string_group_refs)
    }
}

impl RedirectAction {
    fn same(&self, observed: &Self) -> bool {
        self.port == observed.port
            && self.protocol == observed.protocol
            && or(&self.status_code, DEFAULT_STATUS_CODE)
                == or(&observed.status_code, DEFAULT_STATUS_CODE)
    }
}

fn or<'a>(text: &'a EcoString, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

#[cfg(test)]
mod tests;
