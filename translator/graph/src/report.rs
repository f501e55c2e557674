//! What a build gives: the desired objects, what changed in them, and what is not known.

use crate::builder::Counts;
use crate::claimed::Claimed;
use crate::incumbents::Incumbents;
use crate::parts::{Parts, Serve, ShardKey, Waiting};
use crate::recorder::Recorder;
use crate::unit::UnitKey;
use aviary_avi::{AviKey, Desired, Knowledge};
use aviary_kinds::status::Verdict;
use aviary_kinds::{Env, StatusWrite, avi_infra_setting, ingress, room, rooms_of, service};
use aviary_store::Facts;
use aviary_types::{
    ClusterName, DomainId, EcoString, Finding, Host, Members, Namespace, ObjectKey, ScopeKey,
    TenantName,
};
use imbl::ordmap::DiffItem;
use imbl::{OrdMap, OrdSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The result of one build; an immutable value that shares what did not change.
#[derive(Debug, Clone, Default)]
pub struct Built {
    /// The facts it was made from.
    pub facts: Facts,
    /// What should exist.
    pub desired: Desired,
    /// Objects whose desired form changed since the last build.
    pub changed: Arc<BTreeSet<AviKey>>,
    /// Sources whose status or findings may have changed since the last build.
    pub touched: Arc<BTreeSet<ObjectKey>>,
    /// What is not known.
    pub unknown: Arc<Unknown>,
    /// Whether something is known now that was not, so that what was held must be looked at again.
    pub unknown_changed: bool,
    /// How much work it was.
    pub counts: Counts,
    /// Units whose evaluation panicked in this build: a fault of ours. Their last good result stays.
    pub faults: usize,
    /// How often everything had to begin anew after a fault of ours: then `changed` does not name what
    /// changed since the state before.
    pub restarts: u64,
    /// What is asked for, by whom, and what became of it.
    pub claims: Claimed,
    pub(crate) units: OrdMap<UnitKey, Arc<Parts>>,
    pub(crate) by_source: OrdMap<ObjectKey, Members<UnitKey>>,
    /// The AviInfraSettings that shard parents stand as.
    pub(crate) rulings: OrdMap<ShardKey, Arc<ObjectKey>>,
}

impl Built {
    /// A copy for those who read the state: without what changed last, which is news once.
    #[must_use]
    pub fn state(&self) -> Self {
        Self {
            facts: self.facts.clone(),
            desired: self.desired.clone(),
            unknown: self.unknown.clone(),
            counts: self.counts,
            restarts: self.restarts,
            claims: self.claims.clone(),
            units: self.units.clone(),
            by_source: self.by_source.clone(),
            rulings: self.rulings.clone(),
            ..Self::default()
        }
    }

    /// This build, with what the one before it changed: they are news together.
    #[must_use]
    pub fn after(mut self, first: &Self) -> Self {
        self.changed = Arc::new(self.changed.union(&first.changed).cloned().collect());
        self.touched = Arc::new(self.touched.union(&first.touched).cloned().collect());
        self.unknown_changed |= first.unknown_changed;
        self.counts = first.counts.and(self.counts);
        self.faults += first.faults;
        self
    }

    /// Scopes of a domain of which nothing is known: the cluster-wide one, or namespaces that it takes.
    pub fn unheard_scopes(&self, domain: &DomainId) -> Vec<ScopeKey> {
        let cluster = &domain.cluster;
        let wide = ScopeKey::cluster_wide(cluster);
        if !self.facts.is_published(&wide) {
            return vec![wide];
        }
        let namespaces = self.unknown.namespaces.get(domain).into_iter().flatten();
        let scopes = namespaces.map(|namespace| ScopeKey {
            cluster: cluster.clone(),
            namespace: namespace.clone(),
        });
        scopes.collect()
    }

    /// The virtual services that serve a source, by host.
    pub fn serves_of(&self, source: &ObjectKey) -> Vec<Serve> {
        let parts = self.parts_of(source);
        parts
            .flat_map(|parts| &parts.serves)
            .filter(|s| s.source == *source)
            .cloned()
            .collect()
    }

    /// Whether a Service is to be annotated for NodePortLocal.
    pub fn is_annotated(&self, service: &ObjectKey) -> bool {
        self.parts_of(service)
            .any(|parts| parts.annotated.contains(service))
    }

    /// Whether an object that is accepted or rejected as a whole takes part; `None` while that is not
    /// known.
    pub fn verdict_of(&self, source: &ObjectKey) -> Option<Verdict> {
        let mut verdicts = self
            .parts_of(source)
            .filter_map(|parts| parts.verdict.as_ref());
        let (_, verdict) = verdicts.find(|(of, _)| of == source)?;
        Some(verdict.clone())
    }

    /// All findings at an object: of reading it, if it is ours, and of translating it.
    pub fn findings_of(&self, source: &ObjectKey) -> Vec<Finding> {
        let read = self.facts.findings_of(source);
        let read = read.filter(|_| self.concerns(source)).into_iter();
        let read = read.flat_map(|list| list.iter());
        let parts = self.parts_of(source).flat_map(|parts| &parts.findings);
        let parts = parts.filter(|finding| finding.object == *source);
        let ruled = self.parts_of(source).flat_map(|parts| self.ruled(parts));
        let ruled = ruled.filter(|finding| finding.object == *source);
        let all: BTreeSet<Finding> = read.chain(parts).cloned().chain(ruled).collect();
        all.into_iter().collect()
    }

    /// Findings about hosts whose shard parent stands as another AviInfraSetting says.
    fn ruled<'a>(&'a self, parts: &'a Parts) -> impl Iterator<Item = Finding> + 'a {
        parts.shares.iter().flat_map(|share| {
            let asked = share.infra.as_ref().map(|bound| &bound.infra.source);
            let ruling = self.rulings.get(&share.shard);
            let both = ruling.zip(asked).filter(|(ruling, asked)| ruling != asked);
            let sources = both
                .into_iter()
                .flat_map(|it| share.sources.iter().map(move |of| (of, it)));
            sources.map(|(source, it)| avi_infra_setting::differs(source, &share.host, it))
        })
    }

    /// Whether an object's faults are ours to tell: another controller's Ingress may use what we do
    /// not know.
    fn concerns(&self, source: &ObjectKey) -> bool {
        let is_told = room(source.kind).is_some_and(|room| room.status != StatusWrite::None);
        !is_told || self.facts.get(source).is_none() || self.domain_of(source).is_some()
    }

    /// The domain that answers for an object, if one of these does.
    pub fn domain_of(&self, source: &ObjectKey) -> Option<Arc<Env>> {
        let entry = self.facts.get(source)?;
        let envs = self
            .unknown
            .envs
            .values()
            .filter(|env| env.domain.cluster == source.cluster);
        envs.filter(|env| entry.fact.is_ours(&Recorder::new(&self.facts, env), source))
            .min_by(|a, b| a.domain.cmp(&b.domain))
            .cloned()
    }

    /// Whether Normal Events of a cluster are sent, by the settings of any of its domains.
    pub fn sends_events(&self, cluster: &ClusterName) -> bool {
        let envs = self.unknown.envs.values();
        let mut envs = envs.filter(|env| env.domain.cluster == *cluster);
        envs.any(|env| env.settings.ako.enable_events)
    }

    /// All findings, by object.
    pub fn findings(&self) -> Vec<Finding> {
        let read = self.facts.findings().filter(|(key, _)| self.concerns(key));
        let read = read.flat_map(|(_, list)| list.iter());
        let parts = self.units.values().flat_map(|parts| &parts.findings);
        let ruled = self.units.values().flat_map(|parts| self.ruled(parts));
        let all: BTreeSet<Finding> = read.chain(parts).cloned().chain(ruled).collect();
        all.into_iter().collect()
    }

    /// Every object that serves, or has a finding.
    pub fn sources(&self) -> impl Iterator<Item = &ObjectKey> {
        self.by_source.keys()
    }

    /// Every shard parent with the hosts on it: (domain, tenant, shard, host).
    pub fn shard_map(&self) -> impl Iterator<Item = (&DomainId, &str, &str, &str)> {
        self.units
            .values()
            .flat_map(|parts| &parts.shares)
            .map(|share| {
                let shard = &share.shard;
                (
                    &shard.domain,
                    shard.tenant.as_str(),
                    shard.name.as_str(),
                    share.host.as_str(),
                )
            })
    }

    /// Hosts whose claims look different since another state: what became of them, what they wait
    /// for, or whom they are for.
    pub fn claims_changed(&self, before: &Self) -> BTreeSet<UnitKey> {
        let asked = self.claims.changed(&before.claims).cloned();
        let waits = before.unknown.unheard.diff(&self.unknown.unheard);
        let waits = waits.map(|item| {
            let (domain, host) = key_of(&item);
            UnitKey::Host(domain.clone(), host.clone())
        });
        let sources = |unit: &UnitKey, built: &Self| -> BTreeSet<ObjectKey> {
            let parts = built.units.get(unit).into_iter();
            let shares = parts.flat_map(|parts| &parts.shares);
            let sources = shares.flat_map(|share| &share.sources);
            sources.map(|source| ObjectKey::clone(source)).collect()
        };
        let made = before.units.diff(&self.units);
        let made = made.map(|item| key_of(&item).clone());
        let made = made.filter(|unit| sources(unit, before) != sources(unit, self));
        let all = asked.chain(waits).chain(made);
        all.filter(|unit| matches!(unit, UnitKey::Host(..)))
            .collect()
    }

    /// The units that the objects of a scope contribute to.
    pub fn units_of(&self, scope: &ScopeKey) -> BTreeSet<UnitKey> {
        let mut units = BTreeSet::new();
        for room in rooms_of(scope) {
            let first = ObjectKey::new(&scope.cluster, room.kind, scope.namespace.clone(), "");
            let here = self.by_source.range(first..);
            let here = here.take_while(|(key, _)| {
                key.kind == room.kind
                    && key.namespace == scope.namespace
                    && key.cluster == scope.cluster
            });
            units.extend(here.flat_map(|(_, units)| units.iter().cloned()));
        }
        units
    }

    /// Every object that a host's objects in a tenant come from.
    pub fn sources_of(&self, unit: &UnitKey, tenant: &TenantName) -> BTreeSet<&ObjectKey> {
        let parts = self.units.get(unit).into_iter();
        let shares = parts.flat_map(|parts| &parts.shares);
        let shares = shares.filter(|share| share.shard.tenant == *tenant);
        shares
            .flat_map(|share| share.sources.iter().map(AsRef::as_ref))
            .collect()
    }

    fn parts_of(&self, source: &ObjectKey) -> impl Iterator<Item = &Arc<Parts>> {
        let units = self
            .by_source
            .get(source)
            .into_iter()
            .flat_map(Members::iter);
        units.filter_map(|unit| self.units.get(unit))
    }
}

/// What a difference of two maps is about.
pub fn key_of<'b, K, V>(item: &DiffItem<'b, 'b, K, V>) -> &'b K {
    match item {
        DiffItem::Add(key, _)
        | DiffItem::Remove(key, _)
        | DiffItem::Update { new: (key, _), .. } => key,
    }
}

/// What may not be concluded from absence (invariant 1).
#[derive(Debug, Clone, Default)]
pub struct Unknown {
    pub(crate) facts: Facts,
    pub(crate) envs: BTreeMap<DomainId, Arc<Env>>,
    /// Hosts that wait for contents that were not heard, or for what cannot be read.
    pub(crate) unheard: OrdMap<(DomainId, Host), ObjectKey>,
    /// Load balancers that wait, by what their objects are marked with.
    pub(crate) waits: OrdSet<(DomainId, Waiting)>,
    /// By translated domain: namespaces that it takes and that were never heard in full.
    pub(crate) namespaces: BTreeMap<DomainId, OrdSet<Namespace>>,
    /// The AviInfraSettings that those of them ask for, with their tenants.
    pub(crate) settings: BTreeMap<DomainId, OrdMap<Namespace, (TenantName, EcoString)>>,
    /// Who has which host for them.
    pub(crate) incumbents: Arc<Incumbents>,
}

impl Unknown {
    /// The domains that are configured.
    pub fn domains(&self) -> impl Iterator<Item = &DomainId> {
        self.envs.keys()
    }

    /// Whether something of the domain was not heard yet.
    pub(crate) fn is_in_doubt(&self, domain: &DomainId) -> bool {
        let unheard = self.namespaces.get(domain);
        unheard.is_none_or(|unheard| !unheard.is_empty())
    }

    /// Hosts that wait, with what they wait for.
    pub fn unheard(&self) -> &OrdMap<(DomainId, Host), ObjectKey> {
        &self.unheard
    }
}

impl Knowledge for Unknown {
    /// The cluster-wide kinds were never heard in full, or the domain is not configured.
    fn holds_domain(&self, domain: &DomainId) -> bool {
        !self.namespaces.contains_key(domain)
    }

    /// The namespace is selected and was never heard in full. A namespace that is known to be
    /// gone, or not selected, holds nothing back.
    fn holds_namespace(&self, domain: &DomainId, namespace: &str) -> bool {
        let unheard = self.namespaces.get(domain);
        unheard.is_none_or(|unheard| unheard.contains(namespace))
    }

    fn holds_host(&self, domain: &DomainId, host: &str) -> bool {
        self.unheard
            .contains_key(&(domain.clone(), Host::from(host)))
    }

    fn holds_source(&self, domain: &DomainId, namespace: &str, marker: &str, name: &str) -> bool {
        let waiting = |marker| Waiting {
            namespace: namespace.into(),
            marker,
            name: name.into(),
        };
        let waits = |marker| self.waits.contains(&(domain.clone(), waiting(marker)));
        let kind = match marker {
            "GatewayName" => return waits("GatewayName"),
            "ServiceName" if waits("ServiceName") => return true,
            "IngressName" => ingress::KIND,
            "ServiceName" => service::KIND,
            _ => return false,
        };
        if self.envs.get(domain).is_some_and(|env| env.is_to_go()) {
            return false;
        }
        self.facts
            .rejected()
            .contains_key(&ObjectKey::new(&domain.cluster, kind, namespace, name))
    }
}
