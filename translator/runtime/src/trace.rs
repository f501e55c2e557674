//! The translator's part of a trace: which changes are under way, and which of them a build, a plan
//! or a write is for.
//!
//! A change's trace goes on through what is done for it alone. What several changes share belongs
//! to the trace of the first one and names all by links, at most
//! [`aviary_boot::trace::LINKS_MAX`]; how many there were stands in `aviary.causes`. Where nobody
//! exports traces all of this stays empty.

mod causes;
mod spans;

pub(crate) use causes::{Causes, Changes, Due};
pub(crate) use spans::{build, diff, ingest, planned};

use aviary_boot::trace::Context;
use aviary_execute::{Cause, Traces};
use aviary_plan::Plan;

/// What the operations of a plan are done for: each for the changes of its sources. Where none of
/// these is among what the plan was made for, something led to it that sources do not name
/// (endpoints, a Secret): then it is done for all of that too.
pub(crate) fn traces(
    plan: &Plan,
    diff: Option<&Context>,
    planned_for: &Changes,
    causes: &Causes,
) -> Traces {
    let Some(diff) = diff else {
        return Traces::new();
    };
    let cause = |op| {
        let mut changes = causes.behind([op]);
        if !changes.has_any_of(planned_for) {
            changes.extend(planned_for);
        }
        let only = changes.first().filter(|_| changes.count == 1);
        let parted = only.filter(|only| !only.is_in_trace_of(diff));
        let links = match parted {
            Some(_) => vec![diff.clone()],
            None => changes.to_link().to_vec(),
        };
        Cause {
            parent: parted.unwrap_or(diff).clone(),
            links,
            count: changes.count,
        }
    };
    let ops = plan.ops.iter();
    ops.map(|op| (op.key.clone(), cause(op))).collect()
}
