//! What the simulator knows of an object kind: its path, its model name, whether it lives in a
//! cloud, and how far it is seen from other tenants. Bodies stay plain JSON.

/// Path segment and model name of each kind that the Controller serves.
const MODELS: &[(&str, &str)] = &[
    ("alertconfig", "AlertConfig"),
    ("analyticsprofile", "AnalyticsProfile"),
    (
        "applicationpersistenceprofile",
        "ApplicationPersistenceProfile",
    ),
    ("applicationprofile", "ApplicationProfile"),
    ("authprofile", "AuthProfile"),
    ("autoscalelaunchconfig", "AutoScaleLaunchConfig"),
    ("botdetectionpolicy", "BotDetectionPolicy"),
    ("botpolicy", "BotDetectionPolicy"),
    (
        "certificatemanagementprofile",
        "CertificateManagementProfile",
    ),
    ("cloud", "Cloud"),
    ("customipamdnsprofile", "CustomIpamDnsProfile"),
    ("dnspolicy", "DnsPolicy"),
    ("errorpagebody", "ErrorPageBody"),
    ("errorpageprofile", "ErrorPageProfile"),
    ("gslb", "Gslb"),
    ("gslbservice", "GslbService"),
    ("hardwaresecuritymodulegroup", "HardwareSecurityModuleGroup"),
    ("healthmonitor", "HealthMonitor"),
    ("httppolicyset", "HTTPPolicySet"),
    ("icapprofile", "IcapProfile"),
    ("ipaddrgroup", "IpAddrGroup"),
    ("ipamdnsproviderprofile", "IpamDnsProviderProfile"),
    ("jwtserverprofile", "JWTServerProfile"),
    ("l4policyset", "L4PolicySet"),
    ("network", "Network"),
    ("networkprofile", "NetworkProfile"),
    ("networksecuritypolicy", "NetworkSecurityPolicy"),
    ("pingaccessagent", "PingAccessAgent"),
    ("pkiprofile", "PKIProfile"),
    ("pool", "Pool"),
    ("poolgroup", "PoolGroup"),
    ("prioritylabels", "PriorityLabels"),
    ("protocolparser", "ProtocolParser"),
    ("role", "Role"),
    ("securitypolicy", "SecurityPolicy"),
    ("serverautoscalepolicy", "ServerAutoScalePolicy"),
    ("serviceengine", "ServiceEngine"),
    ("serviceenginegroup", "ServiceEngineGroup"),
    ("sslkeyandcertificate", "SSLKeyAndCertificate"),
    ("sslprofile", "SSLProfile"),
    ("ssopolicy", "SSOPolicy"),
    ("stringgroup", "StringGroup"),
    ("tenant", "Tenant"),
    ("trafficcloneprofile", "TrafficCloneProfile"),
    ("user", "User"),
    ("useraccountprofile", "UserAccountProfile"),
    ("vimgrnwruntime", "VIMgrNWRuntime"),
    ("virtualservice", "VirtualService"),
    ("vrfcontext", "VrfContext"),
    ("vsdatascriptset", "VSDataScriptSet"),
    ("vsvip", "VsVip"),
    ("wafpolicy", "WafPolicy"),
    ("wafpolicypsmgroup", "WafPolicyPSMGroup"),
    ("wafprofile", "WafProfile"),
];

/// Kinds whose objects belong to one cloud; their names are unique per cloud.
const IN_CLOUD: &[&str] = &[
    "network",
    "pool",
    "poolgroup",
    "serviceengine",
    "serviceenginegroup",
    "virtualservice",
    "vrfcontext",
    "vsvip",
];

/// Kinds that no other tenant may refer to, not even when they stand in `admin`.
const PRIVATE: &[&str] = &["pool", "poolgroup", "virtualservice", "vsvip"];

/// Kinds of `admin` that may be referred to by every tenant but are not in its lists.
const UNLISTED: &[&str] = &[
    "httppolicyset",
    "l4policyset",
    "networksecuritypolicy",
    "vsdatascriptset",
];

/// List-valued fields with a documented limit: kind, field, most entries.
pub(crate) const LIST_LIMITS: &[(&str, &str, usize)] = &[
    ("pool", "health_monitor_refs", 50),
    ("pool", "servers", 5000),
    ("serviceenginegroup", "labels", 1),
    ("virtualservice", "icap_request_profile_refs", 1),
    ("virtualservice", "services", 2048),
    ("vsvip", "bgp_peer_labels", 128),
    ("vsvip", "dns_info", 1000),
];

/// Most characters of an object's name.
pub(crate) const NAME_LIMIT: usize = 255;

/// The tenant that owns the Controller's own objects; its uuid is its name.
pub(crate) const ADMIN: &str = "admin";

/// The cloud of an object that names none.
pub(crate) const DEFAULT_CLOUD: &str = "Default-Cloud";

/// Whether the Controller serves this kind.
pub(crate) fn is_known(kind: &str) -> bool {
    MODELS.iter().any(|(path, _)| *path == kind)
}

/// The kind's name as error texts give it.
pub(crate) fn model(kind: &str) -> &str {
    MODELS
        .iter()
        .find(|(path, _)| *path == kind)
        .map_or(kind, |(_, model)| *model)
}

/// Whether objects of the kind belong to a cloud.
pub(crate) fn is_in_cloud(kind: &str) -> bool {
    IN_CLOUD.contains(&kind)
}

/// Whether other tenants may refer to, and read by uuid, what `admin` has of this kind.
pub(crate) fn is_shared(kind: &str) -> bool {
    !PRIVATE.contains(&kind)
}

/// Whether lists of other tenants show what `admin` has of this kind.
pub(crate) fn is_listed_everywhere(kind: &str) -> bool {
    is_shared(kind) && !UNLISTED.contains(&kind)
}

/// A second path under which a kind is referred to; the first has no objects of its own.
pub(crate) fn alias_of(kind: &str) -> Option<&'static str> {
    (kind == "botpolicy").then_some("botdetectionpolicy")
}

/// The status of a ref that names nothing: networks and VRF contexts are bad input, all else is
/// not found.
pub(crate) fn missing_ref_status(kind: &str) -> u16 {
    if matches!(kind, "network" | "vrfcontext") {
        400
    } else {
        404
    }
}
