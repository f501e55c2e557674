//! What the executor takes the Controller to have: what the caller observed, and what outcomes
//! brought that the caller had not seen when it did.

use crate::outcome::Outcome;
use aviary_avi::{AviKey, Observed, ObservedObject};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

pub(crate) struct View {
    observed: Observed,
    read_at: Instant,
    /// What outcomes brought that no submission has seen yet, with the number of the last one.
    recent: BTreeMap<AviKey, (u64, Option<Arc<ObservedObject>>)>,
}

impl View {
    pub(crate) fn new() -> Self {
        Self {
            observed: Observed::default(),
            read_at: Instant::now(),
            recent: BTreeMap::new(),
        }
    }

    /// When the caller last read everything.
    pub(crate) fn read_at(&self) -> Instant {
        self.read_at
    }

    pub(crate) fn get(&self, key: &AviKey) -> Option<Arc<ObservedObject>> {
        match self.recent.get(key) {
            Some((_, now)) => now.clone(),
            None => self.observed.objects.get(key).cloned(),
        }
    }

    /// Takes over what the caller observed, with its outcomes up to number `seen`.
    pub(crate) fn replace(&mut self, observed: Observed, read_at: Instant, seen: u64) {
        self.recent.retain(|_, (number, _)| *number > seen);
        self.observed = observed;
        self.read_at = read_at;
    }

    pub(crate) fn note(&mut self, outcome: &Outcome) {
        if let Some(now) = outcome.learnt() {
            let key = outcome.op.key.object.clone();
            self.recent.insert(key, (outcome.number, now.cloned()));
        }
    }
}
