//! The Controller's own pages: cluster, versions, system configuration, domains, tokens.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::kinds::{ADMIN, LIST_LIMITS};
use crate::patch;
use crate::read::not_found;
use crate::refs::ObjectId;
use crate::reply::{Refusal, Reply};
use crate::session::{Identity, Token};
use crate::state::State;

const CLUSTER_UUID: &str = "cluster-0000-sim";
const CLUSTER_NAME: &str = "cluster-0-1";
/// Life of a token whose request does not say.
const TOKEN_HOURS: u64 = 8;
const MICROS_PER_HOUR: u64 = 3_600_000_000;

/// What the Controller says of its build.
pub(crate) fn version(state: &State) -> Value {
    let version = &state.cluster.version;
    json!({
        "Date": "2024-03-26T00:00:00+00:00",
        "Product": "controller",
        "ProductName": "Avi Cloud Controller",
        "Tag": format!("{version}-sim"),
        "Version": version,
        "build": 1,
        "min_version": 15.2,
    })
}

/// The system configuration of a fresh Controller.
pub(crate) fn configuration() -> Map<String, Value> {
    let value = json!({
        "default_license_tier": "ENTERPRISE",
        "portal_configuration": {
            "allow_basic_authentication": false,
            "enable_http": true,
            "enable_https": true,
            "redirect_to_https": true,
            "use_uuid_from_input": false,
        },
        "uuid": "default",
    });
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The body of a login's answer.
pub(crate) fn login_body(state: &State, call: &Call, user: &str) -> Value {
    let tenants = state.store.by_name("tenant").map(|(uuid, record)| {
        json!({
            "local": true,
            "name": record.name,
            "url": format!("{}/api/tenant/{uuid}", call.base),
            "uuid": uuid,
        })
    });
    json!({
        "controller": { "api_idle_timeout": 15 },
        "session_cookie_name": "avi-sessionid",
        "system_config": state.system,
        "tenants": tenants.collect::<Value>(),
        "user": {
            "default_tenant_ref": format!("{}/api/tenant/{ADMIN}#{ADMIN}", call.base),
            "is_superuser": true,
            "local": true,
            "name": user,
            "username": user,
            "uuid": "user-1",
        },
        "user_initialized": true,
        "version": version(state),
    })
}

/// `/api/cluster`.
pub(crate) fn cluster(state: &State, call: &Call) -> Value {
    json!({
        "name": CLUSTER_NAME,
        "nodes": [{ "ip": { "addr": "127.0.0.1", "type": "V4" }, "name": state.cluster.leader() }],
        "rejoin_nodes_automatically": true,
        "tenant_ref": format!("{}/api/tenant/{ADMIN}", call.base),
        "url": format!("{}/api/cluster/{CLUSTER_UUID}", call.base),
        "uuid": CLUSTER_UUID,
    })
}

/// `/api/cluster/runtime`.
pub(crate) fn runtime(state: &State) -> Value {
    let cluster = &state.cluster;
    let up_since = cluster.up_since();
    json!({
        "cluster_state": { "progress": 100, "state": cluster.word(), "up_since": up_since },
        "node_info": { "cluster_uuid": CLUSTER_UUID, "version": cluster.version },
        "node_states": [{
            "mgmt_ip": "127.0.0.1",
            "name": cluster.leader(),
            "role": "CLUSTER_LEADER",
            "state": "CLUSTER_ACTIVE",
            "up_since": up_since,
        }],
    })
}

/// `/api/cluster/status`, which clients probe without a session.
pub(crate) fn status(state: &State) -> Value {
    json!({ "cluster_state": { "progress": 100, "state": state.cluster.word() } })
}

/// `/api/systemlimits`: the limits that are enforced here.
pub(crate) fn limits() -> Value {
    let limits: Vec<Value> = LIST_LIMITS
        .iter()
        .map(|(kind, field, limit)| json!({ "object_type": kind, "field": field, "max": limit }))
        .collect();
    json!({ "controller_limits": { "list_limits": limits }, "uuid": "default" })
}

/// `/api/systemconfiguration`, read or written. Without a version header the view is that of an
/// old API, which has no license tier.
pub(crate) fn system(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    match call.method.as_str() {
        "GET" => {}
        "PUT" => state.system = call.object()?,
        "PATCH" => state.system = patch::apply(&state.system, call.object()?, |_| Ok(()))?,
        _ => return Err(Refusal::new(405, "Method not allowed")),
    }
    state.system.insert("uuid".to_owned(), json!("default"));
    let mut shown = state.system.clone();
    shown.insert(
        "url".to_owned(),
        json!(format!("{}/api/systemconfiguration", call.base)),
    );
    if call.version.is_none() {
        shown.remove("default_license_tier");
    }
    Ok(Reply::json(200, &Value::Object(shown)))
}

/// `/api/ipamdnsproviderprofiledomainlist?cloud_uuid=`: the DNS domains that a cloud serves.
pub(crate) fn domains(state: &State, call: &Call) -> Result<Value, Refusal> {
    let default = state.store.default_cloud();
    let cloud = call.query.get("cloud_uuid").unwrap_or(default);
    let cloud = state
        .store
        .get("cloud", cloud)
        .ok_or_else(|| not_found("cloud"))?;
    let profile = cloud
        .body
        .get("dns_provider_ref")
        .and_then(Value::as_str)
        .and_then(ObjectId::from_path)
        .and_then(|id| state.store.get(&id.kind, &id.uuid));
    let domains = profile
        .and_then(|profile| profile.body.get("internal_profile"))
        .and_then(|internal| internal.get("dns_service_domain"))
        .and_then(Value::as_array);
    let names = domains
        .into_iter()
        .flatten()
        .filter_map(|domain| domain.get("domain_name"));
    Ok(json!({ "domains": names.collect::<Vec<_>>() }))
}

/// `/api/user-token`: make, list and delete login tokens.
pub(crate) fn tokens(
    state: &mut State,
    call: &Call,
    identity: &Identity,
) -> Result<Reply, Refusal> {
    match (call.method.as_str(), call.uuid()) {
        ("GET", None) => {
            let tokens = state.sessions.tokens.iter();
            let results: Vec<Value> = tokens
                .map(|(uuid, token)| shown_token(uuid, token))
                .collect();
            Ok(Reply::json(
                200,
                &json!({ "count": results.len(), "results": results }),
            ))
        }
        ("GET", Some(uuid)) => {
            let token = state
                .sessions
                .tokens
                .get(uuid)
                .ok_or_else(|| not_found("user-token"))?;
            Ok(Reply::json(200, &shown_token(uuid, token)))
        }
        ("POST", None) => {
            let hours = hours(&call.object()?)?;
            let uuid = state.ids.uuid("user-token");
            let token = Token {
                secret: state.ids.word(),
                user: identity.user.clone(),
                expires_micros: state.now().saturating_add(hours * MICROS_PER_HOUR),
            };
            let reply = Reply::json(201, &shown_token(&uuid, &token));
            state.sessions.tokens.insert(uuid, token);
            Ok(reply)
        }
        ("DELETE", Some(uuid)) => {
            let gone = state.sessions.tokens.remove(uuid);
            gone.map(|_| Reply::empty(204))
                .ok_or_else(|| not_found("user-token"))
        }
        _ => Err(Refusal::new(405, "Method not allowed")),
    }
}

/// The hours asked for: the official clients send a string.
fn hours(body: &Map<String, Value>) -> Result<u64, Refusal> {
    let hours = match body.get("hours") {
        None => Some(TOKEN_HOURS),
        Some(Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_u64(),
    };
    let valid = hours.filter(|hours| (1..=87_600).contains(hours));
    valid.ok_or_else(|| Refusal::new(400, "hours must be 1-87600"))
}

fn shown_token(uuid: &str, token: &Token) -> Value {
    let micros = i64::try_from(token.expires_micros).unwrap_or(i64::MAX);
    let expires = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
    json!({
        "expires_at": format!("{expires:.6}"),
        "token": token.secret,
        "username": token.user,
        "uuid": uuid,
    })
}
