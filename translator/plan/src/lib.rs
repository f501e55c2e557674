//! From desired and observed to ordered, guarded operations. Pure.

mod op;

pub use op::{BreakReason, Hold, Method, Op, OpKey, Plan, Reason};
