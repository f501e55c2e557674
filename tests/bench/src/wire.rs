//! Deltas as they come over the wire.

use anyhow::{Context, Result};
use aviary_kinds::{RawObject, room_of};
use aviary_link::digest::{Digest, of_delta};
use aviary_link::key::{Kind, Name, split};
use aviary_proto::sync::v1::sync_request::Message;
use aviary_proto::sync::v1::{Delta, SyncRequest, Upsert, delta};
use aviary_types::{ClusterName, ObjectKey};
use prost::Message as _;

use crate::estate::CLUSTER;

/// The message that tells of an object.
pub fn encode(raw: &RawObject) -> Vec<u8> {
    let upsert = Upsert {
        resource_version: raw.resource_version.to_string(),
        creation_timestamp: raw.created.to_string(),
        object: raw.json.to_string().into_bytes().into(),
        secrets: Vec::new(),
    };
    let (kind, name) = wire_key(&raw.key);
    let delta = Delta {
        key: Some(name.to_wire(&kind)),
        uid: raw.uid.to_string(),
        change: Some(delta::Change::Upsert(upsert)),
        ..Delta::default()
    };
    let message = Some(Message::Delta(delta));
    SyncRequest {
        sequence: 1,
        message,
    }
    .encode_to_vec()
}

/// An object's kind and name as streams have them.
pub fn wire_key(key: &ObjectKey) -> (Kind, Name) {
    let kind = Kind::new(key.kind.group, key.kind.kind);
    let name = Name::new(key.namespace.as_str(), key.name.as_str());
    (kind, name)
}

/// Reads a message, digests its object, and reads its JSON.
///
/// # Errors
/// When it is none that [`encode`] made.
pub fn decode(bytes: &[u8]) -> Result<(Digest, RawObject)> {
    let request = SyncRequest::decode(bytes).context("read the message")?;
    let Some(Message::Delta(delta)) = request.message else {
        anyhow::bail!("the message tells of no object");
    };
    let (kind, name) = split(delta.key.as_ref().context("the delta names no object")?);
    let digest = of_delta(&kind, &name, &delta).context("the delta has no object")?;
    let Some(delta::Change::Upsert(upsert)) = delta.change else {
        anyhow::bail!("the delta has no object");
    };
    let room = room_of(&kind.group, &kind.kind).context("a kind without a room")?;
    let json: serde_json::Value =
        serde_json::from_slice(&upsert.object).context("read the JSON")?;
    let cluster = ClusterName::new(CLUSTER);
    let raw = RawObject {
        key: ObjectKey::new(&cluster, room.kind, name.namespace, name.name),
        uid: delta.uid.into(),
        resource_version: upsert.resource_version.into(),
        created: upsert.creation_timestamp.into(),
        contents: json.get("data").is_some(),
        json,
    };
    Ok((digest, raw))
}
