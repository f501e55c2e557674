//! From desired and observed to ordered, guarded operations. Pure.

mod diff;
mod hold;
mod op;
mod order;
mod retain;
mod schedule;
mod stage;

pub use diff::{Input, diff};
pub use op::{BreakReason, Hold, Method, Op, OpKey, Plan, Reason};
pub use schedule::{Admission, Ending, Scheduler};
