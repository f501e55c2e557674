//! One host: its pools, and for a secure one its child virtual service.

mod pools;
mod secure;

use crate::maker::Maker;
use crate::parts::{Parts, Serve, ShardKey, Share, Unheard};
use aviary_avi::{AviKey, AviKind};
use aviary_kinds::View;
use aviary_kinds::ingress::{self, HostDraft, HostHold, HostPart, Security};
use aviary_types::{EcoString, Host, ObjectKey};

/// Evaluates one host of a domain.
pub(crate) fn evaluate(view: &dyn View, host: &Host) -> Parts {
    let mut parts = Parts::default();
    let drafts = ingress::host(view, host, &mut parts.findings);
    for draft in &drafts {
        render(&Maker::new(view.env(), &draft.tenant), draft, &mut parts);
    }
    parts
}

fn render(maker: &Maker<'_>, draft: &HostDraft, parts: &mut Parts) {
    if let Some(HostHold::SecretUnheard(source)) = &draft.hold {
        let (domain, host) = (maker.env.domain.clone(), draft.host.clone());
        parts.unheard = Some(Unheard {
            domain,
            host,
            source: source.clone(),
        });
    }
    let shards = maker.settings().l7.shard_size.count().max(1);
    let shard = ShardKey {
        domain: maker.env.domain.clone(),
        tenant: maker.tenant.clone(),
        name: maker.names.shared_of(draft.host.as_str(), shards),
    };
    let secure = secured(draft);
    let insecure: Vec<&HostPart> = draft
        .parts
        .iter()
        .filter(|part| part.security == Security::Insecure)
        .collect();
    let members = pools::insecure(maker, &draft.host, &insecure, parts);
    parts
        .serves
        .extend(serves(maker, &draft.host, &shard, (&secure, &insecure)));
    parts.shares.push(Share {
        named: !members.is_empty() || !secure.is_empty(),
        redirect: !secure.is_empty(),
        child: (!secure.is_empty()).then(|| maker.names.child(draft.host.as_str())),
        host: draft.host.clone(),
        members,
        sources: draft.parts.iter().map(|part| part.source.clone()).collect(),
        shard: shard.clone(),
    });
    if let Some(certificate) = &draft.certificate
        && !secure.is_empty()
    {
        let child = secure::Child {
            host: &draft.host,
            shard: &shard.name,
            parts: &secure,
        };
        secure::render(maker, &child, certificate, parts);
    }
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
    let key = |kind: AviKind, name: &EcoString| AviKey {
        kind,
        tenant: maker.tenant.clone(),
        cloud: EcoString::new(),
        name: name.clone(),
    };
    let vip = key(AviKind::VsVip, &shard.name);
    let child = key(AviKind::VirtualService, &maker.names.child(host.as_str()));
    let parent = key(AviKind::VirtualService, &shard.name);
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
