//! What a translator holds of one cluster, and who speaks for what.

use std::collections::{BTreeMap, BTreeSet};

use aviary_proto::sync::v1::Superseded;
use aviary_proto::types::v1::Coverage;

use ecow::EcoString;

use super::event::{Named, SessionId};
use crate::digest::{Digest, Sum};
use crate::key::{Extent, Kind, Lane, Name};

/// One object held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its digest.
    pub digest: Digest,
    /// Its resourceVersion.
    pub version: EcoString,
    /// True if it has secret values that were lost with the last process: it is asked for again.
    pub incomplete: bool,
}

/// One cluster.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    pub(super) held: BTreeMap<Kind, BTreeMap<Name, Held>>,
    pub(super) wanted: BTreeMap<(Kind, EcoString), BTreeMap<EcoString, NamedHalf>>,
    by_namespace: BTreeMap<String, BTreeSet<SessionId>>,
    all: BTreeSet<SessionId>,
    wide: BTreeSet<SessionId>,
}

/// What is known of an object asked for by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum NamedHalf {
    #[default]
    Unknown,
    Absent,
    Version(String),
}

impl NamedHalf {
    pub(super) fn known(&self) -> Named {
        match self {
            Self::Unknown => Named::Unknown,
            Self::Absent => Named::Absent,
            Self::Version(_) => Named::Present,
        }
    }
}

impl Cluster {
    /// The session that speaks for a namespace; the empty one is that of cluster-scoped objects.
    pub(super) fn speaker(&self, namespace: &str) -> Option<SessionId> {
        if namespace.is_empty() {
            return self.wide.last().copied();
        }
        let own = self
            .by_namespace
            .get(namespace)
            .and_then(BTreeSet::last)
            .copied();
        own.max(self.all.last().copied())
    }

    /// Adds a session.
    pub(super) fn join(&mut self, id: SessionId, coverage: &Coverage) {
        if coverage.cluster_scope {
            self.wide.insert(id);
        }
        if coverage.all_namespaces {
            self.all.insert(id);
        }
        for namespace in &coverage.namespaces {
            self.by_namespace
                .entry(namespace.clone())
                .or_default()
                .insert(id);
        }
    }

    /// The namespaces that sessions name.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = String> {
        self.by_namespace.keys().cloned()
    }

    /// Removes a session.
    pub(super) fn leave(&mut self, id: SessionId) {
        self.wide.remove(&id);
        self.all.remove(&id);
        self.by_namespace.retain(|_, sessions| {
            sessions.remove(&id);
            !sessions.is_empty()
        });
    }

    /// Every session but this whose coverage meets the given one.
    pub(super) fn beside(&self, id: SessionId, coverage: &Coverage) -> BTreeSet<SessionId> {
        let mut beside = BTreeSet::new();
        if coverage.cluster_scope {
            beside.extend(&self.wide);
        }
        if coverage.all_namespaces {
            beside.extend(self.by_namespace.values().flatten());
        }
        if coverage.all_namespaces || !coverage.namespaces.is_empty() {
            beside.extend(&self.all);
        }
        for namespace in &coverage.namespaces {
            beside.extend(self.by_namespace.get(namespace).into_iter().flatten());
        }
        beside.remove(&id);
        beside
    }

    /// What a session does not speak for although it covers it.
    pub(super) fn superseded(&self, id: SessionId, coverage: &Coverage) -> Superseded {
        let mut superseded = Superseded {
            cluster_scope: coverage.cluster_scope && self.speaker("") != Some(id),
            ..Superseded::default()
        };
        if coverage.all_namespaces {
            superseded.all_namespaces = self.all.last() != Some(&id);
            if !superseded.all_namespaces {
                superseded.namespaces = self.others(id);
            }
        } else {
            let lost = |namespace: &&String| self.speaker(namespace) != Some(id);
            superseded.namespaces = coverage.namespaces.iter().filter(lost).cloned().collect();
        }
        superseded
    }

    /// Namespaces that another session than this, which covers all, speaks for.
    pub(super) fn others(&self, id: SessionId) -> Vec<String> {
        let newer = |(_, sessions): &(&String, &BTreeSet<SessionId>)| sessions.last() > Some(&id);
        self.by_namespace
            .iter()
            .filter(newer)
            .map(|(namespace, _)| namespace.clone())
            .collect()
    }

    /// True if a session speaks for some part of an extent.
    pub(super) fn speaks(&self, id: SessionId, extent: &Extent) -> bool {
        match extent {
            Extent::Namespace(namespace) => self.speaker(namespace) == Some(id),
            Extent::All => self.all.last() == Some(&id),
            Extent::Cluster => self.speaker("") == Some(id),
        }
    }

    /// The objects of a lane that a session speaks for.
    pub(super) fn lane<'a>(
        &'a self,
        id: SessionId,
        lane: &'a Lane,
    ) -> impl Iterator<Item = (&'a Name, &'a Held)> {
        let objects = self.held.get(&lane.kind).into_iter();
        let objects = objects.flat_map(move |objects| match &lane.extent {
            Extent::Namespace(namespace) => objects.range(in_namespace(namespace)),
            Extent::Cluster => objects.range(in_namespace("")),
            Extent::All => objects.range(Name::new("\0", "")..),
        });
        let mut last: Option<(&str, bool)> = None;
        objects.filter(move |(name, _)| match last {
            Some((namespace, speaks)) if namespace == name.namespace => speaks,
            _ => {
                let speaks = self.speaker(&name.namespace) == Some(id);
                last = Some((&name.namespace, speaks));
                speaks
            }
        })
    }

    /// The sums of a lane by namespace, of what a session speaks for. An object without its secret
    /// bytes makes its sum unequal to any.
    pub(super) fn sums(&self, id: SessionId, lane: &Lane) -> BTreeMap<EcoString, Sum> {
        let mut sums: BTreeMap<EcoString, Sum> = BTreeMap::new();
        for (name, held) in self.lane(id, lane) {
            let sum = sums.entry(name.namespace.clone()).or_default();
            sum.add(held.digest);
            if held.incomplete {
                sum.count = u64::MAX;
            }
        }
        sums
    }

    /// True if anything is held in a lane that a session speaks for, by listing or by name.
    pub(super) fn holds_any(&self, id: SessionId, lane: &Lane) -> bool {
        let by_name =
            |((kind, namespace), names): (&(Kind, EcoString), &BTreeMap<EcoString, NamedHalf>)| {
                *kind == lane.kind
                    && lane.extent.contains(namespace)
                    && self.speaker(namespace) == Some(id)
                    && names.values().any(|named| named.known() == Named::Present)
            };
        self.lane(id, lane).next().is_some() || self.wanted.iter().any(by_name)
    }
}

fn in_namespace(namespace: &str) -> std::ops::Range<Name> {
    // The next namespace in order: a zero byte is in no legal name.
    Name::new(namespace, "")..Name::new(format!("{namespace}\0"), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coverage(namespaces: &[&str], all: bool) -> Coverage {
        Coverage {
            all_namespaces: all,
            namespaces: namespaces.iter().map(ToString::to_string).collect(),
            cluster_scope: all,
        }
    }

    #[test]
    fn the_newest_speaks() {
        let mut cluster = Cluster::default();
        let [one, two, three] = [1, 2, 3].map(SessionId);
        cluster.join(one, &coverage(&["a", "b"], false));
        cluster.join(two, &coverage(&[], true));
        cluster.join(three, &coverage(&["b"], false));
        assert_eq!(cluster.speaker("a"), Some(two));
        assert_eq!(cluster.speaker("b"), Some(three));
        assert_eq!(cluster.speaker("c"), Some(two));
        assert_eq!(
            cluster
                .superseded(one, &coverage(&["a", "b"], false))
                .namespaces,
            ["a", "b"]
        );
        assert_eq!(
            cluster.superseded(two, &coverage(&[], true)).namespaces,
            ["b"]
        );
        cluster.leave(two);
        assert_eq!(cluster.speaker("a"), Some(one));
        assert_eq!(cluster.speaker("c"), None);
    }

    #[test]
    fn a_lane_has_the_objects_of_its_extent() {
        let mut cluster = Cluster::default();
        let id = SessionId(1);
        cluster.join(id, &coverage(&[], true));
        let kind = Kind::new("", "Service");
        let held = Held {
            digest: Digest::default(),
            version: EcoString::new(),
            incomplete: false,
        };
        let objects = cluster.held.entry(kind.clone()).or_default();
        for (namespace, name) in [("", "wide"), ("a", "x"), ("a-b", "y"), ("ab", "z")] {
            objects.insert(Name::new(namespace, name), held.clone());
        }
        let count = |extent| cluster.lane(id, &Lane::new(kind.clone(), extent)).count();
        assert_eq!(count(Extent::Namespace("a".into())), 1);
        assert_eq!(count(Extent::All), 3);
        assert_eq!(count(Extent::Cluster), 1);
    }
}
