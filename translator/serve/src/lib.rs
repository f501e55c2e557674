//! How Avi serves a request from the objects that are configured: `(objects, request)` to backend,
//! redirect or reason. Pure.
//!
//! It is the oracle of make-before-break ([`broken_between`]) and the face of `aviary why`: it
//! reads nothing but Avi objects, so it cannot share a mistake with what made them.

mod datascript;
mod dump;
mod http;
mod index;
mod l4;
mod matching;
mod members;
mod policy;
mod probe;
mod problem;
mod served;
mod surface;
mod verdict;
mod walk;
mod world;

pub use dump::DumpError;
pub use http::Request;
pub use l4::{Listener, Protocol};
pub use probe::Probe;
pub use problem::Problem;
pub use served::{Baseline, Break, Loss, broken_between, served};
pub use surface::{Door, HostSurface};
pub use verdict::{Certificate, Location, Outcome, PoolShare, Step, Verdict, Why};
pub use world::World;

#[cfg(test)]
mod tests;
