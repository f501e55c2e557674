//! What survives a crash, as tables on disk: accepted objects as they came, which scopes were complete,
//! the names of objects that do not show whose they are, and what was decided for longer than a
//! process lives. Contents of Secrets are never among it.
//!
//! A change is one value ([`Write`]); what is handed to [`Db::write`] together is on disk together.
//! Who gathers changes, and what waits for them, is the caller's.

mod db;
mod device;
mod epochs;
mod keys;
mod record;
mod restored;
mod tables;
#[cfg(test)]
mod tests;
mod write;

pub use db::Db;
pub use device::{Error, StoreAt};
pub use epochs::Epochs;
pub use record::Record;
pub use restored::{Kept, Restored};
pub use write::{Noted, Refused, Write};
