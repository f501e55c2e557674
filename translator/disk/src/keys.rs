//! How keys are spelt in the tables, and read back.

use crate::write::Refused;
use aviary_avi::{AviKey, AviKind};
use aviary_kinds::room_of;
use aviary_types::{EcoString, ObjectKey, ScopeKey};
use jiff::Timestamp;

pub(crate) fn name_of(key: &ObjectKey) -> String {
    let ObjectKey {
        cluster,
        kind,
        namespace,
        name,
    } = key;
    format!(
        "{cluster}\0{}\0{}\0{namespace}\0{name}",
        kind.group, kind.kind
    )
}

pub(crate) fn key_of(name: &str) -> Option<ObjectKey> {
    let mut parts = name.split('\0');
    let mut part = || parts.next();
    let (cluster, group, kind) = (part()?, part()?, part()?);
    let (namespace, name) = (part()?, part()?);
    let room = room_of(group, kind)?;
    Some(ObjectKey::new(&cluster.into(), room.kind, namespace, name))
}

pub(crate) fn emptied_of(place: &str, since: i64) -> Option<(String, AviKey, Timestamp)> {
    let mut parts = place.split('\0');
    let mut part = || parts.next();
    let (site, kind, tenant) = (part()?, part()?, part()?);
    let (cloud, name) = (part()?, part()?);
    let key = AviKey {
        kind: AviKind::of_path(kind)?,
        tenant: tenant.into(),
        cloud: cloud.into(),
        name: name.into(),
    };
    Some((site.to_owned(), key, Timestamp::from_second(since).ok()?))
}

pub(crate) fn refused_of(place: &str, until: i64) -> Option<(EcoString, Refused)> {
    let (controller, digest) = place.split_once('\0')?;
    let (digest, until) = (digest.into(), Timestamp::from_second(until).ok()?);
    Some((controller.into(), Refused { digest, until }))
}

pub(crate) fn scope_name(scope: &ScopeKey) -> String {
    format!("{}\0{}", scope.cluster, scope.namespace)
}

pub(crate) fn scope_of(name: &str) -> Option<ScopeKey> {
    let (cluster, namespace) = name.split_once('\0')?;
    Some(ScopeKey {
        cluster: cluster.into(),
        namespace: namespace.into(),
    })
}

pub(crate) fn place(site: &str, key: &AviKey) -> String {
    let AviKey {
        kind,
        tenant,
        cloud,
        name,
    } = key;
    format!("{site}\0{}\0{tenant}\0{cloud}\0{name}", kind.path())
}
