//! Status of a Service of type LoadBalancer: one entry per address.

use super::{Service, ServiceType};
use crate::status::{LoadBalancerEntry, Report, Wish, wishes};

/// What must be written to the Service. A Service of another type may not have a load balancer
/// status; the apiserver clears it itself.
pub(super) fn project(service: &Service, report: &Report) -> Vec<Wish> {
    let entries = report.claims.iter().flat_map(|claim| {
        let entry = |ip: &aviary_types::EcoString| LoadBalancerEntry {
            ip: ip.clone(),
            hostname: claim.host.clone(),
        };
        claim.addresses.iter().map(entry)
    });
    let mut wishes = wishes(&service.reported, entries.collect(), report);
    if service.kind != ServiceType::LoadBalancer {
        wishes.retain(|wish| !matches!(wish, Wish::Status(_)));
    }
    wishes
}
