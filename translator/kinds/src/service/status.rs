//! Status of a Service of type LoadBalancer: one entry per address. And the annotation that has
//! Antrea open node ports for a Service's pods.

use super::{Service, ServiceType};
use crate::status::{ANNOTATED, LoadBalancerEntry, Report, Wish, wishes};
use aviary_types::EcoString;
use std::collections::BTreeMap;

/// Asks Antrea for node ports of a Service's pods.
pub(super) const NODE_PORT_LOCAL: &str = "nodeportlocal.antrea.io/enabled";
const ENABLED: &str = "true";

/// What must be written to the Service. A Service of another type may not have a load balancer
/// status; the apiserver clears it itself.
pub(super) fn project(service: &Service, report: &Report) -> Vec<Wish> {
    let entries = report.claims.iter().flat_map(|claim| {
        let entry = |ip: &EcoString| LoadBalancerEntry {
            ip: ip.clone(),
            hostname: claim.host.clone(),
        };
        claim.addresses.iter().map(entry)
    });
    let mut wishes = wishes(&service.reported, entries.collect(), report);
    if service.kind != ServiceType::LoadBalancer {
        wishes.retain(|wish| !matches!(wish, Wish::Status(_)));
    }
    annotate(service, report.node_port_local, &mut wishes);
    wishes
}

/// Annotates the Service where it is used, with a mark that it was us; takes back what bears the
/// mark. What a user has annotated stays the user's.
fn annotate(service: &Service, is_used: bool, wishes: &mut Vec<Wish>) {
    let is_enabled = service.node_port_local.as_deref() == Some(ENABLED);
    let is_marked = service.reported.annotations.contains_key(ANNOTATED);
    let mut changes: BTreeMap<EcoString, Option<EcoString>> = BTreeMap::new();
    let mut rest = Vec::new();
    for wish in wishes.drain(..) {
        match wish {
            Wish::Annotations(more) => changes.extend(more),
            other => rest.push(other),
        }
    }
    if is_used {
        changes.remove(ANNOTATED);
        if !is_enabled {
            changes.insert(NODE_PORT_LOCAL.into(), Some(ENABLED.into()));
            changes.insert(ANNOTATED.into(), Some("added".into()));
        }
    } else if is_marked {
        changes.insert(NODE_PORT_LOCAL.into(), None);
    }
    if !changes.is_empty() {
        wishes.push(Wish::Annotations(changes));
    }
    wishes.extend(rest);
}
