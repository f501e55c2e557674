//! Cheap lists that show what others changed since it was read.

use crate::error::Error;
use crate::list::text;
use crate::read::{Reading, Scope};
use crate::session::Session;
use aviary_avi::{AviKey, AviKind, Observed, ObservedObject};
use aviary_types::{DomainId, EcoString, TenantName};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a cheap list tells of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Its kind.
    pub kind: AviKind,
    /// Its tenant.
    pub tenant: TenantName,
    /// Its name.
    pub name: EcoString,
    /// Its uuid.
    pub uuid: EcoString,
    /// When it was changed last.
    pub last_modified: EcoString,
    /// Whose it is by its own marks, if they tell.
    pub owner: Option<DomainId>,
}

/// The difference between what we think the Controller has and what it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drift {
    /// There, and changed or made by others.
    pub changed: Vec<Stamp>,
    /// No longer there.
    pub gone: Vec<AviKey>,
}

impl Stamp {
    /// What an entry of a list of this tenant tells.
    fn of(kind: AviKind, tenant: &TenantName, entry: &Value, owner: Option<DomainId>) -> Self {
        let named = text(entry, "tenant_ref")
            .rsplit_once('#')
            .map(|(_, name)| name);
        Self {
            kind,
            tenant: named.map_or_else(|| tenant.clone(), TenantName::from),
            name: text(entry, "name").into(),
            uuid: text(entry, "uuid").into(),
            last_modified: text(entry, "_last_modified").into(),
            owner,
        }
    }
}

impl Drift {
    /// Compares by uuid and stamp.
    pub fn between(observed: &Observed, stamps: &[Stamp]) -> Self {
        let by_uuid: BTreeMap<&str, &Stamp> = stamps
            .iter()
            .map(|stamp| (stamp.uuid.as_str(), stamp))
            .collect();
        let mut known = BTreeMap::new();
        let mut drift = Self::default();
        for object in observed.objects.values() {
            known.insert(object.uuid.as_str(), object.last_modified.as_str());
            if !by_uuid.contains_key(object.uuid.as_str()) {
                drift.gone.push(object.key.clone());
            }
        }
        let is_news =
            |stamp: &&Stamp| known.get(stamp.uuid.as_str()) != Some(&stamp.last_modified.as_str());
        drift.changed = by_uuid.into_values().filter(is_news).cloned().collect();
        drift
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty()
    }
}

impl Session {
    /// Name, uuid and stamp of everything in a scope.
    pub async fn stamps(&self, scope: &Scope) -> Result<Vec<Stamp>, Error> {
        // The marks of ownership come along, so that objects of others are not read again and again.
        let shape = [(
            "fields",
            "name,tenant_ref,created_by,markers,labels,_last_modified",
        )];
        let keep = |kind: AviKind, tenant: &TenantName, entry: Value, stamps: &mut Vec<Stamp>| {
            if let Ok(body) = kind.read(&entry)
                && scope.covers(&body)
            {
                stamps.push(Stamp::of(kind, tenant, &entry, scope.owner(&body)));
            }
        };
        let mut all = Vec::new();
        self.entries(scope, &shape, &keep, &mut |stamp| all.push(stamp))
            .await?;
        Ok(all)
    }

    /// Brings what we think the Controller has up to date: reads what changed, drops what is gone.
    pub async fn refresh(
        &self,
        scope: &Scope,
        observed: &Observed,
        drift: &Drift,
    ) -> Result<Reading, Error> {
        let mut reading = Reading {
            observed: observed.clone(),
            unreadable: Vec::new(),
        };
        let changed: BTreeSet<&str> = drift.changed.iter().map(|it| it.uuid.as_str()).collect();
        for object in observed.objects.values() {
            if changed.contains(object.uuid.as_str()) {
                reading.observed.remove(&object.key);
            }
        }
        for key in &drift.gone {
            reading.observed.remove(key);
        }
        // Collected first: a stream that held the closure could not cross threads.
        let reads = drift.changed.iter().map(|stamp| async move {
            let key = AviKey {
                kind: stamp.kind,
                tenant: stamp.tenant.clone(),
                cloud: EcoString::new(),
                name: stamp.name.clone(),
            };
            (stamp, self.fetch(&key, &stamp.uuid).await)
        });
        let reads: Vec<_> = reads.collect();
        let in_flight = self.config().reads_in_flight;
        let mut results = futures::StreamExt::buffered(futures::stream::iter(reads), in_flight);
        while let Some((stamp, result)) = futures::StreamExt::next(&mut results).await {
            reading.apply(scope, stamp, result)?;
        }
        Ok(reading)
    }
}

impl Reading {
    fn apply(
        &mut self,
        scope: &Scope,
        stamp: &Stamp,
        result: Result<Option<ObservedObject>, Error>,
    ) -> Result<(), Error> {
        match result {
            Ok(Some(object)) if scope.covers(&object.body) => {
                let key = AviKey::of(&object.body, &stamp.tenant);
                self.observed.insert(ObservedObject { key, ..object });
            }
            Ok(_) => {}
            Err(Error::Unreadable { why, .. }) => {
                self.unreadable.push(crate::read::Unreadable {
                    kind: stamp.kind,
                    name: stamp.name.clone(),
                    uuid: stamp.uuid.clone(),
                    why,
                });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
