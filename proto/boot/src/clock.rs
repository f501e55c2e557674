//! The one source of wall-clock time.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// Says what time it is. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::read(Timestamp::now)
    }

    /// A clock that is read with a function.
    pub fn read(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// A clock that starts at an instant and goes on as tokio's time does: it stands still while
    /// that is paused. To be made inside the runtime.
    pub fn virtual_from(start: Timestamp) -> Self {
        let origin = tokio::time::Instant::now();
        Self::read(move || {
            start
                .checked_add(origin.elapsed())
                .unwrap_or(Timestamp::MAX)
        })
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn virtual_time_follows_tokio() {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let clock = Clock::virtual_from(start);
        assert_eq!(clock.now(), start);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(clock.now().as_second(), start.as_second() + 60);
    }
}
