//! L4PolicySet: port and protocol to pool.

use crate::common::Marker;
use crate::compare::{said, same_markers, same_values};
use crate::object::{AviObject, Ownership, answer_from_fields};
use crate::reference::Ref;
use aviary_types::EcoString;
use serde::{Deserialize, Serialize};

/// Body of `/api/l4policyset`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct L4PolicySet {
    /// Name.
    pub name: EcoString,
    /// The owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<EcoString>,
    /// Tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// The rules.
    pub l4_connection_policy: L4ConnectionPolicy,
    /// Labels of ownership.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
}

impl AviObject for L4PolicySet {
    const TYPE: &'static str = "l4policyset";
    const OWNERSHIP: Ownership = Ownership::CreatedBy;

    answer_from_fields!(name, tenant_ref, created_by, markers);

    fn refs(&self) -> Vec<&Ref> {
        self.l4_connection_policy
            .rules
            .iter()
            .map(|rule| &rule.action.select_pool.pool_ref)
            .collect()
    }

    /// Rules carry their place, so the order of the list means nothing.
    fn same(&self, observed: &Self) -> bool {
        let rules = &self.l4_connection_policy.rules;
        self.created_by == observed.created_by
            && said(self.tenant_ref.as_ref(), observed.tenant_ref.as_ref())
            && same_values(rules, &observed.l4_connection_policy.rules)
            && same_markers(&self.markers, &observed.markers)
    }
}

/// Rules for connections.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct L4ConnectionPolicy {
    /// In the order of the Service's ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<L4Rule>,
}

/// One rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct L4Rule {
    /// AKO names the rule by the whole reference to its pool.
    pub name: EcoString,
    /// Place.
    pub index: u32,
    /// Conditions.
    #[serde(rename = "match")]
    pub matches: L4MatchTarget,
    /// Where the connection goes.
    pub action: L4RuleAction,
}

/// Conditions of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct L4MatchTarget {
    /// Port.
    pub port: L4PortMatch,
    /// Protocol.
    pub protocol: L4ProtocolMatch,
}

/// Condition on the port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct L4PortMatch {
    /// `IS_IN`
    pub match_criteria: EcoString,
    /// Ports.
    pub ports: Vec<u16>,
}

/// Condition on the protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct L4ProtocolMatch {
    /// `IS_IN`
    pub match_criteria: EcoString,
    /// `PROTOCOL_TCP`, `PROTOCOL_UDP`, `PROTOCOL_SCTP`
    pub protocol: EcoString,
}

/// What a rule does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct L4RuleAction {
    /// Choice of a pool.
    pub select_pool: L4SelectPool,
}

/// Choice of a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct L4SelectPool {
    /// `L4_RULE_ACTION_SELECT_POOL`
    pub action_type: EcoString,
    /// The pool.
    pub pool_ref: Ref,
}

#[cfg(test)]
mod tests {
    use crate::samples::check_same;
    use serde_json::json;

    #[test]
    fn what_we_send_counts() {
        let rule = "/l4_connection_policy/rules/0";
        let case = |field: &str| format!("{rule}{field}");
        let pool = "https://c/api/pool/pool-1#c1--ns1-lb1-TCP-53";
        check_same(
            "l4ps",
            &[
                (&case("/enable"), json!(true), true),
                (&case("/action/select_pool/pool_ref"), json!(pool), true),
                (
                    &case("/action/select_pool/pool_ref"),
                    json!("/api/pool?name=x"),
                    false,
                ),
                (&case("/match/port/ports"), json!([54]), false),
                (
                    &case("/match/protocol/protocol"),
                    json!("PROTOCOL_SCTP"),
                    false,
                ),
                (&case("/index"), json!(7), false),
                ("/l4_connection_policy/rules", json!([]), false),
            ],
        );
    }
}
