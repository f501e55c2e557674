//! All chance of one actor: a seeded stream of its own, so that another actor shifts nothing.

use std::time::Duration;

use aviary_link::digest::Digest;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A seeded source of chance.
#[derive(Debug)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of the actor with this name.
    pub(crate) fn new(seed: u64, actor: &str) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let name = Digest::over(&[actor.as_bytes()]).to_wire();
        let stream = name
            .iter()
            .take(8)
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        rng.set_stream(stream);
        Self(rng)
    }

    /// Between half of a duration and all of it.
    pub(crate) fn jitter(&mut self, whole: Duration) -> Duration {
        let half = whole / 2;
        half + half.mul_f64(f64::from(self.0.next_u32()) / f64::from(u32::MAX))
    }

    /// Hexadecimal digits for a name.
    pub(crate) fn hex(&mut self) -> String {
        format!("{:016x}", self.0.next_u64())
    }
}

/// Waits between tries: doubles from a first to a longest, with jitter.
#[derive(Debug)]
pub(crate) struct Backoff {
    chance: Chance,
    first: Duration,
    longest: Duration,
    tries: u32,
}

impl Backoff {
    pub(crate) fn new(chance: Chance, first: Duration, longest: Duration) -> Self {
        Self {
            chance,
            first,
            longest,
            tries: 0,
        }
    }

    /// How long to wait before the next try.
    pub(crate) fn next(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.tries.min(16));
        self.tries = self.tries.saturating_add(1);
        self.chance.jitter(doubled.min(self.longest))
    }

    /// A try succeeded.
    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_are_reproducible() {
        let waits = |actor: &str| {
            let chance = Chance::new(7, actor);
            let mut backoff = Backoff::new(chance, Duration::from_secs(1), Duration::from_secs(8));
            (0..6).map(|_| backoff.next()).collect::<Vec<_>>()
        };
        let one = waits("a");
        assert_eq!(one, waits("a"));
        assert_ne!(one, waits("b"));
        assert!(one[0] >= Duration::from_millis(500) && one[0] <= Duration::from_secs(1));
        assert!(one[5] >= Duration::from_secs(4) && one[5] <= Duration::from_secs(8));
    }
}
