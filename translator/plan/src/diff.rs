//! What must be done so that the Controller has what is desired.

use crate::hold::Holder;
use crate::journal::Journal;
use crate::op::{Hold, Method, Op, OpKey, Plan, Reason};
use crate::order::order;
use crate::relocate::relocate;
use crate::replace::replace;
use crate::retain::retain;
use crate::stage::{spread, widened};
use aviary_avi::{
    AviKey, Body, Desired, DesiredObject, Knowledge, Observed, ObservedObject, Presence,
};
use aviary_types::{DomainId, EcoString, Generation, Provenance};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is compared, and by which rules.
pub struct Input<'a> {
    /// The facts that the desired objects come from.
    pub generation: Generation,
    /// What should exist.
    pub desired: &'a Desired,
    /// What the Controller has.
    pub observed: &'a Observed,
    /// What may not be concluded from absence.
    pub knowledge: &'a dyn Knowledge,
    /// Whose objects are compared.
    pub domains: &'a [DomainId],
    /// Objects without an owner's mark that the store remembers to have made.
    pub journal: &'a Journal,
    /// Emptied shard parents that may go now.
    pub expired: &'a BTreeSet<AviKey>,
    /// Which objects; `None` for all.
    pub keys: Option<&'a BTreeSet<AviKey>>,
}

/// Compares. Total and pure: same input, same plan.
pub fn diff(input: &Input<'_>) -> Plan {
    let mut draft = Draft::default();
    let holder = Holder::new(input);
    let all = || {
        input
            .desired
            .objects
            .keys()
            .chain(input.observed.objects.keys())
            .collect()
    };
    let keys: BTreeSet<&AviKey> = input.keys.map_or_else(all, |keys| keys.iter().collect());
    for key in keys {
        compare(input, &holder, key, &mut draft);
    }
    let Draft { mut ops, mut holds } = draft;
    holds.sort_by(|a, b| a.object.cmp(&b.object));
    replace(input, &holder, &mut ops);
    spread(input, &mut ops);
    let moves = relocate(input, &mut ops);
    let ops = order(input, ops, &moves);
    Plan {
        generation: input.generation,
        ops,
        holds,
    }
}

/// A plan in the making.
#[derive(Default)]
struct Draft {
    ops: BTreeMap<OpKey, Op>,
    holds: Vec<Hold>,
}

impl Draft {
    fn hold(&mut self, object: &AviKey, method: Method, why: impl Into<EcoString>) {
        self.holds.push(Hold {
            object: object.clone(),
            method,
            why: why.into(),
        });
    }

    fn push(&mut self, op: Op) {
        self.ops.insert(op.key.clone(), op);
    }
}

fn compare(input: &Input<'_>, holder: &Holder<'_>, key: &AviKey, draft: &mut Draft) {
    match (
        input.desired.objects.get(key),
        input.observed.objects.get(key),
    ) {
        (Some(desired), observed) if input.knowledge.holds_domain(&desired.domain) => {
            let method = if observed.is_some() {
                Method::Update
            } else {
                Method::Create
            };
            draft.hold(key, method, "the cluster-wide kinds were not heard in full");
        }
        (Some(desired), None) => create(desired, draft),
        (Some(desired), Some(observed)) => update(input, holder, (desired, observed), draft),
        (None, Some(observed)) => delete(input, holder, observed, draft),
        (None, None) => {}
    }
}

fn create(desired: &DesiredObject, draft: &mut Draft) {
    if desired.presence == Presence::IfObserved {
        return;
    }
    if desired.key.kind.is_shared() {
        return draft.hold(
            &desired.key,
            Method::Update,
            "it does not exist, and is not ours to make",
        );
    }
    draft.push(op(
        desired,
        0,
        Method::Create,
        Reason::Missing,
        desired.body.clone(),
    ));
}

fn update(
    input: &Input<'_>,
    holder: &Holder<'_>,
    (desired, observed): (&DesiredObject, &ObservedObject),
    draft: &mut Draft,
) {
    let key = &desired.key;
    let shared = key.kind.is_shared();
    if !shared && holder.owner(observed).is_none() {
        return draft.hold(key, Method::Update, "an object of this name is not ours");
    }
    let expired = desired.presence == Presence::IfObserved && input.expired.contains(key);
    if expired {
        return delete(input, holder, observed, draft);
    }
    let retained = retain(holder, desired, observed).map(Arc::new);
    if retained.is_some() {
        draft.hold(key, Method::Update, "entries of what was not heard stay");
    }
    let body = retained.unwrap_or_else(|| desired.body.clone());
    if body.same(&observed.body) {
        return;
    }
    if let Some(why) = holder.why(observed) {
        return draft.hold(key, Method::Update, why);
    }
    match widened(input, key, &body, &observed.body) {
        Some(wide) if wide.same(&observed.body) => {
            draft.push(op(desired, 1, Method::Update, Reason::Differs, body));
        }
        Some(wide) if !wide.same(&body) => {
            draft.push(op(
                desired,
                0,
                Method::Update,
                Reason::Widen,
                Arc::new(wide),
            ));
            draft.push(op(desired, 1, Method::Update, Reason::Differs, body));
        }
        _ => draft.push(op(desired, 0, Method::Update, Reason::Differs, body)),
    }
}

fn delete(input: &Input<'_>, holder: &Holder<'_>, observed: &ObservedObject, draft: &mut Draft) {
    if observed.key.kind.is_shared() {
        return;
    }
    let Some(domain) = holder.owner(observed) else {
        return;
    };
    if input.knowledge.holds_domain(&domain) {
        return draft.hold(
            &observed.key,
            Method::Delete,
            "the cluster-wide kinds were not heard in full",
        );
    }
    if let Some(why) = holder.why_stay(observed) {
        return draft.hold(&observed.key, Method::Delete, why);
    }
    draft.push(Op {
        key: OpKey {
            object: observed.key.clone(),
            stage: 0,
        },
        method: Method::Delete,
        domain,
        body: None,
        after: Vec::new(),
        reason: Reason::NotWanted,
        breaks: None,
        whose: None,
        urgent: false,
        provenance: Arc::new(Provenance::default()),
    });
}

fn op(desired: &DesiredObject, stage: u16, method: Method, reason: Reason, body: Arc<Body>) -> Op {
    Op {
        key: OpKey {
            object: desired.key.clone(),
            stage,
        },
        method,
        domain: desired.domain.clone(),
        body: Some(body),
        after: Vec::new(),
        reason,
        breaks: None,
        whose: None,
        urgent: false,
        provenance: desired.provenance.clone(),
    }
}
