//! From desired and observed to ordered, guarded operations. Pure.

mod breaks;
mod check;
mod diff;
mod hold;
mod journal;
mod left_out;
mod op;
mod order;
mod relocate;
mod replace;
mod retain;
mod schedule;
mod sort;
mod stage;
mod turn;

pub use breaks::{interruptions, leave_out};
pub use check::{Rule, Violation, check, guard};
pub use diff::{Input, diff};
pub use journal::{Journal, Right};
pub use left_out::Waits;
pub use op::{BreakReason, Hold, Method, Op, OpKey, Plan, Reason};
pub use schedule::{Admission, Ending, Scheduler};

#[cfg(test)]
mod tests;
