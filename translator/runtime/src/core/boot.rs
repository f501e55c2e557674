//! Makes the core from its parts, with what was kept over the restart.

use super::progress::{Progress, Workload};
use super::rebuild::Wants;
use super::settings;
use super::site::Site;
use super::status::Statuses;
use super::wake::{SiteId, Wake, Wakes};
use super::{Core, access};
use crate::control::Reader;
use crate::hub::watch_list::{watch_lists, watched};
use crate::hub::{Hub, object};
use crate::retain::{Names, Retain};
use crate::trace::Causes;
use crate::vital;
use aviary_boot::Clock;
use aviary_disk::{Kept, Restored};
use aviary_execute::{Bounds, Executor, Fence, Handle, Journal, Outcome};
use aviary_kinds::{RawObject, Room, When, rooms_of};
use aviary_link::translator::{Held, Limits};
use aviary_query::view::Snapshot;
use aviary_session::Session;
use aviary_settings::{ControllerAccess, InstanceSettings, Settings};
use aviary_store::Store;
use aviary_types::{ClusterName, DomainId, EcoString, Kind, ScopeKey, eco_format};
use imbl::OrdMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Plans that wait for an executor. One is enough: the core makes the next one when it is taken.
const PLANS_MAX: usize = 1;

/// What a core is made of.
pub(crate) struct Parts {
    pub(crate) clock: Clock,
    pub(crate) wakes: Wakes,
    pub(crate) settings: Settings,
    pub(crate) observe_only: bool,
    pub(crate) workload: Option<Workload>,
    pub(crate) grace: Duration,
    pub(crate) limits: Limits,
    pub(crate) retain: Retain,
    pub(crate) restored: Restored,
    pub(crate) controllers: Vec<ControllerParts>,
    pub(crate) published: watch::Sender<Snapshot>,
}

/// What a Controller's place in the core is made of.
pub(crate) struct ControllerParts {
    pub(crate) access: ControllerAccess,
    pub(crate) name: EcoString,
    pub(crate) instances: Vec<InstanceSettings>,
    pub(crate) session: Session,
    pub(crate) fence: Arc<dyn Fence>,
}

impl Core {
    /// A core that knows what was kept.
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            restored,
            controllers,
            ..
        } = parts;
        let lists = watch_lists(&restored.epochs, &parts.settings);
        let hub = Hub::new(parts.limits, lists);
        let site = |(id, controller): (SiteId, ControllerParts)| {
            site(
                id,
                controller,
                &parts.wakes,
                (&parts.settings, parts.observe_only),
            )
        };
        let progress = Progress::of(parts.workload.as_ref(), &parts.settings.home.name);
        let mut core = Self {
            progress,
            sites: controllers.into_iter().enumerate().map(site).collect(),
            started: Instant::now(),
            wakes: parts.wakes,
            settings_view: settings::view(&parts.settings, parts.clock.now()),
            overlaps: BTreeMap::new(),
            clock: parts.clock,
            settings: parts.settings,
            observe_only: parts.observe_only,
            grace: parts.grace,
            hub,
            epochs: restored.epochs.clone(),
            store: Store::default(),
            retain: parts.retain,
            wants: Wants::default(),
            statuses: Statuses::default(),
            causes: Causes::default(),
            pauses: BTreeMap::new(),
            stirred: BTreeSet::new(),
            scopes: OrdMap::new(),
            versions: OrdMap::new(),
            rebuild: true,
            unused_due: Instant::now(),
            marks: Vec::new(),
            news: true,
            published: parts.published,
            panicked: None,
        };
        core.restore(restored);
        if !core.observe_only {
            core.leave_unread();
        }
        for site in &core.sites {
            core.follow_logins(site);
        }
        core
    }

    pub(super) fn follow_logins(&self, site: &Site) {
        let (id, session) = (site.reader.site, &site.reader.session);
        let kept = (&self.retain, &self.clock);
        access::follow((id, &site.name), session, kept, &self.wakes);
    }

    /// Begins to read the Controllers. Nothing is translated before the cluster-wide scopes are
    /// heard, so they are shown from the start.
    pub(super) fn start(&mut self) {
        for site in &mut self.sites {
            self.stirred
                .extend(site.clusters().into_iter().map(ScopeKey::cluster_wide));
            site.read(site.instances.clone());
        }
    }

    fn restore(&mut self, restored: Restored) {
        let Restored {
            objects,
            scopes,
            names,
            unfit,
            emptied,
            schemes,
            overlaps,
            ..
        } = restored;
        let count = objects.len();
        let mut heard: BTreeSet<(ScopeKey, Kind)> = BTreeSet::new();
        for kept in objects {
            heard.insert((kept.key.scope(), kept.key.kind));
            if self.watches(&kept.key.cluster, kept.key.kind) {
                self.restore_one(kept);
            } else {
                self.retain.remove(&kept.key);
            }
        }
        // Of a kind that is not always watched, nothing kept may mean that nobody looked.
        let unwatched = |scope: &ScopeKey| {
            let mut rooms = self.watched(scope);
            rooms.any(|room| {
                let at_times = !matches!(room.when, When::Always);
                at_times && !heard.contains(&(scope.clone(), room.kind))
            })
        };
        let since = eco_format!("{:.0}", self.clock.now());
        let fit: Vec<ScopeKey> = scopes
            .into_iter()
            .filter(|it| !unfit.contains(it) && !unwatched(it))
            .collect();
        for scope in &fit {
            self.store.retain(scope, since.clone());
            self.stirred.insert(scope.clone());
        }
        for site in &mut self.sites {
            site.lane.restore_journal(&names);
            site.lane.restore_schemes(schemes.iter().cloned());
        }
        // How a domain names things is known as long as something of it may stand.
        let now: BTreeSet<DomainId> = self
            .settings
            .instances()
            .map(InstanceSettings::domain)
            .collect();
        let named = schemes.iter().map(|(domain, _)| DomainId::of_text(domain));
        self.settings_view.left = named.filter(|domain| !now.contains(domain)).collect();
        self.restore_emptied(emptied);
        self.restore_overlaps(overlaps);
        if count > 0 {
            tracing::info!(
                objects = count,
                scopes = fit.len(),
                waiting = unfit.len(),
                "restored"
            );
        }
    }

    /// The rooms of a scope whose kinds its agents watch.
    pub(super) fn watched(&self, scope: &ScopeKey) -> impl Iterator<Item = &'static Room> {
        rooms_of(scope).filter(|room| self.watches(&scope.cluster, room.kind))
    }

    /// Whether a cluster's agents watch a kind.
    pub(super) fn watches(&self, cluster: &ClusterName, kind: Kind) -> bool {
        watched(&self.settings, cluster).any(|room| room.kind == kind)
    }

    fn restore_one(&mut self, kept: Kept) {
        let Kept {
            key,
            record,
            accepted,
        } = kept;
        let version = EcoString::from(record.version.as_str());
        if accepted {
            let held = Held {
                digest: record.digest(),
                version: version.clone(),
                incomplete: record.incomplete,
            };
            self.hub.hold(&key, held);
        }
        self.versions.insert(key.clone(), version.clone());
        self.store.apply(RawObject {
            key,
            uid: record.uid.as_str().into(),
            resource_version: version,
            created: record.created.as_str().into(),
            json: object::parse(&record.json),
            contents: false,
        });
    }
}

/// Most writes at the same time.
pub(super) fn most(settings: &Settings) -> u32 {
    u32::try_from(settings.service.max_writes_in_flight).unwrap_or(u32::MAX)
}

pub(super) fn site(
    id: SiteId,
    controller: ControllerParts,
    wakes: &Wakes,
    (settings, observe_only): (&Settings, bool),
) -> Site {
    let ControllerParts {
        access,
        name,
        instances,
        session,
        fence,
    } = controller;
    let reader = Reader {
        site: id,
        session: session.clone(),
        wakes: wakes.clone(),
    };
    let executor = (!observe_only).then(|| {
        let journal: Arc<dyn Journal> = Arc::new(Names {
            wakes: wakes.clone(),
        });
        let bounds = Bounds {
            writes_in_flight_max: most(settings),
            ..Bounds::default()
        };
        let executor = Executor::new(session, fence, journal).with_bounds(bounds);
        let (handle, outcomes) = executor.spawn(PLANS_MAX);
        let handle = Arc::new(handle);
        forward(id, Arc::downgrade(&handle), outcomes, wakes);
        handle
    });
    Site::new((name, access), instances, reader, executor)
}

/// Brings outcomes to the core. They end when the executor is given up; one that ends before has
/// panicked.
fn forward(
    id: SiteId,
    executor: Weak<Handle>,
    mut outcomes: mpsc::Receiver<Outcome>,
    wakes: &Wakes,
) {
    let core = wakes.clone();
    vital::spawn(wakes, "outcomes", async move {
        while let Some(outcome) = outcomes.recv().await {
            let wake = Wake::Outcome(id, Box::new(outcome));
            if core.send(wake).await.is_err() {
                return;
            }
        }
        if executor.upgrade().is_some() {
            // Without a core everything has ended already.
            let _gone = core.send(Wake::Panicked("executor")).await;
        }
    });
}
