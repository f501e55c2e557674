//! Time as a value: stamps never come from the wall clock unless one is handed in.

use std::sync::OnceLock;

use tokio::runtime::Handle;
use tokio::time::Instant;

/// 1 January 2025, midnight UTC: the first instant of a simulator that is told no other.
const EPOCH_MICROS: u64 = 1_735_689_600_000_000;

/// Where stamps (`_last_modified`, log times, session ages) come from.
pub trait Clock: Send + Sync {
    /// Microseconds since the Unix epoch.
    fn now_micros(&self) -> u64;
}

/// A clock that moves with tokio's time, so that it stands still while tokio's is paused.
///
/// It starts when it is first read inside a runtime: each runtime counts on its own, so whoever
/// serves several of them from one simulator hands in another clock.
#[derive(Debug)]
pub struct TokioClock {
    epoch_micros: u64,
    start: OnceLock<Instant>,
}

impl TokioClock {
    /// A clock that shows `epoch_micros` when it is first read.
    pub fn starting_at(epoch_micros: u64) -> Self {
        Self {
            epoch_micros,
            start: OnceLock::new(),
        }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::starting_at(EPOCH_MICROS)
    }
}

impl Clock for TokioClock {
    fn now_micros(&self) -> u64 {
        if Handle::try_current().is_err() {
            return self.epoch_micros;
        }
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(*self.start.get_or_init(|| now));
        self.epoch_micros
            .saturating_add(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }
}
