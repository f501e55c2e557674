//! What sets each field of each object that is rendered, and why so: one table per renderer, one row
//! per field. A field without a row has no provenance, and a test fails
//! (`every_field_of_every_state_has_an_origin_that_exists`).
//!
//! To add a field: a row in the renderer's table. If it comes from a part that no role stands for
//! yet, a [`Role`], and `.with(role, place)` where the renderer makes the object's provenance.

mod dedicated;
mod l4;
mod passthrough;
mod routes;
mod secure;
mod shard;

pub(crate) use dedicated::{DEDICATED, DEDICATED_REDIRECT, DEDICATED_VS_VIP};
pub(crate) use l4::{L4_POLICY_SET, L4_POOL, L4_SERVICE, L4_VS_VIP};
pub(crate) use passthrough::{
    PASSTHROUGH, PASSTHROUGH_GROUP, PASSTHROUGH_POOL, PASSTHROUGH_REDIRECT, PASSTHROUGH_SCRIPT,
    PASSTHROUGH_TWIN, PASSTHROUGH_VS_VIP,
};
pub(crate) use routes::{SE_GROUP, VRF};
pub(crate) use secure::{
    ALTERNATE_CERTIFICATE, CERTIFICATE, CHILD, DEFAULT_ALTERNATE_CERTIFICATE, DEFAULT_CERTIFICATE,
    POLICY_SET, POOL, POOL_GROUP,
};
pub(crate) use shard::{PARENT, REDIRECT, SCRIPT, SHARED_POOL_GROUP, SHARED_VS_VIP};

use aviary_types::Cite::{Asked, Of, Setting};
use aviary_types::{Cite, Role, Row, row};

const CLUSTER: Cite = Setting("AKOSettings.clusterName");
const INSTANCE: Cite = Setting("AKOSettings.primaryInstance");
const SHARD_SIZE: Cite = Setting("L7Settings.shardVSSize");
const SCHEME: Cite = Setting("AKOSettings.namingScheme");
const RHI: Cite = Setting("NetworkSettings.enableRHI");
const NETWORKS: Cite = Setting("NetworkSettings.vipNetworkList");
const NAME: Cite = Of(Role::Source, "metadata.name");
const NAMESPACE: Cite = Of(Role::Source, "metadata.namespace");
const HOST: Cite = Of(Role::Host, "");
const PATH: Cite = Of(Role::Path, "");
const PATH_TEXT: Cite = Of(Role::PathText, "");
const PORT: Cite = Of(Role::Port, "");
const INFRA: Cite = Of(Role::Infra, "metadata.name");

/// What every object has in common.
const COMMON: &[Row] = &[
    row(
        "created_by",
        &[CLUSTER, INSTANCE],
        "ako-<cluster>, with AKO's namespace where the instance is not the primary one",
    ),
    row(
        "tenant_ref",
        &[Of(Role::Tenant, "")],
        "the tenant of the namespace: its annotation, else the instance's",
    ),
    row(
        "cloud_ref",
        &[Setting("ControllerSettings.cloudName")],
        "the cloud of the instance",
    ),
    row(
        "markers[InfrasettingName].values[*]",
        &[INFRA],
        "the AviInfraSetting that the object is named after",
    ),
    row(
        "se_group_ref",
        &[Of(Role::SeGroup, "")],
        "the Service Engine group that the AviInfraSetting names",
    ),
    row(
        "se_group_ref",
        &[Setting("ControllerSettings.serviceEngineGroupName")],
        "the Service Engine group of the instance",
    ),
    row(
        "cloud_config_cksum",
        &[Asked],
        "AKO's checksum of the object, so that AKO can take it back; never a reason to write",
    ),
    row(
        "markers[*].key",
        &[Asked],
        "the kinds of markers are the same on all objects of the kind",
    ),
    row(
        "markers[clustername].values[*]",
        &[CLUSTER],
        "ownership: an object is ours if its cluster and its owner are",
    ),
];

/// Where objects stand that a network belongs to.
const NETWORK: &[Row] = &[
    row("vrf_ref", VRF_FROM, VRF_RULE),
    row("vrf_context_ref", VRF_FROM, VRF_RULE),
    row(
        "tier1_lr",
        &[Of(Role::Tier1, "")],
        "the tier-1 router that the AviInfraSetting names",
    ),
    row(
        "tier1_lr",
        &[Setting("NetworkSettings.nsxtT1LR")],
        "on an NSX-T overlay cloud the tier-1 router stands in the place of the VRF",
    ),
];

const VRF_FROM: &[Cite] = &[Of(Role::Vrf, "")];
const VRF_RULE: &str = "the VRF of the instance, else that of the network of virtual IPs";

/// Servers of a pool: nodes or pods at nodes where the service type says so, else endpoints.
const SERVERS: &[Row] = &[
    row(
        "servers[*].**",
        &[Of(Role::Pod, "")],
        "a mapping of the Service's port at the node of each pod that it selects, enabled unless a \
         slice shows the pod as going",
    ),
    row(
        "servers[*].ip.**",
        &[Of(Role::Node, "")],
        "each node that the selector takes, at its IPv4 address if that can be used",
    ),
    row(
        "servers[*].port",
        &[Of(Role::NodePort, "")],
        "the port of the Service at every node",
    ),
    row(
        "servers[*].external_uuid",
        &[Of(Role::Node, ""), Of(Role::NodePort, "")],
        "address and port",
    ),
    row(
        "servers[*].ip.**",
        &[Of(Role::Server, "endpoints[{0}].addresses[0]")],
        "the first address of each endpoint, if its family is used",
    ),
    row(
        "servers[*].port",
        &[
            Of(Role::Server, "ports[{1}].port"),
            Of(Role::Service, ""),
            PORT,
        ],
        "the port of the slice that fits the Service's by name or number",
    ),
    row(
        "servers[*].external_uuid",
        &[
            Of(Role::Server, "endpoints[{0}].addresses[0]"),
            Of(Role::Server, "ports[{1}].port"),
        ],
        "address and port",
    ),
    row(
        "servers[*].enabled",
        &[Of(Role::Server, "endpoints[{0}]")],
        "an endpoint that is ready and not terminating takes new connections",
    ),
    row(
        "servers[*].server_node",
        &[Of(Role::Server, "endpoints[{0}].nodeName")],
        "the node of the endpoint",
    ),
];

/// What a virtual service of one host tells AKO.
const NAMES_INGRESSES: &[Row] = &[row(
    "service_metadata",
    &[NAME, NAMESPACE, HOST],
    "names all Ingresses of the host, for AKO and for people",
)];

/// What a pool of one path tells AKO.
const NAMES_INGRESS: &[Row] = &[row(
    "service_metadata",
    &[NAME, NAMESPACE, HOST],
    "names the Ingress and the host, for AKO and for people",
)];

/// What the pool groups of one host have in common.
const NO_LABELS: &[Row] = &[row(
    "implicit_priority_labels",
    &[Asked],
    "a group of one host has no labels",
)];

/// What all pools have in common.
const ANY_POOL: &[Row] = &[
    row(
        "placement_networks[*].**",
        &[Of(Role::NodeNetwork, "")],
        "the networks of nodes that the AviInfraSetting names, on clouds that place by network",
    ),
    row(
        "placement_networks[*].**",
        &[Setting("NetworkSettings.nodeNetworkList")],
        "the networks of nodes, on clouds that place by network",
    ),
    row(
        "sni_enabled",
        &[Asked],
        "no TLS towards servers, so no server name either",
    ),
    row(
        "graceful_disable_timeout",
        &[Asked],
        "a disabled server keeps its connections for a minute",
    ),
];

/// What an AviInfraSetting says of the networks of virtual IPs.
const NETWORK_SAID: &[Cite] = &[Of(Role::VipNetwork, "")];

/// What all VsVips have in common.
const ANY_VS_VIP: &[Row] = &[
    row("east_west_placement", &[Asked], "always north-south"),
    row(
        "vip[*].vip_id",
        &[Asked],
        "one virtual IP, called 0; on clouds with subnets one for each, from 1 on",
    ),
    row(
        "vip[*].auto_allocate_floating_ip",
        &[Of(Role::PublicIp, "")],
        "whether the AviInfraSetting asks for a public address",
    ),
    row(
        "vip[*].subnet_uuid",
        NETWORK_SAID,
        "the subnet of the cloud that the network names",
    ),
    row(
        "vip[*].subnet_uuid",
        &[NETWORKS],
        "the subnet of the cloud that the network names",
    ),
    row(
        "vip[*].placement_networks[*].**",
        NETWORK_SAID,
        "on NSX-T with VLANs, Service Engines stand in the network of the address",
    ),
    row(
        "vip[*].placement_networks[*].**",
        &[NETWORKS],
        "on NSX-T with VLANs, Service Engines stand in the network of the address",
    ),
    row(
        "vip[*].auto_allocate_ip",
        &[Asked],
        "the Controller allocates the address from the network of virtual IPs",
    ),
    row(
        "vip[*].auto_allocate_ip_type",
        NETWORK_SAID,
        "a network with an IPv6 subnet gives addresses of that family",
    ),
    row(
        "vip[*].ipam_network_subnet.**",
        NETWORK_SAID,
        "the first network of virtual IPs that the AviInfraSetting names",
    ),
    row(
        "bgp_peer_labels[*]",
        &[Of(Role::Peers, "")],
        "the peers that the AviInfraSetting names",
    ),
    row(
        "vip[*].auto_allocate_ip_type",
        &[NETWORKS],
        "a network with an IPv6 subnet gives addresses of that family",
    ),
    row(
        "vip[*].ipam_network_subnet.**",
        &[NETWORKS],
        "the first network of virtual IPs",
    ),
    row(
        "bgp_peer_labels[*]",
        &[Setting("NetworkSettings.bgpPeerLabels"), RHI],
        "the peers that the address is announced to, where route health injection is on",
    ),
    row(
        "vsvip_cloud_config_cksum",
        &[Asked],
        "AKO's checksum of the object, so that AKO can take it back; never a reason to write",
    ),
];

/// What all virtual services have in common.
const ANY_SERVICE: &[Row] = &[
    row(
        "error_page_profile_ref",
        &[Asked],
        "no error page: AKO sends the empty text",
    ),
    row(
        "enable_rhi",
        &[Of(Role::Rhi, "")],
        "route health injection, as the AviInfraSetting says",
    ),
    row(
        "enable_rhi",
        &[RHI],
        "route health injection, said only where it is on",
    ),
];
