//! One lane of the agent half: what the source has, what the translator was told.

use std::collections::{BTreeMap, BTreeSet};

use aviary_proto::sync::v1::{LaneCondition, NamespaceSum, WatchItem};

use ecow::EcoString;

use super::observe::Object;
use crate::digest::{Digest, Sum};
use crate::key::{Kind, Name};
use crate::watch;

/// How far the source's listing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not begun.
    Idle,
    /// Objects come in; which carry this mark were seen.
    Listing { mark: u64 },
    /// Complete and watched without a gap.
    Live,
}

/// What the source has under a name.
#[derive(Clone, Debug)]
pub(super) struct Now {
    pub(super) version: EcoString,
    pub(super) digest: Digest,
    mark: u64,
}

/// Both sides of one object. No bodies.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// The uid that was seen last; empty if only the translator has the object.
    pub(super) uid: EcoString,
    /// What the source has.
    pub(super) now: Option<Now>,
    /// What the translator has, if it is known to have any.
    pub(super) told: Option<Digest>,
}

/// What the translator has of an object that it asked for by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing that it could go by.
    Unknown,
    /// The bytes of this version.
    Version(String),
    /// Knowledge that it does not exist.
    Absent,
}

/// One lane.
#[derive(Debug)]
pub(super) struct LaneHalf {
    pub(super) item: WatchItem,
    pub(super) stage: Stage,
    /// The translator's list has come, or is not needed: objects may be read.
    pub(super) based: bool,
    /// Changes are told: the lane was resumed, or its snapshot began on this stream.
    pub(super) linked: bool,
    /// The snapshot that was begun last on this stream.
    pub(super) snapshot: u64,
    pub(super) failure: Option<(LaneCondition, String)>,
    pub(super) entries: BTreeMap<Name, Entry>,
    pub(super) wanted: BTreeMap<Name, Wanted>,
    pub(super) fetches: BTreeSet<Name>,
    ever_held: bool,
    marks: u64,
}

impl LaneHalf {
    pub(super) fn new(item: WatchItem) -> Self {
        Self {
            item,
            stage: Stage::Idle,
            based: true,
            linked: false,
            snapshot: 0,
            failure: None,
            entries: BTreeMap::new(),
            wanted: BTreeMap::new(),
            fetches: BTreeSet::new(),
            ever_held: false,
            marks: 0,
        }
    }

    pub(super) fn by_name(&self) -> bool {
        watch::by_name(&self.item)
    }

    /// True if nothing is missing: listed, watched and not failing.
    pub(super) fn whole(&self) -> bool {
        self.stage == Stage::Live && self.failure.is_none()
    }

    /// True if a resumed lane may go on: nothing happened since Hello that needs a listing.
    pub(super) fn resumable(&self) -> bool {
        self.whole() && self.linked
    }

    /// True if a digest list of this snapshot is waited for.
    pub(super) fn answers(&self, snapshot: u64) -> bool {
        !self.based && self.linked && self.snapshot == snapshot
    }

    /// The watch starts anew. What was seen stays until the next listing is complete.
    pub(super) fn restart(&mut self) {
        self.stage = Stage::Idle;
        self.based = true;
        self.linked = false;
        self.fetches.clear();
        self.untell();
    }

    /// A listing starts.
    pub(super) fn list(&mut self) {
        self.marks += 1;
        self.stage = Stage::Listing { mark: self.marks };
    }

    /// Takes an object into the index; returns true if the translator has to be told.
    pub(super) fn take(&mut self, kind: &Kind, object: &Object) -> bool {
        self.ever_held = true;
        let mark = match self.stage {
            Stage::Listing { mark } => mark,
            Stage::Idle | Stage::Live => 0,
        };
        let digest = digest_of(kind, object);
        let entry = self.entries.entry(object.name.clone()).or_default();
        if entry.uid != object.uid {
            entry.uid = object.uid.as_str().into();
        }
        entry.now = Some(Now {
            version: object.version.as_str().into(),
            digest,
            mark,
        });
        entry.told != Some(digest)
    }

    /// An object exists that cannot be sent: what the translator has of it stands.
    pub(super) fn keep(&mut self, name: &Name) {
        let mark = match self.stage {
            Stage::Listing { mark } => mark,
            Stage::Idle | Stage::Live => 0,
        };
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        match (&mut entry.now, entry.told) {
            (Some(now), _) => now.mark = mark,
            (None, Some(digest)) => {
                let version = EcoString::new();
                entry.now = Some(Now {
                    version,
                    digest,
                    mark,
                });
            }
            (None, None) => {}
        }
    }

    /// Drops an object from the index; returns true if the translator has to be told.
    pub(super) fn lose(&mut self, name: &Name) -> bool {
        let Some(entry) = self.entries.get_mut(name) else {
            return false;
        };
        entry.now = None;
        if entry.told.is_none() {
            self.entries.remove(name);
            return false;
        }
        true
    }

    /// The listing is complete: returns the names to tell that are gone.
    pub(super) fn listed(&mut self) -> Vec<Name> {
        let Stage::Listing { mark } = self.stage else {
            return Vec::new();
        };
        self.stage = Stage::Live;
        self.failure = None;
        for entry in self.entries.values_mut() {
            if entry.now.as_ref().is_some_and(|now| now.mark != mark) {
                entry.now = None;
            }
        }
        self.entries
            .retain(|_, entry| entry.now.is_some() || entry.told.is_some());
        self.entries
            .iter()
            .filter(|(_, entry)| entry.now.is_none())
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The lane cannot be read; returns true if that is news. What was here once and is missing or
    /// refused now has failed: it says nothing about absence.
    pub(super) fn fail(&mut self, condition: LaneCondition, reason: String) -> bool {
        let condition = match condition {
            LaneCondition::NotInstalled | LaneCondition::Forbidden if self.ever_held => {
                LaneCondition::Failed
            }
            other => other,
        };
        let failure = Some((condition, reason));
        let changed = self.failure != failure;
        self.failure = failure;
        changed
    }

    /// Forgets what the translator was told.
    pub(super) fn untell(&mut self) {
        for entry in self.entries.values_mut() {
            entry.told = None;
        }
        self.entries.retain(|_, entry| entry.now.is_some());
    }

    /// Forgets what it was told of some namespaces.
    pub(super) fn untell_where(&mut self, muted: impl Fn(&str) -> bool) {
        self.entries.retain(|name, entry| {
            if muted(&name.namespace) {
                entry.told = None;
            }
            entry.now.is_some() || entry.told.is_some()
        });
    }

    /// Supposes that the translator holds the same.
    pub(super) fn claim(&mut self) {
        for entry in self.entries.values_mut() {
            entry.told = entry.now.as_ref().map(|now| now.digest);
        }
    }

    /// The sums of what the translator was told, by namespace.
    pub(super) fn sums(&self) -> Vec<NamespaceSum> {
        let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
        if !self.by_name() {
            for (name, entry) in &self.entries {
                if let Some(told) = entry.told {
                    sums.entry(&name.namespace).or_default().add(told);
                }
            }
        }
        sums.into_iter()
            .map(|(namespace, sum)| sum.to_wire(namespace))
            .collect()
    }

    /// Notes which objects of a lane by name must be read; returns those to tell that are absent.
    pub(super) fn weigh(&mut self, names: &[Name]) -> Vec<Name> {
        let mut absent = Vec::new();
        if self.stage != Stage::Live {
            return absent;
        }
        for name in names {
            let Some(wanted) = self.wanted.get(name) else {
                continue;
            };
            let now = self.entries.get(name).and_then(|entry| entry.now.as_ref());
            match (now, wanted) {
                (Some(now), Wanted::Version(version)) if *version == now.version => {}
                (Some(_), _) => {
                    self.fetches.insert(name.clone());
                }
                (None, Wanted::Absent) => {}
                (None, _) => absent.push(name.clone()),
            }
        }
        absent
    }
}

fn digest_of(kind: &Kind, object: &Object) -> Digest {
    let version = if object.secrets.is_empty() {
        ""
    } else {
        object.version.as_str()
    };
    Digest::of_parts(kind, &object.name, &object.uid, version, &object.json)
}
