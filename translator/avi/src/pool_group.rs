//! PoolGroup: pools with ratios, or with priority labels on a shared parent.

use crate::common::Marker;
use crate::compare::{defaulted, said, same_markers, same_set, same_text};
use crate::object::{AviObject, Ownership, answer_from_fields};
use crate::reference::Ref;
use aviary_types::EcoString;
use serde::{Deserialize, Serialize};

/// Body of `/api/poolgroup`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolGroup {
    /// Name.
    pub name: EcoString,
    /// AKO's checksum, a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_config_cksum: Option<EcoString>,
    /// The owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<EcoString>,
    /// Tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_ref: Option<Ref>,
    /// Members, sorted by pool reference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<PoolGroupMember>,
    /// True on the shared group, where labels are host and path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub implicit_priority_labels: Option<bool>,
    /// Labels of ownership.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
}

impl AviObject for PoolGroup {
    const TYPE: &'static str = "poolgroup";
    const OWNERSHIP: Ownership = Ownership::CreatedBy;

    answer_from_fields!(name, tenant_ref, cloud_ref, created_by, markers);

    fn refs(&self) -> Vec<&Ref> {
        self.members.iter().map(|member| &member.pool_ref).collect()
    }

    /// The order of members means nothing.
    fn same(&self, observed: &Self) -> bool {
        self.created_by == observed.created_by
            && said(self.tenant_ref.as_ref(), observed.tenant_ref.as_ref())
            && said(self.cloud_ref.as_ref(), observed.cloud_ref.as_ref())
            && defaulted(
                self.implicit_priority_labels,
                observed.implicit_priority_labels,
                false,
            )
            && same_set(&self.members, &observed.members, PoolGroupMember::same)
            && same_markers(&self.markers, &observed.markers)
    }
}

/// One pool of a group. Key order is that of AKO's checksum input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolGroupMember {
    /// The pool.
    pub pool_ref: Ref,
    /// Lower-case host and path, on the shared group only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_label: Option<EcoString>,
    /// Share of connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<u32>,
}

/// The share of a member that says none.
const DEFAULT_RATIO: u32 = 1;

impl PoolGroupMember {
    fn same(&self, observed: &Self) -> bool {
        self.pool_ref == observed.pool_ref
            && same_text(
                self.priority_label.as_ref(),
                observed.priority_label.as_ref(),
            )
            && defaulted(self.ratio, observed.ratio, DEFAULT_RATIO)
    }
}

#[cfg(test)]
mod tests {
    use super::PoolGroup;
    use crate::object::AviObject;
    use crate::samples::{body, check_same};
    use serde_json::json;

    #[test]
    fn what_we_send_counts() {
        let member = json!({"pool_ref": "/api/pool?name=b", "ratio": 1});
        check_same(
            "shared_pg",
            &[
                ("/cloud_config_cksum", json!(null), true),
                ("/implicit_priority_labels", json!(null), false),
                ("/members/0/ratio", json!(50), false),
                ("/members/0/priority_label", json!("foo.com/"), false),
                ("/members/-", member, false),
                ("/members", json!(null), false),
            ],
        );
    }

    #[test]
    fn the_order_of_members_means_nothing() {
        let mut desired: PoolGroup = body("shared_pg");
        let mut second = desired.members[0].clone();
        second.pool_ref = crate::Ref::plain("pool", "b");
        desired.members.push(second);
        let mut observed = desired.clone();
        observed.members.reverse();
        assert!(desired.same(&observed));
        observed.members[0].ratio = Some(7);
        assert!(!desired.same(&observed));
    }
}
