//! What is known of the completeness of a scope.

use aviary_kinds::rooms_of;
use aviary_types::{EcoString, Kind, ScopeKey};
use std::collections::BTreeSet;

/// How much of a scope is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeState {
    /// Kinds heard in full, or known not to be installed.
    pub heard: BTreeSet<Kind>,
    /// Whether its facts take part in translation: all kinds were heard, or it was retained.
    pub published: bool,
    /// Whether it was given up by a person: until it is heard again, it accounts for nothing.
    pub released: bool,
    /// Set while nobody tells about the scope: since when, and why. Its facts stay in force.
    pub frozen: Option<Frozen>,
}

/// Since when and why a scope is not heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// RFC 3339 time.
    pub since: EcoString,
    /// In words.
    pub why: EcoString,
}

impl ScopeState {
    /// Whether every kind of the scope's extent was heard.
    pub fn is_complete(&self, scope: &ScopeKey) -> bool {
        kinds_of(scope).all(|kind| self.heard.contains(&kind))
    }
}

/// The kinds that a scope consists of.
pub(crate) fn kinds_of(scope: &ScopeKey) -> impl Iterator<Item = Kind> {
    rooms_of(scope).map(|room| room.kind)
}
