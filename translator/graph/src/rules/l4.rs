//! What belongs to one load balancer: of a Service, or of several that share a VIP.

use super::{
    ANY_POOL, ANY_SERVICE, ANY_VS_VIP, CLUSTER, COMMON, NAME, NAMESPACE, NETWORK, PORT, SERVERS,
};
use aviary_types::Cite::{Asked, Controller, Of};
use aviary_types::{Role, Row, Table, row};

const NAMED: &[Row] = &[
    row(
        "name",
        &[CLUSTER, NAMESPACE, NAME],
        "cluster, namespace and Service, or the key of a shared VIP; a hash follows where an older \
         source has the name",
    ),
    row(
        "markers[Namespace].values[*]",
        &[NAMESPACE],
        "the namespace of the Service",
    ),
    row("markers[ServiceName].values[*]", &[NAME], "the Service"),
    row(
        "markers[GatewayName].values[*]",
        &[Of(
            Role::Source,
            "metadata.annotations['ako.vmware.com/enable-shared-vip']",
        )],
        "the key of the VIP that Services share",
    ),
];

/// The virtual service.
pub(crate) static L4_SERVICE: Table = Table(&[
    NAMED,
    &[
        row(
            "network_profile_ref",
            &[PORT, Controller("licence tier")],
            "by the protocols: TCP is proxied where the licence allows, else takes the fast path",
        ),
        row(
            "application_profile_ref",
            &[Of(Role::Profile, "")],
            "the profile that the annotation names",
        ),
        row(
            "application_profile_ref",
            &[Asked],
            "System-L4-Application, unless another is named",
        ),
        row(
            "services[*].port",
            &[Of(Role::Port, ".port")],
            "one listener per port",
        ),
        row(
            "services[*].port_range_end",
            &[Of(Role::Port, ".port")],
            "a listener has one port",
        ),
        row(
            "services[*].override_network_profile_ref",
            &[PORT],
            "in a mix of protocols, what is no TCP has a profile of its own",
        ),
        row("services[*].enable_ssl", &[PORT], "no TLS on layer 4"),
        row("services[*].enable_http2", &[PORT], "no HTTP on layer 4"),
        row("vsvip_ref", &[NAMESPACE, NAME], "the VsVip of the Service"),
        row(
            "l4_policies[*].**",
            &[NAMESPACE, NAME],
            "the policy set of the Service",
        ),
        row(
            "remove_listening_port_on_vs_down",
            &[Asked],
            "a listener without servers refuses connections",
        ),
        row(
            "traffic_enabled",
            &[Of(Role::Traffic, "")],
            "switched off by annotation",
        ),
        row(
            "traffic_enabled",
            &[Asked],
            "on, unless the annotation switches it off",
        ),
        row(
            "service_metadata",
            &[NAMESPACE, NAME, Of(Role::Name, "")],
            "names the Service and its DNS names, for AKO and for people",
        ),
    ],
    ANY_SERVICE,
    NETWORK,
    COMMON,
]);

/// The VsVip.
pub(crate) static L4_VS_VIP: Table = Table(&[
    NAMED,
    &[
        row(
            "dns_info[*].fqdn",
            &[Of(Role::Name, "")],
            "the name that the annotation asks for, else one that is made up",
        ),
        row(
            "vip[*].ip_address.**",
            &[Of(Role::Address, "")],
            "the address that is asked for",
        ),
        row(
            "vip[*].ip6_address.**",
            &[Of(Role::Address, "")],
            "the address that is asked for",
        ),
    ],
    ANY_VS_VIP,
    NETWORK,
    COMMON,
]);

/// The policy set, which gives each port its pool.
pub(crate) static L4_POLICY_SET: Table = Table(&[
    NAMED,
    &[
        row(
            "l4_connection_policy.rules[*].index",
            &[PORT],
            "the order of the Service's ports",
        ),
        row(
            "l4_connection_policy.rules[*].match.port.ports[*]",
            &[Of(Role::Port, ".port")],
            "the port",
        ),
        row(
            "l4_connection_policy.rules[*].match.**",
            &[PORT],
            "port and protocol",
        ),
        row(
            "l4_connection_policy.rules[*].**",
            &[PORT],
            "the pool of the port",
        ),
        row(
            "markers[Protocol].values[*]",
            &[PORT],
            "the protocols of all ports",
        ),
    ],
    COMMON,
]);

/// The pool of one port.
pub(crate) static L4_POOL: Table = Table(&[
    &[
        row(
            "name",
            &[CLUSTER, NAMESPACE, NAME, Of(Role::Port, ".port")],
            "the virtual service's name, with protocol and port",
        ),
        row(
            "health_monitor_refs[*]",
            &[PORT],
            "the monitor of the protocol",
        ),
        row(
            "service_metadata",
            &[Of(Role::Name, "")],
            "behind a shared VIP: the Service, and the name that is made up for it",
        ),
        row(
            "service_metadata",
            &[Asked],
            "names nobody: its virtual service does",
        ),
        row(
            "markers[Protocol].values[*]",
            &[PORT],
            "the protocol, behind a shared VIP",
        ),
        row(
            "markers[Port].values[*]",
            &[Of(Role::Port, ".port")],
            "the port",
        ),
    ],
    NAMED,
    SERVERS,
    ANY_POOL,
    NETWORK,
    COMMON,
]);
