//! From what should be and what is to what the users of the sources are told. Pure.

use crate::parts::Serve;
use crate::report::Built;
use aviary_avi::{Body, Observed};
use aviary_kinds::Fact;
use aviary_kinds::status::{Claim, Report, Verdict, Wish};
use aviary_types::{EcoString, Finding, ObjectKey, Severity};

/// The writes that bring a source's status, annotations and Events up to date; none where nothing
/// changes, and for objects that are not ours and never were. `refusals` are the findings that the
/// Controller's answers add.
pub fn project(
    built: &Built,
    observed: &Observed,
    source: &ObjectKey,
    refusals: &[Finding],
) -> Vec<Wish> {
    let Some(entry) = built.facts.get(source) else {
        let findings = built.facts.findings_of(source);
        let findings = findings.filter(|_| built.facts.rejected().contains_key(source));
        return findings.map_or_else(Vec::new, |list| Fact::refuse(source.kind, list));
    };
    let Some(reported) = entry.fact.reported() else {
        return Vec::new();
    };
    let Some(env) = built.domain_of(source) else {
        // Not ours (any more): what we wrote is taken back. What we do not know stays.
        let known = built.facts.is_published(&source.scope());
        let clear = known && !reported.is_empty();
        return if clear {
            let events = built.sends_events(&source.cluster);
            entry.fact.project(&Report {
                events,
                ..Report::default()
            })
        } else {
            Vec::new()
        };
    };
    let serves = built.serves_of(source);
    let report = Report {
        claims: serves
            .iter()
            .filter_map(|serve| claim(observed, serve).or_else(|| reported.claim(&serve.host)))
            .collect(),
        cluster_uuid: env.inventory.cluster_uuid.clone(),
        events: env.settings.ako.enable_events,
        node_port_local: built.is_annotated(source),
        verdict: verdict(built, source),
        findings: built
            .findings_of(source)
            .into_iter()
            .chain(refusals.iter().cloned())
            .collect(),
    };
    entry.fact.project(&report)
}

/// Whether an object takes part that is accepted or rejected as a whole: not in the version that
/// cannot be used, though an earlier one may go on.
fn verdict(built: &Built, source: &ObjectKey) -> Option<Verdict> {
    let read = built.facts.findings_of(source);
    let mut read = read.into_iter().flat_map(|list| list.iter());
    let fault = read.find(|finding| finding.code.severity() == Severity::Error);
    let fault = fault.map(|finding| Verdict::Rejected(finding.text.clone()));
    fault.or_else(|| built.verdict_of(source))
}

/// What a host is served by, once everything it needs is there.
fn claim(observed: &Observed, serve: &Serve) -> Option<Claim> {
    let service = observed.objects.get(&serve.service)?;
    let vip = observed.objects.get(&serve.vip)?;
    if !serve
        .needs
        .iter()
        .all(|key| observed.objects.contains_key(key))
    {
        return None;
    }
    let Body::VsVip(vip) = &*vip.body else {
        return None;
    };
    let named = |host: &EcoString| vip.dns_info.iter().any(|dns| dns.fqdn == *host);
    if !serve.host.is_empty() && !named(&serve.host) {
        return None;
    }
    let addresses = vip.vip.iter().flat_map(|vip| {
        [&vip.ip_address, &vip.ip6_address]
            .into_iter()
            .flatten()
            .chain(&vip.floating_ip)
    });
    let addresses: Vec<EcoString> = addresses.map(|ip| ip.addr.clone()).collect();
    (!addresses.is_empty()).then(|| Claim {
        host: serve.host.clone(),
        service: serve.service.name.clone(),
        service_uuid: service.uuid.clone(),
        addresses,
        tenant: serve.service.tenant.text().clone(),
    })
}
