//! How many writes go out at the same time: a little more after each success, much less when the
//! Controller complains, a little less when it becomes slow.

use aviary_avi::AviKind;
use aviary_plan::Method;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

const START: u32 = 8;
/// One write in thousandths.
const ONE: u32 = 1_000;
/// Slower than this many times the usual is slow.
const SLOW: u32 = 3;
/// Differences below this are noise.
const NOISE: Duration = Duration::from_millis(100);
/// After a step down, the next one waits for the effect of the first.
const SETTLE: Duration = Duration::from_secs(1);

/// The limit and what it is learned from.
#[derive(Debug)]
pub(crate) struct Limit {
    /// In thousandths.
    now: u32,
    most: u32,
    usual: BTreeMap<(Method, AviKind), Pace>,
    settled_at: Option<Instant>,
}

/// How long one kind of write takes.
#[derive(Debug, Clone, Copy)]
struct Pace {
    usual: Duration,
    recent: Duration,
}

impl Limit {
    pub(crate) fn new(most: u32) -> Self {
        let most = most.max(1).saturating_mul(ONE);
        Self {
            now: most.min(START * ONE),
            most,
            usual: BTreeMap::new(),
            settled_at: None,
        }
    }

    /// Allows so many writes at the same time from here on.
    pub(crate) fn set_most(&mut self, most: u32) {
        self.most = most.max(1).saturating_mul(ONE);
        self.now = self.now.min(self.most);
    }

    /// How many writes may be under way.
    pub(crate) fn now(&self) -> usize {
        usize::try_from(self.now / ONE).unwrap_or(1).max(1)
    }

    /// A write was answered after this time.
    pub(crate) fn answered(&mut self, what: (Method, AviKind), took: Duration) {
        let pace = self.usual.entry(what).or_insert(Pace {
            usual: took,
            recent: took,
        });
        pace.recent = (pace.recent * 7 + took) / 8;
        // Fast ones count at once, slow ones creep in: the usual is what it can do when unhurried.
        pace.usual = took.min((pace.usual * 255 + took) / 256);
        if pace.recent > pace.usual * SLOW + NOISE {
            self.step_down(7, 8);
        } else {
            let step = ONE * ONE / self.now.max(ONE);
            self.now = self.most.min(self.now + step);
        }
    }

    /// The Controller said that it gets too much, or did not answer.
    pub(crate) fn refused(&mut self) {
        self.step_down(1, 2);
    }

    fn step_down(&mut self, part: u32, of: u32) {
        let now = Instant::now();
        if self.settled_at.is_none_or(|at| at <= now) {
            self.settled_at = Some(now + SETTLE);
            self.now = (self.now / of * part).max(ONE);
            tracing::debug!(writes = self.now(), "fewer writes at a time");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Limit;
    use aviary_avi::AviKind;
    use aviary_plan::Method;
    use std::time::Duration;

    const WHAT: (Method, AviKind) = (Method::Create, AviKind::Pool);

    fn answers(limit: &mut Limit, count: u32, millis: u64) {
        for _ in 0..count {
            limit.answered(WHAT, Duration::from_millis(millis));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_starts_at_eight_and_grows_to_its_cap() {
        let mut limit = Limit::new(32);
        assert_eq!(limit.now(), 8);
        answers(&mut limit, 9, 100);
        assert_eq!(limit.now(), 9);
        answers(&mut limit, 2_000, 100);
        assert_eq!(limit.now(), 32);
        assert_eq!(Limit::new(3).now(), 3);
        limit.set_most(5);
        assert_eq!(limit.now(), 5);
        limit.set_most(64);
        answers(&mut limit, 4_000, 100);
        assert_eq!(limit.now(), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn it_halves_once_when_the_controller_complains() {
        let mut limit = Limit::new(32);
        for _ in 0..10 {
            limit.refused();
        }
        assert_eq!(limit.now(), 4);
        tokio::time::advance(Duration::from_secs(2)).await;
        limit.refused();
        assert_eq!(limit.now(), 2);
        for _ in 0..10 {
            tokio::time::advance(Duration::from_secs(2)).await;
            limit.refused();
        }
        assert_eq!(limit.now(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn it_falls_while_the_controller_becomes_slow_and_other_kinds_do_not_count() {
        let mut limit = Limit::new(32);
        answers(&mut limit, 100, 100);
        let before = limit.now();
        limit.answered(
            (Method::Create, AviKind::VirtualService),
            Duration::from_secs(9),
        );
        assert!(limit.now() >= before);
        for _ in 0..20 {
            tokio::time::advance(Duration::from_secs(2)).await;
            answers(&mut limit, 1, 2_000);
        }
        assert!(limit.now() < before / 2, "{}", limit.now());
    }
}
