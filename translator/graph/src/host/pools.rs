//! Pools of paths.

use super::provenance;
use crate::maker::Maker;
use crate::parts::{Parts, ShareMember};
use crate::rules::POOL;
use aviary_avi::checksum::{self, PoolExtra};
use aviary_avi::metadata::ServiceMetadata;
use aviary_avi::names::{PathSource, distinct};
use aviary_avi::pool::Pool;
use aviary_avi::{AviKind, Marker, Presence, Ref};
use aviary_kinds::ingress::{HostPart, PathDraft};
use aviary_types::{EcoString, Host, Provenance, Role, Table, eco_format};
use std::collections::BTreeSet;

/// Ingress backends share evenly.
pub(super) const RATIO: u32 = 100;

/// Names that are taken within one host: `/a/b` and `/a_b` would be called the same.
pub(super) struct Taken<'a> {
    maker: &'a Maker<'a>,
    kind: AviKind,
    names: BTreeSet<EcoString>,
}

impl<'a> Taken<'a> {
    pub(super) fn new(maker: &'a Maker<'a>, kind: AviKind) -> Self {
        let names = BTreeSet::new();
        Self { maker, kind, names }
    }

    /// The name, or one of its own where an elder path has it, of this host or another.
    pub(super) fn claim(
        &mut self,
        name: EcoString,
        host: &Host,
        of: (&HostPart, &PathDraft),
    ) -> EcoString {
        let is_taken = self.names.contains(&name) || self.maker.is_lost(&[self.kind], &name);
        let name = if is_taken {
            distinct(&name, &identity(host, of))
        } else {
            name
        };
        self.names.insert(name.clone());
        name
    }
}

/// What no other path has in common with this one.
fn identity(host: &Host, (part, path): (&HostPart, &PathDraft)) -> EcoString {
    let PathDraft {
        path,
        exact,
        backend,
        ..
    } = path;
    let (service, number, name) = (&backend.service.name, backend.port, &backend.port_name);
    eco_format!(
        "{} {host}{path} {exact} {service}:{number}:{name}",
        part.source
    )
}

/// Makes the pools of insecure paths; they are members of the shared group.
pub(super) fn insecure(
    maker: &Maker<'_>,
    host: &Host,
    contributions: &[&HostPart],
    parts: &mut Parts,
) -> Vec<ShareMember> {
    let mut taken = Taken::new(maker, AviKind::Pool);
    let mut members = Vec::new();
    for part in contributions {
        for path in &part.paths {
            let name = maker.names.insecure_pool(source(part, host, path));
            let name = taken.claim(name, host, (part, path));
            let label: EcoString = eco_format!("{host}{}", path.path).to_lowercase();
            let pool = pool(maker, &name, host, (part, path), false);
            let from = of_path(&POOL, (part, path));
            parts
                .objects
                .push(maker.object(pool, from, Presence::Always));
            members.push(ShareMember {
                pool: name,
                label,
                ratio: RATIO,
                host_at: part.host_at.clone(),
                path_at: path.text_at(),
            });
        }
    }
    members
}

/// What an object of one path comes from that has no servers.
pub(super) fn of_text(table: &'static Table, (part, path): (&HostPart, &PathDraft)) -> Provenance {
    provenance(table, &[part])
        .with(Role::Path, path.at.clone())
        .with(Role::PathText, path.text_at())
}

/// What the pool of one path comes from.
pub(super) fn of_path(table: &'static Table, (part, path): (&HostPart, &PathDraft)) -> Provenance {
    let backend = &path.backend;
    let from = of_text(table, (part, path))
        .with(Role::Backend, path.backend_at())
        .with_all(Role::Service, backend.service_at.clone());
    backend.way.cite(from, &backend.servers_at)
}

/// What pool and pool group of a path are named after.
pub(super) fn source<'a>(
    part: &'a HostPart,
    host: &'a Host,
    path: &'a PathDraft,
) -> PathSource<'a> {
    PathSource {
        namespace: part.source.namespace.as_str(),
        host: host.as_str(),
        path: &path.path,
        ingress: &part.source.name,
        service: None,
        dedicated: false,
    }
}

/// The pool of one path. Only pools of secure hosts name their Service.
pub(super) fn pool(
    maker: &Maker<'_>,
    name: &EcoString,
    host: &Host,
    (part, path): (&HostPart, &PathDraft),
    secure: bool,
) -> Pool {
    let service = secure.then(|| Marker::one("ServiceName", path.backend.service.name.clone()));
    let mut markers = vec![
        Marker::one("Namespace", part.source.namespace.text().clone()),
        Marker::one("Host", host.text().clone()),
    ];
    markers.extend(maker.infra_marker());
    markers.extend(service);
    markers.push(Marker::one("Path", path.path.clone()));
    markers.push(Marker::one("IngressName", part.source.name.clone()));
    let mut body = unsigned(maker, name.clone(), host, (part, path), markers);
    let extra = PoolExtra {
        port: path.backend.matched_port,
        port_name: path.backend.port_name.clone(),
        priority_label: eco_format!("{host}{}", path.path),
        listing: path.backend.way.listing(),
        placement: maker.configured_placement(),
        ..PoolExtra::default()
    };
    body.cloud_config_cksum = Some(checksum::pool(&body, &extra));
    body
}

/// The pool of a path before its checksum, which covers what differs by the kind of host.
pub(super) fn unsigned(
    maker: &Maker<'_>,
    name: EcoString,
    host: &Host,
    (part, path): (&HostPart, &PathDraft),
    markers: Vec<Marker>,
) -> Pool {
    let metadata = ServiceMetadata {
        ingress_name: part.source.name.clone(),
        namespace: part.source.namespace.text().clone(),
        hostnames: vec![host.text().clone()],
        pool_ratio: i64::from(RATIO),
        ..ServiceMetadata::default()
    };
    Pool {
        name,
        created_by: Some(maker.created_by()),
        tenant_ref: Some(maker.tenant_ref()),
        cloud_ref: Some(maker.cloud_ref()),
        vrf_ref: maker.vrf_ref(),
        tier1_lr: maker.t1lr(),
        sni_enabled: Some(false),
        graceful_disable_timeout: Some(1),
        health_monitor_refs: vec![Ref::slash("healthmonitor", "System-TCP")],
        placement_networks: maker.placement_networks(),
        servers: path.backend.servers.clone(),
        service_metadata: Some(metadata.to_text()),
        markers: maker.markers(markers),
        ..Pool::default()
    }
}
