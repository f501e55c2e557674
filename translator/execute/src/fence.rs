//! The right to write, and the memory of names: what the executor asks before it sends.

use async_trait::async_trait;
use aviary_avi::AviKey;
use aviary_plan::Right;
use aviary_types::{DomainId, EcoString};
use std::time::Duration;
use tokio::time::Instant;

/// Whether this process may write for a domain. Asked right before each call.
pub trait Fence: Send + Sync {
    /// Whether the right to write lasts for at least this long.
    fn may_write(&self, domain: &DomainId, time: Duration) -> bool;

    /// The same for a delete, whose object was last read at `read_at`: it must be certain that
    /// nobody else wrote since.
    fn may_delete(&self, domain: &DomainId, read_at: Instant, time: Duration) -> bool {
        let _ = read_at;
        self.may_write(domain, time)
    }
}

/// The fence of a single process that holds a lock.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlwaysMay;

impl Fence for AlwaysMay {
    fn may_write(&self, _: &DomainId, _: Duration) -> bool {
        true
    }
}

/// A name that could not be remembered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("remember the name {name}: {why}")]
pub struct JournalError {
    /// The name.
    pub name: EcoString,
    /// What went wrong.
    pub why: EcoString,
}

/// Remembers the names of objects that do not show whose they are, before they are made, so that
/// they are known again after a crash.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Returns once the name survives a crash, with the domain that has it.
    async fn record(
        &self,
        key: &AviKey,
        domain: &DomainId,
        right: Right,
    ) -> Result<(), JournalError>;
}

/// For runs against a Controller that is thrown away.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoJournal;

#[async_trait]
impl Journal for NoJournal {
    async fn record(&self, _: &AviKey, _: &DomainId, _: Right) -> Result<(), JournalError> {
        Ok(())
    }
}
