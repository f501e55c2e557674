//! Status of an Ingress: one entry per host and address.

use super::Ingress;
use crate::status::{LoadBalancerEntry, Report, Wish, wishes};

/// What must be written to the Ingress. Hosts that no rule names (made-up ones) are left out, as with
/// AKO.
pub(super) fn project(ingress: &Ingress, report: &Report) -> Vec<Wish> {
    let named = |host: &str| {
        ingress.rules.iter().any(|rule| {
            rule.host
                .as_ref()
                .is_some_and(|named| named.as_str() == host)
        })
    };
    let mut report = report.clone();
    report.claims.retain(|claim| named(&claim.host));
    let entries = report.claims.iter().flat_map(|claim| {
        let entry = |ip: &aviary_types::EcoString| LoadBalancerEntry {
            ip: ip.clone(),
            hostname: claim.host.clone(),
        };
        claim.addresses.iter().map(entry)
    });
    wishes(&ingress.reported, entries.collect(), &report)
}
