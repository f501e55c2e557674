//! What a source tells the agent half about a lane.

use aviary_proto::sync::v1::{Delta, LaneCondition, Removal, SecretValue, Upsert, delta};
use bytes::Bytes;

use crate::key::{Kind, Name};
use crate::trace::TraceContext;

/// One step of a lane's watch. A lane goes Listing, Object…, Listed, then Object and Gone as things
/// change; it may go back to Listing, or to Failed, at any time.
#[derive(Clone, Debug)]
pub enum Observation {
    /// A listing starts: what is not seen until Listed is gone.
    Listing,
    /// The object exists, as it is now.
    Object(Object),
    /// The object exists and cannot be sent: its last version stands with the translator.
    Kept(Name),
    /// The object exists no more.
    Gone(Name),
    /// The listing is complete.
    Listed,
    /// The lane cannot be listed or watched, and why. What was seen stands until the next Listed.
    Failed(LaneCondition, String),
}

/// An object, trimmed to its kept paths.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// Its name.
    pub name: Name,
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion.
    pub version: String,
    /// Its creationTimestamp, RFC 3339.
    pub created: String,
    /// The trimmed object as JSON with sorted keys, without secret values. Empty for the metadata of
    /// an object that is only sent by name.
    pub json: Bytes,
    /// The values of its secret paths.
    pub secrets: Vec<SecretValue>,
    /// The trace of the change.
    pub trace: TraceContext,
}

impl Object {
    /// Bytes that the object keeps in memory while it waits.
    pub fn weight(&self) -> u64 {
        let secrets: usize = self.secrets.iter().map(|secret| secret.value.len()).sum();
        (self.json.len() + secrets) as u64
    }

    /// The delta that says so.
    pub(crate) fn into_delta(self, kind: &Kind) -> Delta {
        Delta {
            key: Some(self.name.to_wire(kind)),
            uid: self.uid,
            change: Some(delta::Change::Upsert(Upsert {
                resource_version: self.version,
                creation_timestamp: self.created,
                object: self.json,
                secrets: self.secrets,
            })),
            traceparent: self.trace.parent,
            tracestate: self.trace.state,
        }
    }
}

/// The delta that says that an object is gone.
pub(crate) fn removal(kind: &Kind, name: &Name, uid: String, trace: TraceContext) -> Delta {
    Delta {
        key: Some(name.to_wire(kind)),
        uid,
        change: Some(delta::Change::Removal(Removal {})),
        traceparent: trace.parent,
        tracestate: trace.state,
    }
}
