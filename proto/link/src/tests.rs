//! Both halves against each other: whatever is cut, lost, reordered between streams or restarted,
//! both sides end up equal, and nothing is removed that was not deleted.

mod cases;
mod converge;
mod world;
