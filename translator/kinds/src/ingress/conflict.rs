//! What several Ingresses ask of one host that only one can have.

use super::effect::{HostDraft, HostPart, Security};
use crate::view::View;
use aviary_settings::{DuplicatePaths, FqdnReusePolicy, Scheme};
use aviary_types::{Code, EcoString, Finding, Host, ObjectKey, eco_format};
use std::collections::{BTreeMap, BTreeSet};

/// Settles what the contributions of a host have against each other, and tells who loses.
pub(super) fn settle(view: &dyn View, draft: &mut HostDraft, findings: &mut Vec<Finding>) {
    let env = view.env();
    let merge = env.settings.aviary.duplicate_paths(env.scheme) == DuplicatePaths::Merge;
    if ends(draft, findings) {
        passed_on(draft, merge, findings);
    } else {
        duplicates(draft, merge, findings);
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
    let mut able = draft.parts.iter();
    let Some(first) = able.find(|part| part.security != Security::NoCertificate) else {
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
/// youngest, since each one replaces the Services of the one before.
fn passed_on(draft: &mut HostDraft, merge: bool, findings: &mut Vec<Finding>) {
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
}

/// Tells the younger of two Ingresses with the same path on the host. Unless both are to be served,
/// its path is left out.
fn duplicates(draft: &mut HostDraft, merge: bool, findings: &mut Vec<Finding>) {
    let mut elders: BTreeMap<(bool, EcoString), ObjectKey> = BTreeMap::new();
    let served = draft.parts.iter_mut();
    for part in served.filter(|part| part.security != Security::NoCertificate) {
        let secure = part.security == Security::Secure;
        let mut taken = BTreeSet::new();
        for path in part.paths.iter().map(|path| &path.path) {
            if let Some(elder) = elders.get(&(secure, path.clone())) {
                findings.push(duplicate(&draft.host, path, &part.source, elder, merge));
                taken.insert(path.clone());
            }
        }
        if !merge {
            part.paths.retain(|path| !taken.contains(&path.path));
        }
        let new = part.paths.iter().map(|path| (secure, path.path.clone()));
        for path in new.collect::<Vec<_>>() {
            elders.entry(path).or_insert_with(|| part.source.clone());
        }
    }
}

fn duplicate(
    host: &Host,
    path: &EcoString,
    source: &ObjectKey,
    elder: &ObjectKey,
    merge: bool,
) -> Finding {
    let elder = elder.namespaced_name();
    let text = if merge {
        eco_format!("path {host}{path} is also served by Ingress {elder}")
    } else {
        eco_format!("path {host}{path} is served by the older Ingress {elder} alone")
    };
    let hint = "use another path, or remove one of the two";
    Finding::new(source, Code::DuplicateHostPath, text, hint)
}
