//! Keeps the results of all units and evaluates again what a change touched.

mod evaluate;
mod fault;
mod recount;

pub(crate) use fault::Step;

use crate::claims::Registry;
use crate::commons::Commons;
use crate::incumbents::Incumbents;
use crate::memos::{Memo, Memos};
use crate::parts::{Parts, ShardKey, Unheard};
use crate::reach::Reach;
use crate::recorder::Read;
use crate::report::Built;
use crate::shards::{Shards, shards_of, standing};
use crate::unit::UnitKey;
use aviary_avi::{AviKey, DesiredObject};
use aviary_kinds::service::SharedVip;
use aviary_kinds::{Env, IndexKey, avi_infra_setting, ingress, namespace, service};
use aviary_store::{Changes, Facts};
use aviary_types::{Digest, DomainId, Generation, ObjectKey, ScopeKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How much work a build was: shown by queries, asserted by tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Units that were looked at.
    pub visited: usize,
    /// Units that were evaluated.
    pub evaluated: usize,
    /// Shard parents that were joined.
    pub joined: usize,
    /// Objects whose desired form changed.
    pub changed: usize,
}

impl Counts {
    /// The work of two builds.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            visited: self.visited + other.visited,
            evaluated: self.evaluated + other.evaluated,
            joined: self.joined + other.joined,
            changed: self.changed + other.changed,
        }
    }
}

/// A domain that is translated: it is configured, and its cluster-wide kinds are known.
#[derive(Debug)]
struct Open {
    digest: Digest,
    env: Arc<Env>,
    reach: Reach,
}

/// Builds desired objects from facts, with memory of what it built before.
#[derive(Debug, Default)]
pub struct Builder {
    memos: Memos,
    registry: Registry,
    shards: Shards,
    commons: Commons,
    open: BTreeMap<DomainId, Open>,
    incumbents: Arc<Incumbents>,
    /// The incumbents are others than at the last build.
    unseated: bool,
    /// Units with a host that is kept for what was not heard.
    waiting: BTreeSet<UnitKey>,
    built: Built,
    #[cfg(test)]
    probe: Option<fn(Step<'_>)>,
}

/// What a unit read.
type Reads = Box<[(Read, Digest)]>;

/// What one build finds to do and did.
#[derive(Default)]
struct Work {
    /// Units to look at; whether to evaluate them whatever their reads say.
    units: BTreeMap<UnitKey, bool>,
    shards: BTreeSet<ShardKey>,
    commons: BTreeSet<AviKey>,
    changed: BTreeSet<AviKey>,
    touched: BTreeSet<ObjectKey>,
    /// Whether something is known that was not.
    learnt: bool,
    /// Whether other shard parents than before may be wanted.
    reaches: bool,
    /// Units whose evaluation panicked.
    faults: usize,
    counts: Counts,
}

impl Work {
    fn look(&mut self, units: impl IntoIterator<Item = UnitKey>) {
        for unit in units {
            self.units.entry(unit).or_default();
        }
    }

    fn evaluate(&mut self, units: impl IntoIterator<Item = UnitKey>) {
        self.units
            .extend(units.into_iter().map(|unit| (unit, true)));
    }
}

impl Builder {
    fn build_now(&mut self, facts: &Facts, envs: &BTreeMap<DomainId, Arc<Env>>) -> Built {
        let mut work = Work::default();
        self.survey(facts, envs, &mut work);
        let results = self.evaluate(facts, &mut work);
        self.step(Step::Commit);
        self.commit(results, &mut work);
        self.join(&mut work);
        self.finish(facts, envs, work)
    }

    /// The Controller was read: these have hosts there for what was not heard.
    pub fn seat(&mut self, incumbents: Incumbents) {
        if *self.incumbents != incumbents {
            self.incumbents = Arc::new(incumbents);
            self.unseated = true;
        }
    }

    /// Whether some unit reads this object of a kind watched by name, so that its contents are wanted.
    pub fn wants(&self, key: &ObjectKey) -> bool {
        self.memos.wants(key)
    }

    /// Objects of such kinds that came to be wanted, or are not any more, since the last call.
    pub fn take_turned(&mut self) -> BTreeSet<ObjectKey> {
        self.memos.take_turned()
    }

    /// Finds the units whose result may no longer hold.
    fn survey(&mut self, facts: &Facts, envs: &BTreeMap<DomainId, Arc<Env>>, work: &mut Work) {
        let in_sequence = facts.changes.since == self.built.facts.generation
            && facts.changes.since != Generation::default();
        work.learnt = !in_sequence || self.is_accepted(facts);
        let is_open = |domain: &DomainId| {
            let is_heard = || facts.is_published(&ScopeKey::cluster_wide(&domain.cluster));
            envs.get(domain)
                .is_some_and(|env| env.is_to_go() || is_heard())
        };
        let closed = self.open.extract_if(.., |domain, _| !is_open(domain));
        for domain in closed.map(|(domain, _)| domain).collect::<Vec<_>>() {
            work.evaluate(self.memos.of_domain(&domain).cloned());
            work.reaches = true;
        }
        for (domain, env) in envs.iter().filter(|(domain, _)| is_open(domain)) {
            let wide = ScopeKey::cluster_wide(&domain.cluster);
            let known = self.is_known(domain, env);
            if known {
                self.recount(env, work);
            }
            if known && in_sequence && !facts.changes.scopes.contains(&wide) {
                self.touch(facts, env, work);
                self.reach(facts, domain, work);
            } else {
                self.open_all(facts, env, known, work);
            }
        }
        if work.learnt || self.unseated {
            work.evaluate(self.waiting.iter().cloned());
            self.unseat();
        }
        if std::mem::take(&mut self.unseated) {
            let open = self.open.keys();
            let units = open.flat_map(|domain| {
                let hosts = self.incumbents.hosts();
                hosts.map(|host| UnitKey::Host(domain.clone(), host.clone()))
            });
            work.evaluate(units.filter(|unit| self.memos.get(unit).is_some()));
        }
    }

    /// Whether the domain is open already, with these very settings.
    fn is_known(&self, domain: &DomainId, env: &Arc<Env>) -> bool {
        self.open
            .get(domain)
            .is_some_and(|open| Arc::ptr_eq(&open.env, env) || open.digest == env.digest())
    }

    /// Whether an object that could not be read is gone or can be read now.
    fn is_accepted(&self, facts: &Facts) -> bool {
        let rejected = self.built.facts.rejected();
        let mut changed = facts.changes.objects.iter();
        changed.any(|key| rejected.contains_key(key) && !facts.rejected().contains_key(key))
    }

    /// Looks at everything of a domain; where its settings are new, nothing kept holds.
    fn open_all(&mut self, facts: &Facts, env: &Arc<Env>, known: bool, work: &mut Work) {
        let domain = &env.domain;
        let units = self
            .memos
            .of_domain(domain)
            .cloned()
            .chain(all_units(facts, env));
        if known {
            work.look(units);
        } else {
            work.evaluate(units);
            work.shards.extend(self.shards.of_domain(domain).cloned());
        }
        let open = Open {
            digest: env.digest(),
            env: env.clone(),
            reach: Reach::of(facts, env),
        };
        self.open.insert(domain.clone(), open);
        (work.reaches, work.learnt) = (true, true);
    }

    /// Units of one domain that read what changed, and those that a change brings about.
    fn touch(&self, facts: &Facts, env: &Env, work: &mut Work) {
        let Changes {
            objects,
            index,
            scopes,
            ..
        } = &*facts.changes;
        let (domain, cluster) = (&env.domain, &env.domain.cluster);
        let objects = objects.iter().filter(|key| key.cluster == *cluster);
        let index = index.iter().filter(|index| index.cluster == *cluster);
        let read_objects = objects.clone().cloned().map(Read::Object);
        let read_scopes = scopes.iter().cloned().map(Read::Scope);
        let read_indexes = index.clone().cloned().map(Read::Index);
        for read in read_objects.chain(read_indexes).chain(read_scopes) {
            let readers = self.memos.readers(&read);
            work.look(readers.filter(|unit| unit.domain() == domain).cloned());
        }
        work.look(index.filter_map(|index| unit_of_index(index, env)));
        let units = objects.filter_map(|key| unit_of_object(key, env));
        work.look(units);
    }

    /// Looks again at the namespaces that changed.
    fn reach(&mut self, facts: &Facts, domain: &DomainId, work: &mut Work) {
        let Some(open) = self.open.get_mut(domain) else {
            return;
        };
        let Changes {
            objects, scopes, ..
        } = &*facts.changes;
        let ours = |key: &ObjectKey| key.kind == namespace::KIND && key.cluster == domain.cluster;
        if objects.iter().any(ours) {
            let reach = Reach::of(facts, &open.env);
            work.reaches |= reach.tenants != open.reach.tenants;
            work.learnt |= reach.frees(&open.reach);
            open.reach = reach;
        }
        for scope in scopes
            .iter()
            .filter(|scope| scope.cluster == domain.cluster)
        {
            work.learnt |= open.reach.update(facts, &open.env, &scope.namespace);
        }
    }

    /// Puts results in the place of former ones: first everything goes, then everything comes, for a
    /// name may pass from one unit to another.
    fn commit(&mut self, results: BTreeMap<UnitKey, Memo>, work: &mut Work) {
        let mut pairs = Vec::with_capacity(results.len());
        for (unit, mut memo) in results {
            let former = self.memos.remove(&unit).unwrap_or_default();
            if memo.parts == former.parts {
                memo.parts = former.parts.clone();
            }
            let kept: BTreeSet<&AviKey> = memo
                .parts
                .objects
                .iter()
                .map(|object| &object.key)
                .collect();
            let gone = former
                .parts
                .objects
                .iter()
                .filter(|object| !kept.contains(&object.key));
            for gone in gone {
                self.remove(&gone.key, work);
            }
            pairs.push((unit, former.parts, memo));
        }
        for (unit, former, memo) in pairs {
            self.replace(&unit, &former, &memo.parts, work);
            self.built.claims.replace(&unit, &memo.claims);
            if !memo.is_empty() {
                self.memos.insert(unit, memo);
            }
        }
    }

    fn replace(&mut self, unit: &UnitKey, former: &Parts, parts: &Arc<Parts>, work: &mut Work) {
        for object in &parts.objects {
            if !object.key.kind.is_shared() {
                self.insert(object.clone(), work);
            }
        }
        work.commons
            .extend(self.commons.replace(unit, former, parts));
        work.shards.extend(self.shards.replace(unit, former, parts));
        self.index_sources(unit, former, parts, work);
        if former.waits != parts.waits {
            let waits = &mut Arc::make_mut(&mut self.built.unknown).waits;
            for waiting in &former.waits {
                waits.remove(&(unit.domain().clone(), waiting.clone()));
            }
            let now = parts.waits.iter();
            waits.extend(now.map(|waiting| (unit.domain().clone(), waiting.clone())));
            work.learnt |= parts.waits.is_empty();
        }
        if former.unheard != parts.unheard {
            let unheard = &mut Arc::make_mut(&mut self.built.unknown).unheard;
            if let Some(former) = &former.unheard {
                unheard.remove(&former.waiting());
                work.learnt |= parts.unheard.is_none();
            }
            if let Some(Unheard { source, .. }) = &parts.unheard {
                let waiting = parts.unheard.iter().map(Unheard::waiting);
                unheard.extend(waiting.map(|waiting| (waiting, source.clone())));
            }
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
            let units = self.built.by_source.entry(source.clone()).or_default();
            units.insert(unit.clone());
            work.touched.insert(source.clone());
        }
        if **parts == Parts::default() {
            self.built.units.remove(unit);
        } else {
            self.built.units.insert(unit.clone(), parts.clone());
        }
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

    /// Joins the parents that gained or lost something. Every shard of every tenant in reach has a
    /// parent form, if only the empty one; shards of a former size or naming have none any more.
    fn join(&mut self, work: &mut Work) {
        if work.reaches {
            let open = || self.open.values().filter(|open| !open.env.is_to_go());
            let wanted = open().flat_map(|Open { env, reach, .. }| {
                let live = reach.tenants.keys();
                let live = live.flat_map(|tenant| shards_of(env, tenant));
                standing(env).chain(live)
            });
            let tenants = open().flat_map(|Open { env, reach, .. }| {
                let tenants = reach.tenants.iter();
                tenants.map(|(tenant, said)| ((env.domain.clone(), tenant.clone()), said.clone()))
            });
            let (wanted, tenants) = (wanted.collect(), tenants.collect());
            work.shards.extend(self.shards.want(wanted, tenants));
        }
        for key in std::mem::take(&mut work.commons) {
            match self.commons.join(&key) {
                Some(object) => self.insert(object, work),
                None => self.remove(&key, work),
            }
        }
        for shard in std::mem::take(&mut work.shards) {
            let env = self.open.get(&shard.domain).map(|open| open.env.clone());
            let joined = self.shards.join(&shard, env.as_deref());
            self.rule(&shard, joined.ruling, work);
            let (former, objects) = (joined.former, joined.objects);
            work.counts.joined += 1;
            let kept: BTreeSet<&AviKey> = objects.iter().map(|object| &object.key).collect();
            for gone in former.iter().filter(|key| !kept.contains(key)) {
                self.remove(gone, work);
            }
            for object in objects {
                self.insert(object, work);
            }
        }
    }

    /// Which AviInfraSetting a parent stands as. Who asks for another is told.
    fn rule(&mut self, shard: &ShardKey, ruling: Option<Arc<ObjectKey>>, work: &mut Work) {
        let before = self.built.rulings.get(shard);
        if before == ruling.as_ref() {
            return;
        }
        let rulings = [before, ruling.as_ref()];
        let told = self.shards.shares(shard).filter(|share| {
            let asked = share.infra.as_ref().map(|bound| &bound.infra.source);
            asked.is_some() && rulings.iter().flatten().any(|it| Some(*it) != asked)
        });
        let told = told.flat_map(|share| &share.sources);
        work.touched
            .extend(told.map(|source| ObjectKey::clone(source)));
        match ruling {
            Some(ruling) => self.built.rulings.insert(shard.clone(), ruling),
            None => self.built.rulings.remove(shard),
        };
    }

    /// Once everything was heard nobody keeps anything for what was not.
    fn unseat(&mut self) {
        let mut open = self.open.values();
        if open.all(|open| open.reach.unheard.is_empty())
            && self
                .incumbents
                .all_in(|domain| self.open.contains_key(domain))
        {
            self.incumbents = Arc::default();
        }
    }

    fn finish(&mut self, facts: &Facts, envs: &BTreeMap<DomainId, Arc<Env>>, work: Work) -> Built {
        let unknown = Arc::make_mut(&mut self.built.unknown);
        let reach = self
            .open
            .iter()
            .map(|(domain, open)| (domain.clone(), open.reach.unheard.clone()));
        unknown.namespaces = reach.collect();
        let open = self.open.iter();
        let settings = open.map(|(domain, open)| (domain.clone(), open.reach.settings.clone()));
        unknown.settings = settings.filter(|(_, it)| !it.is_empty()).collect();
        unknown.incumbents = self.incumbents.clone();
        unknown.facts = facts.clone();
        self.built.unknown_changed = work.learnt || unknown.envs != *envs;
        unknown.envs.clone_from(envs);
        self.built.facts = facts.clone();
        self.built.faults = work.faults;
        self.built.counts = Counts {
            changed: work.changed.len(),
            ..work.counts
        };
        self.built.changed = Arc::new(work.changed);
        let Changes {
            objects, versions, ..
        } = &*facts.changes;
        let mut touched = work.touched;
        touched.extend(objects.union(versions).cloned());
        self.built.touched = Arc::new(touched);
        self.built.clone()
    }
}

/// Every unit that the facts of a domain ask for.
fn all_units(facts: &Facts, env: &Env) -> BTreeSet<UnitKey> {
    let domain = &env.domain;
    let mut units = BTreeSet::from([UnitKey::Routes(domain.clone())]);
    let index = facts
        .index_values()
        .filter(|index| index.cluster == domain.cluster);
    units.extend(index.filter_map(|index| unit_of_index(index, env)));
    let objects = facts.objects();
    let objects = objects.filter(|entry| entry.key.cluster == domain.cluster);
    units.extend(objects.filter_map(|entry| unit_of_object(&entry.key, env)));
    units
}

/// The unit that an object is by itself.
fn unit_of_object(key: &ObjectKey, env: &Env) -> Option<UnitKey> {
    let domain = || env.domain.clone();
    match key.kind {
        service::KIND => Some(UnitKey::L4(domain(), key.clone())),
        avi_infra_setting::KIND => Some(UnitKey::Setting(domain(), key.clone())),
        _ => None,
    }
}

/// The unit that an index value brings about.
fn unit_of_index(index: &IndexKey, env: &Env) -> Option<UnitKey> {
    let domain = || env.domain.clone();
    let host = ingress::host_of_index(index, env).map(|host| UnitKey::Host(domain(), host));
    host.or_else(|| Some(UnitKey::SharedVip(domain(), SharedVip::of_index(index)?)))
}

fn sources(parts: &Parts) -> BTreeSet<&ObjectKey> {
    let findings = parts.findings.iter().map(|finding| &finding.object);
    let served = parts.serves.iter().map(|serve| &serve.source);
    let judged = parts.verdict.iter().map(|(source, _)| source);
    let told = served.chain(findings).chain(judged);
    told.chain(&parts.annotated).collect()
}
