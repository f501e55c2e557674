//! `--fill-defaults`: what a real Controller adds to the answers beyond what was written.

use serde_json::{Map, Value, json};

use crate::certificate;
use crate::refs::ObjectId;
use crate::state::State;
use crate::store::Record;

/// What a pool gets that does not say otherwise.
fn pool() -> Value {
    json!({
        "analytics_profile_ref": "/api/analyticsprofile?name=System-Analytics-Profile",
        "append_port": "NON_DEFAULT_80_443",
        "capacity_estimation": false,
        "capacity_estimation_ttfb_thresh": 0,
        "cloud_ref": "/api/cloud?name=Default-Cloud",
        "connection_ramp_duration": 10,
        "default_server_port": 80,
        "delete_server_on_dns_refresh": true,
        "enable_http2": false,
        "enabled": true,
        "fewest_tasks_feedback_delay": 10,
        "graceful_disable_timeout": 1,
        "host_check_enabled": false,
        "inline_health_monitor": true,
        "lb_algorithm": "LB_ALGORITHM_LEAST_CONNECTIONS",
        "lb_algorithm_core_nonaffinity": 2,
        "lb_algorithm_hash": "LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS",
        "lookup_server_by_name": false,
        "max_concurrent_connections_per_server": 0,
        "request_queue_depth": 128,
        "request_queue_enabled": false,
        "rewrite_host_header_to_server_name": false,
        "rewrite_host_header_to_sni": false,
        "routing_pool": false,
        "server_timeout": 0,
        "sni_enabled": true,
        "use_service_port": false,
        "vrf_ref": "/api/vrfcontext?name=global",
    })
}

/// What a virtual service gets that does not say otherwise.
fn virtual_service() -> Value {
    json!({
        "application_profile_ref": "/api/applicationprofile?name=System-HTTP",
        "cloud_ref": "/api/cloud?name=Default-Cloud",
        "cloud_type": "CLOUD_NONE",
        "east_west_placement": false,
        "enabled": true,
        "network_profile_ref": "/api/networkprofile?name=System-TCP-Proxy",
        "se_group_ref": "/api/serviceenginegroup?name=Default-Group",
        "ssl_sess_cache_avg_size": 1024,
        "traffic_enabled": true,
        "type": "VS_TYPE_NORMAL",
        "use_bridge_ip_as_vip": false,
        "vrf_context_ref": "/api/vrfcontext?name=global",
        "weight": 1,
    })
}

fn of_kind(kind: &str) -> Value {
    match kind {
        "pool" => pool(),
        "virtualservice" => virtual_service(),
        "poolgroup" => json!({
            "cloud_ref": "/api/cloud?name=Default-Cloud",
            "deactivate_primary_pool_on_down": false,
            "enable_http2": false,
            "implicit_priority_labels": false,
            "min_servers": 0,
        }),
        "vsvip" => json!({
            "cloud_ref": "/api/cloud?name=Default-Cloud",
            "east_west_placement": false,
            "vrf_context_ref": "/api/vrfcontext?name=global",
        }),
        "sslkeyandcertificate" => json!({
            "certificate_base64": false,
            "format": "SSL_PEM",
            "key_base64": false,
            "status": "SSL_CERTIFICATE_FINISHED",
            "type": "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE",
        }),
        "stringgroup" => json!({ "longest_match": false, "type": "SG_TYPE_STRING" }),
        "healthmonitor" => json!({
            "failed_checks": 2,
            "is_federated": false,
            "receive_timeout": 4,
            "send_interval": 10,
            "successful_checks": 2,
        }),
        "tenant" => json!({
            "config_settings": {
                "se_in_provider_context": true,
                "tenant_access_to_provider_se": true,
                "tenant_vrf": false,
            },
            "local": true,
        }),
        _ => Value::Null,
    }
}

/// Adds what the body leaves out, before it is checked and stored.
pub(crate) fn complete_write(kind: &str, body: &mut Map<String, Value>) {
    if let Value::Object(defaults) = of_kind(kind) {
        for (field, value) in defaults {
            body.entry(field).or_insert(value);
        }
    }
    match kind {
        "pool" => each(body, "servers", complete_server),
        "poolgroup" => each(body, "members", |member| put(member, "ratio", json!(1))),
        "virtualservice" => each(body, "services", complete_service),
        "vsvip" => {
            each(body, "dns_info", complete_dns);
            each(body, "vip", |vip| put(vip, "prefix_length", json!(32)));
        }
        "sslkeyandcertificate" => {
            if let Some(Value::Object(certificate)) = body.get_mut("certificate") {
                certificate::add_facts(certificate);
            }
        }
        _ => {}
    }
}

fn complete_server(server: &mut Map<String, Value>) {
    let address = server.get("ip").and_then(|ip| ip.get("addr")).cloned();
    put(server, "hostname", address.unwrap_or_else(|| json!("")));
    put(server, "ratio", json!(1));
    put(server, "enabled", json!(true));
}

fn complete_service(service: &mut Map<String, Value>) {
    let port = service.get("port").cloned().unwrap_or_default();
    put(service, "port_range_end", port);
    put(service, "enable_ssl", json!(false));
    put(service, "enable_http2", json!(false));
}

fn complete_dns(record: &mut Map<String, Value>) {
    put(record, "type", json!("DNS_RECORD_A"));
    put(
        record,
        "algorithm",
        json!("DNS_RECORD_RESPONSE_CONSISTENT_HASH"),
    );
    put(record, "num_records_in_response", json!(1));
}

fn put(fields: &mut Map<String, Value>, field: &str, value: Value) {
    fields.entry(field).or_insert(value);
}

fn each(body: &mut Map<String, Value>, field: &str, complete: fn(&mut Map<String, Value>)) {
    let items = body
        .get_mut(field)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten();
    items.filter_map(Value::as_object_mut).for_each(complete);
}

/// The reply to a POST shows less of a certificate than later reads.
pub(crate) fn complete_created(kind: &str, value: &mut Value) {
    let Some(fields) = value
        .as_object_mut()
        .filter(|_| kind == "sslkeyandcertificate")
    else {
        return;
    };
    fields.remove("key");
    if let Some(Value::Object(certificate)) = fields.get_mut("certificate") {
        for unsent in ["certificate", "public_key", "text"] {
            certificate.remove(unsent);
        }
    }
}

/// A virtual service shows more when it is read.
pub(crate) fn complete_read(
    state: &State,
    id: &ObjectId,
    record: &Record,
    fields: &mut Map<String, Value>,
) {
    if id.kind != "virtualservice" {
        return;
    }
    put(fields, "version", json!(record.version.to_string()));
    put(fields, "marked_for_delete", json!(false));
    put(fields, "self_se_election", json!(false));
    put(fields, "vip_runtime", json!([]));
    put(fields, "redis_db", json!(0));
    put(fields, "redis_port", json!(0));
    put(fields, "tls_ticket_key", ticket_keys(&id.uuid));
    let children: Vec<&str> = state
        .store
        .referrers(id)
        .filter(|other| other.kind == "virtualservice")
        .map(|other| other.uuid.as_str())
        .collect();
    if !children.is_empty() {
        put(fields, "vh_child_vs_uuid", json!(children));
    }
}

/// Secrets that a reader must not pass on: they can be told apart by their text.
fn ticket_keys(uuid: &str) -> Value {
    json!([{
        "aes_key": format!("ticket-aes-secret-of-{uuid}"),
        "hmac_key": format!("ticket-hmac-secret-of-{uuid}"),
        "name": uuid,
    }])
}
