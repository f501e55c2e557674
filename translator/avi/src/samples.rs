//! Bodies as AKO sends them (and `live_…`: the fields that count in checksums, of objects that AKO
//! left on a Controller), with `METADATA` where the metadata text stands.

use crate::metadata::ServiceMetadata;
use crate::objects::{AviKind, Body};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The JSON of a sample.
pub(crate) fn value(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../samples/bodies.json")).unwrap();
    all.get(name).unwrap().clone()
}

/// The body of a sample.
pub(crate) fn body<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_value(value(name)).unwrap()
}

/// The body of a sample with its metadata.
pub(crate) fn body_with<T: DeserializeOwned>(name: &str, metadata: &ServiceMetadata) -> T {
    let mut value = value(name);
    value["service_metadata"] = metadata.to_text().as_str().into();
    serde_json::from_value(value).unwrap()
}

/// The reference bodies by kind.
pub(crate) const KINDS: &[(&str, AviKind)] = &[
    ("shared_pg", AviKind::PoolGroup),
    ("ds", AviKind::VsDataScriptSet),
    ("vsvip", AviKind::VsVip),
    ("redirect_set", AviKind::HttpPolicySet),
    ("sni_parent", AviKind::VirtualService),
    ("cert", AviKind::SslKeyAndCertificate),
    ("child_set", AviKind::HttpPolicySet),
    ("sni_child", AviKind::VirtualService),
    ("pool", AviKind::Pool),
    ("l4ps", AviKind::L4PolicySet),
    ("l4_vs", AviKind::VirtualService),
];

/// A sample whose value at a JSON pointer is replaced, added, or, by `null`, taken out.
pub(crate) fn changed(name: &str, pointer: &str, new: Value) -> Value {
    let mut value = value(name);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Object(fields) if new.is_null() => drop(fields.remove(field)),
        Value::Object(fields) => drop(fields.insert(field.into(), new)),
        Value::Array(items) if field == "-" => items.push(new),
        Value::Array(items) => items[field.parse::<usize>().unwrap()] = new,
        other => panic!("{pointer} is in {other}"),
    }
    value
}

/// Checks a table of single changes on the Controller: pointer, value, and whether it stays.
pub(crate) fn check_same(name: &str, cases: &[(&str, Value, bool)]) {
    let kind = KINDS.iter().find(|(known, _)| *known == name).unwrap().1;
    let desired: Body = kind.read(&value(name)).unwrap();
    assert!(desired.same(&desired), "{name}");
    for (pointer, new, want) in cases {
        let observed = kind.read(&changed(name, pointer, new.clone())).unwrap();
        assert_eq!(desired.same(&observed), *want, "{name} {pointer} {new}");
    }
}

/// A body as a Controller answers it that fills in every default and its own spelling of
/// references.
pub(crate) fn as_answered(kind: AviKind, sent: &Value) -> Value {
    let mut value = sent.clone();
    respell(&mut value, "");
    add_defaults(&mut value, defaults(kind));
    for (list, item_defaults) in item_defaults(kind) {
        let items = value.get_mut(list).and_then(Value::as_array_mut);
        for item in items.into_iter().flatten() {
            add_defaults(item, item_defaults.clone());
        }
    }
    value
}

fn add_defaults(value: &mut Value, defaults: Value) {
    let (Value::Object(fields), Value::Object(defaults)) = (value, defaults) else {
        panic!("not objects");
    };
    for (field, default) in defaults {
        fields.entry(field).or_insert(default);
    }
}

fn respell(value: &mut Value, field: &str) {
    match value {
        Value::Object(fields) => fields
            .iter_mut()
            .for_each(|(name, value)| respell(value, name)),
        Value::Array(items) => items.iter_mut().for_each(|item| respell(item, field)),
        Value::String(text) if field.ends_with("_ref") || field.ends_with("_refs") => {
            if let Some(reference) = crate::reference::Ref::parse(text) {
                let (kind, name) = (reference.kind, reference.name);
                *text = format!("https://10.0.0.1/api/{kind}/{kind}-1#{name}");
            }
        }
        _ => {}
    }
}

fn reference(kind: &str, name: &str) -> String {
    format!("https://10.0.0.1/api/{kind}/{kind}-9#{name}")
}

fn defaults(kind: AviKind) -> Value {
    let (cloud, tenant) = (
        reference("cloud", "Default-Cloud"),
        reference("tenant", "admin"),
    );
    let mut value = match kind {
        AviKind::Pool => json!({
            "analytics_profile_ref": reference("analyticsprofile", "System-Analytics-Profile"),
            "default_server_port": 80, "enabled": true, "graceful_disable_timeout": 1,
            "lb_algorithm": "LB_ALGORITHM_LEAST_CONNECTIONS", "sni_enabled": true,
            "vrf_ref": reference("vrfcontext", "global"),
        }),
        AviKind::VirtualService => json!({
            "type": "VS_TYPE_NORMAL", "enabled": true, "traffic_enabled": true, "weight": 1,
            "east_west_placement": false, "ign_pool_net_reach": false, "enable_rhi": false,
            "remove_listening_port_on_vs_down": false, "cloud_type": "CLOUD_NONE",
            "vrf_context_ref": reference("vrfcontext", "global"),
            "version": "3", "vip_runtime": [], "vh_type": "VS_TYPE_VH_SNI",
        }),
        AviKind::PoolGroup => json!({ "implicit_priority_labels": false, "min_servers": 0 }),
        AviKind::SslKeyAndCertificate => json!({ "format": "SSL_PEM", "status": "x" }),
        _ => json!({ "is_internal_policy": false }),
    };
    add_defaults(
        &mut value,
        json!({ "cloud_ref": cloud, "tenant_ref": tenant, "uuid": "u",
            "url": "x", "_last_modified": "1" }),
    );
    value
}

fn item_defaults(kind: AviKind) -> Vec<(&'static str, Value)> {
    match kind {
        AviKind::Pool => vec![(
            "servers",
            json!({ "hostname": "h", "ratio": 1, "enabled": true }),
        )],
        AviKind::PoolGroup => vec![("members", json!({ "ratio": 1 }))],
        AviKind::VirtualService => vec![(
            "services",
            json!({ "enable_ssl": false, "enable_http2": false, "port_range_end": 0 }),
        )],
        AviKind::VsVip => vec![
            (
                "dns_info",
                json!({ "type": "DNS_RECORD_A", "num_records_in_response": 1 }),
            ),
            (
                "vip",
                json!({
                    "enabled": true, "prefix_length": 32, "auto_allocate_ip_type": "V4_ONLY",
                    "avi_allocated_vip": true, "auto_allocate_floating_ip": false,
                    "ip_address": { "addr": "10.10.0.7", "type": "V4" },
                }),
            ),
        ],
        _ => Vec::new(),
    }
}
