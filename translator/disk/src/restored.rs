//! What is read at a start.

use crate::epochs::Epochs;
use crate::record::Record;
use crate::write::Refused;
use aviary_avi::AviKey;
use aviary_plan::Journal;
use aviary_types::{EcoString, ObjectKey, Scheme, ScopeKey};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// One object that was kept.
#[derive(Debug)]
pub struct Kept {
    /// Its key.
    pub key: ObjectKey,
    /// The object.
    pub record: Record,
    /// It was in force; otherwise it was there and could not be used.
    pub accepted: bool,
}

/// Everything that was kept.
#[derive(Debug, Default)]
pub struct Restored {
    /// Accepted objects, then rejected ones.
    pub objects: Vec<Kept>,
    /// Scopes that were complete.
    pub scopes: Vec<ScopeKey>,
    /// Of these, those whose objects lack something that is read today.
    pub unfit: BTreeSet<ScopeKey>,
    /// Names of objects that do not show whose they are.
    pub names: Journal,
    /// Shard parents without hosts: Controller, object, since when.
    pub emptied: Vec<(String, AviKey, Timestamp)>,
    /// Until when old parents of domains serve beside the new ones.
    pub overlaps: Vec<(EcoString, Timestamp)>,
    /// Domains whose objects we write.
    pub adopted: Vec<EcoString>,
    /// Domains that are configured no more, with what names their objects as they were left.
    pub left: Vec<(EcoString, EcoString)>,
    /// How domains name things.
    pub schemes: Vec<(EcoString, Scheme)>,
    /// Logins that were refused, by Controller.
    pub refused: BTreeMap<EcoString, Vec<Refused>>,
    /// What agents are told of the kept paths.
    pub epochs: Epochs,
}

impl Restored {
    pub(crate) fn add(&mut self, kept: Kept) {
        let epoch = self.epochs.get(&kept.key.kind).copied();
        if epoch != Some(kept.record.epoch) || kept.record.incomplete {
            self.unfit.insert(kept.key.scope());
        }
        self.objects.push(kept);
    }
}
