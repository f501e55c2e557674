//! The built-in seed: what a fresh lab Controller with one cloud has.

use serde_json::{Map, Value, json};

const ADMIN: &str = "/api/tenant/admin";
const CLOUD: &str = "/api/cloud/cloud-default";

/// Objects that only have a name, by kind.
const NAMED: &[(&str, &[&str])] = &[
    ("analyticsprofile", &["System-Analytics-Profile"]),
    (
        "applicationpersistenceprofile",
        &[
            "System-Persistence-App-Cookie",
            "System-Persistence-Client-IP",
            "System-Persistence-Http-Cookie",
        ],
    ),
    ("botdetectionpolicy", &["System-BotDetectionPolicy"]),
    ("errorpageprofile", &["Custom-Error-Page-Profile"]),
    (
        "protocolparser",
        &["Default-DHCP", "Default-RADIUS", "Default-TLS"],
    ),
    (
        "sslprofile",
        &[
            "System-Standard",
            "System-Standard-PFS",
            "System-Standard-Portal",
        ],
    ),
    ("wafpolicy", &["System-WAF-Policy"]),
    ("wafprofile", &["System-WAF-Profile"]),
];

/// Objects with a name and a type, by kind.
const TYPED: &[(&str, &[(&str, &str)])] = &[
    (
        "applicationprofile",
        &[
            ("System-DNS", "APPLICATION_PROFILE_TYPE_DNS"),
            ("System-HTTP", "APPLICATION_PROFILE_TYPE_HTTP"),
            ("System-L4-Application", "APPLICATION_PROFILE_TYPE_L4"),
            ("System-SSL-Application", "APPLICATION_PROFILE_TYPE_SSL"),
            ("System-Secure-HTTP", "APPLICATION_PROFILE_TYPE_HTTP"),
        ],
    ),
    (
        "healthmonitor",
        &[
            ("System-HTTP", "HEALTH_MONITOR_HTTP"),
            ("System-HTTPS", "HEALTH_MONITOR_HTTPS"),
            ("System-Ping", "HEALTH_MONITOR_PING"),
            ("System-SCTP", "HEALTH_MONITOR_SCTP"),
            ("System-TCP", "HEALTH_MONITOR_TCP"),
            ("System-UDP", "HEALTH_MONITOR_UDP"),
        ],
    ),
    (
        "sslkeyandcertificate",
        &[
            ("System-Default-Cert", "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE"),
            (
                "System-Default-Cert-EC",
                "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE",
            ),
            ("System-Default-Portal-Cert", "SSL_CERTIFICATE_TYPE_SYSTEM"),
        ],
    ),
];

/// Network profiles keep their type one level deeper.
const NETWORK_PROFILES: &[(&str, &str)] = &[
    ("System-SCTP-Proxy", "PROTOCOL_TYPE_SCTP_PROXY"),
    ("System-TCP-Fast-Path", "PROTOCOL_TYPE_TCP_FAST_PATH"),
    ("System-TCP-Proxy", "PROTOCOL_TYPE_TCP_PROXY"),
    ("System-UDP-Fast-Path", "PROTOCOL_TYPE_UDP_FAST_PATH"),
    ("System-UDP-Per-Pkt", "PROTOCOL_TYPE_UDP_FAST_PATH"),
];

/// The seed.
pub(crate) fn objects() -> Value {
    let mut kinds = Map::new();
    let named = NAMED.iter().map(|(kind, names)| {
        let objects = names.iter().map(|name| named(kind, name));
        ((*kind).to_owned(), objects.collect())
    });
    kinds.extend(named);
    let typed = TYPED.iter().map(|(kind, entries)| {
        let objects = entries.iter().map(|(name, type_name)| {
            let mut object = named_fields(kind, name);
            object.insert("type".to_owned(), json!(type_name));
            Value::Object(object)
        });
        ((*kind).to_owned(), objects.collect())
    });
    kinds.extend(typed);
    let profiles = NETWORK_PROFILES.iter().map(|(name, type_name)| {
        let mut object = named_fields("networkprofile", name);
        object.insert("profile".to_owned(), json!({ "type": type_name }));
        Value::Object(object)
    });
    kinds.insert("networkprofile".to_owned(), profiles.collect());
    if let Value::Object(infrastructure) = infrastructure() {
        kinds.extend(infrastructure);
    }
    Value::Object(kinds)
}

fn named_fields(kind: &str, name: &str) -> Map<String, Value> {
    let uuid = format!("{kind}-{name}");
    Map::from_iter([
        ("name".to_owned(), json!(name)),
        ("tenant_ref".to_owned(), json!(ADMIN)),
        ("uuid".to_owned(), json!(uuid)),
    ])
}

fn named(kind: &str, name: &str) -> Value {
    Value::Object(named_fields(kind, name))
}

/// Tenants, the cloud and what belongs to it.
fn infrastructure() -> Value {
    json!({
        "cloud": [{
            "dhcp_enabled": true,
            "dns_provider_ref": "/api/ipamdnsproviderprofile/ipamdnsproviderprofile-dns",
            "ipam_provider_ref": "/api/ipamdnsproviderprofile/ipamdnsproviderprofile-ipam",
            "license_type": "LIC_CORES",
            "mtu": 1500,
            "name": "Default-Cloud",
            "tenant_ref": ADMIN,
            "uuid": "cloud-default",
            "vtype": "CLOUD_NONE",
        }],
        "ipamdnsproviderprofile": [
            {
                "internal_profile": {
                    "dns_service_domain": [{ "domain_name": "avi.internal", "pass_through": true }],
                },
                "name": "lab-dns",
                "tenant_ref": ADMIN,
                "type": "IPAMDNS_TYPE_INTERNAL_DNS",
                "uuid": "ipamdnsproviderprofile-dns",
            },
            {
                "internal_profile": {
                    "usable_networks": [{ "nw_ref": "/api/network/network-vip" }],
                },
                "name": "lab-ipam",
                "tenant_ref": ADMIN,
                "type": "IPAMDNS_TYPE_INTERNAL",
                "uuid": "ipamdnsproviderprofile-ipam",
            },
        ],
        "network": [
            network("node-net", "network-node", "10.10.16"),
            network("vip-net", "network-vip", "10.10.0"),
        ],
        "serviceenginegroup": [{
            "cloud_ref": CLOUD,
            "ha_mode": "HA_MODE_SHARED",
            "max_se": 10,
            "max_vs_per_se": 10,
            "name": "Default-Group",
            "tenant_ref": ADMIN,
            "uuid": "serviceenginegroup-default",
        }],
        "tenant": [tenant("admin", "admin"), tenant("blue", "tenant-blue"),
                   tenant("green", "tenant-green")],
        "vrfcontext": [vrf("global"), vrf("management")],
    })
}

fn tenant(name: &str, uuid: &str) -> Value {
    json!({
        "config_settings": {
            "se_in_provider_context": true,
            "tenant_access_to_provider_se": true,
            "tenant_vrf": false,
        },
        "local": true,
        "name": name,
        "uuid": uuid,
    })
}

fn vrf(name: &str) -> Value {
    json!({
        "cloud_ref": CLOUD,
        "name": name,
        "system_default": true,
        "tenant_ref": ADMIN,
        "uuid": format!("vrfcontext-{name}"),
    })
}

/// A network of 4,096 addresses; `start` is the first three bytes.
fn network(name: &str, uuid: &str, start: &str) -> Value {
    let last = start.rsplit_once('.').and_then(|(head, third)| {
        let third: u8 = third.parse().ok()?;
        Some(format!("{head}.{}.250", third.checked_add(15)?))
    });
    json!({
        "cloud_ref": CLOUD,
        "configured_subnets": [{
            "prefix": { "ip_addr": { "addr": format!("{start}.0"), "type": "V4" }, "mask": 20 },
            "static_ip_ranges": [{
                "range": {
                    "begin": { "addr": format!("{start}.10"), "type": "V4" },
                    "end": { "addr": last, "type": "V4" },
                },
                "type": "STATIC_IPS_FOR_VIP_AND_SE",
            }],
        }],
        "dhcp_enabled": false,
        "name": name,
        "tenant_ref": ADMIN,
        "uuid": uuid,
        "vcenter_dvs": true,
        "vrf_context_ref": "/api/vrfcontext/vrfcontext-global",
    })
}
