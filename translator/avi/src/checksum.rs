//! The checksums that AKO stores with an object, a decimal, by its exact recipes. They are written
//! with a body so that AKO could take the object back, and never compared.
//!
//! Each function reads the finished body (all fields but the checksum itself, and the references by
//! name); what a body does not say comes in a second argument. Call them last:
//!
//! - SNI parent: `virtual_service(&body, &VsExtra::parent(children))` with the names of all its
//!   children
//! - SNI child: `virtual_service(&body, &VsExtra::child(&parent.services))`
//! - dedicated: `virtual_service(&body, &VsExtra::default())`
//! - passthrough: `virtual_service(&body, &VsExtra::passthrough(twin))` with the name of its insecure
//!   twin, and `virtual_service(&twin, &VsExtra::twin())`
//! - L4 service: `virtual_service(&body, &VsExtra::l4(ports, pools))` with a `VsPort` for each port
//!   of the Service and the names of all its pools
//! - pool: `pool(&body, &PoolExtra { .. })`
//! - pool group: `pool_group(&body)`
//! - redirect set: `http_policy_set(&body, &[])`
//! - switch set: `http_policy_set(&body, &rules)` with a `RuleExtra` for each rule, in their order
//! - VsVip: `vs_vip(&body, &VsVipExtra { .. })`, which goes into `vsvip_cloud_config_cksum`; all
//!   others go into `cloud_config_cksum`
//!
//! The other kinds store none.

mod http_policy_set;
mod pool;
mod pool_group;
mod virtual_service;
mod vs_vip;

pub use http_policy_set::{RuleExtra, http_policy_set};
pub use pool::{Listing, NodeNetwork, PoolExtra, pool};
pub use pool_group::pool_group;
pub use virtual_service::{TargetPort, VsExtra, VsPort, virtual_service};
pub use vs_vip::{VipNetwork, VsVipExtra, vs_vip};

use crate::common::Marker;
use crate::go_json::go_json;
use crate::hash::fnv1a32;
use aviary_types::{EcoString, eco_format};
use serde::Serialize;

/// What a node adds that has none of the fields that only custom resources set: the hash of no
/// text.
const NO_RULE_FIELDS: u32 = 2_166_136_261;

/// A sum of hashes, modulo 2^32.
#[derive(Clone, Copy, Default)]
struct Sum(u32);

impl Sum {
    fn text(self, text: &str) -> Self {
        self.number(fnv1a32(text))
    }

    fn json<T: Serialize>(self, value: &T) -> Self {
        self.text(&go_json(value))
    }

    fn number(self, number: u32) -> Self {
        Self(self.0.wrapping_add(number))
    }

    /// Adds the part of the markers: their values without keys, sorted, and the cluster.
    fn markers(self, markers: &[Marker]) -> Self {
        let mut sum = self;
        let mut texts: Vec<String> = Vec::new();
        for marker in markers {
            if marker.key == "clustername" {
                let cluster = marker.values.concat();
                sum = sum.text(&format!("clustername{cluster}"));
            } else {
                let mut values: Vec<&str> = marker.values.iter().map(EcoString::as_str).collect();
                values.sort_unstable();
                texts.push(values.join("-"));
            }
        }
        texts.sort_unstable();
        let texts = texts.concat();
        if texts.is_empty() {
            sum
        } else {
            sum.text(&texts)
        }
    }

    fn decimal(self) -> EcoString {
        eco_format!("{}", self.0)
    }
}

#[cfg(test)]
mod tests;
