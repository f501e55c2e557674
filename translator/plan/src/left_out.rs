//! What a plan leaves out, and what must be looked at again together.

use crate::breaks::leave_out;
use crate::check::{Rule, Violation};
use crate::op::{Hold, Op, OpKey, Plan};
use aviary_avi::AviKey;
use aviary_types::{Members, eco_format};
use std::collections::{BTreeMap, BTreeSet};

/// Objects by the one that they were left out for: an operation waits for another that must go
/// first, and may go with it.
#[derive(Debug, Default)]
pub struct Waits(BTreeMap<AviKey, Members<AviKey>>);

impl Waits {
    /// Remembers why these operations were left out, that all were left out of one plan.
    fn note(&mut self, left_out: &[Op]) {
        let objects: BTreeSet<&AviKey> = left_out.iter().map(|op| &op.key.object).collect();
        let breaking = || left_out.iter().filter(|op| op.breaks.is_some());
        for op in left_out {
            let firsts = op.after.iter().map(|first| &first.object);
            // Operations that interrupt traffic go together or not at all.
            let others = op.breaks.iter().flat_map(|_| breaking());
            for first in firsts.chain(others.map(|op| &op.key.object)) {
                if objects.contains(first) && *first != op.key.object {
                    let waiting = self.0.entry(first.clone()).or_default();
                    waiting.insert(op.key.object.clone());
                }
            }
        }
    }

    /// Adds to objects that are to be compared those that wait for them; these wait no more.
    pub fn join(&mut self, keys: &mut BTreeSet<AviKey>) {
        if self.0.is_empty() {
            return;
        }
        let mut open: Vec<AviKey> = keys.iter().cloned().collect();
        while let Some(key) = open.pop() {
            let waiting = self.0.remove(&key);
            let waiting = waiting.iter().flat_map(|keys| keys.iter().cloned());
            let new: Vec<AviKey> = waiting.filter(|key| keys.insert(key.clone())).collect();
            open.extend(new);
        }
    }

    /// Takes operations out of a plan that break a rule: a bug of ours, which must not reach the
    /// Controller, or the end of what the Controller still refers to.
    pub fn refuse(&mut self, plan: &mut Plan, violations: &[Violation]) {
        let texts: BTreeMap<&OpKey, &Violation> =
            violations.iter().map(|it| (&it.op, it)).collect();
        let left_out = leave_out(&mut plan.ops, |op| texts.contains_key(&op.key));
        self.note(&left_out);
        for op in left_out {
            let why = match texts.get(&op.key) {
                Some(violation) if violation.rule == Rule::InUse => violation.text.clone(),
                Some(violation) => eco_format!("refused: {}", violation.text),
                None => "it waits for what is left out".into(),
            };
            let (object, method) = (op.key.object, op.method);
            plan.holds.push(Hold {
                object,
                method,
                why,
            });
        }
    }
}
