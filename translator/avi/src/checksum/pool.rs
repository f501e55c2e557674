//! The checksum of a pool.

use super::{NO_RULE_FIELDS, Sum};
use crate::common::IpAddr;
use crate::go_json::go_json;
use crate::metadata::ServiceMetadata;
use crate::pool::{Pool, Server};
use aviary_types::{EcoString, eco_format};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the body of a pool does not say.
#[derive(Debug, Clone, Default)]
pub struct PoolExtra {
    /// `TCP`, `UDP` or `SCTP` on L4 services; empty on all L7 pools.
    pub protocol: EcoString,
    /// The port that servers were matched to (of the endpoint slice, or the node port), also when
    /// it has no endpoints; the Service's own port if nothing matched or servers bring their own.
    pub port: u16,
    /// Name of the Service's port.
    pub port_name: EcoString,
    /// Host and path as written, on L7 pools of plain and of secure hosts.
    pub priority_label: EcoString,
    /// How AKO's model holds the servers.
    pub listing: Listing,
    /// Networks of nodes by name, or by uuid where that is given: as configured, whether or not the
    /// cloud places by network.
    pub placement: BTreeMap<EcoString, NodeNetwork>,
}

/// One configured network of nodes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NodeNetwork {
    /// Its uuid, may be empty.
    #[serde(rename = "networkUUID")]
    pub uuid: EcoString,
    /// Its subnets as written.
    pub cidrs: Vec<EcoString>,
}

/// How AKO's model holds the servers of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Listing {
    /// All have the pool's port; no list where there is none.
    #[default]
    OnePort,
    /// Each has a port of its own (NodePortLocal); no list where no pod can be reached.
    OwnPorts,
    /// An empty list: the Service selects no pod.
    NoPods,
}

/// `cloud_config_cksum` of a pool.
pub fn pool(body: &Pool, extra: &PoolExtra) -> EcoString {
    let text = body.service_metadata.as_deref().unwrap_or_default();
    let metadata = ServiceMetadata::parse(text).unwrap_or_default();
    let mut parts = vec![
        extra.protocol.clone(),
        eco_format!("{}", extra.port),
        extra.port_name.clone(),
        servers(body, extra).into(),
        go_json(&body.sni_enabled.unwrap_or(false)).into(),
        extra.priority_label.clone(),
        placement(&extra.placement).into(),
    ];
    for list in [&metadata.namespace_svc_name, &metadata.hostnames] {
        if !list.is_empty() {
            parts.push(go_json(list).into());
        }
    }
    let mut sum = Sum::default().text(&parts.join(":"));
    sum = sum.markers(&body.markers).number(NO_RULE_FIELDS);
    if let Some(router) = body.tier1_lr.as_ref().filter(|router| !router.is_empty()) {
        sum = sum.text(router);
    }
    sum.decimal()
}

/// A server of AKO's model, with its fields in their order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint<'a> {
    ip: &'a IpAddr,
    server_node: &'a str,
    port: u16,
    /// `null` where readiness is not known.
    enabled: Option<bool>,
}

fn servers(body: &Pool, extra: &PoolExtra) -> String {
    let mut servers: Vec<&Server> = body.servers.iter().collect();
    servers.sort_by(|a, b| a.ip.addr.cmp(&b.ip.addr));
    let nodes: Vec<Endpoint<'_>> = servers
        .into_iter()
        .map(|server| Endpoint {
            ip: &server.ip,
            server_node: server.server_node.as_deref().unwrap_or_default(),
            port: if extra.listing == Listing::OwnPorts {
                server.port
            } else {
                0
            },
            enabled: server.enabled,
        })
        .collect();
    let has_list = !nodes.is_empty() || extra.listing == Listing::NoPods;
    go_json(&has_list.then_some(nodes))
}

/// `null` where no network of nodes is configured.
fn placement(networks: &BTreeMap<EcoString, NodeNetwork>) -> String {
    go_json(&(!networks.is_empty()).then_some(networks))
}
