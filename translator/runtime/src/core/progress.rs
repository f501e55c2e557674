//! How far `deleteConfig` has come: a condition of the translator's own StatefulSet, as AKO's FAQ
//! describes it. The agent with cluster-wide scope writes it.

use super::Core;
use super::site::Site;
use aviary_avi::Owned;
use aviary_kinds::status::Wish;
use aviary_settings::InstanceSettings;
use aviary_types::{ClusterName, EcoString, Kind, ObjectKey, eco_format, kind};
use jiff::Timestamp;
use serde_json::json;

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
    /// What an earlier life left there is not known.
    is_told: bool,
}

impl Progress {
    pub(super) fn of(workload: Option<&Workload>, cluster: &ClusterName) -> Self {
        let key = |it: &Workload| ObjectKey::new(cluster, KIND, it.namespace.clone(), &*it.name);
        Self {
            workload: workload.map(key),
            stage: None,
            is_told: false,
        }
    }

    /// The writes that bring the workload up to date, if it is this one.
    pub(super) fn wishes(&self, source: &ObjectKey) -> Option<Vec<Wish>> {
        if self.workload.as_ref() != Some(source) {
            return None;
        }
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
        Some(vec![Wish::Status(json!({ "conditions": conditions }))])
    }
}

impl Core {
    /// Looks how far it is, where anything is to go or was.
    pub(super) fn look_at_progress(&mut self) {
        let Some(workload) = self.progress.workload.clone() else {
            return;
        };
        let stage = stage(&self.sites);
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

fn stage(sites: &[Site]) -> Option<Stage> {
    let to_go = |site: &&Site| site.instances.iter().any(|it| it.ako.delete_config);
    let mut sites = sites.iter().filter(to_go).peekable();
    sites.peek()?;
    let is_done = sites.all(|site| site.is_settled() && !has_any(site));
    Some(if is_done { Stage::Done } else { Stage::Started })
}

/// Whether something is left of what is to go.
fn has_any(site: &Site) -> bool {
    let to_go = site.instances.iter().filter(|it| it.ako.delete_config);
    let observed = site.lane.observed();
    to_go.map(InstanceSettings::domain).any(|domain| {
        let mut objects = observed.into_iter().flat_map(|it| it.objects.values());
        objects.any(|object| object.body.owner(&domain) == Owned::Yes)
    })
}
