//! Other settings while all goes on. What they need of a Controller is read before they count there;
//! until then, and where they cannot be used at all, those before stay in force.

use super::Core;
use super::boot::{self, ControllerParts};
use super::site::Site;
use super::wake::{Changed, SettingsNews};
use crate::hub::watch_list::{watch_lists, watched};
use crate::scope;
use crate::service;
use aviary_kinds::rooms_of;
use aviary_query::view::SettingsView;
use aviary_settings::{InstanceSettings, SettingError, Settings};
use aviary_types::{ClusterName, Digest, DomainId, EcoString, ScopeKey, eco_format};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::time::Instant;
use tonic::Status;

impl Core {
    pub(super) fn settings_news(&mut self, news: SettingsNews) {
        self.news = true;
        match news {
            SettingsNews::Changed(changed, reply) => {
                let taken = self.configure(*changed);
                if let Err(refused) = &taken {
                    self.refuse_settings(eco_format!("{refused}"));
                }
                // Whoever asked may have gone.
                let _unread = reply.send(taken);
            }
            SettingsNews::Unfit(why) => self.refuse_settings(why),
            SettingsNews::AsInForce => {
                self.settings_view.refused = None;
            }
        }
    }

    fn refuse_settings(&mut self, why: EcoString) {
        let known = self.settings_view.refused.as_ref();
        if known.is_some_and(|(_, known)| *known == why) {
            return;
        }
        tracing::error!(%why, "newer settings are not taken over: those before stay in force");
        self.settings_view.refused = Some((self.clock.now(), why));
    }

    fn configure(&mut self, changed: Changed) -> Result<(), SettingError> {
        let Changed {
            settings,
            controllers,
        } = changed;
        if let Some(refused) = self.settings.refused_change(&settings) {
            return Err(refused);
        }
        self.settings_view.left = self.left_by(&settings);
        let clusters = |settings: &Settings| -> BTreeSet<ClusterName> {
            settings.all_clusters().map(|it| it.name.clone()).collect()
        };
        let (before, after) = (clusters(&self.settings), clusters(&settings));
        for controller in controllers {
            let is_known = |site: &Site| !site.closed && site.access == controller.access;
            if !self.sites.iter().any(is_known) {
                let parts = service::part(controller, &settings);
                self.add_site(parts, &settings);
            }
        }
        for id in 0..self.sites.len() {
            self.configure_site(id, &settings);
        }
        for cluster in before.difference(&after) {
            self.forget_cluster(cluster);
        }
        let added = after.difference(&before);
        self.stirred.extend(added.map(ScopeKey::cluster_wide));
        tracing::info!("new settings are in force");
        let former = std::mem::replace(&mut self.settings, settings);
        self.settings_view = SettingsView {
            refused: None,
            left: std::mem::take(&mut self.settings_view.left),
            ..view(&self.settings, self.clock.now())
        };
        self.rebuild = true;
        self.begin_overlaps(&former);
        self.follow_kinds(&former);
        Ok(())
    }

    /// The domains of which something stays on a Controller though these settings do not have them.
    /// What is nobody's any more is forgotten.
    fn left_by(&mut self, settings: &Settings) -> Vec<DomainId> {
        let now: BTreeSet<DomainId> = settings.instances().map(domain).collect();
        let left = self.settings_view.left.iter().cloned();
        let mut left: Vec<DomainId> = left.filter(|domain| !now.contains(domain)).collect();
        let before: BTreeSet<DomainId> = self.settings.instances().map(domain).collect();
        for domain in before.difference(&now) {
            self.leave(domain);
            let mut sites = self.sites.iter().filter(|it| it.serves(&domain.cluster));
            if sites.any(|site| !site.closed && site.lane.may_have(domain)) {
                tracing::warn!(%domain, "it is configured no more: its objects stay on the Controller");
                left.push(domain.clone());
                continue;
            }
            for site in &mut self.sites {
                site.lane.forget_scheme(domain);
            }
            self.retain.forget_scheme(eco_format!("{domain}"));
        }
        left
    }

    fn add_site(&mut self, parts: ControllerParts, settings: &Settings) {
        let id = self.sites.len();
        let mut site = boot::site(id, parts, &self.wakes, (settings, self.observe_only));
        for known in &self.sites {
            site.lane.restore_journal(known.lane.journal());
        }
        tracing::info!(controller = %site.name, "a Controller is new");
        self.follow_logins(&site);
        site.read(site.instances.clone());
        self.sites.push(site);
    }

    /// Brings what is asked of one Controller up to date.
    fn configure_site(&mut self, id: usize, settings: &Settings) {
        let Some(site) = self.sites.get_mut(id).filter(|site| !site.closed) else {
            return;
        };
        let clusters = settings.all_clusters();
        let clusters = clusters.filter(|cluster| cluster.controller == site.access);
        let instances: Vec<InstanceSettings> = clusters
            .flat_map(|cluster| &cluster.instances)
            .cloned()
            .collect();
        if instances.is_empty() {
            tracing::info!(controller = %site.name, "no cluster is served by this Controller any more");
            site.retire();
            return;
        }
        if let Some(executor) = &site.executor {
            executor.set_writes_in_flight_max(boot::most(settings));
        }
        let soon = Instant::now() + settings.service.drift_interval;
        site.drift_due = site.drift_due.map(|due| due.min(soon));
        if site.reading.pending.as_ref() == Some(&instances) {
            return;
        }
        let is_read = || site.lane.observed().is_some();
        let waits = site.reading.pending.is_some();
        if instances == site.instances && !waits {
            return;
        }
        if instances == site.instances || (reads_alike(&site.instances, &instances) && is_read()) {
            site.apply(instances);
        } else {
            site.read(instances);
        }
    }

    /// Nobody speaks for a cluster any more, and nothing is known of it.
    fn forget_cluster(&mut self, cluster: &ClusterName) {
        let sessions = self.hub.agents();
        let sessions = sessions.filter(|(_, about)| about.cluster == *cluster);
        for id in sessions.map(|(id, _)| id).collect::<Vec<_>>() {
            let why = "the cluster is configured here no more";
            self.left(id, Some(Status::permission_denied(why)));
        }
        let scopes = self.store.peek().scopes().map(|(scope, _)| scope.clone());
        let scopes = scopes.chain(self.scopes.keys().cloned());
        let scopes: BTreeSet<ScopeKey> = scopes.filter(|it| it.cluster == *cluster).collect();
        for scope in &scopes {
            if let Err(why) = self.release(scope) {
                tracing::debug!(%scope, %why, "it is known no more");
            }
            self.stirred.remove(scope);
        }
    }

    /// Has agents watch what the settings ask for now. Scopes in which a kind is new are not
    /// translated until it was heard: nothing changes for what stands for them. What is kept of a
    /// kind that is watched no more would be out of date after the next start.
    fn follow_kinds(&mut self, former: &Settings) {
        let scopes: Vec<ScopeKey> = self
            .store
            .peek()
            .scopes()
            .map(|(it, _)| it.clone())
            .collect();
        for scope in scopes {
            for room in rooms_of(&scope) {
                let was = watched(former, &scope.cluster).any(|it| it.kind == room.kind);
                match (was, self.watches(&scope.cluster, room.kind)) {
                    (false, true) => self.store.withdraw(&scope),
                    (true, false) => {
                        for key in self.store.keys_of(&scope, room.kind) {
                            self.retain.remove(&key);
                        }
                    }
                    _ => continue,
                }
                self.stirred.insert(scope.clone());
            }
        }
        for received in self.hub.watch(watch_lists(&self.epochs, &self.settings)) {
            self.learn(&received.cluster, received.events);
        }
    }

    /// What is shown of the settings.
    pub(super) fn settings_view(&self) -> Arc<SettingsView> {
        let sites = self.sites.iter().filter(|site| !site.closed);
        let waiting = sites.flat_map(|site| site.reading.lacking.iter().cloned());
        Arc::new(SettingsView {
            waiting: waiting.collect(),
            ..self.settings_view.clone()
        })
    }
}

fn domain(instance: &InstanceSettings) -> DomainId {
    instance.domain()
}

/// Whether a Controller needs not be read anew to know what other settings come to.
fn reads_alike(former: &[InstanceSettings], next: &[InstanceSettings]) -> bool {
    let alike = |(former, next): (&InstanceSettings, &InstanceSettings)| {
        scope::wanted(former) == scope::wanted(next) && scope::of(former, "") == scope::of(next, "")
    };
    former.len() == next.len() && former.iter().zip(next).all(alike)
}

/// What is shown of settings that came into force.
pub(super) fn view(settings: &Settings, now: Timestamp) -> SettingsView {
    let shown = serde_json::to_string(settings).unwrap_or_default();
    SettingsView {
        in_force: shown.into(),
        digest: eco_format!("{}", Digest::of_value(settings)),
        since: now,
        ..SettingsView::default()
    }
}
