//! The agent: it watches what the translator asks for, trims it, streams it, and carries out the
//! translator's writes. It knows no Kubernetes kind by name.
//!
//! [`Agent`] runs over any [`source::Source`] and [`connect::Connector`]: a cluster and sockets in
//! production, a folder of manifests in the demo, memory and paused time in tests.

mod agent;
pub mod args;
mod chance;
pub mod cluster;
mod config;
pub mod connect;
mod findings;
pub mod health;
pub mod manifests;
mod replica;
pub mod source;
mod token;
mod trace;
pub mod trim;
mod watches;

pub use self::agent::Agent;
pub use self::config::Config;

#[cfg(test)]
mod tests;
