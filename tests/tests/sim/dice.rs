//! All chance of one actor: a stream of its own, so that a new actor shifts nobody.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aviary_types::Digest;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// The dice of one actor.
#[derive(Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of the actor with this name.
    pub(crate) fn new(seed: u64, actor: &str) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(Digest::of(actor.as_bytes()).0);
        Self(rng)
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from `from` to `to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.number() % (to - from + 1)
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.number().is_multiple_of(times)
    }

    /// How long something takes on its way: mostly a little, now and then much.
    pub(crate) fn delay(&mut self) -> Duration {
        let most = if self.once_in(12) { 120 } else { 4 };
        Duration::from_millis(self.between(0, most))
    }
}

/// Real pauses of the thread, from real chance. Virtual time does not see them, so that whatever
/// they change was read from the machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naps(Option<Arc<Mutex<VecDeque<Duration>>>>);

impl Naps {
    /// So many pauses of up to two milliseconds.
    pub(crate) fn some(count: usize) -> Self {
        let chance = RandomState::new();
        let micros = |index: usize| Duration::from_micros(chance.hash_one(index) % 2_000);
        Self(Some(Arc::new(Mutex::new((0..count).map(micros).collect()))))
    }

    /// One pause, if any is left.
    #[expect(
        clippy::disallowed_methods,
        reason = "the real clock is to move on by itself here"
    )]
    pub(crate) fn nap(&self) {
        let Some(left) = &self.0 else { return };
        let next = left
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        if let Some(time) = next {
            std::thread::sleep(time);
        }
    }
}
