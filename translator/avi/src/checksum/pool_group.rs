//! The checksum of a pool group.

use super::Sum;
use crate::pool_group::PoolGroup;
use aviary_types::EcoString;

/// `cloud_config_cksum` of a pool group. Needs nothing but the body.
pub fn pool_group(body: &PoolGroup) -> EcoString {
    let mut members: Vec<_> = body.members.iter().collect();
    members.sort_by_key(|member| member.pool_ref.text());
    // No members print as `null`, a list that was never made.
    let members = (!members.is_empty()).then_some(members);
    Sum::default()
        .json(&members)
        .markers(&body.markers)
        .decimal()
}
