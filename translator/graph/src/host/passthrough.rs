//! A host whose TLS is passed through: the pools of its Services, and the group that the script of
//! its parent finds by the SNI name.

use super::pools::{RATIO, of_path, unsigned};
use super::{bound, hosts_at, provenance, sources};
use crate::maker::Maker;
use crate::parts::{Parts, Serve, ShardKey, Share};
use crate::rules::{PASSTHROUGH_GROUP, PASSTHROUGH_POOL};
use aviary_avi::checksum::{self, PoolExtra};
use aviary_avi::names::distinct;
use aviary_avi::pool::Pool;
use aviary_avi::pool_group::{PoolGroup, PoolGroupMember};
use aviary_avi::{AviKind, Marker, Presence, Ref};
use aviary_kinds::ingress::{HostDraft, HostPart, PathDraft};
use aviary_types::{Code, EcoString, Finding, Host, ObjectKey, eco_format};

/// Makes the objects of the host. Of several Ingresses the last one's Services count.
pub(super) fn render(maker: &Maker<'_>, draft: &HostDraft, shard: &ShardKey, parts: &mut Parts) {
    let Some(owner) = draft.parts.last() else {
        return;
    };
    let group = maker.names.passthrough_group(draft.host.as_str());
    let group = group.filter(|name| !maker.is_lost(&[AviKind::PoolGroup], name));
    let Some(group) = group else {
        let findings = draft.parts.iter().map(|part| unnamed(&part.source, draft));
        parts.findings.extend(findings);
        return;
    };
    if draft.host.as_str().starts_with('*') {
        let findings = draft.parts.iter().map(|part| wildcard(&part.source, draft));
        parts.findings.extend(findings);
    }
    let mut members = Vec::new();
    for path in of_services(owner) {
        let body = pool(maker, draft, owner, path);
        members.push(PoolGroupMember {
            pool_ref: Ref::plain("pool", body.name.clone()),
            priority_label: None,
            ratio: Some(RATIO),
        });
        let from = of_path(&PASSTHROUGH_POOL, (owner, path));
        let body = maker.object(body, from, Presence::Always);
        parts.objects.push(body);
    }
    let body = pool_group(maker, &draft.host, &group, members);
    let from = provenance(&PASSTHROUGH_GROUP, &[owner]);
    let body = maker.object(body, from, Presence::Always);
    parts.objects.push(body);
    let service = maker.key(AviKind::VirtualService, &shard.name);
    let vip = maker.key(AviKind::VsVip, &shard.name);
    parts.serves.extend(draft.parts.iter().map(|part| Serve {
        source: part.source.clone(),
        host: draft.host.text().clone(),
        service: service.clone(),
        vip: vip.clone(),
        needs: Vec::new(),
    }));
    parts.shares.push(Share {
        shard: shard.clone(),
        host: draft.host.clone(),
        named: true,
        redirect: true,
        child: None,
        members: Vec::new(),
        group: Some(group),
        sources: sources(draft.parts.iter()),
        host_at: hosts_at(draft),
        infra: bound(draft),
    });
}

/// One path for each Service: paths mean nothing here. Of several with one Service the last counts,
/// as with AKO.
fn of_services(part: &HostPart) -> Vec<&PathDraft> {
    let mut services: Vec<&PathDraft> = Vec::new();
    for path in &part.paths {
        let name = &path.backend.service.name;
        let mut known = services.iter_mut();
        match known.find(|known| known.backend.service.name == *name) {
            Some(known) => *known = path,
            None => services.push(path),
        }
    }
    services
}

fn unnamed(source: &ObjectKey, draft: &HostDraft) -> Finding {
    Finding::new(
        source,
        Code::NoPassthrough,
        eco_format!(
            "TLS of host {} cannot be passed through: the name of its pool group is taken or too long",
            draft.host
        ),
        "use a shorter host, or end TLS at the load balancer",
    )
}

fn wildcard(source: &ObjectKey, draft: &HostDraft) -> Finding {
    Finding::new(
        source,
        Code::NoPassthrough,
        eco_format!(
            "TLS is passed through by exact names: {} matches no client",
            draft.host
        ),
        "name each host in a rule of its own",
    )
}

fn pool(maker: &Maker<'_>, draft: &HostDraft, part: &HostPart, path: &PathDraft) -> Pool {
    let (host, service) = (draft.host.text(), &path.backend.service.name);
    let mut name = maker.names.passthrough_pool(host, service);
    if maker.is_lost(&[AviKind::Pool], &name) {
        name = distinct(&name, &eco_format!("{} {host} {service}", maker.env.domain));
    }
    let mut markers = vec![Marker::one("Host", host.clone())];
    markers.extend(maker.infra_marker());
    markers.push(Marker::one("ServiceName", service.clone()));
    let mut body = unsigned(maker, name, &draft.host, (part, path), markers);
    let extra = PoolExtra {
        port: path.backend.matched_port,
        port_name: path.backend.port_name.clone(),
        placement: maker.configured_placement(),
        ..PoolExtra::default()
    };
    body.cloud_config_cksum = Some(checksum::pool(&body, &extra));
    body
}

fn pool_group(
    maker: &Maker<'_>,
    host: &Host,
    name: &EcoString,
    members: Vec<PoolGroupMember>,
) -> PoolGroup {
    let mut body = PoolGroup {
        name: name.clone(),
        created_by: Some(maker.created_by()),
        tenant_ref: Some(maker.tenant_ref()),
        cloud_ref: Some(maker.cloud_ref()),
        members,
        implicit_priority_labels: Some(false),
        markers: maker.markers(
            [Marker::one("Host", host.text().clone())]
                .into_iter()
                .chain(maker.infra_marker())
                .collect(),
        ),
        ..PoolGroup::default()
    };
    body.members
        .sort_by(|a, b| a.pool_ref.name.cmp(&b.pool_ref.name));
    body.cloud_config_cksum = Some(checksum::pool_group(&body));
    body
}
