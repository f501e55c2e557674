//! What a plan must never do, asked of every plan before anything of it goes out. Nothing here
//! edits a plan; whoever hands it out leaves out what is found.

use crate::breaks::interruptions;
use crate::diff::Input;
use crate::hold::Holder;
use crate::op::{Method, Op, OpKey, Plan, Reason};
use aviary_avi::{AviKey, AviKind, Owned};
use aviary_types::{AVI_NAME_LIMIT, DomainId, EcoString, eco_format};
use std::collections::{BTreeMap, BTreeSet};

/// A plan that takes no more than this of a kind from a domain never waits, however small the domain.
const GUARD_FLOOR: usize = 10;

/// Which rule an operation breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// What it refers to is nowhere.
    Reference,
    /// What it deletes is still referred to. In a comparison of some objects that is no fault: the
    /// write that ends it may be under way.
    InUse,
    /// The object is not ours.
    Ownership,
    /// The Controller would not take the name.
    Name,
    /// It would go before what it must go after.
    Order,
    /// It would delete what is held for want of knowledge.
    Knowledge,
    /// Something else would come between it and the rest of an interruption.
    Adjacent,
}

/// One operation that must not go out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which operation.
    pub op: OpKey,
    /// What it breaks.
    pub rule: Rule,
    /// In words.
    pub text: EcoString,
}

/// Every violation of every rule, sorted.
pub fn check(input: &Input<'_>, plan: &Plan) -> Vec<Violation> {
    let mut violations = Vec::new();
    let all = All::of(plan);
    violations.extend(check_interruptions(&all, plan));
    for op in &plan.ops {
        let found = check_references(input, &all, op)
            .or_else(|| check_ownership(input, &all, op))
            .or_else(|| check_name(op))
            .or_else(|| check_order(&all, op))
            .or_else(|| check_knowledge(input, op));
        violations.extend(found.map(|(rule, text)| Violation {
            op: op.key.clone(),
            rule,
            text,
        }));
    }
    violations.sort();
    violations
}

type Found = Option<(Rule, EcoString)>;

/// The operations of a plan, by key, with their places.
struct All<'a> {
    places: BTreeMap<&'a OpKey, usize>,
    deleted: BTreeSet<&'a AviKey>,
    written: BTreeSet<&'a AviKey>,
}

impl<'a> All<'a> {
    fn of(plan: &'a Plan) -> Self {
        let of = |deletes: bool| {
            let ops = plan.ops.iter();
            let ops = ops.filter(move |op| (op.method == Method::Delete) == deletes);
            ops.map(|op| &op.key.object)
        };
        let written: BTreeSet<&AviKey> = of(false).collect();
        let remade = plan.ops.iter().filter(|op| op.reason == Reason::Replace);
        let remade: BTreeSet<&AviKey> = remade.map(|op| &op.key.object).collect();
        let deleted = of(true).filter(|key| !remade.contains(key)).collect();
        Self {
            places: plan.ops.iter().map(|op| &op.key).zip(0..).collect(),
            deleted,
            written,
        }
    }

    fn is_second(&self, op: &Op) -> bool {
        let before = op.key.stage.checked_sub(1);
        let first = before.map(|stage| OpKey {
            object: op.key.object.clone(),
            stage,
        });
        first.is_some_and(|first| self.places.contains_key(&first))
    }
}

/// Each reference of the last form of an object resolves in what is desired or observed, and what is
/// deleted is referred to by nothing that stays as it is.
fn check_references(input: &Input<'_>, all: &All<'_>, op: &Op) -> Found {
    let key = &op.key.object;
    let Some(body) = &op.body else {
        let mut referrers = input.observed.referrers(key);
        let stays = |key: &&AviKey| !all.deleted.contains(key) && !all.written.contains(key);
        let referrer = referrers.find(stays)?;
        let text = eco_format!("{referrer} still refers to it");
        return Some((Rule::InUse, text));
    };
    let last = OpKey {
        object: key.clone(),
        stage: op.key.stage + 1,
    };
    let is_last = !all.places.contains_key(&last);
    let is_there = |target: &AviKey| {
        let observed = input.observed.objects.contains_key(target);
        let known = observed || input.desired.objects.contains_key(target);
        known && !(is_last && all.deleted.contains(target))
    };
    let references = body.refs().into_iter();
    let mut targets = references.filter_map(|reference| key.target(reference));
    let missing = targets.find(|target| !is_there(target))?;
    Some((
        Rule::Reference,
        eco_format!("it refers to {missing}, which is nowhere"),
    ))
}

/// Nothing of others is written or deleted; of what is shared only entries are.
fn check_ownership(input: &Input<'_>, all: &All<'_>, op: &Op) -> Found {
    let observed = input.observed.objects.get(&op.key.object);
    let text = match (op.method, observed) {
        (Method::Create, None) if op.key.object.kind.is_shared() => "it is not ours to make",
        (Method::Create, None) => return None,
        (Method::Create, Some(_)) if op.reason == Reason::Replace && all.is_second(op) => {
            return None;
        }
        (Method::Create, Some(_)) => "it exists already",
        // The second of two writes, of which the first makes it.
        (Method::Update, None) if all.is_second(op) => return None,
        (_, None) => "it does not exist",
        (Method::Delete, Some(_)) if op.key.object.kind.is_shared() => "it is not ours to delete",
        (_, Some(observed)) => {
            let mut domains = input.domains.iter();
            let entries = domains.any(|domain| observed.body.owner(domain) == Owned::Entries);
            if entries || Holder::new(input).owner(observed).is_some() {
                return None;
            }
            "it is not ours"
        }
    };
    Some((Rule::Ownership, text.into()))
}

fn check_name(op: &Op) -> Found {
    let length = op.key.object.name.len();
    let is_legal = op.method == Method::Delete || (1..=AVI_NAME_LIMIT).contains(&length);
    (!is_legal).then(|| (Rule::Name, eco_format!("a name of {length} characters")))
}

/// What an operation names in `after` stands before it, and it names what it needs: the making of
/// what it refers to, and the end of what refers to what it deletes.
fn check_order(all: &All<'_>, op: &Op) -> Found {
    let place = |key: &OpKey| all.places.get(key).copied();
    let own = place(&op.key)?;
    let late = op
        .after
        .iter()
        .find(|key| place(key).is_some_and(|at| at >= own))?;
    Some((
        Rule::Order,
        eco_format!("it waits for {}, which comes later", late.object),
    ))
}

/// The operations of an interruption stand side by side.
fn check_interruptions(all: &All<'_>, plan: &Plan) -> Vec<Violation> {
    let broken = interruptions(&plan.ops).into_iter().filter(|group| {
        let places = || group.iter().filter_map(|key| all.places.get(key));
        let span = places().max().zip(places().min());
        span.is_some_and(|(last, first)| last - first + 1 != group.len())
    });
    let first = broken.filter_map(|group| group.into_iter().next());
    let text = "something comes between the operations of an interruption";
    let violation = |op| Violation {
        op,
        rule: Rule::Adjacent,
        text: text.into(),
    };
    first.map(violation).collect()
}

/// Nothing goes that stands for what is not known (invariant 1).
fn check_knowledge(input: &Input<'_>, op: &Op) -> Found {
    if op.method != Method::Delete {
        return None;
    }
    let observed = input.observed.objects.get(&op.key.object)?;
    let knowledge = input.knowledge;
    let namespaces = observed.body.namespaces();
    let mut namespaces = namespaces.iter();
    let mut hosts = observed.body.sources().hosts().iter();
    let is_held = knowledge.holds_domain(&op.domain)
        || namespaces.any(|name| knowledge.holds_namespace(&op.domain, name))
        || hosts.any(|host| knowledge.holds_host(&op.domain, host));
    is_held.then(|| (Rule::Knowledge, "what it stands for was not heard".into()))
}

/// Whether a plan takes so much from a domain that a person must look at it first: more than this
/// share of its virtual services, or of its pools. What only changes its name or tenant counts
/// nothing. Answers what it takes, in words.
pub fn guard(input: &Input<'_>, plan: &Plan, percent: u8) -> Option<EcoString> {
    let kinds = [AviKind::VirtualService, AviKind::Pool];
    let mut all = input
        .domains
        .iter()
        .flat_map(|domain| kinds.map(|kind| (domain, kind)));
    all.find_map(|of| too_many(input, plan, percent, of))
}

fn too_many(
    input: &Input<'_>,
    plan: &Plan,
    percent: u8,
    (domain, kind): (&DomainId, AviKind),
) -> Option<EcoString> {
    let count = |method: Method| {
        let ops = plan.ops.iter().filter(|op| op.domain == *domain);
        ops.filter(|op| op.method == method && op.key.object.kind == kind)
            .count()
    };
    let lost = count(Method::Delete).saturating_sub(count(Method::Create));
    if lost <= GUARD_FLOOR {
        return None;
    }
    let observed = input.observed.objects.values();
    let owned = observed.filter(|object| object.key.kind == kind);
    let owned = owned.filter(|object| object.body.owner(domain) == Owned::Yes);
    let owned = owned.count();
    let is_too_much = lost * 100 > owned * usize::from(percent);
    is_too_much.then(|| eco_format!("{lost} of {owned} {kind} objects of domain {domain} would go"))
}
