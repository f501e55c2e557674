//! What several Ingresses ask of one host that only one can have.

use super::effect::{HostDraft, HostPart, PathDraft, Security};
use crate::view::View;
use aviary_settings::{DuplicatePaths, FqdnReusePolicy, Scheme, ShardSize};
use aviary_types::{Code, EcoString, Finding, Host, ObjectKey, eco_format};
use std::collections::{BTreeMap, BTreeSet};

/// Settles what the contributions of a host have against each other, and tells who loses.
pub(super) fn settle(view: &dyn View, draft: &mut HostDraft, findings: &mut Vec<Finding>) {
    let env = view.env();
    let merge = env.settings.aviary.duplicate_paths(env.scheme) == DuplicatePaths::Merge;
    let labels = draft.shard_size(env) != ShardSize::Dedicated;
    if ends(draft, findings) {
        passed_on(draft, merge, findings);
    } else {
        duplicates(draft, (merge, labels), findings);
    }
    if labels {
        unreached(draft, findings);
    }
}

/// Whether an Ingress may contribute to the host: where namespaces do not share hosts, that of the
/// oldest Ingress has it. AKO looks at this with EVH alone.
pub(super) fn admits(
    view: &dyn View,
    draft: &HostDraft,
    source: &ObjectKey,
    findings: &mut Vec<Finding>,
) -> bool {
    let env = view.env();
    let is_heeded = env.scheme == Scheme::Documented || env.settings.ako.enable_evh;
    let is_strict = is_heeded && env.settings.l7.fqdn_reuse_policy == FqdnReusePolicy::Strict;
    let admits = !is_strict || source.namespace == draft.owner.namespace;
    if !admits {
        let (host, owner) = (&draft.host, &draft.owner);
        findings.push(Finding::new(
            source,
            Code::HostClaimed,
            eco_format!("host {host} is served for the older {owner} of another namespace"),
            "use another host, remove the older object, or let namespaces share hosts: \
             L7Settings.fqdnReusePolicy",
        ));
    }
    admits
}

/// TLS of a host ends in one place. The oldest contribution that can be served decides, and the
/// others are left out; answers whether it ends at the Service.
fn ends(draft: &mut HostDraft, findings: &mut Vec<Finding>) -> bool {
    let passes = |part: &HostPart| part.security == Security::Passthrough;
    let able = |part: &&HostPart| part.security != Security::NoCertificate;
    let serves = |part: &&HostPart| able(part) && !part.paths.is_empty();
    let mut parts = draft.parts.iter();
    let first = parts.clone().find(serves).or_else(|| parts.find(able));
    let Some(first) = first else {
        return false;
    };
    let (is_passed, owner) = (passes(first), first.source.clone());
    let host = draft.host.clone();
    draft.parts.retain(|part| {
        let stays = passes(part) == is_passed;
        if !stays {
            let way = if is_passed {
                "passed through to"
            } else {
                "ended for"
            };
            let owner = owner.namespaced_name();
            findings.push(Finding::new(
                &part.source,
                Code::TlsEndsElsewhere,
                eco_format!("TLS of host {host} is {way} the older Ingress {owner}"),
                "use another host, or the same passthrough annotation on all Ingresses of the host",
            ));
        }
        stays
    });
    is_passed
}

/// A host that is passed through has no paths: one Ingress alone serves it. With AKO that is the
/// youngest, since each one replaces the Services of the one before: `duplicatePaths: merge` is its
/// way, so that what it left is taken over without a write.
fn passed_on(draft: &mut HostDraft, merge: bool, findings: &mut Vec<Finding>) {
    // Who has no path asks for nothing.
    if draft.parts.iter().any(|part| !part.paths.is_empty()) {
        draft.parts.retain(|part| !part.paths.is_empty());
    }
    let owner = if merge {
        draft.parts.last()
    } else {
        draft.parts.first()
    };
    let Some(owner) = owner.map(|part| part.source.clone()) else {
        return;
    };
    let which = if merge { "younger" } else { "older" };
    for part in draft.parts.iter().filter(|part| part.source != owner) {
        let (host, owner) = (&draft.host, owner.namespaced_name());
        findings.push(Finding::new(
            &part.source,
            Code::DuplicateHostPath,
            eco_format!("host {host} is passed through to the {which} Ingress {owner} alone"),
            "use another host, or remove one of the two",
        ));
    }
    if !merge {
        draft.parts.truncate(1);
    }
    for part in &draft.parts {
        let backend = |path: &PathDraft| (path.backend.service.clone(), path.backend.port);
        let backends: BTreeSet<_> = part.paths.iter().map(backend).collect();
        if backends.len() > 1 {
            let host = &draft.host;
            findings.push(Finding::new(
                &part.source,
                Code::UnsupportedField,
                eco_format!(
                    "TLS of host {host} is passed through, where paths have no meaning: the Services \
                     of all paths share its connections"
                ),
                "name one Service for the host, or let TLS end at the load balancer",
            ));
        }
    }
}

/// Tells the younger of two Ingresses with the same path on the host, and an Ingress that has a path
/// twice. Unless both are to be served, the path is left out.
fn duplicates(draft: &mut HostDraft, (merge, labels): (bool, bool), findings: &mut Vec<Finding>) {
    let mut elders: BTreeMap<(bool, EcoString), ObjectKey> = BTreeMap::new();
    let served = draft.parts.iter_mut();
    for part in served.filter(|part| part.security != Security::NoCertificate) {
        let secure = labels && part.security == Security::Secure;
        let by_label = labels && !secure;
        let mut own = BTreeSet::new();
        let mut free = Vec::with_capacity(part.paths.len());
        for path in &part.paths {
            let (host, said) = (&draft.host, &path.path);
            let taken = (secure, taken_by(path, by_label));
            let elder = elders.get(&taken).map(ObjectKey::namespaced_name);
            // Rules tell a path that must be met in full from others; labels do not.
            let is_first = own.insert((taken, path.exact && !by_label));
            free.push(elder.is_none() && is_first);
            if let Some(elder) = elder {
                findings.push(duplicate(host, said, &part.source, &elder, merge));
            } else if !is_first {
                findings.push(twice(host, said, &part.source, merge));
            }
        }
        if !merge {
            let mut free = free.into_iter();
            part.paths.retain(|_| free.next().unwrap_or(true));
        }
        for (taken, _) in own {
            elders.entry(taken).or_insert_with(|| part.source.clone());
        }
    }
}

/// What two paths have in common that take the same requests. The labels of a shared group are
/// found in lower case.
fn taken_by(path: &PathDraft, by_label: bool) -> EcoString {
    let text = if path.path.is_empty() {
        "/"
    } else {
        &path.path
    };
    if by_label {
        text.to_lowercase().into()
    } else {
        text.into()
    }
}

/// Tells plain contributions that no client reaches on a parent that hosts share: where the host is
/// redirected to TLS for another one, and where it is a wildcard, which no label is.
fn unreached(draft: &HostDraft, findings: &mut Vec<Finding>) {
    let of = |security| {
        let parts = draft.parts.iter().filter(move |it| it.security == security);
        parts.filter(|part| !part.paths.is_empty())
    };
    let host = &draft.host;
    let has = |part: &HostPart, text: &str| part.paths.iter().any(|path| path.path == text);
    // The label of an empty path is the beginning of that of `/`, and the longest one counts.
    if let Some(root) = of(Security::Insecure).find(|part| has(part, "/")) {
        let root = root.source.namespaced_name();
        let empty = of(Security::Insecure).filter(|part| has(part, ""));
        findings.extend(empty.map(|part| {
            let text = eco_format!("requests of path {host} reach path {host}/ of Ingress {root}");
            let hint = "name the path / in one Ingress alone";
            Finding::new(&part.source, Code::PathHidden, text, hint)
        }));
    }
    let secured = of(Security::Secure)
        .next()
        .map(|part| part.source.namespaced_name());
    for part in of(Security::Insecure) {
        findings.push(match &secured {
            Some(other) => Finding::new(
                &part.source,
                Code::PlainBehindTls,
                eco_format!(
                    "host {host} is redirected to TLS for Ingress {other}, where the plain paths of \
                     this one are not served"
                ),
                "list the host in spec.tls of this Ingress too, or use another host",
            ),
            None if host.as_str().starts_with("*.") => Finding::new(
                &part.source,
                Code::WildcardPlain,
                eco_format!("plain requests do not find wildcard host {host}"),
                "secure the host with spec.tls, or write out the names",
            ),
            None => continue,
        });
    }
}

fn duplicate(
    host: &Host,
    path: &EcoString,
    source: &ObjectKey,
    elder: &str,
    merge: bool,
) -> Finding {
    let text = if merge {
        eco_format!("path {host}{path} is also served by Ingress {elder}")
    } else {
        eco_format!("path {host}{path} is served by the older Ingress {elder} alone")
    };
    let hint = "use another path, or remove one of the two";
    Finding::new(source, Code::DuplicateHostPath, text, hint)
}

fn twice(host: &Host, path: &EcoString, source: &ObjectKey, merge: bool) -> Finding {
    let text = if merge {
        eco_format!("path {host}{path} stands more than once here, and each has a share")
    } else {
        eco_format!("path {host}{path} stands more than once here; the first one is served")
    };
    let hint = "name each path of a host once, in one spelling";
    Finding::new(source, Code::DuplicateHostPath, text, hint)
}
