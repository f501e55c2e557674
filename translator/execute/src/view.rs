//! What the executor takes the Controller to have: what the caller observed, and the outcomes that
//! the caller had not seen when it did.

use crate::outcome::Outcome;
use aviary_avi::{AviKey, Observed, ObservedObject};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::time::Instant;

pub(crate) struct View {
    observed: Observed,
    read_at: Instant,
    /// Outcomes that no submission has seen yet.
    recent: VecDeque<Outcome>,
}

impl View {
    pub(crate) fn new() -> Self {
        Self {
            observed: Observed::default(),
            read_at: Instant::now(),
            recent: VecDeque::new(),
        }
    }

    /// When the caller last read everything.
    pub(crate) fn read_at(&self) -> Instant {
        self.read_at
    }

    pub(crate) fn get(&self, key: &AviKey) -> Option<Arc<ObservedObject>> {
        self.observed.objects.get(key).cloned()
    }

    /// Takes over what the caller observed, with its outcomes up to number `seen`.
    pub(crate) fn replace(&mut self, observed: Observed, read_at: Instant, seen: u64) {
        while self.recent.front().is_some_and(|it| it.number <= seen) {
            self.recent.pop_front();
        }
        self.observed = observed;
        self.read_at = read_at;
        for outcome in &self.recent {
            outcome.apply(&mut self.observed);
        }
    }

    pub(crate) fn note(&mut self, outcome: &Outcome) {
        outcome.apply(&mut self.observed);
        self.recent.push_back(outcome.clone());
    }
}
