//! Reading a Controller in full, and the settings that count from then on.

use super::Site;
use crate::control::All;
use crate::lane::Lane;
use aviary_avi::{AviKey, Inventory};
use aviary_settings::InstanceSettings;
use aviary_types::EcoString;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// What settings name and a Controller lacks is looked for this often.
const AGAIN: Duration = Duration::from_secs(30);

/// What is being read, and for what.
#[derive(Default)]
pub(crate) struct Reading {
    /// Settings that count once the Controller was read for them.
    pub(crate) pending: Option<Vec<InstanceSettings>>,
    /// What they name and the Controller does not have.
    pub(crate) lacking: Vec<EcoString>,
    /// When it is read again for it.
    again: Option<Instant>,
    /// It is under way.
    pub(crate) is_active: bool,
}

impl Reading {
    /// Whether settings are about to come into force.
    pub(super) fn is_awaited(&self) -> bool {
        self.pending.is_some() && self.lacking.is_empty()
    }

    /// When it is read again.
    pub(super) fn again(&self) -> Option<Instant> {
        self.again
    }
}

impl Site {
    /// Reads everything for these settings, which count from then on.
    pub(crate) fn read(&mut self, instances: Vec<InstanceSettings>) {
        let former = if instances == self.instances {
            Vec::new()
        } else {
            self.reading.pending = Some(instances.clone());
            self.instances.clone()
        };
        self.reading.again = None;
        self.reading.is_active = true;
        let reader = self.reader.clone();
        reader.read_all(instances, former, self.seen);
    }

    /// What a cloud is, while the objects are read for the first time. Answers whether that is of use.
    pub(crate) fn foresee(&mut self, (of, inventory): (InstanceSettings, Inventory)) -> bool {
        let is_first = self.lane.observed().is_none() && self.reading.pending.is_none();
        let is_of_use = is_first && !self.closed && self.instances.contains(&of);
        if is_of_use {
            self.lane.discover(&of.domain(), inventory);
        }
        is_of_use
    }

    /// Everything was read. Answers whether it counts: other settings may have come meanwhile, or
    /// what these name may not be there.
    pub(crate) fn take(&mut self, mut all: All) -> bool {
        let expected = self.reading.pending.as_ref().unwrap_or(&self.instances);
        if self.closed || *expected != all.instances {
            return false;
        }
        self.reading.is_active = false;
        let waits = self.reading.pending.is_some() || all.is_misplaced;
        if waits && !all.problems.is_empty() {
            let what = all.problems.join("; ");
            tracing::warn!(controller = %self.name, %what, "settings wait for the Controller");
            self.reading.pending = Some(all.instances);
            self.reading.lacking = all.problems;
            self.reading.again = Some(Instant::now() + AGAIN);
            return false;
        }
        self.trouble = [&*all.problems, &*all.remarks].concat().join("; ").into();
        self.keep_newer(&mut all);
        let instances = self.reading.pending.take().unwrap_or_default();
        if !instances.is_empty() {
            self.apply(instances);
        }
        for (domain, inventory) in all.inventories {
            self.lane.discover(&domain, inventory);
        }
        self.scopes = all.scopes;
        self.lane.observe(all.observed);
        self.read_at = Instant::now();
        self.mark();
        true
    }

    /// What was written while it was read is as the write left it.
    fn keep_newer(&self, all: &mut All) {
        let Some(known) = self.lane.observed() else {
            return;
        };
        let written = self.written.iter().filter(|(_, at)| **at > all.writes);
        let newer: BTreeSet<&AviKey> = written
            .map(|(key, _)| key)
            .chain(self.busy.keys())
            .collect();
        for key in newer {
            match known.objects.get(key) {
                Some(object) => all.observed.insert((**object).clone()),
                None => all.observed.remove(key),
            }
        }
    }

    /// These settings count from here on.
    pub(crate) fn apply(&mut self, instances: Vec<InstanceSettings>) {
        self.reading.pending = None;
        self.reading.lacking.clear();
        self.reading.again = None;
        self.instances.clone_from(&instances);
        self.lane.configure(instances);
        self.mark();
    }

    /// Serves nobody any more: what was asked for is given up.
    pub(crate) fn retire(&mut self) {
        self.closed = true;
        self.open = false;
        self.executor = None;
        self.close();
        self.apply(Vec::new());
        self.lane = Lane::new(Vec::new());
    }

    /// Reads again for settings that wait, if it is time.
    pub(crate) fn look_again(&mut self, now: Instant) {
        if self.reading.again.is_some_and(|at| at <= now)
            && let Some(pending) = self.reading.pending.clone()
        {
            self.read(pending);
        }
    }
}
