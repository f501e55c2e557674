//! What hosts share: the parent of a shard and what hangs on it. It exists for the size of the shard
//! map, with or without hosts.

use super::{
    ANY_SERVICE, ANY_VS_VIP, CLUSTER, COMMON, HOST, INFRA, NETWORK, PATH_TEXT, SHARD_SIZE,
};
use aviary_types::Cite::{Asked, Of};
use aviary_types::{Role, Row, Table, row};

const NAMED: &[Row] = &[row(
    "name",
    &[CLUSTER, INFRA, SHARD_SIZE, Of(Role::ShardSize, "")],
    "cluster, AviInfraSetting if a class names one, and number of the shard",
)];

/// The parent virtual service.
pub(crate) static PARENT: Table = Table(&[
    NAMED,
    &[
        row(
            "type",
            &[Asked],
            "the parent of the SNI children of its secure hosts",
        ),
        row(
            "network_profile_ref",
            &[Asked],
            "HTTP is served by System-TCP-Proxy",
        ),
        row(
            "application_profile_ref",
            &[Asked],
            "plain HTTP is served by System-HTTP",
        ),
        row(
            "services[*].**",
            &[Asked, Of(Role::Listener, "")],
            "port 80, port 443 with TLS, and what an AviInfraSetting adds",
        ),
        row(
            "vsvip_ref",
            &[Asked],
            "each parent has a VsVip of its own name",
        ),
        row(
            "http_policies[*].**",
            &[HOST],
            "the redirects of secure hosts, as long as there is one",
        ),
        row(
            "vs_datascripts[*].**",
            &[Asked],
            "the script that chooses the pool of a host and path",
        ),
        row(
            "service_metadata",
            &[Asked],
            "names nobody: the parent is everybody's",
        ),
    ],
    ANY_SERVICE,
    NETWORK,
    COMMON,
]);

/// The VsVip.
pub(crate) static SHARED_VS_VIP: Table = Table(&[
    NAMED,
    &[row(
        "dns_info[*].fqdn",
        &[Of(Role::Name, "")],
        "every host that is served, and the shard's own name",
    )],
    ANY_VS_VIP,
    NETWORK,
    COMMON,
]);

/// The pool group of insecure paths.
pub(crate) static SHARED_POOL_GROUP: Table = Table(&[
    NAMED,
    &[
        row(
            "members[*].pool_ref",
            &[HOST, PATH_TEXT],
            "the pool of each insecure path",
        ),
        row(
            "members[*].priority_label",
            &[HOST, PATH_TEXT],
            "host and path in lower case, by which the script chooses",
        ),
        row("members[*].ratio", &[PATH_TEXT], "backends share evenly"),
        row(
            "implicit_priority_labels",
            &[Asked],
            "the script names the label",
        ),
    ],
    COMMON,
]);

/// The script that chooses among the members.
pub(crate) static SCRIPT: Table = Table(&[
    NAMED,
    &[
        row(
            "datascript[*].**",
            &[Asked],
            "chooses the member whose label is host and path",
        ),
        row("pool_group_refs[*]", &[Asked], "the shared pool group"),
    ],
    COMMON,
]);

/// The redirects of secure hosts.
pub(crate) static REDIRECT: Table = Table(&[
    NAMED,
    &[
        row(
            "http_request_policy.rules[*].match.host_hdr.value[*]",
            &[HOST],
            "every secure host that has a certificate",
        ),
        row(
            "http_request_policy.rules[*].**",
            &[Asked],
            "plain HTTP of secure hosts is sent to port 443",
        ),
        row("http_security_policy", &[Asked], "no security rules"),
    ],
    COMMON,
]);
