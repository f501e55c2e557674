//! What a body must satisfy before references are looked at.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::kinds::{LIST_LIMITS, NAME_LIMIT, is_in_cloud, model};
use crate::reply::Refusal;

/// Fields that older versions of the API do not know, with the version that brought them.
const INTRODUCED: &[(&str, (u32, u32, u32))] = &[("enable_http2", (20, 1, 1))];

/// The object's name.
pub(crate) fn name(body: &Map<String, Value>) -> Result<String, Refusal> {
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err(Refusal::new(400, "Missing required field: name"));
    }
    if name.chars().count() > NAME_LIMIT {
        let text = format!("Name is longer than {NAME_LIMIT} characters");
        return Err(Refusal::new(400, text));
    }
    Ok(name.to_owned())
}

/// Limits of lists, and fields that the asked version does not know.
pub(crate) fn fields(
    kind: &str,
    body: &Map<String, Value>,
    version: Option<&str>,
) -> Result<(), Refusal> {
    for (_, field, limit) in LIST_LIMITS.iter().filter(|(owner, _, _)| *owner == kind) {
        let length = body
            .get(*field)
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        if length > *limit {
            let text = format!("{field} has {length} entries, at most {limit} are allowed");
            return Err(Refusal::new(400, text));
        }
    }
    match kind {
        "vsvip" => check_empty_addresses(body)?,
        "vrfcontext" => check_route_ids(body)?,
        _ => {}
    }
    // A request without a version is read as the newest, so that nothing is lost unseen.
    let Some(asked) = version.and_then(parse_version) else {
        return Ok(());
    };
    for (field, since) in INTRODUCED.iter().filter(|(_, since)| asked < *since) {
        if body.values().any(|value| mentions(value, field)) || body.contains_key(*field) {
            let (old, new) = (underscored(asked), underscored(*since));
            return Err(Refusal::new(
                400,
                format!(
                    "Incoming request (v{old}) has field ({field}) introduced in later \
                     versions(v{new})."
                ),
            ));
        }
    }
    Ok(())
}

/// An empty IPv6 field breaks the Controller's own schema check.
fn check_empty_addresses(body: &Map<String, Value>) -> Result<(), Refusal> {
    let is_empty = |vip: &Value, path: &str| {
        vip.pointer(path)
            .and_then(Value::as_object)
            .is_some_and(Map::is_empty)
    };
    let mut vips = body
        .get("vip")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let paths = [
        "/ip6_address",
        "/ip_address",
        "/ipam_network_subnet/subnet6",
    ];
    if vips.any(|vip| paths.iter().any(|path| is_empty(vip, path))) {
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
        return Err(Refusal::new(500, format!("Bad pb: name: \"{name}\"")));
    }
    Ok(())
}

/// The ids of a VRF's static routes are unique within it.
fn check_route_ids(body: &Map<String, Value>) -> Result<(), Refusal> {
    let routes = body
        .get("static_routes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let mut seen = BTreeSet::new();
    let mut ids = routes
        .filter_map(|route| route.get("route_id"))
        .filter_map(Value::as_str);
    if ids.all(|id| seen.insert(id)) {
        return Ok(());
    }
    Err(Refusal::new(
        400,
        "Unique constraints route_id has duplicated value",
    ))
}

/// That the name is taken.
pub(crate) fn duplicate(kind: &str) -> Refusal {
    let key = match kind {
        "tenant" => "Name",
        _ if is_in_cloud(kind) => "Name, Tenant ref and Cloud ref",
        _ => "Name and Tenant ref",
    };
    Refusal::new(
        409,
        format!("{} with this {key} already exists.", model(kind)),
    )
}

fn mentions(value: &Value, field: &str) -> bool {
    match value {
        Value::Object(fields) => {
            fields.contains_key(field) || fields.values().any(|item| mentions(item, field))
        }
        Value::Array(items) => items.iter().any(|item| mentions(item, field)),
        _ => false,
    }
}

/// A version of three numbers, in either spelling (`20.1.1`, `20_1_1`).
pub(crate) fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split(['.', '_']).map(str::parse);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) => Some((major, minor, patch)),
        _ => None,
    }
}

fn underscored((major, minor, patch): (u32, u32, u32)) -> String {
    format!("{major}_{minor}_{patch}")
}
