//! The stream between agents and translators as two state machines, without IO, clock or threads.
//!
//! # What holds on a stream
//!
//! - The unit of listing is a [lane](key::Lane): one kind in one namespace, in all namespaces, or
//!   cluster-scoped. Both sides compute a session's lanes alike ([`watch::lanes`]).
//! - The agent keeps a [digest](digest) per object and no bodies, the translator a digest beside
//!   each object of its store. A lane whose sums are equal at Hello is resumed and nothing is sent.
//!   Any other is listed: the translator says what it holds, the agent sends what differs.
//! - Objects take effect as they come. Removals of a listing take effect at its end, and only if
//!   what is left fits the agent's count and digest; else the lane is listed again, in full.
//! - The newest admitted session whose coverage has a namespace speaks for it. Others are told, and
//!   asked to list again when it is gone.
//! - Objects with secret values are told apart by resourceVersion; those whose values the translator
//!   lost are left out of what it says to hold, and so are sent. Objects watched by name are no
//!   part of any sum: the translator asks for them and says which version it holds.
//!
//! # The translator's driver
//!
//! ```
//! use aviary_link::translator::{Event, Limits, Translator};
//! use aviary_proto::sync::v1::{Hello, WatchList};
//! use aviary_proto::types::v1::Coverage;
//!
//! let mut translator = Translator::new(Limits::default());
//! // At start: translator.hold(..) for each object of the store.
//! let hello = Hello {
//!     protocol_version: aviary_link::PROTOCOL_VERSION,
//!     cluster: "blue".into(),
//!     coverage: Some(Coverage { all_namespaces: true, ..Coverage::default() }),
//!     ..Hello::default()
//! };
//! // Once identity and coverage are verified:
//! let (session, events) = translator.admit(&hello, WatchList::default())?;
//! // Store the events; then, and after each later call, drain every session's messages:
//! assert!(events.is_empty());
//! while let Some(response) = translator.poll(session) {
//!     // send(response)
//! #   drop(response);
//! }
//! // For each message of the stream: `let received = translator.receive(session, request)?;`
//! // store `received.events` in order, then `translator.done(session, sequence)` if there is one.
//! // At the end of the stream:
//! let frozen: Vec<Event> = translator.close(session);
//! # assert!(frozen.is_empty());
//! # Ok::<(), aviary_link::translator::Refusal>(())
//! ```
//!
//! Calls for one session may give another something to say (`Superseded`, a request to list again):
//! drain all that belong to its cluster, or all. The agent's driver is described at [`agent`].

pub mod agent;
pub mod digest;
pub mod key;
pub mod secret;
pub mod trace;
pub mod translator;
pub mod watch;

/// Version of the protocol that this crate speaks.
pub const PROTOCOL_VERSION: u32 = 1;

/// Largest message on the stream, in bytes, both ways.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Largest trimmed object, in bytes.
pub const OBJECT_BYTES_MAX: usize = 3 * 1024 * 1024;

/// The peer broke the protocol. The stream is to be closed; nothing that was heard is undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A message that does not belong here.
    #[error("the peer sent {0}")]
    Message(&'static str),
    /// A sequence that is not the one after the last.
    #[error("the peer sent sequence {got} after {last}")]
    Sequence {
        /// The last sequence.
        last: u64,
        /// The sequence sent.
        got: u64,
    },
    /// More unacknowledged messages or bytes than the window lets out.
    #[error("the peer sent more than its window")]
    Window,
    /// Snapshots of a lane that never fit their sums.
    #[error("the snapshots of {lane} do not fit their sums")]
    Snapshot {
        /// The lane.
        lane: key::Lane,
    },
    /// A session that is not admitted, or not any more.
    #[error("session {0} is not admitted")]
    Unknown(translator::SessionId),
}

#[cfg(test)]
mod tests;
