//! Domains whose hosts were placed anew: until when old parents serve beside the new ones. The
//! instants survive a restart.

use super::Core;
use aviary_kinds::avi_infra_setting::moves_hosts;
use aviary_settings::{InstanceSettings, Settings};
use aviary_types::{DomainId, EcoString, ObjectKey, eco_format};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

impl Core {
    /// Notes which domains place their hosts anew with settings that come into force.
    pub(super) fn begin_overlaps(&mut self, former: &Settings) {
        let settings = self.settings.clone();
        for next in settings.instances() {
            let domain = next.domain();
            let overlap = next.aviary.reshard_overlap;
            if overlap.is_zero() {
                if self.overlaps.remove(&domain).is_some() {
                    self.retain.overlapped(told(&domain));
                }
                continue;
            }
            if former.instance(&domain).is_some_and(|it| places(it, next)) {
                self.begin_overlap(domain, overlap);
            }
        }
    }

    /// Takes a change of an object, and notes which domains place their hosts anew with it.
    pub(super) fn overlapping<T>(
        &mut self,
        key: &ObjectKey,
        change: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let former = self.store.current(key).cloned();
        let outcome = change(self);
        let next = self.store.current(key).map(|entry| &entry.fact);
        if former.is_some_and(|former| moves_hosts(&former.fact, next)) {
            let settings = self.settings.clone();
            let instances = settings.instances();
            for instance in instances.filter(|it| it.domain().cluster == key.cluster) {
                let overlap = instance.aviary.reshard_overlap;
                if !overlap.is_zero() {
                    self.begin_overlap(instance.domain(), overlap);
                }
            }
        }
        outcome
    }

    fn begin_overlap(&mut self, domain: DomainId, overlap: Duration) {
        if let Ok(until) = self.clock.now().checked_add(overlap) {
            tracing::info!(%domain, %until, "old parents serve beside the new ones");
            self.retain.overlap(told(&domain), until);
            self.overlaps.insert(domain, until);
        }
    }

    /// Ends those whose time is over, and hands the others to the lanes.
    pub(super) fn look_at_overlaps(&mut self) {
        let now = self.clock.now();
        let over = self.overlaps.extract_if(.., |_, until| *until <= now);
        for (domain, _) in over {
            tracing::info!(%domain, "old parents serve no more");
            self.retain.overlapped(told(&domain));
        }
        for site in &mut self.sites {
            let domains = site.lane.domains().into_iter();
            let domains = domains.filter(|domain| self.overlaps.contains_key(domain));
            let domains: BTreeSet<DomainId> = domains.collect();
            if site.lane.overlap(domains) {
                site.mark();
            }
        }
    }

    /// Takes over what was known before a restart.
    pub(super) fn restore_overlaps(&mut self, overlaps: Vec<(EcoString, Timestamp)>) {
        for (name, until) in overlaps {
            let mut domains = self.settings.instances().map(InstanceSettings::domain);
            if let Some(domain) = domains.find(|domain| told(domain) == name) {
                self.overlaps.insert(domain, until);
            }
        }
    }
}

fn told(domain: &DomainId) -> EcoString {
    eco_format!("{domain}")
}

/// Whether hosts have other parents with other settings.
fn places(former: &InstanceSettings, next: &InstanceSettings) -> bool {
    former.l7.shard_size != next.l7.shard_size
        || former.l7.passthrough_shard_size != next.l7.passthrough_shard_size
        || former.ako.naming_scheme != next.ako.naming_scheme
}
