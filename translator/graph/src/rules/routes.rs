//! Static routes to pods, and the label of the SE group. Both objects are shared: what is explained
//! is our part of them.

use super::{CLUSTER, COMMON};
use aviary_types::Cite::{Asked, Of, Setting};
use aviary_types::{Role, Row, Table, row};

const ADMIN: &[Row] = &[row(
    "tenant_ref",
    &[Asked],
    "VRFs and SE groups belong to the provider, whatever the tenant of the objects",
)];

/// The VRF with the routes of a cluster.
pub(crate) static VRF: Table = Table(&[
    &[
        row("name", &[Of(Role::Vrf, "")], "the VRF of the instance"),
        row(
            "static_routes[*].route_id",
            &[CLUSTER, Of(Role::PodNetwork, "")],
            "cluster, node and place of the network",
        ),
        row(
            "static_routes[*].prefix.**",
            &[Of(Role::PodNetwork, "")],
            "each network of each node's pods",
        ),
        row(
            "static_routes[*].next_hop.**",
            &[Of(Role::NextHop, "")],
            "the node's internal address of the same family",
        ),
        row(
            "static_routes[*].labels[*].**",
            &[CLUSTER],
            "ownership: a route is the cluster's that its label names",
        ),
    ],
    ADMIN,
    COMMON,
]);

/// The SE group with the label of a cluster.
pub(crate) static SE_GROUP: Table = Table(&[
    &[
        row(
            "name",
            &[Of(Role::SeGroup, "")],
            "the Service Engine group that an AviInfraSetting names",
        ),
        row(
            "name",
            &[Setting("ControllerSettings.serviceEngineGroupName")],
            "the Service Engine group of the instance",
        ),
        row(
            "labels[*].**",
            &[CLUSTER],
            "ties the group to the cluster; the first one has it",
        ),
    ],
    ADMIN,
    COMMON,
]);
