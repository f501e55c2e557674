//! Which observed objects stand for something that is not known (invariant 1), and whose they are
//! (invariant 6).

use crate::diff::Input;
use aviary_avi::names::INSECURE_TWIN;
use aviary_avi::{AviKey, AviKind, Body, ObservedObject, Owned, Ownership};
use aviary_types::{DomainId, EcoString, eco_format};

/// Longest chain of references from a pool up to the virtual service that stands for it.
const DEPTH: usize = 4;

/// Answers for one comparison.
pub(crate) struct Holder<'a> {
    input: &'a Input<'a>,
}

impl<'a> Holder<'a> {
    pub(crate) fn new(input: &'a Input<'a>) -> Self {
        Self { input }
    }

    /// The domain that owns an object, exactly: never by prefix. A kind that only bears the
    /// cluster's marker needs an owned referrer, or its name in the journal.
    pub(crate) fn owner(&self, object: &ObservedObject) -> Option<DomainId> {
        let of = |owned: Owned| {
            let mut domains = self.input.domains.iter();
            domains.find(|domain| object.body.owner(domain) == owned)
        };
        of(Owned::Yes).cloned().or_else(|| {
            of(Owned::IfReferred)?;
            self.owner_by_referrer(object).or_else(|| {
                let mut domains = self.input.domains.iter();
                let (journal, name) = (self.input.journal, &object.key.name);
                let marked = |domain: &DomainId| object.body.owner(domain) == Owned::IfReferred;
                let has = |domain: &&DomainId| marked(domain) && journal.is_of(name, domain);
                domains.find(has).cloned()
            })
        })
    }

    fn owner_by_referrer(&self, object: &ObservedObject) -> Option<DomainId> {
        self.referrers(object).find_map(|referrer| {
            let marked = referrer.key.kind.ownership() != Ownership::MarkerAndReferrer;
            marked.then(|| self.owner(referrer)).flatten()
        })
    }

    fn referrers(&self, object: &ObservedObject) -> impl Iterator<Item = &'a ObservedObject> {
        let observed = &self.input.observed;
        let referrers = observed.referrers(&object.key);
        referrers.filter_map(|key| observed.objects.get(key).map(AsRef::as_ref))
    }

    /// Why the object must be left as it is, if it must. What several hosts share is never left
    /// for one of them: it keeps that host's entries.
    pub(crate) fn why(&self, object: &ObservedObject) -> Option<EcoString> {
        self.why_up_to(object, DEPTH)
    }

    fn why_up_to(&self, object: &ObservedObject, depth: usize) -> Option<EcoString> {
        let domain = self.owner(object)?;
        let own = self.own_reason(object, &domain);
        let own = own.or_else(|| self.members_reason(object, &domain));
        own.or_else(|| {
            let next = depth.checked_sub(1)?;
            let mut referrers = self.referrers(object);
            referrers.find_map(|referrer| {
                let is_child = parent_of(referrer).as_ref() == Some(&object.key);
                (!is_child)
                    .then(|| self.why_up_to(referrer, next))
                    .flatten()
            })
        })
    }

    /// Why the object must stay, if it must: also for what a shard serves beside it.
    pub(crate) fn why_stay(&self, object: &ObservedObject) -> Option<EcoString> {
        self.why(object).or_else(|| self.shard_reason(&object.key))
    }

    /// Something that is held and hangs on the shard of this name: a child, or a pool of its group.
    fn shard_reason(&self, key: &AviKey) -> Option<EcoString> {
        let sibling = |kind: AviKind| {
            let key = AviKey {
                kind,
                ..key.clone()
            };
            self.input.observed.objects.get(&key)
        };
        let passed = self.passed_reason(key);
        if passed.is_some() {
            return passed;
        }
        let parent = sibling(AviKind::VirtualService)?;
        let children = self.referrers(parent);
        let children = children.filter(|child| parent_of(child).as_ref() == Some(&parent.key));
        let members = sibling(AviKind::PoolGroup).into_iter();
        let members = members.flat_map(|group| group.targets().collect::<Vec<_>>());
        let pools = members.filter_map(|pool| self.input.observed.objects.get(&pool));
        children
            .chain(pools.map(AsRef::as_ref))
            .find_map(|object| self.why(object))
    }

    /// Something that is held and that TLS is passed through to, by the script of this name or of the
    /// one whose twin it is.
    fn passed_reason(&self, key: &AviKey) -> Option<EcoString> {
        let name = key.name.strip_suffix(INSECURE_TWIN).unwrap_or(&key.name);
        let script = AviKey {
            kind: AviKind::VsDataScriptSet,
            name: name.into(),
            ..key.clone()
        };
        let script = self.input.observed.objects.get(&script)?;
        let Body::VsDataScriptSet(set) = &*script.body else {
            return None;
        };
        let groups = set.pool_group_refs.iter();
        let mut groups = groups.filter_map(|group| script.key.target(group));
        groups.find_map(|group| self.why(self.input.observed.objects.get(&group)?))
    }

    /// The group of a host that is passed through stands for those whose pools it has: it bears the
    /// host alone. The shared group keeps the members that are held, and goes on.
    fn members_reason(&self, object: &ObservedObject, domain: &DomainId) -> Option<EcoString> {
        let Body::PoolGroup(group) = &*object.body else {
            return None;
        };
        if group.implicit_priority_labels == Some(true) {
            return None;
        }
        let pools = group.members.iter();
        let mut pools = pools.filter_map(|member| object.key.target(&member.pool_ref));
        pools.find_map(|pool| {
            let pool = self.input.observed.objects.get(&pool)?;
            self.own_reason(pool, domain)
        })
    }

    /// What the object's own markers and metadata say.
    fn own_reason(&self, object: &ObservedObject, domain: &DomainId) -> Option<EcoString> {
        let knowledge = self.input.knowledge;
        let namespaces = object.body.namespaces();
        let mut unheard = namespaces.iter();
        if let Some(namespace) = unheard.find(|name| knowledge.holds_namespace(domain, name)) {
            return Some(eco_format!("namespace {namespace} was not heard in full"));
        }
        let metadata = object.body.service_metadata().unwrap_or_default();
        let mut hosts = object
            .body
            .sources()
            .hosts()
            .iter()
            .chain(&metadata.hostnames);
        if let Some(host) = hosts.find(|host| knowledge.holds_host(domain, host)) {
            return Some(eco_format!("what host {host} needs was not heard"));
        }
        let held = |(marker, namespace, name): &(&str, EcoString, EcoString)| {
            knowledge.holds_source(domain, namespace, marker, name)
        };
        let (_, namespace, name) = sources(&object.body).into_iter().find(held)?;
        Some(eco_format!("{namespace}/{name} exists, but cannot be read"))
    }

    /// Whether the object of this key is observed and held.
    pub(crate) fn holds(&self, key: &AviKey) -> bool {
        let object = self.input.observed.objects.get(key);
        object.is_some_and(|object| self.why(object).is_some())
    }

    /// Whether something that stands for the host, in the tenant of this object, is held.
    pub(crate) fn holds_host(&self, beside: &AviKey, host: &str) -> bool {
        let mut objects = self.input.observed.of_host(host);
        objects.any(|key| key.tenant == beside.tenant && self.holds(key))
    }

    /// Whether a redirect set has a host that something held stands for.
    pub(crate) fn holds_redirect(&self, set: &AviKey) -> bool {
        let observed = self.input.observed.objects.get(set);
        let Some(Body::HttpPolicySet(body)) = observed.map(|object| &*object.body) else {
            return false;
        };
        let rules = body.http_request_policy.rules.iter();
        let mut hosts = rules.filter_map(|rule| rule.matches.as_ref()?.host_hdr.as_ref());
        hosts.any(|host| host.value.iter().any(|value| self.holds_host(set, value)))
    }
}

fn parent_of(object: &ObservedObject) -> Option<AviKey> {
    let Body::VirtualService(service) = &*object.body else {
        return None;
    };
    object.key.target(service.vh_parent_vs_ref.as_ref()?)
}

/// The sources that a body names: marker, namespace and name.
fn sources(body: &Body) -> Vec<(&'static str, EcoString, EcoString)> {
    let markers = body.sources();
    let namespace = markers.namespaces().first().cloned().unwrap_or_default();
    let named = |marker: &'static str, name: &EcoString| (marker, namespace.clone(), name.clone());
    let ingresses = markers
        .ingresses()
        .iter()
        .map(|name| named("IngressName", name));
    let service = markers.service().map(|name| named("ServiceName", name));
    let shared = markers.values("GatewayName").iter();
    let shared = shared.map(|name| named("GatewayName", name));
    let metadata = body.service_metadata().unwrap_or_default();
    let split = |marker: &'static str, name: &EcoString| {
        let (namespace, name) = name.split_once('/')?;
        Some((marker, namespace.into(), name.into()))
    };
    let more = metadata.namespace_ingress_name.iter();
    let more = more.filter_map(|name| split("IngressName", name));
    let services = metadata.namespace_svc_name.iter();
    let services = services.filter_map(|name| split("ServiceName", name));
    let own = (!metadata.ingress_name.is_empty()).then(|| {
        let (namespace, name) = (&metadata.namespace, &metadata.ingress_name);
        ("IngressName", namespace.clone(), name.clone())
    });
    ingresses
        .chain(service)
        .chain(shared)
        .chain(more)
        .chain(services)
        .chain(own)
        .collect()
}
