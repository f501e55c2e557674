//! One kept object.

use aviary_link::digest::Digest;
use aviary_link::translator::Upserted;
use bytes::Bytes;

/// An object as it came, without secret values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Record {
    /// Kubernetes' uid.
    #[prost(string, tag = "1")]
    pub uid: String,
    /// Kubernetes' version of it.
    #[prost(string, tag = "2")]
    pub version: String,
    /// RFC 3339 time of creation.
    #[prost(string, tag = "3")]
    pub created: String,
    /// Epoch of the kept paths.
    #[prost(uint64, tag = "4")]
    pub epoch: u64,
    /// The link's digest: 16 bytes.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) digest: Vec<u8>,
    /// The trimmed object.
    #[prost(bytes = "bytes", tag = "6")]
    pub json: Bytes,
    /// It has secret values, which are not here.
    #[prost(bool, tag = "7")]
    pub incomplete: bool,
}

impl Record {
    /// What is kept of an object.
    pub fn of(upserted: &Upserted) -> Self {
        Self {
            uid: upserted.uid.clone(),
            version: upserted.version.clone(),
            created: upserted.created.clone(),
            epoch: upserted.epoch,
            digest: upserted.digest.to_wire(),
            json: upserted.json.clone(),
            incomplete: !upserted.secrets.is_empty(),
        }
    }

    /// The link's digest. One that cannot be read equals none, so that the object is sent again.
    pub fn digest(&self) -> Digest {
        Digest::from_wire(&self.digest).unwrap_or_default()
    }
}
