//! Where the value of a desired field comes from.

use crate::ObjectKey;
use ecow::EcoString;
use serde::Serialize;

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Origin {
    /// A Kubernetes object, with the path inside it.
    Object {
        /// Which object.
        key: ObjectKey,
        /// JSON path inside it, empty for the object as a whole.
        path: EcoString,
    },
    /// A setting, by its dotted key.
    Setting(&'static str),
    /// What the Controller was found to be (cloud, licence, DNS domains).
    Controller(&'static str),
}

/// The origins of one desired object. Fields get their own entries when they are explained.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// Every source that contributed, sorted, without duplicates.
    pub origins: Vec<Origin>,
}

impl Provenance {
    /// Adds the whole of an object as a source.
    pub fn add_object(&mut self, key: &ObjectKey) {
        self.add(Origin::Object {
            key: key.clone(),
            path: EcoString::new(),
        });
    }

    /// Adds a source once.
    pub fn add(&mut self, origin: Origin) {
        if let Err(at) = self.origins.binary_search(&origin) {
            self.origins.insert(at, origin);
        }
    }

    /// The Kubernetes objects among the sources.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectKey> {
        self.origins.iter().filter_map(|origin| match origin {
            Origin::Object { key, .. } => Some(key),
            _ => None,
        })
    }
}
