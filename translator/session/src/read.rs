//! Reading everything back that a domain owns or shares: the observed state.

use crate::error::Error;
use crate::list::{List, text};
use crate::objects::read_object;
use crate::session::Session;
use aviary_avi::common::marker_value;
use aviary_avi::{AviKind, Body, Observed, Ownership};
use aviary_types::{ClusterName, EcoString, TenantName, eco_format};
use futures::StreamExt;
use serde_json::Value;

/// Which tenants are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenants {
    /// All that the user may see; the tenant of each object is in its body.
    All,
    /// These alone, for users that live in a tenant of their own.
    Only(Vec<TenantName>),
}

impl Tenants {
    fn headers(&self) -> Vec<String> {
        match self {
            Self::All => vec!["*".to_owned()],
            Self::Only(names) => names.iter().map(|name| name.as_str().to_owned()).collect(),
        }
    }
}

/// Whose objects are read.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The cluster, as the marker `clustername` has it.
    pub cluster: ClusterName,
    /// The values of `created_by` that are ours: of the instances, and of the Gateway API.
    pub users: Vec<EcoString>,
    /// Where.
    pub tenants: Tenants,
    /// The cloud of VIPs, VRFs and SE groups.
    pub cloud: EcoString,
    /// Shared VRF contexts that we write routes into.
    pub vrfs: Vec<EcoString>,
    /// Shared SE groups that we put our label on.
    pub se_groups: Vec<EcoString>,
}

impl Scope {
    /// Whether a body belongs here: by the equality of all marks that its kind has, never by prefix.
    /// Whether a VIP is referred to is not asked here.
    pub fn covers(&self, body: &Body) -> bool {
        let cluster = marker_value(body.markers(), "clustername");
        let is_cluster = cluster.is_some_and(|value| *value == *self.cluster.as_str());
        let is_user = |user: Option<&EcoString>| user.is_some_and(|it| self.users.contains(it));
        match body.kind().ownership() {
            Ownership::CreatedBy => is_cluster && is_user(body.created_by()),
            Ownership::Markers => is_cluster && is_user(marker_value(body.markers(), "created_by")),
            Ownership::MarkerAndReferrer => is_cluster,
            Ownership::SharedEntries => self.shared_names(body.kind()).contains(body.name()),
        }
    }

    fn shared_names(&self, kind: AviKind) -> &[EcoString] {
        match kind {
            AviKind::VrfContext => &self.vrfs,
            AviKind::ServiceEngineGroup => &self.se_groups,
            _ => &[],
        }
    }

    /// The lists that together hold everything of the scope.
    pub(crate) fn lists(&self) -> Vec<(AviKind, List)> {
        let mut lists = Vec::new();
        for tenant in self.tenants.headers() {
            for kind in AviKind::ALL {
                let list = List::of(kind.path(), tenant.clone());
                lists.extend(self.filtered(*kind, &list).into_iter().map(|l| (*kind, l)));
            }
        }
        lists
    }

    fn filtered(&self, kind: AviKind, list: &List) -> Vec<List> {
        let cloud = self.cloud.as_str();
        match kind.ownership() {
            Ownership::CreatedBy => {
                let by = |user: &EcoString| list.clone().with("created_by", user.as_str());
                self.users.iter().map(by).collect()
            }
            Ownership::Markers => vec![
                list.clone()
                    .with("label_key", "clustername")
                    .with("label_value", self.cluster.as_str()),
            ],
            Ownership::MarkerAndReferrer => vec![
                list.clone()
                    .with("name.contains", format!("{}--", self.cluster))
                    .with("cloud_ref.name", if kind.has_cloud() { cloud } else { "" }),
            ],
            Ownership::SharedEntries => self
                .shared_names(kind)
                .iter()
                .map(|name| {
                    list.clone()
                        .with("name", name.as_str())
                        .with("cloud_ref.name", cloud)
                })
                .collect(),
        }
    }
}

/// An object that is there but does not read as its kind. It must count as unknown, not as absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its kind.
    pub kind: AviKind,
    /// Its name, as far as it tells.
    pub name: EcoString,
    /// Its uuid.
    pub uuid: EcoString,
    /// What is wrong.
    pub why: EcoString,
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The objects.
    pub observed: Observed,
    /// Objects that could not be understood.
    pub unreadable: Vec<Unreadable>,
}

impl Session {
    /// Reads everything of a scope. An error of any list is an error of the whole: a partial answer
    /// would look like absence.
    pub async fn observe(&self, scope: &Scope) -> Result<Reading, Error> {
        let mut reading = Reading::default();
        for (kind, tenant, entries) in self.entries(scope, &[]).await? {
            for entry in entries {
                reading.add(scope, kind, &tenant, entry);
            }
        }
        Ok(reading)
    }

    /// The entries of all lists of a scope, in the order of the registry. `shape` is added to each.
    pub(crate) async fn entries(
        &self,
        scope: &Scope,
        shape: &[(&'static str, &str)],
    ) -> Result<Vec<(AviKind, TenantName, Vec<Value>)>, Error> {
        let reads = scope.lists().into_iter().map(|(kind, mut list)| {
            list = list.with("include_name", "true");
            for (key, value) in shape {
                list = list.with(key, *value);
            }
            async move {
                let entries = self.list(&list).await?;
                Ok((kind, TenantName::from(list.tenant), entries))
            }
        });
        let mut results = futures::stream::iter(reads).buffered(self.inner.config.reads_in_flight);
        let mut all = Vec::new();
        while let Some(result) = results.next().await {
            all.push(result?);
        }
        Ok(all)
    }
}

impl Reading {
    fn add(&mut self, scope: &Scope, kind: AviKind, tenant: &TenantName, entry: Value) {
        let (name, uuid) = (text(&entry, "name").into(), text(&entry, "uuid").into());
        match read_object(kind, tenant, entry) {
            Ok(object) if scope.covers(&object.body) => self.observed.insert(object),
            Ok(_) => {}
            Err(why) => self.unreadable.push(Unreadable {
                kind,
                name,
                uuid,
                why: eco_format!("{why}"),
            }),
        }
    }
}
