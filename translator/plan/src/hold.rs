//! Which observed objects stand for something that is not known (invariant 1), and whose they are
//! (invariant 6).

use crate::diff::Input;
use aviary_avi::{AviKey, ObservedObject, Owned, Ownership};
use aviary_types::{DomainId, EcoString, eco_format};
use std::collections::BTreeMap;

/// Longest chain of references from a pool up to the virtual service that stands for it.
const DEPTH: usize = 4;

/// Answers for one comparison.
pub(crate) struct Holder<'a> {
    input: &'a Input<'a>,
    complete: BTreeMap<&'a DomainId, bool>,
}

impl<'a> Holder<'a> {
    pub(crate) fn new(input: &'a Input<'a>) -> Self {
        let complete = |domain| (domain, is_complete(input, domain));
        Self {
            input,
            complete: input.domains.iter().map(complete).collect(),
        }
    }

    pub(crate) fn input(&self) -> &'a Input<'a> {
        self.input
    }

    /// Whether everything of the domain is known, so that nothing needs to be looked at closer.
    pub(crate) fn is_complete(&self, domain: &DomainId) -> bool {
        self.complete.get(domain).copied().unwrap_or(false)
    }

    /// The domain that owns an object, exactly: never by prefix. A kind that only bears the
    /// cluster's marker needs an owned referrer, or its name in the journal.
    pub(crate) fn owner(&self, object: &ObservedObject) -> Option<DomainId> {
        let of = |owned: Owned| {
            self.input
                .domains
                .iter()
                .find(|domain| object.body.owner(domain) == owned)
        };
        of(Owned::Yes).cloned().or_else(|| {
            let marked = of(Owned::IfReferred)?;
            self.owner_by_referrer(object).or_else(|| {
                let journalled = self.input.journal.contains(&object.key.name);
                journalled.then(|| marked.clone())
            })
        })
    }

    fn owner_by_referrer(&self, object: &ObservedObject) -> Option<DomainId> {
        let referrers = self.input.observed.referrers(&object.key);
        referrers
            .filter_map(|key| self.input.observed.objects.get(key))
            .find_map(|referrer| {
                let marked = referrer.key.kind.ownership() != Ownership::MarkerAndReferrer;
                marked.then(|| self.owner(referrer)).flatten()
            })
    }

    /// Why the object must be left as it is, if it must.
    pub(crate) fn why(&self, object: &ObservedObject) -> Option<EcoString> {
        self.why_up_to(object, DEPTH)
    }

    fn why_up_to(&self, object: &ObservedObject, depth: usize) -> Option<EcoString> {
        let domain = self.owner(object)?;
        if self.is_complete(&domain) {
            return None;
        }
        self.own_reason(object, &domain).or_else(|| {
            let referrers = self.input.observed.referrers(&object.key);
            let mut referrers = referrers.filter_map(|key| self.input.observed.objects.get(key));
            let next = depth.checked_sub(1)?;
            referrers.find_map(|referrer| self.why_up_to(referrer, next))
        })
    }

    /// What the object's own markers say.
    fn own_reason(&self, object: &ObservedObject, domain: &DomainId) -> Option<EcoString> {
        let knowledge = self.input.knowledge;
        let unheard = object
            .body
            .namespaces()
            .into_iter()
            .find(|namespace| knowledge.holds_namespace(domain, namespace));
        if let Some(namespace) = unheard {
            return Some(eco_format!("namespace {namespace} was not heard in full"));
        }
        let hosts = object.body.sources().hosts();
        if let Some(host) = hosts.iter().find(|host| knowledge.holds_host(domain, host)) {
            return Some(eco_format!("the certificate of host {host} was not heard"));
        }
        let sources = object.body.sources();
        let namespace = sources.namespaces().first()?;
        let named = |marker: &'static str| move |name| (marker, name);
        let mut named = (sources.ingresses().iter().map(named("IngressName")))
            .chain(sources.service().map(named("ServiceName")));
        let (_, held) =
            named.find(|(marker, name)| knowledge.holds_source(domain, namespace, marker, name))?;
        Some(eco_format!("{namespace}/{held} exists, but cannot be read"))
    }

    /// Whether the object of this key is observed and held.
    pub(crate) fn holds(&self, key: &AviKey) -> bool {
        self.input
            .observed
            .objects
            .get(key)
            .is_some_and(|object| self.why(object).is_some())
    }
}

/// Whether everything that the domain's objects stand for is known. A namespace that no object names
/// holds nothing back.
fn is_complete(input: &Input<'_>, domain: &DomainId) -> bool {
    let knowledge = input.knowledge;
    let mut namespaces = input.observed.namespaces();
    !knowledge.holds_domain(domain)
        && !knowledge.awaits(domain)
        && !namespaces.any(|namespace| knowledge.holds_namespace(domain, namespace))
}
