//! What agents write to.

use crate::core::progress;
use aviary_kinds::room;
use aviary_types::{EcoString, ObjectKey};
use imbl::OrdMap;

/// An object to write to.
pub(super) struct Target {
    pub(super) key: ObjectKey,
    pub(super) uid: EcoString,
    /// The version last heard, which need not be the one in force; empty if it is not heard of.
    pub(super) version: EcoString,
    pub(super) api_version: &'static str,
    pub(super) plural: &'static str,
}

impl Target {
    /// An object with its uid and the version that is in force.
    pub(super) fn of(
        key: &ObjectKey,
        (uid, version): (EcoString, EcoString),
        versions: &OrdMap<ObjectKey, EcoString>,
    ) -> Option<Self> {
        let room = room(key.kind)?;
        Some(Self {
            key: key.clone(),
            uid,
            version: versions.get(key).cloned().unwrap_or(version),
            api_version: room.version,
            plural: room.plural,
        })
    }

    /// The workload of the translator, which nobody watches.
    pub(super) fn workload(key: &ObjectKey) -> Self {
        Self {
            key: key.clone(),
            uid: EcoString::new(),
            version: EcoString::new(),
            api_version: progress::VERSION,
            plural: progress::PLURAL,
        }
    }
}
