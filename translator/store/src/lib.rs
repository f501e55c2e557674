//! The facts: what is known of every cluster's objects, and what is not known. Pure; whoever owns
//! the store decides when it is written to disk.
//!
//! A scope is published once all its kinds were heard in full, so that nobody ever translates half
//! a namespace. After that every change counts at once.

mod facts;
mod scope;
mod store;

pub use facts::{Changes, Facts};
pub use scope::{Frozen, ScopeState};
pub use store::{Applied, Store};

#[cfg(test)]
mod tests;
