//! HTTPPolicySet: path switching and redirects.

use crate::common::Marker;
use crate::object::{AviObject, Ownership};
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

    fn name(&self) -> &EcoString {
        &self.name
    }

    fn tenant_ref(&self) -> Option<&Ref> {
        self.tenant_ref.as_ref()
    }

    fn created_by(&self) -> Option<&EcoString> {
        self.created_by.as_ref()
    }

    fn markers(&self) -> &[Marker] {
        &self.markers
    }

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
        self == observed
    }
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
