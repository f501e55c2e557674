//! Pauses between tries: growing, jittered from a seed, so that a run can be repeated.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
/// The longest wait that a Controller may ask of us.
const ASKED_LONGEST: Duration = Duration::from_mins(5);

/// The random source of one session's pauses.
#[derive(Debug)]
pub(crate) struct Backoff(Mutex<ChaCha8Rng>);

impl Backoff {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }

    /// The pause after the given number of failures (from 1). What the Controller asks for is kept,
    /// with some jitter on top, so that not everyone comes back at once.
    pub(crate) fn pause(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
        let full = doubled.min(LONGEST);
        let half = full / 2;
        let jittered = half + self.part_of(half);
        match asked {
            Some(asked) => asked.min(ASKED_LONGEST) + self.part_of(FIRST),
            None => jittered,
        }
    }

    fn part_of(&self, whole: Duration) -> Duration {
        let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut dice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(dice.next_u64() % millis)
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use std::time::Duration;

    #[test]
    fn pauses_grow_up_to_a_limit_and_repeat_with_the_seed() {
        let pauses = |seed| {
            let backoff = Backoff::seeded(seed);
            (1..40)
                .map(|n| backoff.pause(n, None))
                .collect::<Vec<Duration>>()
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
        assert!(pauses(3)[0] < Duration::from_millis(250));
        assert!(
            pauses(3)
                .iter()
                .all(|pause| *pause <= Duration::from_secs(30))
        );
        assert!(pauses(3)[20] >= Duration::from_secs(15));
        let asked = Backoff::seeded(1).pause(1, Some(Duration::from_secs(7)));
        assert!(asked >= Duration::from_secs(7) && asked < Duration::from_secs(8));
    }
}
