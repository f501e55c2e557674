//! What a translator learns from its sessions.

use std::fmt;

use aviary_proto::sync::v1::{IntentOutcome, SecretValue};
use aviary_proto::types::v1::Finding;
use bytes::Bytes;

use crate::digest::Digest;
use crate::key::{Extent, Kind, Name};
use crate::trace::TraceContext;

/// Names an admitted session; a later admission has a higher number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(super) u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

/// What was received: to be stored in this order, then acknowledged.
#[derive(Debug, Default)]
pub struct Received {
    /// What was learned; may be empty.
    pub events: Vec<Event>,
    /// If set, `Translator::done` is to be called with it once the events are stored.
    pub sequence: Option<u64>,
}

/// One thing learned. All of it concerns the session's cluster.
#[derive(Clone, Debug)]
pub enum Event {
    /// An object exists, as it is now.
    Upsert(Box<Upserted>),
    /// An object does not exist: it was deleted, or a complete snapshot lacks it, or it was asked
    /// for by name and is not there.
    Removed {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: Name,
        /// The trace of its end.
        trace: TraceContext,
    },
    /// Every object of a kind in an extent is known, and stays so until Frozen.
    Complete {
        /// The kind.
        kind: Kind,
        /// Where.
        extent: Extent,
        /// Namespaces of the extent that another session speaks for.
        except: Vec<String>,
        /// Epoch of the watch item under which all of them were heard.
        epoch: u64,
        /// Set if the lane counts as empty although it cannot be listed, and why.
        assumed: Option<String>,
    },
    /// What is known of a kind in an extent stands still from now on.
    Frozen {
        /// The kind.
        kind: Kind,
        /// Where.
        extent: Extent,
        /// Namespaces of the extent that another session speaks for.
        except: Vec<String>,
        /// Why.
        why: Why,
    },
    /// What became of an intent.
    Outcome(IntentOutcome),
    /// Intents whose outcome will not be heard.
    Lost(Vec<u64>),
    /// A newer token of the session, to be verified; an invalid one changes nothing.
    Token(Token),
    /// Findings of the agent itself, in place of those said before.
    Findings(Vec<Finding>),
}

/// An object that exists.
#[derive(Clone, Debug)]
pub struct Upserted {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion.
    pub version: String,
    /// Its creationTimestamp, RFC 3339.
    pub created: String,
    /// Epoch of the watch item under which it was trimmed.
    pub epoch: u64,
    /// Its digest, to be kept beside it and given to `Translator::hold` at the next start.
    pub digest: Digest,
    /// The trimmed object as JSON, without secret values.
    pub json: Bytes,
    /// The values of its secret paths, for memory only.
    pub secrets: Vec<SecretValue>,
    /// The trace of the change.
    pub trace: TraceContext,
}

/// Why knowledge stands still.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// No agent that covers it is connected.
    Away,
    /// It is being listed.
    Listing,
    /// The agent cannot list or watch it.
    Failed(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away => write!(f, "no agent is connected"),
            Self::Listing => write!(f, "it is being listed"),
            Self::Failed(reason) => write!(f, "{reason}"),
        }
    }
}

/// A bearer token. It has no text of its own but by [`Token::expose`].
#[derive(Clone)]
pub struct Token(pub(super) String);

impl Token {
    /// The token itself, to verify it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// How well an object's kind is known in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Complete, under this epoch of its watch item.
    Complete {
        /// The epoch.
        epoch: u64,
    },
    /// Not complete now; what was heard stands.
    Frozen(Why),
}

/// What is known of an object that was asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// No answer yet.
    Unknown,
    /// It does not exist.
    Absent,
    /// It was sent.
    Present,
}
