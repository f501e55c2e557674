//! From what an agent sent to what the store reads. Never fails: what is no JSON reads as null, which
//! no kind accepts, so that the last accepted version stays in force.

use aviary_kinds::{RawObject, Room, Watch};
use aviary_link::translator::Upserted;
use aviary_types::ObjectKey;
use serde_json::{Map, Value};

/// Deepest path of a secret value.
const DEPTH_MAX: usize = 32;
/// Largest index into a list on such a path.
const INDEX_MAX: usize = 10_000;

/// The object as the store takes it.
pub(crate) fn raw(room: &Room, key: ObjectKey, upserted: &Upserted) -> RawObject {
    let mut json = parse(&upserted.json);
    if !json.is_null() {
        for secret in &upserted.secrets {
            if let Ok(value) = serde_json::from_slice(&secret.value) {
                put(&mut json, &secret.path, value);
            } else {
                tracing::warn!(object = %key, path = secret.path, "a secret value is no JSON");
            }
        }
    }
    RawObject {
        key,
        uid: upserted.uid.as_str().into(),
        resource_version: upserted.version.as_str().into(),
        created: upserted.created.as_str().into(),
        json,
        contents: room.watch == Watch::ByName,
    }
}

/// The JSON of bytes; null if they are none.
pub(crate) fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or(Value::Null)
}

/// Puts a value where its path says: `spec.tls.key`, `spec.items[2].token`.
fn put(json: &mut Value, path: &str, value: Value) {
    let mut place = json;
    for (depth, part) in path.split('.').enumerate() {
        if depth >= DEPTH_MAX {
            return;
        }
        let (field, index) = split(part);
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(fields) = place else { return };
        place = fields.entry(field).or_insert(Value::Null);
        if let Some(index) = index {
            let Some(inside) = element(place, index) else {
                return;
            };
            place = inside;
        }
    }
    *place = value;
}

fn split(part: &str) -> (String, Option<usize>) {
    let indexed = part.strip_suffix(']').and_then(|part| part.split_once('['));
    match indexed.and_then(|(field, index)| Some((field, index.parse().ok()?))) {
        Some((field, index)) => (field.to_owned(), Some(index)),
        None => (part.to_owned(), None),
    }
}

fn element(list: &mut Value, index: usize) -> Option<&mut Value> {
    if index > INDEX_MAX {
        return None;
    }
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    let items = list.as_array_mut()?;
    if items.len() <= index {
        items.resize(index + 1, Value::Null);
    }
    items.get_mut(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secret_values_go_where_they_belong() {
        let mut json = json!({"spec": {"items": [{"a": 1}, {"b": 2}]}});
        put(&mut json, "spec.items[1].token", json!("t"));
        put(&mut json, "data", json!({"tls.crt": "c"}));
        put(&mut json, "spec.items[20000].token", json!("far"));
        assert_eq!(
            json,
            json!({"spec": {"items": [{"a": 1}, {"b": 2, "token": "t"}]}, "data": {"tls.crt": "c"}})
        );
    }

    #[test]
    fn what_is_no_json_is_null() {
        assert!(parse(b"{\"a\":").is_null());
        assert!(parse(&[0xff, 0x00]).is_null());
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).is_null());
    }
}
