//! The assembly of one listing. Objects take effect as they come, removals only at its end.

use std::collections::{BTreeMap, BTreeSet};

use aviary_proto::sync::v1::NamespaceSum;

use super::cluster::Cluster;
use super::event::SessionId;
use crate::digest::Sum;
use crate::key::{Lane, Name};

/// A listing under way.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) id: u64,
    /// The whole list of what is held was sent: objects may come.
    pub(super) based: bool,
    /// The last name of the list that was sent.
    pub(super) cursor: Option<Name>,
    /// What the agent knows to be held here, or has sent: all that exists if the sums fit.
    pub(super) alive: BTreeSet<Name>,
}

impl Snapshot {
    pub(super) fn new(id: u64) -> Self {
        Self {
            id,
            based: false,
            cursor: None,
            alive: BTreeSet::new(),
        }
    }

    /// The names to remove, if what would be left fits the sums; `None` if it does not.
    pub(super) fn end(
        &self,
        cluster: &Cluster,
        (id, lane): (SessionId, &Lane),
        sums: &[NamespaceSum],
    ) -> Option<Vec<Name>> {
        let mut gone = Vec::new();
        let mut ours: BTreeMap<&str, Sum> = BTreeMap::new();
        for (name, held) in cluster.lane(id, lane) {
            if self.alive.contains(name) {
                ours.entry(&name.namespace).or_default().add(held.digest);
            } else {
                gone.push(name.clone());
            }
        }
        let mut theirs: BTreeMap<&str, Sum> = BTreeMap::new();
        for sum in sums {
            let namespace = sum.namespace.as_str();
            if lane.extent.contains(namespace) && cluster.speaker(namespace) == Some(id) {
                theirs.insert(namespace, Sum::from_wire(sum)?);
            }
        }
        (ours == theirs).then_some(gone)
    }
}
