//! The pause of a whole Controller: it takes nothing from us now, whatever it is.

use super::{AWAY_MAX, Look, Site, pause};
use aviary_types::EcoString;
use tokio::time::Instant;

/// It is upgraded, or refuses the login.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) until: Instant,
    failures: u32,
    why: EcoString,
}

impl Site {
    /// The next plan waits, with all that is to be done: nothing is tried one by one.
    pub(super) fn rest(&mut self, why: EcoString) {
        let now = Instant::now();
        self.look = Look::Now;
        if self.is_resting(now) {
            return;
        }
        let failures = self.rest.as_ref().map_or(0, |rest| rest.failures) + 1;
        let until = now + pause(failures, AWAY_MAX);
        tracing::warn!(controller = %self.name, %why, "the Controller takes nothing now: plans wait");
        self.rest = Some(Rest {
            until,
            failures,
            why,
        });
    }

    pub(super) fn is_resting(&self, now: Instant) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.until > now)
    }

    /// What is wrong with the Controller, in words.
    pub(crate) fn trouble(&self) -> EcoString {
        let rest = self.rest.as_ref().filter(|_| self.trouble.is_empty());
        rest.map_or_else(|| self.trouble.clone(), |rest| rest.why.clone())
    }
}
