//! What passes TLS through: the pools and the group of a host, and what its hosts share.

use super::secure::MARKERS;
use super::{
    ANY_POOL, ANY_SERVICE, ANY_VS_VIP, CLUSTER, COMMON, HOST, NAMES_INGRESS, NETWORK, NO_LABELS,
    SERVERS,
};
use aviary_types::Cite::{Asked, Of, Setting};
use aviary_types::{Cite, Role, Row, Table, row};

const SIZE: Cite = Setting("L7Settings.passthroughShardSize");

const NAMED: &[Row] = &[row(
    "name",
    &[CLUSTER, SIZE],
    "cluster and number of the shard, and insecure for what serves port 80",
)];

const ANY_OF_BOTH: &[Row] = &[
    row(
        "network_profile_ref",
        &[Asked],
        "TCP is served by System-TCP-Proxy",
    ),
    row(
        "vsvip_ref",
        &[Asked],
        "both ports are served at one address",
    ),
    row(
        "service_metadata",
        &[Asked],
        "names the virtual service of the other port",
    ),
];

/// The pool of one Service.
pub(crate) static PASSTHROUGH_POOL: Table = Table(&[
    &[
        row(
            "name",
            &[CLUSTER, HOST, Of(Role::Backend, ".name")],
            "cluster, host and Service; a hash follows where an older source has the name",
        ),
        row(
            "health_monitor_refs[*]",
            &[Asked],
            "TCP backends are probed by System-TCP",
        ),
    ],
    NAMES_INGRESS,
    SERVERS,
    ANY_POOL,
    MARKERS,
    NETWORK,
    COMMON,
]);

/// The pool group of one host.
pub(crate) static PASSTHROUGH_GROUP: Table = Table(&[
    &[
        row(
            "name",
            &[CLUSTER, HOST],
            "cluster and host: the script finds it by this name",
        ),
        row("members[*].pool_ref", &[HOST], "the pool of each Service"),
        row("members[*].ratio", &[HOST], "backends share evenly"),
    ],
    NO_LABELS,
    MARKERS,
    COMMON,
]);

/// The virtual service of port 443.
pub(crate) static PASSTHROUGH: Table = Table(&[
    NAMED,
    &[
        row(
            "application_profile_ref",
            &[Asked],
            "TLS is passed on as bytes, by System-L4-Application",
        ),
        row(
            "services[*].**",
            &[Asked],
            "port 443, of which TLS ends behind",
        ),
        row(
            "vs_datascripts[*].**",
            &[Asked],
            "the script that chooses the pool group of the SNI name",
        ),
        row(
            "remove_listening_port_on_vs_down",
            &[Asked],
            "a client of a virtual service without servers is refused at once",
        ),
    ],
    ANY_OF_BOTH,
    ANY_SERVICE,
    NETWORK,
    COMMON,
]);

/// The virtual service of port 80.
pub(crate) static PASSTHROUGH_TWIN: Table = Table(&[
    NAMED,
    &[
        row(
            "application_profile_ref",
            &[Asked],
            "plain HTTP is served by System-HTTP",
        ),
        row("services[*].**", &[Asked], "port 80"),
        row(
            "http_policies[*].**",
            &[HOST],
            "the redirects of all hosts, as long as there is one",
        ),
    ],
    ANY_OF_BOTH,
    ANY_SERVICE,
    NETWORK,
    COMMON,
]);

/// The VsVip of both.
pub(crate) static PASSTHROUGH_VS_VIP: Table = Table(&[
    NAMED,
    &[row(
        "dns_info[*].fqdn",
        &[Of(Role::Name, "")],
        "every host that is passed through",
    )],
    ANY_VS_VIP,
    NETWORK,
    COMMON,
]);

/// The script that chooses the pool group.
pub(crate) static PASSTHROUGH_SCRIPT: Table = Table(&[
    NAMED,
    &[
        row(
            "datascript[*].**",
            &[Asked],
            "chooses the pool group that is called after the SNI name",
        ),
        row("pool_group_refs[*]", &[HOST], "the pool group of each host"),
        row("protocol_parser_refs[*]", &[Asked], "reads TLS"),
    ],
    COMMON,
]);

/// The redirects.
pub(crate) static PASSTHROUGH_REDIRECT: Table = Table(&[
    NAMED,
    &[
        row(
            "http_request_policy.rules[*].match.host_hdr.value[*]",
            &[HOST],
            "every host that is passed through",
        ),
        row(
            "http_request_policy.rules[*].**",
            &[Asked],
            "plain HTTP is sent to port 443",
        ),
        row("http_security_policy", &[Asked], "no security rules"),
    ],
    COMMON,
]);
