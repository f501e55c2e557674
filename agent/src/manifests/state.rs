//! The objects of a folder at one moment. States share what did not change, and an object is kept as
//! text: whole values exist only while they are looked at.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aviary_link::digest::Digest;
use aviary_link::key::{Kind, Name};
use imbl::OrdMap;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::feed::DEFAULT_NAMESPACE;
use super::overlay::merge;

/// A uid. There is one for each object: what is made up is put in words only where it is said.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Uid {
    /// The manifest's.
    Said(Box<str>),
    /// One that is the same at every start, made of what names the object.
    Made(Digest),
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = match self {
            Self::Said(uid) => return f.write_str(uid),
            Self::Made(id) => format!("{id:?}"),
        };
        let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
        let (a, b, c) = (part(0, 8), part(8, 12), part(12, 16));
        write!(f, "{a}-{b}-{c}-{}-{}", part(16, 20), part(20, 32))
    }
}

/// An object as a watch shows it.
#[derive(Debug, PartialEq)]
pub(super) struct Stored {
    /// The manifest's object as JSON.
    pub(super) body: Arc<str>,
    /// What was written to it, as JSON.
    pub(super) over: Option<Arc<str>>,
    /// The file that it is from.
    pub(super) path: Arc<str>,
    pub(super) uid: Uid,
    pub(super) version: i64,
    /// When it was created, unless its manifest says so.
    pub(super) born: Timestamp,
    /// Tells a change. It never leaves: it is of secret values too.
    pub(super) digest: Digest,
}

impl Stored {
    /// What the manifest says, without what was written.
    pub(super) fn manifest(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The object as an API server would show it.
    pub(super) fn value(&self) -> Value {
        let read = |text: &str| serde_json::from_str(text).unwrap_or_default();
        let mut value: Value = read(&self.body);
        if let Some(over) = &self.over {
            merge(&mut value, read(over));
        }
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".into(), json!(self.version()));
            metadata
                .entry("uid")
                .or_insert_with(|| json!(self.uid.to_string()));
            metadata.entry("generation").or_insert(json!(1));
            metadata
                .entry("creationTimestamp")
                .or_insert_with(|| json!(self.born.to_string()));
        }
        value
    }

    /// Its resourceVersion.
    pub(super) fn version(&self) -> String {
        self.version.to_string()
    }
}

/// The objects of one kind.
pub(super) type Objects = OrdMap<Name, Arc<Stored>>;

/// All objects at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// False until the folder was read for the first time.
    pub(super) ready: bool,
    pub(super) objects: BTreeMap<Kind, Objects>,
    /// Set while nobody knows what some file has in it.
    pub(super) unknown: Option<String>,
}

impl State {
    /// True if nothing differs from another state.
    pub(super) fn is(&self, other: &Self) -> bool {
        let same = |(a, b): ((&Kind, &Objects), (&Kind, &Objects))| a.0 == b.0 && a.1.ptr_eq(b.1);
        self.ready == other.ready
            && self.unknown == other.unknown
            && self.objects.len() == other.objects.len()
            && self.objects.iter().zip(&other.objects).all(same)
    }

    /// The object that a manifest has under this very name.
    pub(super) fn get(&self, kind: &Kind, name: &Name) -> Option<&Arc<Stored>> {
        self.objects.get(kind)?.get(name)
    }

    /// The object of a name, wherever its manifest puts it.
    pub(super) fn find(&self, kind: &Kind, name: &Name) -> Option<(Name, Arc<Stored>)> {
        find(self.objects.get(kind)?, name)
    }
}

/// The object of a name, wherever its manifest puts it.
pub(super) fn find(objects: &Objects, name: &Name) -> Option<(Name, Arc<Stored>)> {
    let bare = Name::new("", &name.name);
    let in_default = name.namespace == DEFAULT_NAMESPACE;
    [Some(name.clone()), in_default.then_some(bare)]
        .into_iter()
        .flatten()
        .find_map(|name| objects.get(&name).map(|stored| (name, stored.clone())))
}
