//! How far `deleteConfig` has come: a condition of the translator's own StatefulSet, as AKO's FAQ
//! describes it. The agent with cluster-wide scope writes it.

use super::Core;
use super::site::Site;
use aviary_avi::Owned;
use aviary_kinds::status::Wish;
use aviary_settings::InstanceSettings;
use aviary_types::{ClusterName, DomainId, EcoString, Kind, ObjectKey, eco_format, kind};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;

/// The workload that the progress stands on.
const KIND: Kind = kind!("apps", "StatefulSet");
/// Version of its API, and its plural name.
pub(super) const VERSION: &str = "v1";
pub(super) const PLURAL: &str = "statefulsets";
/// Type of the condition.
const CONDITION: &str = "ako.vmware.com/ObjectDeletionInProgress";

/// A StatefulSet of the home cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its namespace.
    pub namespace: EcoString,
    /// Its name.
    pub name: EcoString,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Objects go.
    Started,
    /// None is left.
    Done,
}

/// What stands on the workload.
pub(super) struct Progress {
    workload: Option<ObjectKey>,
    stage: Option<(Stage, Timestamp)>,
    /// Domains of which nothing is left: they are not searched again while they are to go.
    cleared: BTreeSet<DomainId>,
    /// What an earlier life left there is not known.
    is_told: bool,
}

impl Progress {
    pub(super) fn of(workload: Option<&Workload>, cluster: &ClusterName) -> Self {
        let key = |it: &Workload| ObjectKey::new(cluster, KIND, it.namespace.clone(), &*it.name);
        Self {
            workload: workload.map(key),
            stage: None,
            cleared: BTreeSet::new(),
            is_told: false,
        }
    }

    /// Whether it stands on this object.
    pub(super) fn is_on(&self, source: &ObjectKey) -> bool {
        self.workload.as_ref() == Some(source)
    }

    /// The write that brings the workload up to date.
    pub(super) fn wish(&self) -> Wish {
        let condition = self.stage.map(|(stage, since)| {
            let (status, reason, message) = match stage {
                Stage::Started => ("True", "Started", "objects are being deleted"),
                Stage::Done => ("False", "Done", "all objects are deleted"),
            };
            json!({
                "type": CONDITION, "status": status, "reason": reason, "message": message,
                "lastTransitionTime": eco_format!("{since:.0}"),
            })
        });
        let conditions: Vec<_> = condition.into_iter().collect();
        Wish::Status(json!({ "conditions": conditions }))
    }

    /// Where the domains that are to go are.
    fn look(&mut self, sites: &[Site]) -> Option<Stage> {
        let all: BTreeSet<DomainId> = sites.iter().flat_map(to_go).collect();
        self.cleared.retain(|domain| all.contains(domain));
        for site in sites.iter().filter(|site| site.is_settled()) {
            let open = to_go(site).filter(|domain| !self.cleared.contains(domain));
            let cleared: Vec<DomainId> = open.filter(|domain| !has_any(site, domain)).collect();
            self.cleared.extend(cleared);
        }
        match self.cleared.len() {
            _ if all.is_empty() => None,
            count if count == all.len() => Some(Stage::Done),
            _ => Some(Stage::Started),
        }
    }
}

impl Core {
    /// Looks how far it is, where anything is to go or was.
    pub(super) fn look_at_progress(&mut self) {
        let Some(workload) = self.progress.workload.clone() else {
            return;
        };
        let stage = self.progress.look(&self.sites);
        let former = self.progress.stage.map(|(stage, _)| stage);
        if stage == former && self.progress.is_told {
            return;
        }
        if let Some(stage) = stage {
            tracing::info!(?stage, "deleteConfig");
        }
        self.progress.stage = stage.map(|stage| (stage, self.clock.now()));
        self.progress.is_told = true;
        self.statuses.touch([&workload].into_iter(), |_| None);
    }
}

/// The domains that are to go.
fn to_go(site: &Site) -> impl Iterator<Item = DomainId> {
    let instances = site.instances.iter().filter(|it| it.ako.delete_config);
    instances.map(InstanceSettings::domain)
}

/// Whether something of a domain is left.
fn has_any(site: &Site, domain: &DomainId) -> bool {
    let observed = site.lane.observed();
    let mut objects = observed.into_iter().flat_map(|it| it.objects.values());
    objects.any(|object| object.body.owner(domain) == Owned::Yes)
}
