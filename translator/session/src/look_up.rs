//! Looking for what objects of a cluster name: networks and Service Engine groups of a cloud.

use crate::class::Class;
use crate::discover::{in_cloud, network_at};
use crate::error::Error;
use crate::list::text;
use crate::objects::read_object;
use crate::session::Session;
use aviary_avi::{AviKind, Body, Named, ObservedObject, Standing};
use aviary_types::{ClusterName, EcoString, TenantName, eco_format};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What was found under names.
#[derive(Debug, Clone, Default)]
pub struct LookedUp {
    /// What stands under each name.
    pub named: BTreeMap<Named, Standing>,
    /// The Service Engine groups themselves, for their labels.
    pub groups: Vec<ObservedObject>,
}

/// The tenant of Service Engine groups.
const ADMIN: &str = "admin";

impl Session {
    /// Looks for these names in a cloud, for objects of a cluster.
    ///
    /// # Errors
    /// When any of them cannot be looked for: then nothing is known of all.
    pub async fn look_up(
        &self,
        cluster: &ClusterName,
        cloud: &str,
        names: &BTreeSet<Named>,
    ) -> Result<LookedUp, Error> {
        let mut found = LookedUp::default();
        for named in names {
            let standing = match named {
                Named::Network(name) => {
                    let hits = self.named(&in_cloud("network", cloud), name).await?;
                    counted(hits.len())
                }
                Named::NetworkUuid(uuid) => self.network(uuid).await?,
                Named::SeGroup(name) => {
                    let list = in_cloud("serviceenginegroup", cloud);
                    let hits = self.named(&list, name).await?;
                    group(cluster, hits, &mut found.groups)
                }
            };
            found.named.insert(named.clone(), standing);
        }
        Ok(found)
    }

    async fn network(&self, uuid: &EcoString) -> Result<Standing, Error> {
        match self.get("network", network_at(uuid)).await {
            Ok(_) => Ok(Standing::Present),
            Err(error) if error.class() == Class::Gone => Ok(Standing::Absent),
            Err(error) => Err(error),
        }
    }
}

fn counted(hits: usize) -> Standing {
    match hits {
        0 => Standing::Absent,
        1 => Standing::Present,
        _ => Standing::Several,
    }
}

/// A group without labels, or with ours, can be used: the first label owns it.
pub(crate) fn group(
    cluster: &ClusterName,
    hits: Vec<Value>,
    groups: &mut Vec<ObservedObject>,
) -> Standing {
    let count = hits.len();
    let admin = TenantName::from(ADMIN);
    let read = |value: Value| {
        debug_assert!(!text(&value, "name").is_empty());
        read_object(AviKind::ServiceEngineGroup, &admin, value).ok()
    };
    let Some(object) = hits.into_iter().find_map(read) else {
        return counted(0);
    };
    let standing = match &*object.body {
        Body::ServiceEngineGroup(group) if count == 1 => {
            let is_ours = |label: &&aviary_avi::common::Label| {
                label.key == "clustername" && label.value == *cluster.text()
            };
            match group.labels.first() {
                Some(label) if !group.labels.iter().any(|it| is_ours(&it)) => {
                    Standing::Taken(eco_format!("{}={}", label.key, label.value))
                }
                _ => Standing::Present,
            }
        }
        _ => counted(count),
    };
    groups.push(object);
    standing
}
