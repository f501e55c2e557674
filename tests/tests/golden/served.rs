//! Make before break: at every prefix of every order in which a plan may be worked off, each host
//! and listener that was served before and is served after is served (invariant 5), but for those
//! of an interruption that the plan marks, while it lasts.
//!
//! The oracle is `aviary-serve`, which knows nothing of how plans are made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Result, ensure};
use aviary_avi::{AviKey, AviKind, Body, Observed};
use aviary_plan::{Method, Op, OpKey, interruptions};
use aviary_serve::{Baseline, Break, Problem, World};
use aviary_tests::corpus::{Reached, listed};
use aviary_types::EcoString;

use crate::order::{ordered, tastes};

#[test]
fn every_host_is_served_at_every_prefix_of_every_order() -> Result<()> {
    let mut broken = BTreeSet::new();
    let mut kept = 0;
    for played in listed()? {
        for state in &played.states {
            let place = format!("{} {}", played.name, state.name);
            kept += hold(&place, state, |_| false, &mut broken);
        }
    }
    let lines: Vec<String> = broken.into_iter().collect();
    ensure!(lines.is_empty(), "{}", lines.join("\n"));
    // So that the test cannot pass by asking nothing.
    ensure!(kept > 50, "only {kept} questions were asked");
    Ok(())
}

/// A plan that needs another after it would hide an order of which nobody tells.
#[test]
fn one_plan_leads_from_state_to_state() -> Result<()> {
    for played in listed()? {
        for state in &played.states {
            let ops = &state.outcome.settled.operations;
            let keys: BTreeSet<_> = ops.iter().map(|op| &op.key).collect();
            ensure!(
                keys.len() == ops.len(),
                "{} {}: planned twice",
                played.name,
                state.name
            );
            let end: Vec<AviKey> = worked_off(&state.before, ops.iter()).into_keys().collect();
            let is: Vec<AviKey> = of_observed(&state.after).into_keys().collect();
            ensure!(
                end == is,
                "{} {}: {end:?} is not {is:?}",
                played.name,
                state.name
            );
        }
    }
    Ok(())
}

type Objects = BTreeMap<AviKey, Arc<Body>>;

/// Tries a state's plan in all tastes; answers how many questions had to be answered all the way.
pub(crate) fn hold(
    place: &str,
    state: &Reached,
    is_excused: fn(&Break) -> bool,
    broken: &mut BTreeSet<String>,
) -> usize {
    let ops = &state.outcome.settled.operations;
    let start = World::of_observed(&state.before);
    let end = World::new(worked_off(&state.before, ops.iter()));
    let baseline = Baseline::new(&start, &end);
    let excused: BTreeSet<Problem> = start.problems().chain(end.problems()).cloned().collect();
    let mut seen: BTreeSet<Vec<usize>> = BTreeSet::new();
    for taste in tastes() {
        let order = ordered(ops, taste);
        let mut objects = of_observed(&state.before);
        let mut prefix = Vec::new();
        let found = broken.len();
        let mut open = Interruption::default();
        for op in order {
            apply(&mut objects, op);
            open.note(op, ops, &state.before);
            prefix.extend(ops.iter().position(|other| other.key == op.key));
            let mut done = prefix.clone();
            done.sort_unstable();
            if !seen.insert(done) {
                continue;
            }
            let world = World::new(objects.clone());
            let after = format!(
                "{place}: {taste:?}: after {:?} {}",
                op.method, op.key.object
            );
            let mut breaks = baseline.broken_in(&world);
            breaks.retain(|one| !is_excused(one) && !open.excuses(one));
            broken.extend(breaks.iter().map(|one| format!("{after}: {one}")));
            // The Controller would refuse the call.
            let wrong = world
                .problems()
                .filter(|problem| !excused.contains(problem));
            broken.extend(wrong.map(|problem| format!("{after}: {problem}")));
            // The first loss tells why; the others follow from it.
            if broken.len() > found {
                break;
            }
        }
    }
    baseline.probes().count()
}

/// The interruption that has begun and not ended: what it is allowed to cost.
#[derive(Default)]
struct Interruption {
    left: BTreeSet<OpKey>,
    hosts: BTreeSet<EcoString>,
}

impl Interruption {
    /// An operation was done.
    fn note(&mut self, op: &Op, ops: &[Op], before: &Observed) {
        if self.left.remove(&op.key) {
            if self.left.is_empty() {
                self.hosts.clear();
            }
            return;
        }
        let mut groups = interruptions(ops).into_iter();
        let Some(mut group) = groups.find(|group| group.contains(&op.key)) else {
            return;
        };
        // Where a VsVip is written, its virtual service tells whose names move.
        let members = ops.iter().filter(|op| group.contains(&op.key));
        let whole = |op: &&Op| op.key.object.kind != AviKind::VsVip || op.method != Method::Update;
        let objects = members.filter(whole).map(|op| op.key.object.clone());
        let objects: BTreeSet<AviKey> = objects.collect();
        let of_group = ops.iter().filter(|op| objects.contains(&op.key.object));
        let observed = objects.iter().filter_map(|key| before.objects.get(key));
        let bodies = of_group.filter_map(|op| op.body.as_ref());
        let bodies = bodies.chain(observed.map(|object| &object.body));
        self.hosts = bodies.flat_map(|body| hosts_of(body)).collect();
        let writes = ops.iter().filter(|op| group.contains(&op.key));
        self.hosts
            .extend(writes.clone().flat_map(|op| moved(op, ops, before)));
        self.hosts.extend(writes.filter_map(|op| op.whose.clone()));
        group.remove(&op.key);
        self.left = group;
        if self.left.is_empty() {
            self.hosts.clear();
        }
    }

    fn excuses(&self, one: &Break) -> bool {
        self.hosts.contains(one.host())
    }
}

/// The names that the update of a VsVip gives it or takes from it.
fn moved(op: &Op, ops: &[Op], before: &Observed) -> BTreeSet<EcoString> {
    let object = &op.key.object;
    if object.kind != AviKind::VsVip || op.method != Method::Update {
        return BTreeSet::new();
    }
    let names = |body: Option<&Arc<Body>>| -> BTreeSet<EcoString> {
        body.into_iter().flat_map(|body| hosts_of(body)).collect()
    };
    let former = ops
        .iter()
        .filter(|other| other.key.object == *object && other.key.stage < op.key.stage);
    let former = former.max_by_key(|other| other.key.stage);
    let observed = before.objects.get(object).map(|object| &object.body);
    let former = names(former.map_or(observed, |former| former.body.as_ref()));
    let next = names(op.body.as_ref());
    former.symmetric_difference(&next).cloned().collect()
}

/// The names by which a VsVip or a virtual service is asked for.
fn hosts_of(body: &Body) -> Vec<EcoString> {
    match body {
        Body::VsVip(vip) => vip.dns_info.iter().map(|dns| dns.fqdn.clone()).collect(),
        Body::VirtualService(service) => {
            let domains = service.vh_domain_name.iter().cloned();
            domains.chain([service.name.clone()]).collect()
        }
        _ => Vec::new(),
    }
}

fn of_observed(observed: &Observed) -> Objects {
    let objects = observed.objects.iter();
    objects
        .map(|(key, object)| (key.clone(), object.body.clone()))
        .collect()
}

fn worked_off<'a>(before: &Observed, ops: impl Iterator<Item = &'a Op>) -> Objects {
    let mut objects = of_observed(before);
    ops.for_each(|op| apply(&mut objects, op));
    objects
}

fn apply(objects: &mut Objects, op: &Op) {
    match (&op.body, op.method) {
        (Some(body), Method::Create | Method::Update) => {
            objects.insert(op.key.object.clone(), body.clone());
        }
        _ => {
            objects.remove(&op.key.object);
        }
    }
}
