//! What units found, what they read for it, and who reads what.

use crate::claimed::Asked;
use crate::parts::Parts;
use crate::recorder::Read;
use crate::unit::UnitKey;
use aviary_avi::Named;
use aviary_kinds::{Env, Watch, room};
use aviary_store::Facts;
use aviary_types::{Digest, DomainId, Members, ObjectKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One unit's result with what it rests on.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// Sorted.
    pub(crate) reads: Box<[(Read, Digest)]>,
    pub(crate) claims: Arc<Asked>,
    pub(crate) parts: Arc<Parts>,
}

impl Memo {
    /// Whether everything that was read would be found the same.
    pub(crate) fn holds(&self, facts: &Facts, env: &Env) -> bool {
        self.reads
            .iter()
            .all(|(read, digest)| read.digest(facts, env) == *digest)
    }

    /// Whether nothing was found and nothing is made: a change that brings the unit about names it.
    pub(crate) fn is_empty(&self) -> bool {
        let found = self
            .reads
            .iter()
            .any(|(_, digest)| *digest != Digest::default());
        !found && *self.parts == Parts::default()
    }
}

/// All memos, found by what they read.
#[derive(Debug, Default)]
pub(crate) struct Memos {
    /// One key for each unit, which its readers share.
    by_unit: BTreeMap<Arc<UnitKey>, Memo>,
    readers: BTreeMap<Read, Members<Arc<UnitKey>>>,
    wanted: BTreeSet<ObjectKey>,
    /// What units of domains want to know of their Controllers.
    named: BTreeSet<(DomainId, Named)>,
    /// Objects that came to be wanted, or are not any more, since somebody asked.
    turned: BTreeSet<ObjectKey>,
}

impl Memos {
    pub(crate) fn get(&self, unit: &UnitKey) -> Option<&Memo> {
        self.by_unit.get(unit)
    }

    pub(crate) fn insert(&mut self, unit: UnitKey, memo: Memo) {
        let unit = Arc::new(unit);
        for (read, _) in &memo.reads {
            let readers = self.readers.entry(read.clone()).or_default();
            readers.insert(unit.clone());
            if let Read::Named(domain, named) = read {
                self.named.insert((domain.clone(), named.clone()));
            }
            if let Some(key) = by_name(read)
                && self.wanted.insert(key.clone())
            {
                turn(&mut self.turned, key);
            }
        }
        self.by_unit.insert(unit, memo);
    }

    pub(crate) fn remove(&mut self, unit: &UnitKey) -> Option<Memo> {
        let (unit, memo) = self.by_unit.remove_entry(unit)?;
        for (read, _) in &memo.reads {
            if let Some(units) = self.readers.get_mut(read) {
                units.remove(&unit);
                if units.is_empty() {
                    self.readers.remove(read);
                    if let Read::Named(domain, named) = read {
                        self.named.remove(&(domain.clone(), named.clone()));
                    }
                    if let Some(key) = by_name(read)
                        && self.wanted.remove(key)
                    {
                        turn(&mut self.turned, key);
                    }
                }
            }
        }
        Some(memo)
    }

    /// The units that read this.
    pub(crate) fn readers(&self, read: &Read) -> impl Iterator<Item = &UnitKey> {
        let readers = self.readers.get(read).into_iter();
        readers.flat_map(Members::iter).map(AsRef::as_ref)
    }

    /// Every unit of a domain. Visits all units: for changes of settings and of whole clusters.
    pub(crate) fn of_domain(&self, domain: &DomainId) -> impl Iterator<Item = &UnitKey> {
        self.by_unit
            .keys()
            .map(AsRef::as_ref)
            .filter(move |unit: &&UnitKey| unit.domain() == domain)
    }

    /// What units of these domains want to know of their Controller.
    pub(crate) fn named(&self) -> impl Iterator<Item = &(DomainId, Named)> {
        self.named.iter()
    }

    /// Whether some unit reads this object of a kind watched by name.
    pub(crate) fn wants(&self, key: &ObjectKey) -> bool {
        self.wanted.contains(key)
    }

    /// Objects of kinds watched by name that some unit reads and none did, or the reverse, since the
    /// last call.
    pub(crate) fn take_turned(&mut self) -> BTreeSet<ObjectKey> {
        std::mem::take(&mut self.turned)
    }
}

/// What turns twice is as it was.
fn turn(turned: &mut BTreeSet<ObjectKey>, key: &ObjectKey) {
    if !turned.remove(key) {
        turned.insert(key.clone());
    }
}

fn by_name(read: &Read) -> Option<&ObjectKey> {
    match read {
        Read::Object(key) if room(key.kind)?.watch == Watch::ByName => Some(key),
        _ => None,
    }
}
