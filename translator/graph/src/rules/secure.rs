//! What belongs to one host: its pools, and for a secure one its child and what hangs on that.

use super::{
    ANY_POOL, ANY_SERVICE, CLUSTER, COMMON, HOST, NAME, NAMES_INGRESS, NAMES_INGRESSES, NAMESPACE,
    NETWORK, NO_LABELS, PATH, PATH_TEXT, SCHEME, SERVERS, SHARD_SIZE,
};
use aviary_types::Cite::{Asked, Of, Setting};
use aviary_types::{Role, Row, Table, row};

/// Markers of what belongs to one host.
pub(super) const MARKERS: &[Row] = &[
    row(
        "markers[Namespace].values[*]",
        &[NAMESPACE],
        "the namespace that the object is made for",
    ),
    row(
        "markers[Host].values[*]",
        &[HOST],
        "the host that the object is made for",
    ),
    row(
        "markers[Path].values[*]",
        &[PATH_TEXT],
        "the paths that the object is made for",
    ),
    row(
        "markers[IngressName].values[*]",
        &[NAME],
        "the Ingresses that the object is made for",
    ),
    row(
        "markers[ServiceName].values[*]",
        &[Of(Role::Backend, ".name")],
        "the Service behind the path",
    ),
];

/// The pool of one path.
pub(crate) static POOL: Table = Table(&[
    &[
        row(
            "name",
            &[CLUSTER, NAMESPACE, HOST, PATH_TEXT, NAME],
            "cluster, namespace, host, path and Ingress; a hash follows where an older source has the name",
        ),
        row(
            "health_monitor_refs[*]",
            &[Asked],
            "HTTP backends are probed by System-TCP",
        ),
    ],
    NAMES_INGRESS,
    SERVERS,
    ANY_POOL,
    MARKERS,
    NETWORK,
    COMMON,
]);

/// The pool group of one path of a secure host.
pub(crate) static POOL_GROUP: Table = Table(&[
    &[
        row(
            "name",
            &[CLUSTER, NAMESPACE, HOST, PATH_TEXT, NAME],
            "cluster, namespace, host, path and Ingress; a hash follows where an older source has the name",
        ),
        row("members[*].pool_ref", &[PATH], "the pool of the path"),
        row("members[*].ratio", &[PATH], "backends share evenly"),
    ],
    NO_LABELS,
    MARKERS,
    COMMON,
]);

/// The policy set of one host and namespace.
pub(crate) static POLICY_SET: Table = Table(&[
    &[
        row(
            "name",
            &[CLUSTER, NAMESPACE, HOST],
            "cluster, namespace and host",
        ),
        row(
            "http_request_policy.rules[*].name",
            &[PATH],
            "the set's name and the rule's place",
        ),
        row(
            "http_request_policy.rules[*].index",
            &[PATH_TEXT],
            "the longest path comes first",
        ),
        row("http_request_policy.rules[*].enable", &[PATH], "always on"),
        row(
            "http_request_policy.rules[*].match",
            &[PATH_TEXT],
            "a path without text matches all",
        ),
        row(
            "http_request_policy.rules[*].match.path.match_case",
            &[PATH],
            "paths are case sensitive",
        ),
        row(
            "http_request_policy.rules[*].match.path.match_criteria",
            &[PATH],
            "EQUALS for pathType Exact, else BEGINS_WITH",
        ),
        row(
            "http_request_policy.rules[*].match.path.match_str[*]",
            &[PATH_TEXT],
            "the path",
        ),
        row(
            "http_request_policy.rules[*].switching_action.**",
            &[PATH],
            "the pool group of the path, or its pool where there are no groups",
        ),
        row("http_security_policy", &[Asked], "no security rules"),
    ],
    MARKERS,
    COMMON,
]);

/// The certificate of a secure host.
pub(crate) static CERTIFICATE: Table = Table(&[
    &[
        row("name", &[CLUSTER, HOST], "cluster and host, as the child"),
        row(
            "certificate.certificate",
            &[Of(Role::Certificate, "data['tls.crt']"), Of(Role::Tls, "")],
            "the Secret that the TLS entry of the host's oldest secure Ingress names",
        ),
        row(
            "key",
            &[Of(Role::Certificate, "data['tls.key']"), Of(Role::Tls, "")],
            "the Secret that the TLS entry of the host's oldest secure Ingress names",
        ),
        row("type", &[Asked], "the certificate of a virtual service"),
    ],
    MARKERS,
    COMMON,
]);

/// The second certificate of a secure host.
pub(crate) static ALTERNATE_CERTIFICATE: Table = Table(&[
    &[
        row("name", &[CLUSTER, HOST], "cluster and host, and alt"),
        row(
            "certificate.certificate",
            &[Of(Role::Certificate, "data['alt.crt']"), Of(Role::Tls, "")],
            "the second certificate of the host's Secret",
        ),
        row(
            "key",
            &[Of(Role::Certificate, "data['alt.key']"), Of(Role::Tls, "")],
            "the second certificate of the host's Secret",
        ),
        row("type", &[Asked], "the certificate of a virtual service"),
    ],
    MARKERS,
    COMMON,
]);

/// The certificate that hosts share which name no Secret.
pub(crate) static DEFAULT_CERTIFICATE: Table = Table(&[
    &[
        row("name", &[CLUSTER], "cluster and Secret: all hosts share it"),
        row(
            "certificate.certificate",
            &[Of(Role::Certificate, "data['tls.crt']")],
            "the Secret of the instance's own namespace, for hosts that ask for it by annotation",
        ),
        row(
            "key",
            &[Of(Role::Certificate, "data['tls.key']")],
            "the Secret of the instance's own namespace, for hosts that ask for it by annotation",
        ),
        row("type", &[Asked], "the certificate of a virtual service"),
    ],
    COMMON,
]);

/// The second one of that Secret.
pub(crate) static DEFAULT_ALTERNATE_CERTIFICATE: Table = Table(&[
    &[
        row("name", &[CLUSTER], "cluster and Secret, and alt"),
        row(
            "certificate.certificate",
            &[Of(Role::Certificate, "data['alt.crt']")],
            "the second certificate of the Secret",
        ),
        row(
            "key",
            &[Of(Role::Certificate, "data['alt.key']")],
            "the second certificate of the Secret",
        ),
        row("type", &[Asked], "the certificate of a virtual service"),
    ],
    COMMON,
]);

/// The child virtual service of a secure host.
pub(crate) static CHILD: Table = Table(&[
    &[
        row(
            "name",
            &[CLUSTER, HOST],
            "cluster and host; a hash follows where an older source has the name",
        ),
        row(
            "type",
            &[Of(Role::Tls, "")],
            "a host with a certificate is an SNI child",
        ),
        row(
            "network_profile_ref",
            &[Asked],
            "HTTP is served by System-TCP-Proxy",
        ),
        row(
            "application_profile_ref",
            &[Of(Role::Tls, "")],
            "TLS is served by System-Secure-HTTP",
        ),
        row(
            "http_policies[*].http_policy_set_ref",
            &[PATH],
            "one set per namespace with paths",
        ),
        row(
            "http_policies[*].index",
            &[PATH_TEXT],
            "sets in the order of their first path, from 11 on: lower places are left to people",
        ),
        row(
            "ssl_key_and_certificate_refs[*]",
            &[Of(Role::Tls, "")],
            "the certificate of the host",
        ),
        row(
            "vh_parent_vs_ref",
            &[HOST, SHARD_SIZE, SCHEME],
            "a hash of the host chooses among the shards",
        ),
        row("vh_domain_name[*]", &[HOST], "the host"),
        row(
            "se_group_ref",
            &[Setting("ControllerSettings.serviceEngineGroupName")],
            "the Service Engine group of the instance, whatever the parent's is",
        ),
        row("east_west_placement", &[Asked], "always north-south"),
        row("ign_pool_net_reach", &[Asked], "always off"),
    ],
    NAMES_INGRESSES,
    ANY_SERVICE,
    MARKERS,
    NETWORK,
    COMMON,
]);
