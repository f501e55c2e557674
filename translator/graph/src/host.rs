//! One host: its pools, and for a secure one its child virtual service.

mod pools;
mod secure;

use crate::claims::{Lost, NAMES_MAX};
use crate::maker::Maker;
use crate::parts::{Parts, Serve, ShardKey, Share, Unheard};
use aviary_avi::{AviKey, AviKind};
use aviary_kinds::Env;
use aviary_kinds::ingress::{HostDraft, HostHold, HostPart, Security};
use aviary_settings::ShardSize;
use aviary_types::{Code, Finding, Host, ObjectKey, Provenance, Role, Table, eco_format};
use std::sync::Arc;

/// The objects of one host of a domain, in all its tenants.
pub(crate) fn render(env: &Env, drafts: &[HostDraft], lost: &Lost) -> Parts {
    let mut parts = Parts::default();
    for draft in drafts {
        let maker = Maker::new(env, &draft.tenant, draft.tenant_at.clone()).without(lost);
        let shard = shard_of(&maker, &draft.host);
        match refusal(&maker, draft, &shard, lost) {
            Some(finding) => parts.findings.extend(finding),
            None => serve(&maker, draft, &shard, &mut parts),
        }
    }
    parts
}

fn shard_of(maker: &Maker<'_>, host: &Host) -> ShardKey {
    let shards = maker.settings().l7.shard_size.count().max(1);
    ShardKey {
        domain: maker.env.domain.clone(),
        tenant: maker.tenant.clone(),
        name: maker.names.shared_of(host.as_str(), shards),
    }
}

/// Why the host is not served at all, told at each of its sources.
fn refusal(
    maker: &Maker<'_>,
    draft: &HostDraft,
    shard: &ShardKey,
    lost: &Lost,
) -> Option<Vec<Finding>> {
    let host = &draft.host;
    let (code, text, hint) = if let Some(owner) = lost.hosts.get(&draft.tenant) {
        let text = eco_format!("host {host} is served for the older {owner} of another instance");
        (
            Code::HostClaimed,
            text,
            "use another host, or remove the older object",
        )
    } else if lost.shards.contains(shard) {
        let text = eco_format!(
            "{} has {NAMES_MAX} names already; host {host} is not served",
            shard.name
        );
        (
            Code::TooManyNames,
            text,
            larger(maker.settings().l7.shard_size),
        )
    } else {
        return None;
    };
    let sources = draft.parts.iter().map(|part| &part.source);
    Some(
        sources
            .map(|source| Finding::new(source, code, text.clone(), hint))
            .collect(),
    )
}

/// What to do where a shard is full.
fn larger(size: ShardSize) -> &'static str {
    match size {
        ShardSize::Small => "set L7Settings.shardVSSize to MEDIUM",
        ShardSize::Medium => "set L7Settings.shardVSSize to LARGE",
        _ => "use a namespace of another tenant or instance",
    }
}

fn serve(maker: &Maker<'_>, draft: &HostDraft, shard: &ShardKey, parts: &mut Parts) {
    if let Some(HostHold::SecretUnheard(source)) = &draft.hold {
        let (domain, host) = (maker.env.domain.clone(), draft.host.clone());
        parts.unheard = Some(Unheard {
            domain,
            host,
            source: source.clone(),
        });
    }
    let secure = secured(draft);
    let insecure: Vec<&HostPart> = draft
        .parts
        .iter()
        .filter(|part| part.security == Security::Insecure)
        .collect();
    let members = pools::insecure(maker, &draft.host, &insecure, parts);
    parts
        .serves
        .extend(serves(maker, &draft.host, shard, (&secure, &insecure)));
    parts.shares.push(Share {
        named: !members.is_empty() || !secure.is_empty(),
        // Clients are sent on once there is something to send them to.
        redirect: !secure.is_empty() && draft.certificate.is_some(),
        child: (!secure.is_empty()).then(|| maker.child(&draft.host)),
        host: draft.host.clone(),
        members,
        sources: sources(draft.parts.iter()),
        host_at: draft
            .parts
            .iter()
            .map(|part| part.host_at.clone())
            .collect(),
        shard: shard.clone(),
    });
    if let Some(certificate) = &draft.certificate
        && !secure.is_empty()
    {
        let child = secure::Child {
            host: &draft.host,
            shard: &shard.name,
            parts: &secure,
            certificate,
            certificate_at: &draft.certificate_at,
        };
        secure::render(maker, &child, parts);
    }
}

/// The objects that contribute.
fn sources<'a>(parts: impl Iterator<Item = &'a HostPart>) -> Vec<Arc<ObjectKey>> {
    parts.map(|part| part.host_at.object.clone()).collect()
}

/// What parts of the host an object comes from.
fn provenance(table: &'static Table, parts: &[&HostPart]) -> Provenance {
    let hosts = parts.iter().map(|part| part.host_at.clone());
    Provenance::new(table, sources(parts.iter().copied()).into()).with_all(Role::Host, hosts)
}

/// The contributions that the child serves: those with a certificate and at least one path.
fn secured(draft: &HostDraft) -> Vec<&HostPart> {
    let secure = draft
        .parts
        .iter()
        .filter(|part| part.security == Security::Secure);
    secure.filter(|part| !part.paths.is_empty()).collect()
}

/// Which virtual service tells each Ingress's status.
fn serves(
    maker: &Maker<'_>,
    host: &Host,
    shard: &ShardKey,
    (secure, insecure): (&[&HostPart], &[&HostPart]),
) -> Vec<Serve> {
    let vip = maker.key(AviKind::VsVip, &shard.name);
    let child = maker.key(AviKind::VirtualService, &maker.child(host));
    let parent = maker.key(AviKind::VirtualService, &shard.name);
    let serve = |source: &ObjectKey, service: &AviKey| Serve {
        source: source.clone(),
        host: host.text().clone(),
        service: service.clone(),
        vip: vip.clone(),
        needs: vec![parent.clone()],
    };
    let insecure = insecure.iter().filter(|part| !part.paths.is_empty());
    let insecure = insecure.map(|part| serve(&part.source, &parent));
    insecure
        .chain(secure.iter().map(|part| serve(&part.source, &child)))
        .collect()
}
