//! What is to be explained: finds the one thing that a name means.

use super::super::refusal::{bad_field, not_found};
use crate::convert;
use crate::view::Snapshot;
use aviary_avi::AviKey;
use aviary_kinds::{ROOMS, Room};
use aviary_proto::query::v1::explain_request::Subject as Asked;
use aviary_proto::query::v1::{ExplainRequest, SourceObject};
use aviary_proto::types::v1 as wire;
use aviary_types::{ClusterName, ObjectKey};
use std::collections::BTreeSet;
use tonic::Status;

/// What is explained.
pub(super) enum Subject {
    /// A Kubernetes object.
    Source(ObjectKey),
    /// An Avi object.
    Object(AviKey),
}

impl Subject {
    /// The subject of a request.
    pub(super) fn of(snapshot: &Snapshot, asked: &ExplainRequest) -> Result<Self, Status> {
        let controllers = || snapshot.sites.iter().map(|site| &site.controller);
        if !asked.controller.is_empty() && !controllers().any(|it| *it == asked.controller) {
            return Err(not_found("controller", &asked.controller));
        }
        match &asked.subject {
            None => Err(bad_field("subject", "source or object is needed")),
            Some(Asked::Source(source)) => object_of(snapshot, source).map(Self::Source),
            Some(Asked::Object(reference)) => {
                avi_object_of(snapshot, reference, &asked.controller).map(Self::Object)
            }
        }
    }
}

fn object_of(snapshot: &Snapshot, asked: &SourceObject) -> Result<ObjectKey, Status> {
    let key = asked
        .key
        .as_ref()
        .ok_or_else(|| bad_field("source.key", "it is needed"))?;
    let room = room_of(key)?;
    let clusters: BTreeSet<&ClusterName> = snapshot
        .facts
        .scopes()
        .map(|(scope, _)| &scope.cluster)
        .filter(|cluster| asked.cluster.is_empty() || cluster.as_str() == asked.cluster)
        .collect();
    let (namespace, name) = (key.namespace.as_str(), key.name.as_str());
    let keys = clusters
        .into_iter()
        .map(|cluster| ObjectKey::new(cluster, room.kind, namespace, name));
    let found: Vec<ObjectKey> = keys.filter(|key| is_heard_of(snapshot, key)).collect();
    match found.as_slice() {
        [] => {
            let name = format!("{namespace}/{name}");
            Err(not_found(room.kind.kind, name.trim_start_matches('/')))
        }
        [key] => Ok(key.clone()),
        several => {
            let clusters = several.iter().map(|key| key.cluster.as_str());
            let clusters = clusters.collect::<Vec<_>>().join(", ");
            let why = format!("several clusters have it, name one of {clusters}");
            Err(bad_field("source.cluster", &why))
        }
    }
}

/// The kind that is meant: by name or plural, in any case.
fn room_of(key: &wire::ObjectKey) -> Result<&'static Room, Status> {
    let asked = key.kind.as_str();
    let mut rooms = ROOMS.iter().filter(|room| {
        let named = room.kind.kind.eq_ignore_ascii_case(asked);
        let named = named || room.plural.eq_ignore_ascii_case(asked);
        named && (key.group.is_empty() || room.kind.group == key.group)
    });
    let known = || {
        let kinds = ROOMS.iter().map(|room| room.kind.kind);
        kinds.collect::<Vec<_>>().join(", ")
    };
    rooms.next().ok_or_else(|| {
        let why = format!(
            "nothing is made from it; the kinds that are read: {}",
            known()
        );
        bad_field("source.key.kind", &why)
    })
}

/// Whether the object is there, or was and has left something behind.
fn is_heard_of(snapshot: &Snapshot, key: &ObjectKey) -> bool {
    let cited = || {
        let mut built = snapshot.sites.iter().map(|site| &site.built);
        built.any(|built| {
            let mut objects = built.desired.objects.values();
            !built.findings_of(key).is_empty() || objects.any(|it| it.provenance.cites(key))
        })
    };
    snapshot.facts.get(key).is_some() || snapshot.versions.contains_key(key) || cited()
}

fn avi_object_of(
    snapshot: &Snapshot,
    asked: &wire::AviObjectRef,
    controller: &str,
) -> Result<AviKey, Status> {
    let kind = convert::avi_kind(asked)
        .ok_or_else(|| bad_field("object.type", "it is not a type that is written"))?;
    let sites = snapshot.sites.iter();
    let sites = sites.filter(|site| controller.is_empty() || site.controller == controller);
    let mut found: BTreeSet<(&str, &AviKey)> = BTreeSet::new();
    for site in sites {
        let desired = site.built.desired.objects.keys();
        let observed = site.observed.iter().flat_map(|all| all.objects.keys());
        let matches = |key: &&AviKey| {
            let tenant = asked.tenant.is_empty() || key.tenant.as_str() == asked.tenant;
            key.kind == kind && key.name == asked.name && tenant
        };
        let keys = desired.chain(observed).filter(matches);
        found.extend(keys.map(|key| (site.controller.as_str(), key)));
    }
    let tenants: BTreeSet<&str> = found.iter().map(|(_, key)| key.tenant.as_str()).collect();
    let controllers: BTreeSet<&str> = found.iter().map(|(controller, _)| *controller).collect();
    let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
    if tenants.len() > 1 {
        let why = format!("several tenants have it, name one of {}", list(tenants));
        return Err(bad_field("object.tenant", &why));
    }
    if controllers.len() > 1 {
        let why = format!(
            "several Controllers have it, name one of {}",
            list(controllers)
        );
        return Err(bad_field("controller", &why));
    }
    let key = found.first().map(|(_, key)| (*key).clone());
    key.ok_or_else(|| not_found(&asked.r#type, &asked.name))
}
