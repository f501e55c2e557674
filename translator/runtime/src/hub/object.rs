//! From what an agent sent to what the store reads. Never fails: what is no JSON reads as null, which
//! no kind accepts, so that the last accepted version stays in force.

use aviary_kinds::{RawObject, Room, Watch};
use aviary_link::secret;
use aviary_link::translator::Upserted;
use aviary_types::ObjectKey;
use serde_json::Value;

/// The object as the store takes it.
pub(crate) fn raw(room: &Room, key: ObjectKey, upserted: &Upserted) -> RawObject {
    let mut json = parse(&upserted.json);
    if !json.is_null() {
        for path in secret::restore(&mut json, &upserted.secrets) {
            tracing::warn!(object = %key, path, "a secret value does not fit its object");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_is_null() {
        assert!(parse(b"{\"a\":").is_null());
        assert!(parse(&[0xff, 0x00]).is_null());
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).is_null());
    }
}
