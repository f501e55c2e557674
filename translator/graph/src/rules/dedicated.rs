//! What belongs to a host with a virtual service of its own, beside its pools and policy sets.

use super::secure::MARKERS;
use super::{
    ANY_SERVICE, ANY_VS_VIP, CLUSTER, COMMON, HOST, NAMES_INGRESSES, NETWORK, PATH, SHARD_SIZE,
};
use aviary_types::Cite::{Asked, Of};
use aviary_types::{Role, Row, Table, row};

const NAMED: &[Row] = &[row("name", &[CLUSTER, HOST], "cluster and host")];

/// The virtual service.
pub(crate) static DEDICATED: Table = Table(&[
    NAMED,
    &[
        row(
            "type",
            &[Of(Role::ShardSize, "")],
            "the AviInfraSetting has each host stand for itself",
        ),
        row("type", &[SHARD_SIZE], "each host stands for itself"),
        row(
            "network_profile_ref",
            &[Asked],
            "HTTP is served by System-TCP-Proxy",
        ),
        row(
            "application_profile_ref",
            &[Of(Role::Tls, ""), HOST],
            "TLS is served by System-Secure-HTTP, plain HTTP by System-HTTP",
        ),
        row(
            "services[*].**",
            &[Of(Role::Tls, ""), HOST, Of(Role::Listener, "")],
            "port 80, port 443 where the host asks for TLS, and what an AviInfraSetting adds",
        ),
        row("vsvip_ref", &[HOST], "the address of the host alone"),
        row(
            "http_policies[*].**",
            &[PATH, HOST],
            "one set per namespace with paths, then the redirect, from 11 on: lower places are left to people",
        ),
        row(
            "ssl_key_and_certificate_refs[*]",
            &[Of(Role::Tls, "")],
            "the certificates of the host",
        ),
        row("east_west_placement", &[Asked], "always north-south"),
    ],
    NAMES_INGRESSES,
    ANY_SERVICE,
    MARKERS,
    NETWORK,
    COMMON,
]);

/// The VsVip.
pub(crate) static DEDICATED_VS_VIP: Table = Table(&[
    NAMED,
    &[row("dns_info[*].fqdn", &[HOST], "the host")],
    ANY_VS_VIP,
    NETWORK,
    COMMON,
]);

/// The redirect of a secure host.
pub(crate) static DEDICATED_REDIRECT: Table = Table(&[
    NAMED,
    &[
        row(
            "http_request_policy.rules[*].**",
            &[Of(Role::Tls, ""), HOST],
            "plain HTTP of a secure host is sent to port 443",
        ),
        row("http_security_policy", &[Asked], "no security rules"),
    ],
    MARKERS,
    COMMON,
]);
