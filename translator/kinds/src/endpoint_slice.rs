//! EndpointSlice: the addresses behind a Service.
//!
//! ```yaml
//! kind: EndpointSlice
//! metadata: {labels: {kubernetes.io/service-name: web}}
//! ports: [{name: http, port: 8080}]
//! endpoints: [{addresses: [10.1.1.5], conditions: {ready: true}, nodeName: node1}]
//! ```
//! Moves: `servers` of pools.

use crate::families::Families;
use crate::room::{
    Extent, Metadata, Parsed, RawObject, Room, StatusWrite, Watch, When, read_schema,
};
use crate::rooms::KindRoom;
use crate::view::{IndexKey, View};
use aviary_avi::common::IpAddr;
use aviary_avi::pool::Server;
use aviary_types::{ClusterName, Digest, EcoString, Kind, ObjectKey, Place, eco_format, kind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The group and kind.
pub const KIND: Kind = kind!("discovery.k8s.io", "EndpointSlice");
const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const BY_SERVICE: &str = "endpointslice.service";

/// What translation reads of a slice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndpointSlice {
    /// The Service it belongs to.
    pub service: EcoString,
    /// `IPv4`, `IPv6` or `FQDN`
    pub address_type: EcoString,
    /// Ports of every endpoint.
    pub ports: Vec<SlicePort>,
    /// Endpoints.
    pub endpoints: Vec<Endpoint>,
}

/// One port of a slice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlicePort {
    /// Name, as the Service calls it.
    pub name: Option<EcoString>,
    /// Number; a slice without one means all ports, which no pool can express.
    pub port: Option<u16>,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Endpoint {
    /// Its place in `endpoints`, counting those that cannot be used.
    pub at: u32,
    /// First address; AKO and the Service API use no other.
    pub address: EcoString,
    /// Takes new connections.
    pub enabled: bool,
    /// Its node.
    pub node: Option<EcoString>,
    /// Its Pod.
    pub pod: Option<EcoString>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Schema {
    metadata: Metadata,
    address_type: EcoString,
    ports: Option<Vec<SlicePort>>,
    endpoints: Option<Vec<EndpointSchema>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct EndpointSchema {
    addresses: Vec<EcoString>,
    conditions: Conditions,
    node_name: Option<EcoString>,
    target_ref: TargetRef,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TargetRef {
    kind: EcoString,
    name: EcoString,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
    terminating: Option<bool>,
}

impl KindRoom for EndpointSlice {
    const ROOM: Room = Room {
        kind: KIND,
        version: "v1",
        plural: "endpointslices",
        extent: Extent::Namespaced,
        watch: Watch::Full,
        when: When::Always,
        kept_paths: &["addressType", "ports", "endpoints"],
        kept_annotations: &[],
        kept_labels: &[SERVICE_LABEL],
        secret_paths: &[],
        status: StatusWrite::None,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        let schema: Schema = match read_schema(object) {
            Ok(schema) => schema,
            Err(finding) => {
                return Parsed {
                    fact: None,
                    findings: vec![finding],
                };
            }
        };
        let endpoints = schema.endpoints.unwrap_or_default();
        Parsed::clean(Self {
            service: schema
                .metadata
                .labels
                .get(SERVICE_LABEL)
                .cloned()
                .unwrap_or_default(),
            address_type: schema.address_type,
            ports: schema.ports.unwrap_or_default(),
            endpoints: (0..).zip(endpoints).filter_map(endpoint).collect(),
        })
    }

    fn index(&self, key: &ObjectKey) -> Vec<IndexKey> {
        vec![by_service(
            &key.cluster,
            key.namespace.as_str(),
            &self.service,
        )]
    }

    fn digest(&self) -> Digest {
        Digest::of_value(self)
    }
}

/// An endpoint that is not ready is kept, disabled: a rollout then drains instead of cutting.
/// Unknown readiness counts as not ready, as AKO has it.
fn endpoint((at, schema): (u32, EndpointSchema)) -> Option<Endpoint> {
    let address = schema.addresses.into_iter().next()?;
    let Conditions { ready, terminating } = schema.conditions;
    let enabled = ready.unwrap_or(false) && !terminating.unwrap_or(false);
    Some(Endpoint {
        at,
        address,
        enabled,
        node: schema.node_name,
        pod: (schema.target_ref.kind == "Pod").then_some(schema.target_ref.name),
    })
}

fn by_service(cluster: &ClusterName, namespace: &str, service: &str) -> IndexKey {
    IndexKey::new(cluster, BY_SERVICE, eco_format!("{namespace}/{service}"))
}

/// Which port of a Service a pool stands for.
#[derive(Debug, Clone, Default)]
pub struct PortMatch {
    /// Name of the Service's port; empty for an unnamed one.
    pub name: EcoString,
    /// Numeric target port, if it is one.
    pub target: Option<u16>,
}

/// What stands behind a Service's port.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matched {
    /// The last port number that fitted, also where it has no endpoints.
    pub port: Option<u16>,
    /// Servers, sorted by address.
    pub servers: Vec<Server>,
    /// Where each of them is said: its slice, with the numbers of endpoint and port.
    pub servers_at: Vec<Place>,
}

/// Finds the servers of a Service's port, of the families that it and the domain use.
///
/// A slice's port fits by name or by numeric target port; a single slice with a single port fits
/// whatever it is called. Differs from AKO: slices that give one named port different numbers keep
/// their own number per server, where AKO gives all servers the number of the last slice.
pub fn servers(
    view: &dyn View,
    service: &ObjectKey,
    port: &PortMatch,
    families: Families,
) -> Matched {
    let families = families.and(view.env().families());
    let mut matched = Matched::default();
    let mut found = Vec::new();
    each_match(
        view,
        service,
        (port, true),
        |key, slice, (number, place)| {
            matched.port = Some(number);
            let key = Arc::new(ObjectKey::clone(key));
            let at = |endpoint: &Endpoint| Place::at(&key, "", [endpoint.at, place]);
            let usable = slice.endpoints.iter();
            let usable = usable.filter(|endpoint| families.use_address(&endpoint.address));
            found.extend(usable.map(|endpoint| (server(endpoint, number), at(endpoint))));
        },
    );
    (matched.servers, matched.servers_at) = in_order(found);
    matched
}

/// The nodes that have an endpoint of a Service's port, ready or not, each with whether it is of
/// IPv6.
pub(crate) fn nodes(
    view: &dyn View,
    service: &ObjectKey,
    port: &PortMatch,
) -> BTreeSet<(EcoString, bool)> {
    let mut nodes = BTreeSet::new();
    let says_nothing = port.name.is_empty() && port.target.is_none();
    each_match(view, service, (port, says_nothing), |_, slice, _| {
        let named = slice.endpoints.iter().filter_map(|it| it.node.clone());
        nodes.extend(named.map(|node| (node, slice.address_type == "IPv6")));
    });
    nodes
}

/// The pods behind a Service's port, each with whether it takes new connections.
pub(crate) fn pods(
    view: &dyn View,
    service: &ObjectKey,
    port: &PortMatch,
) -> BTreeMap<EcoString, bool> {
    let mut pods = BTreeMap::new();
    each_match(view, service, (port, false), |_, slice, _| {
        let endpoints = slice.endpoints.iter();
        pods.extend(endpoints.filter_map(|it| Some((it.pod.clone()?, it.enabled))));
    });
    pods
}

/// Servers as a pool lists them, each with where it is said: by address, none twice.
pub(crate) fn in_order(mut servers: Vec<(Server, Place)>) -> (Vec<Server>, Vec<Place>) {
    servers.sort_by(|(a, _), (b, _)| (&a.ip.addr, a.port).cmp(&(&b.ip.addr, b.port)));
    servers.dedup_by(|(a, _), (b, _)| a.external_uuid == b.external_uuid);
    servers.into_iter().unzip()
}

/// Every slice of the Service with its first port that fits, by number and place. Where it is asked
/// for, the only port of an only slice fits anything.
fn each_match(
    view: &dyn View,
    service: &ObjectKey,
    (port, only_fits): (&PortMatch, bool),
    mut found: impl FnMut(&ObjectKey, &EndpointSlice, (u16, u32)),
) {
    let index = by_service(&service.cluster, service.namespace.as_str(), &service.name);
    let slices = view.lookup(index);
    let slices: Vec<(&ObjectKey, &EndpointSlice)> = slices
        .iter()
        .filter_map(|entry| Some((&entry.key, (&entry.fact).try_into().ok()?)))
        .collect();
    let alone = only_fits && matches!(slices.as_slice(), [(_, only)] if only.ports.len() == 1);
    for (key, slice) in slices {
        let mut ports = (0..).zip(&slice.ports);
        let fitting = ports.find(|(_, slice_port)| alone || fits(slice_port, port));
        if let Some((number, place)) = fitting.and_then(|(at, port)| Some((port.port?, at))) {
            found(key, slice, (number, place));
        }
    }
}

fn fits(slice_port: &SlicePort, port: &PortMatch) -> bool {
    slice_port.name.as_deref().unwrap_or_default() == port.name.as_str()
        || (port.target.is_some() && slice_port.port == port.target)
}

fn server(endpoint: &Endpoint, port: u16) -> Server {
    Server {
        external_uuid: eco_format!("{}:{port}", endpoint.address),
        ip: IpAddr::new(endpoint.address.clone()),
        port,
        enabled: Some(endpoint.enabled),
        server_node: endpoint.node.clone(),
    }
}

#[cfg(test)]
mod tests;
