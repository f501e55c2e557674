//! What a room says about its Kubernetes kind, and what it makes of an object.

use aviary_settings::InstanceSettings;
use aviary_types::{EcoString, Finding, Kind, ObjectKey};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// In namespaces.
    Namespaced,
    /// Cluster-wide.
    Cluster,
}

/// What an agent sends of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// Every object, trimmed to the kept paths.
    Full,
    /// Only metadata of every object; contents of those asked for by name.
    ByName,
}

/// Whether a kind is watched at all.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// Always.
    Always,
    /// Where an instance of the cluster says so.
    Setting {
        /// The setting's dotted key.
        key: &'static str,
        /// The value that asks for the kind, as written.
        value: &'static str,
        /// Whether an instance has that value.
        holds: fn(&InstanceSettings) -> bool,
    },
}

impl When {
    /// Whether any of a cluster's instances asks for it.
    pub fn holds<'a>(&self, instances: impl IntoIterator<Item = &'a InstanceSettings>) -> bool {
        match self {
            Self::Always => true,
            Self::Setting { holds, .. } => instances.into_iter().any(holds),
        }
    }
}

/// How intents are written to objects of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusWrite {
    /// Never.
    None,
    /// Status subresource and annotations.
    StatusAndAnnotations,
}

/// Everything the rest of the system needs to know about a kind without knowing the kind.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Group and kind.
    pub kind: Kind,
    /// Served version that we read.
    pub version: &'static str,
    /// Plural, as in URLs.
    pub plural: &'static str,
    /// Where its objects live.
    pub extent: Extent,
    /// What agents send.
    pub watch: Watch,
    /// Whether they are asked for it at all.
    pub when: When,
    /// JSON paths (dotted, from the root) that translation reads; all else is trimmed.
    pub kept_paths: &'static [&'static str],
    /// Annotations that translation reads; a trailing `*` makes it a prefix.
    pub kept_annotations: &'static [&'static str],
    /// Labels that translation reads; `*` keeps all.
    pub kept_labels: &'static [&'static str],
    /// Paths that hold secrets: never stored, never compared by digest.
    pub secret_paths: &'static [&'static str],
    /// How intents are written.
    pub status: StatusWrite,
}

/// An object as an agent sent it.
#[derive(Debug, Clone)]
pub struct RawObject {
    /// What it is.
    pub key: ObjectKey,
    /// Kubernetes' uid.
    pub uid: EcoString,
    /// Kubernetes' version of it.
    pub resource_version: EcoString,
    /// RFC 3339 time of creation; orders claims.
    pub created: EcoString,
    /// The trimmed object.
    pub json: Value,
    /// For kinds watched by name: whether the contents are here, not the metadata alone.
    pub contents: bool,
}

/// What a room makes of an object: `fact` is `None` where nothing of it can be used.
#[derive(Debug, Clone)]
pub struct Parsed<F> {
    /// The object as translation sees it.
    pub fact: Option<F>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

impl<F> Parsed<F> {
    /// A fact without findings.
    pub fn clean(fact: F) -> Self {
        Self {
            fact: Some(fact),
            findings: Vec::new(),
        }
    }
}

/// A fact without findings, or the one finding why there is none.
impl<F> From<Result<F, Finding>> for Parsed<F> {
    fn from(read: Result<F, Finding>) -> Self {
        match read {
            Ok(fact) => Self::clean(fact),
            Err(finding) => Self {
                fact: None,
                findings: vec![finding],
            },
        }
    }
}

/// What rooms read of an object's metadata, as far as they had it kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) labels: BTreeMap<EcoString, EcoString>,
    pub(crate) annotations: BTreeMap<EcoString, EcoString>,
    pub(crate) deletion_timestamp: Option<EcoString>,
}

/// Reads the object by its schema; a mismatch is a finding, not an error.
pub(crate) fn read_schema<T: serde::de::DeserializeOwned>(
    object: &RawObject,
) -> Result<T, Finding> {
    T::deserialize(&object.json).map_err(|error| {
        Finding::new(
            &object.key,
            aviary_types::Code::Unreadable,
            aviary_types::eco_format!("the object does not have the shape of its kind: {error}"),
            "correct the field; the last accepted version stays in force until then",
        )
    })
}
