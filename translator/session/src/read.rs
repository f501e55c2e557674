//! Reading everything back that a domain owns or shares: the observed state.

use crate::error::Error;
use crate::list::{List, text};
use crate::objects::read_object;
use crate::session::Session;
use aviary_avi::{AviKind, Body, Observed, ObservedObject, Owned, Ownership};
use aviary_types::{ClusterName, DomainId, EcoString, TenantName};
use futures::StreamExt;
use serde_json::Value;
use std::collections::BTreeSet;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The domains. Their objects show it by exact marks.
    pub domains: Vec<DomainId>,
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
    /// Whether a body belongs here. Whether a VIP is referred to is not asked.
    pub fn covers(&self, body: &Body) -> bool {
        let shared = || self.shared_names(body.kind()).contains(body.name());
        self.domains.iter().any(|domain| match body.owner(domain) {
            Owned::Yes | Owned::IfReferred => true,
            Owned::Entries => shared() || has_entries(body, &domain.cluster),
            Owned::No => false,
        })
    }

    /// The domain of which a body is by its own marks.
    pub(crate) fn owner(&self, body: &Body) -> Option<DomainId> {
        body.owner_among(&self.domains).cloned()
    }

    /// Whether the objects of another scope are read with this one.
    pub fn reaches(&self, other: &Self) -> bool {
        let tenants = match (&self.tenants, &other.tenants) {
            (Tenants::All, _) => true,
            (Tenants::Only(ours), Tenants::Only(theirs)) => {
                theirs.iter().all(|tenant| ours.contains(tenant))
            }
            (Tenants::Only(_), Tenants::All) => false,
        };
        tenants && self.cloud == other.cloud
    }

    /// The clusters of the domains: their marker and name prefix are common to all instances.
    fn clusters(&self) -> BTreeSet<&ClusterName> {
        self.domains.iter().map(|domain| &domain.cluster).collect()
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
        let clusters = self.clusters().into_iter();
        match kind.ownership() {
            Ownership::CreatedBy => {
                let users = self.domains.iter().map(DomainId::user);
                users
                    .map(|user| list.clone().with("created_by", user.as_str()))
                    .collect()
            }
            Ownership::Markers => clusters
                .map(|cluster| {
                    list.clone()
                        .with("label_key", "clustername")
                        .with("label_value", cluster.as_str())
                })
                .collect(),
            Ownership::MarkerAndReferrer => clusters
                .map(|cluster| {
                    list.clone()
                        .with("name.contains", format!("{cluster}--"))
                        .with("cloud_ref.name", if kind.has_cloud() { cloud } else { "" })
                })
                .collect(),
            // What settings named once may have entries of ours, too; there are few in a cloud.
            Ownership::SharedEntries => vec![list.clone().with("cloud_ref.name", cloud)],
        }
    }
}

/// Whether a cluster's label, or routes of it, are there.
fn has_entries(body: &Body, cluster: &ClusterName) -> bool {
    match body {
        Body::ServiceEngineGroup(group) => group.has_label_of(cluster.text()),
        Body::VrfContext(vrf) => vrf.has_routes_of(cluster.text()),
        _ => false,
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
        let keep = |kind, tenant: &TenantName, entry, kept: &mut Vec<_>| {
            kept.extend(understood(scope, kind, tenant, entry));
        };
        let mut reading = Reading::default();
        let mut take = |object| match object {
            Ok(object) => reading.observed.insert(object),
            Err(unreadable) => reading.unreadable.push(unreadable),
        };
        self.entries(scope, &[], &keep, &mut take).await?;
        Ok(reading)
    }

    /// The entries of all lists of a scope, as `keep` takes them over; `take` gets those of a list once
    /// it is complete, in the order of the registry. `shape` is added to each list.
    pub(crate) async fn entries<T>(
        &self,
        scope: &Scope,
        shape: &[(&'static str, &str)],
        keep: &impl Fn(AviKind, &TenantName, Value, &mut Vec<T>),
        take: &mut impl FnMut(T),
    ) -> Result<(), Error> {
        let reads = scope.lists().into_iter().map(|(kind, mut list)| {
            list = list.with("include_name", "true");
            for (key, value) in shape {
                list = list.with(key, *value);
            }
            async move {
                let tenant = TenantName::from(list.tenant.as_str());
                let keep = |entry, kept: &mut _| keep(kind, &tenant, entry, kept);
                self.list_as(&list, keep).await
            }
        });
        let mut results = futures::stream::iter(reads).buffered(self.inner.config.reads_in_flight);
        while let Some(result) = results.next().await {
            result?.into_iter().for_each(&mut *take);
        }
        Ok(())
    }
}

/// An entry that belongs to the scope, or cannot be understood.
fn understood(
    scope: &Scope,
    kind: AviKind,
    tenant: &TenantName,
    entry: Value,
) -> Option<Result<ObservedObject, Unreadable>> {
    let (name, uuid) = (text(&entry, "name").into(), text(&entry, "uuid").into());
    let object = read_object(kind, tenant, entry).map_err(|why| Unreadable {
        kind,
        name,
        uuid,
        why,
    });
    let is_ours = |object: &ObservedObject| scope.covers(&object.body);
    object.as_ref().map_or(true, is_ours).then_some(object)
}
