//! What writes under way bring and rely on: later plans know of them only what is kept here.

use super::Busy;
use aviary_avi::vs_vip::fqdns;
use aviary_avi::{AviKey, Observed};
use aviary_plan::{Method, Op};
use aviary_types::{EcoString, Members};
use std::collections::{BTreeMap, BTreeSet};

/// Kept of the operations that were handed out. What is not busy any more counts no longer.
#[derive(Default)]
pub(super) struct UnderWay {
    /// What the bodies refer to, and for which objects they are.
    in_use: BTreeMap<AviKey, Members<AviKey>>,
    /// DNS names that VsVips get, which they did not have.
    names: BTreeMap<EcoString, Members<AviKey>>,
}

impl UnderWay {
    /// Nothing is under way any more.
    pub(super) fn clear(&mut self) {
        self.in_use.clear();
        self.names.clear();
    }

    /// These operations are handed out.
    pub(super) fn note(&mut self, ops: &[Op], observed: Option<&Observed>) {
        for Op { key, body, .. } in ops {
            let references = body.iter().flat_map(|body| body.refs());
            for target in references.filter_map(|reference| key.object.target(reference)) {
                let users = self.in_use.entry(target).or_default();
                users.insert(key.object.clone());
            }
            let names = fqdns(body.as_deref());
            if names.is_empty() {
                continue;
            }
            for name in names.difference(&names_at(observed, &key.object)) {
                let takers = self.names.entry(EcoString::clone(name)).or_default();
                takers.insert(key.object.clone());
            }
        }
    }

    /// Whether an operation must wait for one that is under way.
    pub(super) fn blocks(&self, op: &Op, busy: &impl Busy, observed: Option<&Observed>) -> bool {
        let Op {
            key, method, body, ..
        } = op;
        let key = &key.object;
        // Nothing goes that a write under way refers to, though nothing on the Controller does.
        let is_gone = *method == Method::Delete;
        let is_used = || {
            let users = self.in_use.get(key);
            users.is_some_and(|users| users.iter().any(|user| busy.has(user)))
        };
        // Nor does what refers to an object that is still being made.
        let is_there = |key: &AviKey| observed.is_some_and(|it| it.objects.contains_key(key));
        let refs = body.iter().flat_map(|body| body.refs());
        let mut targets = refs.filter_map(|it| key.target(it));
        busy.has(key)
            || (is_gone && is_used())
            || targets.any(|target| busy.has(&target) && !is_there(&target))
            || self.takes_too_early(op, busy, observed)
    }

    /// Whether a name would leave its address before the write that brings it to another is done.
    fn takes_too_early(&self, op: &Op, busy: &impl Busy, observed: Option<&Observed>) -> bool {
        if self.names.is_empty() {
            return false;
        }
        let key = &op.key.object;
        let (had, keeps) = (names_at(observed, key), fqdns(op.body.as_deref()));
        let mut lost = had.difference(&keeps);
        lost.any(|name| {
            let takers = self.names.get(*name).into_iter().flat_map(Members::iter);
            takers
                .into_iter()
                .any(|taker| taker != key && busy.has(taker))
        })
    }
}

fn names_at<'a>(observed: Option<&'a Observed>, key: &AviKey) -> BTreeSet<&'a EcoString> {
    let object = observed.and_then(|observed| observed.objects.get(key));
    fqdns(object.map(|object| &*object.body))
}
