//! Reading a Controller: everything at the start, and cheap lists from time to time that show what
//! others changed. Tasks of their own; what they find goes to the core.

use crate::core::wake::{SiteId, Wake, Wakes};
use crate::{scope, vital};
use aviary_avi::{AviKey, Inventory, Named, Observed, ObservedObject};
use aviary_session::{Drift, Error, LookedUp, Problem, Reading, Scope, Session, Stamp};
use aviary_settings::InstanceSettings;
use aviary_types::{DomainId, EcoString, eco_format};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What reading a Controller brings.
pub(crate) enum Told {
    /// What the cloud of a domain is; its objects are still being read.
    Cloud(Box<(InstanceSettings, Inventory)>),
    /// All of it.
    All(All),
    /// It cannot be read now; it is tried again.
    Trouble(EcoString),
    /// Name, uuid and stamp of everything, as of a list that began after this many writes.
    Stamps { writes: u64, stamps: Vec<Stamp> },
    /// These objects as they are now, read after this many writes.
    Changed {
        writes: u64,
        objects: BTreeMap<AviKey, Option<Arc<ObservedObject>>>,
    },
    /// What stands under the names that objects of a domain give, as of after this many writes.
    Named {
        domain: DomainId,
        writes: u64,
        found: LookedUp,
    },
    /// The look for changes failed; the next one comes in its time.
    NoStamps(EcoString),
}

/// A Controller as read in full.
#[derive(Default)]
pub(crate) struct All {
    /// What it was read for.
    pub(crate) instances: Vec<InstanceSettings>,
    /// So many writes had ended when it began.
    pub(crate) writes: u64,
    pub(crate) inventories: Vec<(DomainId, Inventory)>,
    pub(crate) observed: Observed,
    pub(crate) scopes: Vec<Scope>,
    /// What the settings name and the Controller does not have, in words.
    pub(crate) problems: Vec<EcoString>,
    /// What else is worth telling of them.
    pub(crate) remarks: Vec<EcoString>,
    /// Whether what stands is in another cloud than they say: then nothing may be written.
    pub(crate) is_misplaced: bool,
}

/// Who reads for which site.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) site: SiteId,
    pub(crate) session: Session,
    pub(crate) wakes: Wakes,
}

impl Reader {
    /// Reads everything that these settings need, as often as it takes, and where `former` ones may
    /// have left something. Until now so many writes have ended.
    pub(crate) fn read_all(
        self,
        instances: Vec<InstanceSettings>,
        former: Vec<InstanceSettings>,
        writes: u64,
    ) {
        vital::spawn(&self.wakes.clone(), "read Controller", async move {
            let mut failures = 0;
            loop {
                let error = match self.read_once(&instances, &former).await {
                    Ok(all) => return self.tell(Told::All(All { writes, ..all })).await,
                    Err(error) => error,
                };
                failures += 1;
                let pause = self.session.pause(failures, error.retry_after());
                tracing::warn!(%error, failures, ?pause, "the Controller cannot be read");
                self.tell(Told::Trouble(eco_format!("{}", aviary_boot::chain(&error))))
                    .await;
                tokio::select! {
                    biased;
                    () = self.wakes.closed() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    /// Looks for names in a cloud, as often as it takes.
    pub(crate) fn look_up(
        self,
        domain: DomainId,
        cloud: String,
        names: BTreeSet<Named>,
        writes: u64,
    ) {
        vital::spawn(&self.wakes.clone(), "look for names", async move {
            let mut failures = 0;
            loop {
                let looked = self.session.look_up(&domain.cluster, &cloud, &names).await;
                let error = match looked {
                    Ok(found) => {
                        let told = Told::Named {
                            domain,
                            writes,
                            found,
                        };
                        return self.tell(told).await;
                    }
                    Err(error) => error,
                };
                failures += 1;
                let pause = self.session.pause(failures, error.retry_after());
                tracing::warn!(%domain, %error, failures, ?pause, "names cannot be looked for");
                tokio::select! {
                    biased;
                    () = self.wakes.closed() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    /// Lists names and stamps.
    pub(crate) fn list_stamps(self, scopes: Vec<Scope>, writes: u64) {
        vital::spawn(&self.wakes.clone(), "look for drift", async move {
            let mut stamps = Vec::new();
            for scope in &scopes {
                match self.session.stamps(scope).await {
                    Ok(more) => stamps.extend(more),
                    Err(error) => {
                        tracing::warn!(%error, "the look for changes of others failed");
                        return self.tell(Told::NoStamps(error.message())).await;
                    }
                }
            }
            self.tell(Told::Stamps { writes, stamps }).await;
        });
    }

    /// Reads what a list showed to be changed. `lost` is gone unless it is found.
    pub(crate) fn read_changed(
        self,
        scopes: Vec<Scope>,
        (drift, lost): (Drift, Vec<AviKey>),
        writes: u64,
    ) {
        vital::spawn(
            &self.wakes.clone(),
            "read what others changed",
            async move {
                let gone = drift.gone.iter().chain(&lost);
                let mut objects: BTreeMap<AviKey, Option<Arc<ObservedObject>>> =
                    gone.map(|key| (key.clone(), None)).collect();
                let mut unknown = Vec::new();
                for scope in &scopes {
                    let read = self
                        .session
                        .refresh(scope, &Observed::default(), &drift)
                        .await;
                    match read {
                        Ok(Reading {
                            observed,
                            unreadable,
                        }) => {
                            unknown.extend(unreadable);
                            let found = observed.objects.values();
                            objects.extend(found.map(|it| (it.key.clone(), Some(it.clone()))));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "what others changed cannot be read");
                            return self.tell(Told::NoStamps(error.message())).await;
                        }
                    }
                }
                // What cannot be understood is not known to be gone.
                objects.retain(|key, now| {
                    let is_unknown = unknown
                        .iter()
                        .any(|it| it.kind == key.kind && it.name == key.name);
                    now.is_some() || !is_unknown
                });
                self.tell(Told::Changed { writes, objects }).await;
            },
        );
    }

    async fn read_once(
        &self,
        instances: &[InstanceSettings],
        former: &[InstanceSettings],
    ) -> Result<All, Error> {
        let mut all = All {
            instances: instances.to_vec(),
            ..All::default()
        };
        for settings in instances {
            let found = self.session.discover(&scope::wanted(settings)).await?;
            let domain = settings.domain();
            if !found.problems.iter().any(Problem::is_bar) {
                let cloud = Box::new((settings.clone(), found.inventory.clone()));
                self.tell(Told::Cloud(cloud)).await;
            }
            for problem in found.problems {
                tracing::warn!(%domain, %problem, "the settings do not fit the Controller");
                let text = eco_format!("{domain}: {problem}");
                let told = if problem.is_bar() {
                    &mut all.problems
                } else {
                    &mut all.remarks
                };
                told.push(text);
            }
            let scope = scope::of(settings, &found.inventory.vrf);
            let before = former.iter().find(|it| it.domain() == domain);
            let before = before.map(|before| scope::of(before, &found.inventory.vrf));
            let elsewhere = before.filter(|before| !scope.reaches(before));
            for scope in std::iter::once(scope).chain(elsewhere) {
                let reading = self.session.observe(&scope).await?;
                for object in reading.unreadable {
                    tracing::warn!(kind = %object.kind, name = %object.name, why = %object.why,
                        "an object of the Controller cannot be understood");
                }
                if let Some(why) = scope::misplaced(settings, &reading.observed) {
                    all.problems.push(eco_format!("{domain}: {why}"));
                    all.is_misplaced = true;
                }
                all.observed.extend(reading.observed);
                all.scopes.push(scope);
            }
            all.inventories.push((domain, found.inventory));
        }
        Ok(all)
    }

    async fn tell(&self, told: Told) {
        // Without a core there is nobody to tell.
        let _gone = self.wakes.send(Wake::Told(self.site, Box::new(told))).await;
    }
}
