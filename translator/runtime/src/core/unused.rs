//! Shard parents without hosts: those whose time is over may go. Since when each is empty survives a
//! restart.

use super::Core;
use super::site::Site;
use aviary_avi::{AviKey, Presence};
use aviary_settings::UnusedShards;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// How often it is looked. The times are hours.
const EVERY: Duration = Duration::from_mins(1);

impl Core {
    /// Lets parents go whose time is over.
    pub(super) fn look_at_unused(&mut self) {
        let now = Instant::now();
        if self.unused_due > now {
            return;
        }
        self.unused_due = now + EVERY;
        let today = self.clock.now();
        for site in self.sites.iter_mut().filter(|site| site.open) {
            let empty = empty(site);
            let known = std::mem::take(&mut site.emptied);
            for key in known.keys().filter(|key| !empty.contains_key(*key)) {
                self.retain.filled(&site.name, key);
            }
            let mut expired = BTreeSet::new();
            for (key, after) in empty {
                let since = known.get(&key).copied().unwrap_or_else(|| {
                    self.retain.emptied(&site.name, &key, today);
                    today
                });
                if since.checked_add(after).is_ok_and(|end| end <= today) {
                    expired.insert(key.clone());
                }
                site.emptied.insert(key, since);
            }
            if expired != site.expired {
                site.expired.clone_from(&expired);
                site.lane.expire(expired);
                site.mark();
            }
        }
    }

    /// Takes over since when parents were empty before the restart.
    pub(super) fn restore_emptied(&mut self, emptied: Vec<(String, AviKey, Timestamp)>) {
        for (name, key, since) in emptied {
            let site = self.sites.iter_mut().find(|site| *site.name == *name);
            if let Some(site) = site {
                site.emptied.insert(key, since);
            }
        }
    }
}

/// Parents without hosts that exist, and how long each may stay so.
fn empty(site: &Site) -> BTreeMap<AviKey, Duration> {
    let Some(observed) = site.lane.observed() else {
        return BTreeMap::new();
    };
    let desired = site.lane.built().desired.objects.values();
    let empty = desired.filter(|it| it.presence == Presence::IfObserved);
    let there = empty.filter(|it| observed.objects.contains_key(&it.key));
    there
        .filter_map(|it| {
            let env = site.lane.env(&it.domain)?;
            match env.settings.aviary.unused_shards(env.scheme) {
                UnusedShards::Keep => None,
                UnusedShards::RemoveAfter(after) => Some((it.key.clone(), after)),
            }
        })
        .collect()
}
