//! From facts and settings to the Avi objects that should exist. Pure: the same facts, settings and
//! Controller give the same bytes, in every order of arrival.
//!
//! The work is cut into units ([`UnitKey`]): one host of one domain, one Service of type
//! LoadBalancer, the routes of a domain. A unit's result is kept with the reads it made; a change of
//! the facts evaluates those units again that read what changed. What several hosts share (parent,
//! VIP, shared pool group, redirects) is joined from the units' contributions.

mod builder;
mod claimed;
mod claims;
mod commons;
mod draft;
mod entries;
mod host;
mod incumbents;
mod l4;
mod maker;
mod memos;
mod orphans;
mod parts;
mod passthrough_shard;
mod places;
mod project;
mod reach;
mod recorder;
mod report;
mod routes;
mod rules;
mod scheme;
mod shard;
mod shards;
mod stay;
mod unit;

pub use builder::{Builder, Counts};
pub use claimed::{Ask, Claimed, Prize};
pub use entries::count_entries;
pub use incumbents::{Incumbents, Keeper};
pub use orphans::Orphans;
pub use parts::Serve;
pub use project::project;
pub use report::{Built, Unknown, key_of};
pub use scheme::{Schemes, shows_documented};
pub use unit::UnitKey;

#[cfg(test)]
mod tests;
