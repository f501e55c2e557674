//! Keeps the results of all units and evaluates again what a change touched.

use crate::parts::{Parts, ShardKey, Share};
use crate::recorder::{Read, Recorder};
use crate::report::{Built, Unknown};
use crate::unit::UnitKey;
use crate::{host, l4, routes, shard};
use aviary_avi::names::{Names, NamingScheme};
use aviary_avi::{AviKey, DesiredObject};
use aviary_kinds::{Env, Watch, ingress, room, service};
use aviary_settings::Scheme;
use aviary_store::{Changes, Facts};
use aviary_types::{Digest, DomainId, Generation, ObjectKey, ScopeKey, TenantName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How much work a build was: shown by queries, asserted by tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Units that were evaluated.
    pub evaluated: usize,
    /// Shard parents that were joined.
    pub joined: usize,
    /// Objects whose desired form changed.
    pub changed: usize,
}

/// One unit's result with what it read.
#[derive(Debug)]
struct Memo {
    reads: BTreeMap<Read, Digest>,
    parts: Arc<Parts>,
}

/// Builds desired objects from facts, with memory of what it built before.
#[derive(Debug, Default)]
pub struct Builder {
    memos: BTreeMap<UnitKey, Memo>,
    readers: BTreeMap<Read, BTreeSet<UnitKey>>,
    shards: BTreeMap<ShardKey, BTreeMap<UnitKey, Arc<Parts>>>,
    joined: BTreeMap<ShardKey, Vec<AviKey>>,
    envs: BTreeMap<DomainId, (Digest, Arc<Env>)>,
    built: Built,
}

impl Builder {
    /// Builds the state of these facts for these domains. Same facts and domains, same result,
    /// whatever was built before.
    pub fn build(&mut self, facts: &Facts, envs: &BTreeMap<DomainId, Arc<Env>>) -> Built {
        let dirty = self.dirty(facts, envs);
        self.envs = envs
            .iter()
            .map(|(id, env)| (id.clone(), (env.digest(), env.clone())))
            .collect();
        let mut work = Work::default();
        for unit in dirty {
            self.evaluate(facts, unit, &mut work);
        }
        self.empty_shards(&mut work);
        for shard in std::mem::take(&mut work.shards) {
            self.join(&shard, &mut work);
        }
        self.finish(facts, envs, work)
    }

    /// Objects of kinds watched by name that some unit reads: those whose contents are wanted.
    pub fn wanted(&self) -> impl Iterator<Item = &ObjectKey> {
        self.readers.keys().filter_map(|read| match read {
            Read::Object(key) if room(key.kind)?.watch == Watch::ByName => Some(key),
            _ => None,
        })
    }

    /// Units whose result may no longer hold.
    fn dirty(&self, facts: &Facts, envs: &BTreeMap<DomainId, Arc<Env>>) -> BTreeSet<UnitKey> {
        let in_sequence = facts.changes.since == self.built.facts.generation
            && facts.changes.since != Generation::default();
        let mut dirty = BTreeSet::new();
        for unit in self
            .memos
            .keys()
            .filter(|unit| !is_open(facts, envs, unit.domain()))
        {
            dirty.insert(unit.clone());
        }
        for (domain, env) in envs
            .iter()
            .filter(|(domain, _)| is_open(facts, envs, domain))
        {
            let known = self
                .envs
                .get(domain)
                .is_some_and(|(digest, _)| *digest == env.digest());
            let wide = ScopeKey::cluster_wide(&domain.cluster);
            if known && in_sequence && !facts.changes.scopes.contains(&wide) {
                self.touched(facts, env, &mut dirty);
            } else {
                dirty.extend(
                    self.memos
                        .keys()
                        .filter(|unit| unit.domain() == domain)
                        .cloned(),
                );
                dirty.extend(all_units(facts, env));
            }
        }
        dirty
    }

    /// Units of one domain that read what changed, and those that a change brings about.
    fn touched(&self, facts: &Facts, env: &Env, dirty: &mut BTreeSet<UnitKey>) {
        let objects = facts.changes.objects.iter().cloned().map(Read::Object);
        let index = facts.changes.index.iter().cloned().map(Read::Index);
        for read in objects.chain(index) {
            let readers = self.readers.get(&read).into_iter().flatten();
            dirty.extend(readers.filter(|unit| *unit.domain() == env.domain).cloned());
        }
        for index in facts
            .changes
            .index
            .iter()
            .filter(|i| i.cluster == env.domain.cluster)
        {
            dirty.extend(
                ingress::host_of_index(index, env).map(|h| UnitKey::Host(env.domain.clone(), h)),
            );
        }
        for key in &facts.changes.objects {
            if key.kind == service::KIND && key.cluster == env.domain.cluster {
                dirty.insert(UnitKey::L4(env.domain.clone(), key.clone()));
            }
        }
    }

    fn evaluate(&mut self, facts: &Facts, unit: UnitKey, work: &mut Work) {
        let former = self.forget(&unit);
        let (parts, reads) = match self.envs.get(unit.domain()) {
            Some((_, env))
                if facts.is_published(&ScopeKey::cluster_wide(&unit.domain().cluster)) =>
            {
                work.counts.evaluated += 1;
                run(facts, env, &unit)
            }
            _ => (Parts::default(), BTreeSet::new()),
        };
        let parts = match former {
            Some(former) if *former == parts => former,
            former => {
                let parts = Arc::new(parts);
                self.replace(&unit, former.as_deref(), &parts, work);
                parts
            }
        };
        let reads: BTreeMap<Read, Digest> = reads
            .into_iter()
            .map(|read| (read.clone(), read.digest(facts)))
            .collect();
        // A unit that found nothing and made nothing is gone; a change that brings it about again
        // names it.
        let found = reads.values().any(|digest| *digest != Digest::default());
        if *parts == Parts::default() && !found {
            return;
        }
        for read in reads.keys() {
            self.readers
                .entry(read.clone())
                .or_default()
                .insert(unit.clone());
        }
        self.memos.insert(unit, Memo { reads, parts });
    }

    fn forget(&mut self, unit: &UnitKey) -> Option<Arc<Parts>> {
        let memo = self.memos.remove(unit)?;
        for read in memo.reads.keys() {
            if let Some(units) = self.readers.get_mut(read) {
                units.remove(unit);
                if units.is_empty() {
                    self.readers.remove(read);
                }
            }
        }
        Some(memo.parts)
    }

    /// Puts a unit's new result in the place of the former one.
    fn replace(
        &mut self,
        unit: &UnitKey,
        former: Option<&Parts>,
        parts: &Arc<Parts>,
        work: &mut Work,
    ) {
        let none = Parts::default();
        let former = former.unwrap_or(&none);
        let kept: BTreeSet<&AviKey> = parts.objects.iter().map(|object| &object.key).collect();
        for gone in former
            .objects
            .iter()
            .filter(|object| !kept.contains(&object.key))
        {
            self.remove(&gone.key, work);
        }
        for object in &parts.objects {
            self.insert(object.clone(), work);
        }
        for share in &former.shares {
            self.unshare(unit, &share.shard);
        }
        for share in &parts.shares {
            self.shards
                .entry(share.shard.clone())
                .or_default()
                .insert(unit.clone(), parts.clone());
        }
        if former.shares != parts.shares {
            let shares = former.shares.iter().chain(&parts.shares);
            work.shards.extend(shares.map(|share| share.shard.clone()));
        }
        self.index_sources(unit, former, parts, work);
    }

    fn unshare(&mut self, unit: &UnitKey, shard: &ShardKey) {
        if let Some(units) = self.shards.get_mut(shard) {
            units.remove(unit);
        }
    }

    fn index_sources(
        &mut self,
        unit: &UnitKey,
        former: &Parts,
        parts: &Arc<Parts>,
        work: &mut Work,
    ) {
        for source in sources(former) {
            if let Some(units) = self.built.by_source.get_mut(source) {
                units.remove(unit);
                if units.is_empty() {
                    self.built.by_source.remove(source);
                }
            }
            work.touched.insert(source.clone());
        }
        for source in sources(parts) {
            self.built
                .by_source
                .entry(source.clone())
                .or_default()
                .insert(unit.clone());
            work.touched.insert(source.clone());
        }
        if **parts == Parts::default() {
            self.built.units.remove(unit);
        } else {
            self.built.units.insert(unit.clone(), parts.clone());
        }
        work.unheard |= former.unheard != parts.unheard;
    }

    fn insert(&mut self, object: Arc<DesiredObject>, work: &mut Work) {
        let known = self.built.desired.objects.get(&object.key);
        if known.is_some_and(|known| **known == *object) {
            return;
        }
        work.changed.insert(object.key.clone());
        self.built.desired.insert(object);
    }

    fn remove(&mut self, key: &AviKey, work: &mut Work) {
        if self.built.desired.remove(key).is_some() {
            work.changed.insert(key.clone());
        }
    }

    /// Every shard of every tenant in use has a parent form, if only the empty one; shards of a
    /// former size or naming have none any more.
    fn empty_shards(&mut self, work: &mut Work) {
        let mut wanted = BTreeSet::new();
        for (domain, (_, env)) in &self.envs {
            let mut tenants = BTreeSet::from([env.settings.controller.tenant.clone()]);
            tenants.extend(
                self.shards
                    .keys()
                    .filter(|s| s.domain == *domain)
                    .map(|s| s.tenant.clone()),
            );
            wanted.extend(tenants.iter().flat_map(|tenant| shards_of(env, tenant)));
        }
        let stale = self.joined.keys().filter(|shard| !wanted.contains(*shard));
        work.shards.extend(stale.cloned());
        self.shards
            .retain(|shard, units| !units.is_empty() || wanted.contains(shard));
        for shard in wanted {
            if !self.joined.contains_key(&shard) {
                work.shards.insert(shard.clone());
            }
            self.shards.entry(shard).or_default();
        }
    }

    fn join(&mut self, shard: &ShardKey, work: &mut Work) {
        let env = self.envs.get(&shard.domain).map(|(_, env)| env.clone());
        let objects = match (self.shards.get(shard), env) {
            (Some(units), Some(env)) => {
                work.counts.joined += 1;
                let shares = units.values().flat_map(|parts| &parts.shares);
                let shares: Vec<&Share> = shares.filter(|share| share.shard == *shard).collect();
                shard::join(&env, shard, &shares)
            }
            _ => Vec::new(),
        };
        let keys: Vec<AviKey> = objects.iter().map(|object| object.key.clone()).collect();
        for gone in self.joined.remove(shard).unwrap_or_default() {
            if !keys.contains(&gone) {
                self.remove(&gone, work);
            }
        }
        for object in objects {
            self.insert(object, work);
        }
        if self.shards.contains_key(shard) {
            self.joined.insert(shard.clone(), keys);
        }
    }

    fn finish(&mut self, facts: &Facts, envs: &BTreeMap<DomainId, Arc<Env>>, work: Work) -> Built {
        let mut unheard = self.built.unknown.unheard.clone();
        if work.unheard {
            let waiting = self
                .built
                .units
                .values()
                .filter_map(|parts| parts.unheard.clone());
            unheard = waiting.map(|u| ((u.domain, u.host), u.source)).collect();
        }
        self.built.unknown_changed =
            work.unheard || !facts.changes.scopes.is_empty() || self.built.unknown.envs != *envs;
        self.built.unknown = Arc::new(Unknown {
            facts: facts.clone(),
            envs: envs.clone(),
            unheard,
        });
        self.built.facts = facts.clone();
        self.built.counts = Counts {
            changed: work.changed.len(),
            ..work.counts
        };
        self.built.changed = work.changed;
        self.built.touched = work.touched;
        let Changes {
            objects, versions, ..
        } = &*facts.changes;
        self.built.touched.extend(objects.union(versions).cloned());
        self.built.clone()
    }
}

/// What one build finds to do and did.
#[derive(Default)]
struct Work {
    shards: BTreeSet<ShardKey>,
    changed: BTreeSet<AviKey>,
    touched: BTreeSet<ObjectKey>,
    unheard: bool,
    counts: Counts,
}

fn run(facts: &Facts, env: &Env, unit: &UnitKey) -> (Parts, BTreeSet<Read>) {
    let view = Recorder::new(facts, env);
    let parts = match unit {
        UnitKey::Host(_, name) => host::evaluate(&view, name),
        UnitKey::L4(_, key) => l4::evaluate(&view, key),
        UnitKey::Routes(_) => routes::evaluate(&view),
    };
    (parts, view.into_reads())
}

/// Whether the domain is configured and its cluster-wide kinds are known.
fn is_open(facts: &Facts, envs: &BTreeMap<DomainId, Arc<Env>>, domain: &DomainId) -> bool {
    envs.contains_key(domain) && facts.is_published(&ScopeKey::cluster_wide(&domain.cluster))
}

/// Every unit that the facts of a domain ask for.
fn all_units(facts: &Facts, env: &Env) -> BTreeSet<UnitKey> {
    let domain = &env.domain;
    let mut units = BTreeSet::from([UnitKey::Routes(domain.clone())]);
    for index in facts
        .index_values()
        .filter(|index| index.cluster == domain.cluster)
    {
        units.extend(ingress::host_of_index(index, env).map(|h| UnitKey::Host(domain.clone(), h)));
    }
    let services = facts
        .objects()
        .filter(|entry| entry.key.kind == service::KIND);
    let services = services.filter(|entry| entry.key.cluster == domain.cluster);
    units.extend(services.map(|entry| UnitKey::L4(domain.clone(), entry.key.clone())));
    units
}

fn shards_of(env: &Env, tenant: &TenantName) -> Vec<ShardKey> {
    let scheme = match env.scheme {
        Scheme::Documented => NamingScheme::Documented,
        Scheme::Ako => NamingScheme::Ako,
    };
    let names = Names::new(scheme, &env.domain);
    let shard = |index: u32| ShardKey {
        domain: env.domain.clone(),
        tenant: tenant.clone(),
        name: names.shared(index),
    };
    (0..env.settings.l7.shard_size.count()).map(shard).collect()
}

fn sources(parts: &Parts) -> BTreeSet<&ObjectKey> {
    let findings = parts.findings.iter().map(|finding| &finding.object);
    parts
        .serves
        .iter()
        .map(|serve| &serve.source)
        .chain(findings)
        .collect()
}
