//! One host: its pools, and for a secure one its child virtual service; or a virtual service of its
//! own; or what TLS is passed through to.

mod certificates;
mod dedicated;
mod hidden;
mod passthrough;
mod pools;
mod secure;

use self::secure::Form;
use crate::claims::{Lost, NAMES_MAX};
use crate::incumbents::Keeper;
use crate::maker::Maker;
use crate::parts::{Bound, HostClaim, Parts, Serve, ShardKey, ShardKind, Share, Unheard};
use crate::shards::passthrough_shards;
use aviary_avi::{AviKey, AviKind};
use aviary_kinds::avi_infra_setting::Infra;
use aviary_kinds::ingress::{HostDraft, HostHold, HostPart, Security};
use aviary_kinds::{Env, namespace};
use aviary_settings::{InstanceSettings, ShardSize};
use aviary_types::{
    Code, EcoString, Finding, Host, ObjectKey, Place, Provenance, Role, Table, eco_format,
};
use std::sync::Arc;

/// The objects of one host of a domain, in all its tenants.
pub(crate) fn render(env: &Env, drafts: &[HostDraft], lost: &Lost) -> Parts {
    let mut parts = Parts::default();
    for draft in drafts {
        parts.hosts.push(HostClaim {
            tenant: draft.tenant.clone(),
            host: draft.host.clone(),
            sources: draft.parts.iter().map(|part| part.source.clone()).collect(),
        });
        if let Some(HostHold::SettingUnusable(source)) = &draft.hold {
            let wait = || unheard(env, draft, source);
            parts.unheard.get_or_insert_with(wait);
            continue;
        }
        let maker = Maker::new(env, &draft.tenant, draft.tenant_at.clone());
        let maker = maker.under(draft.infra.as_ref()).without(lost);
        let shard = shard_of(&maker, draft);
        if let Some(keeper) = lost.kept.get(&draft.tenant) {
            parts.unheard = Some(waits_for(env, &draft.host, keeper));
        }
        let named = (draft.tenant.clone(), draft.named_after());
        if let Some(namespace) = lost.stays.get(&named) {
            stay(&maker, draft, (shard.as_ref(), namespace), &mut parts);
            continue;
        }
        match refusal(&maker, draft, shard.as_ref(), lost) {
            Some(finding) => parts.findings.extend(finding),
            None => serve(&maker, draft, shard.as_ref(), &mut parts),
        }
    }
    parts
}

/// What a host that is kept for another domain waits for: a namespace of that.
fn waits_for(env: &Env, host: &Host, keeper: &Keeper) -> Unheard {
    let (cluster, name) = (&keeper.domain.cluster, keeper.namespace.clone());
    Unheard {
        domain: env.domain.clone(),
        host: host.clone(),
        source: ObjectKey::new(cluster, namespace::KIND, "", name),
    }
}

/// The host stays as it stands, and so does what is told of it, until the namespace was heard.
fn stay(
    maker: &Maker<'_>,
    draft: &HostDraft,
    (shard, namespace): (Option<&ShardKey>, &EcoString),
    parts: &mut Parts,
) {
    let host = &draft.host;
    let keeper = Keeper {
        domain: maker.env.domain.clone(),
        namespace: namespace.clone(),
    };
    parts.unheard = Some(waits_for(maker.env, host, &keeper));
    let insecure = draft.parts.iter();
    let insecure = insecure.filter(|part| part.security == Security::Insecure);
    parts.serves.extend(match shard {
        Some(shard) if shard.kind == ShardKind::Shared => serves(
            maker,
            host,
            shard,
            (&secured(draft), &insecure.collect::<Vec<_>>()),
        ),
        _ => Vec::new(),
    });
    let text = eco_format!(
        "host {host} stays as it stands until namespace {namespace}, which may have a say in it, was heard"
    );
    let hint = "wait until the agent of that namespace is back, or give the namespace up";
    let sources = draft.parts.iter().map(|part| &part.source);
    let kept = |source| Finding::new(source, Code::HostKept, text.clone(), hint);
    parts.findings.extend(sources.map(kept));
}

/// The virtual service with an address that the host would stand at, as this AviInfraSetting says.
pub(crate) fn place(env: &Env, draft: &HostDraft, infra: Option<&Arc<Infra>>) -> EcoString {
    let draft = HostDraft {
        infra: infra.cloned(),
        ..draft.clone()
    };
    let maker = Maker::new(env, &draft.tenant, draft.tenant_at.clone()).under(infra);
    let shard = shard_of(&maker, &draft);
    shard.map_or_else(
        || maker.names.dedicated(draft.host.as_str()),
        |shard| shard.name,
    )
}

/// The parent that the host shares with others; `None` where it has a virtual service of its own.
fn shard_of(maker: &Maker<'_>, draft: &HostDraft) -> Option<ShardKey> {
    let host = draft.host.as_str();
    let (kind, name) = if is_passthrough(draft) {
        let shards = passthrough_shards(maker.env, draft.infra.as_ref());
        let name = maker.names.passthrough_of(host, shards);
        (ShardKind::Passthrough, name)
    } else {
        let size = draft.shard_size(maker.env);
        if size == ShardSize::Dedicated {
            return None;
        }
        let name = maker.names.shared_of(host, size.count());
        (ShardKind::Shared, name)
    };
    Some(ShardKey {
        domain: maker.env.domain.clone(),
        tenant: maker.tenant.clone(),
        name,
        kind,
    })
}

/// All contributions of a host are passed through, or none is.
fn is_passthrough(draft: &HostDraft) -> bool {
    let mut parts = draft.parts.iter();
    parts.any(|part| part.security == Security::Passthrough)
}

/// Why the host is not served at all, told at each of its sources.
fn refusal(
    maker: &Maker<'_>,
    draft: &HostDraft,
    shard: Option<&ShardKey>,
    lost: &Lost,
) -> Option<Vec<Finding>> {
    let host = &draft.host;
    let (code, text, hint) = if let Some(owner) = &lost.elsewhere {
        let cluster = &owner.cluster;
        let text = eco_format!("host {host} is served for the older {owner} of cluster {cluster}");
        (
            Code::HostClaimed,
            text,
            "use another host, remove the older object, or let clusters share hosts: \
             AviarySettings.crossClusterHosts",
        )
    } else if let Some(owner) = lost.hosts.get(&draft.tenant) {
        lost_to(draft, owner)
    } else if let Some(Keeper { domain, namespace }) = lost.kept.get(&draft.tenant) {
        let text = eco_format!(
            "host {host} is served for {domain}, of which namespace {namespace} was not heard yet"
        );
        (
            Code::HostKept,
            text,
            "wait until the agent of that namespace is back, or give the namespace up",
        )
    } else if let Some(shard) = shard.filter(|shard| lost.shards.contains(*shard)) {
        let text = eco_format!(
            "{} has {NAMES_MAX} names already; host {host} is not served",
            shard.name
        );
        (
            Code::TooManyNames,
            text,
            larger(maker.settings(), shard.kind),
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

/// What an object is told whose host is another instance's.
fn lost_to(draft: &HostDraft, owner: &ObjectKey) -> (Code, EcoString, &'static str) {
    let host = &draft.host;
    if draft.parts.iter().any(|part| part.source == *owner) {
        let namespace = &owner.namespace;
        let text = eco_format!(
            "host {host} is served by another instance, which takes namespace {namespace} too"
        );
        return (Code::TakenTwice, text, TAKEN_TWICE_HINT);
    }
    let text = eco_format!("host {host} is served for the older {owner} of another instance");
    let hint = "use another host, or remove the older object";
    (Code::HostClaimed, text, hint)
}

/// What to do where two instances take a namespace.
pub(crate) const TAKEN_TWICE_HINT: &str =
    "let one instance alone take the namespace: see AKOSettings.namespaceSelector";

/// What to do where a shard is full.
fn larger(settings: &InstanceSettings, kind: ShardKind) -> &'static str {
    let l7 = &settings.l7;
    match (kind, l7.shard_size, l7.passthrough_shard_size) {
        (ShardKind::Shared, ShardSize::Small, _) => "set L7Settings.shardVSSize to MEDIUM",
        (ShardKind::Shared, ShardSize::Medium, _) => "set L7Settings.shardVSSize to LARGE",
        (ShardKind::Shared, ..) => "set L7Settings.shardVSSize to DEDICATED",
        (_, _, ShardSize::Medium) => "set L7Settings.passthroughShardSize to LARGE",
        (_, _, ShardSize::Large) => "use a namespace of another tenant or instance",
        (_, _, _) => "set L7Settings.passthroughShardSize to MEDIUM",
    }
}

fn unheard(env: &Env, draft: &HostDraft, source: &ObjectKey) -> Unheard {
    Unheard {
        domain: env.domain.clone(),
        host: draft.host.clone(),
        source: source.clone(),
    }
}

/// The setting of a share, with the right of whoever brings it.
fn bound(draft: &HostDraft) -> Option<Bound> {
    let oldest = draft.parts.first()?;
    draft.infra.as_ref().map(|infra| Bound {
        infra: infra.clone(),
        created: oldest.created.clone(),
        source: oldest.source.clone(),
    })
}

fn serve(maker: &Maker<'_>, draft: &HostDraft, shard: Option<&ShardKey>, parts: &mut Parts) {
    if let Some(HostHold::SecretUnheard(source)) = &draft.hold {
        let wait = || unheard(maker.env, draft, source);
        parts.unheard.get_or_insert_with(wait);
    }
    match shard {
        None => dedicated::render(maker, draft, parts),
        Some(shard) if shard.kind == ShardKind::Passthrough => {
            passthrough::render(maker, draft, shard, parts);
        }
        Some(shard) => serve_shared(maker, draft, shard, parts),
    }
}

fn serve_shared(maker: &Maker<'_>, draft: &HostDraft, shard: &ShardKey, parts: &mut Parts) {
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
        group: None,
        sources: sources(draft.parts.iter()),
        host_at: hosts_at(draft),
        infra: bound(draft),
        shard: shard.clone(),
    });
    if let Some(certificate) = &draft.certificate
        && !secure.is_empty()
    {
        let child = secure::Child {
            host: &draft.host,
            shard: &shard.name,
            parts: &secure,
            form: Form::Child,
            certificate_at: &draft.certificate_at,
        };
        secure::render(maker, &child, certificate, parts);
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

/// Where each contribution names the host.
fn hosts_at(draft: &HostDraft) -> Vec<Place> {
    let parts = draft.parts.iter();
    parts.map(|part| part.host_at.clone()).collect()
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
