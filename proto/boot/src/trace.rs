//! Traces: one from the watch event in the agent to the write of the status.
//!
//! A stage of the way is a `tracing` span named `aviary.STAGE`: watch, ingest, build, diff, execute,
//! rest, status. Only such spans leave the process; nothing that a library makes does. Where no
//! [`Export`] is set up nobody asks for them, so that their callsites are off: they cost a load and
//! a branch, and allocate nothing.

pub mod attempt;
mod context;
mod export;
mod lines;
mod quiet;

pub use self::context::{Context, LINKS_MAX, is_inside};
pub use self::export::{Error, Export};
pub(crate) use self::lines::Marked;

use tracing::Metadata;

/// What the name of every stage begins with.
const PREFIX: &str = "aviary.";

/// Whether something is the span of a stage.
pub(crate) fn is_stage(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name().starts_with(PREFIX)
}
