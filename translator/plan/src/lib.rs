//! From desired and observed to ordered, guarded operations. Pure.

mod op;
mod schedule;

pub use op::{BreakReason, Hold, Method, Op, OpKey, Plan, Reason};
pub use schedule::{Admission, Ending, Scheduler};
