//! The objects, indexed by uuid, by name and by who refers to whom, so that a write costs the
//! same however many objects there are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::kinds::{ADMIN, DEFAULT_CLOUD, alias_of, is_in_cloud, is_shared};
use crate::refs::{Address, By, ObjectId};

/// One object.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) name: String,
    /// Uuid of the tenant that owns it.
    pub(crate) tenant: String,
    /// Uuid of its cloud; empty for kinds without one.
    pub(crate) cloud: String,
    /// As kept: references as paths, without `uuid`, `url` and `_last_modified`.
    pub(crate) body: Map<String, Value>,
    /// What it refers to.
    pub(crate) targets: BTreeSet<ObjectId>,
    /// Microseconds since the epoch.
    pub(crate) modified: u64,
    /// Counts the writes.
    pub(crate) version: u64,
    /// Comes from the seed: the Controller's own objects cannot be deleted.
    pub(crate) seeded: bool,
}

/// Where a name is taken.
#[derive(Debug, Clone)]
struct NameSlot {
    tenant: String,
    cloud: String,
    uuid: String,
}

#[derive(Debug, Clone, Default)]
struct Table {
    records: BTreeMap<String, Record>,
    names: BTreeMap<String, Vec<NameSlot>>,
}

/// From where a reference is resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// Uuid of the referring object's tenant.
    pub(crate) tenant: &'a str,
    /// Uuid of its cloud; empty for kinds without one.
    pub(crate) cloud: &'a str,
}

/// All objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    tables: BTreeMap<String, Table>,
    referrers: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    generation: u64,
}

impl Store {
    /// Counts the changes.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The object, if there is one.
    pub(crate) fn get(&self, kind: &str, uuid: &str) -> Option<&Record> {
        self.tables.get(kind)?.records.get(uuid)
    }

    /// The object's name, if there is such an object.
    pub(crate) fn name_of(&self, id: &ObjectId) -> Option<&str> {
        self.get(&id.kind, &id.uuid)
            .map(|record| record.name.as_str())
    }

    /// The kinds that have or had objects.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// All objects of a kind, by name.
    pub(crate) fn by_name<'a>(
        &'a self,
        kind: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Record)> + use<'a> {
        self.tables.get(kind).into_iter().flat_map(|table| {
            table
                .names
                .values()
                .flatten()
                .filter_map(|slot| Some((slot.uuid.as_str(), table.records.get(&slot.uuid)?)))
        })
    }

    /// The objects of a kind that bear a name, in whatever tenant and cloud.
    pub(crate) fn named<'a>(
        &'a self,
        kind: &str,
        name: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Record)> + use<'a> {
        self.tables.get(kind).into_iter().flat_map({
            let name = name.to_owned();
            move |table| {
                table
                    .names
                    .get(&name)
                    .into_iter()
                    .flatten()
                    .filter_map(|slot| Some((slot.uuid.as_str(), table.records.get(&slot.uuid)?)))
            }
        })
    }

    /// The object that holds this name in this tenant and cloud.
    pub(crate) fn holder(&self, kind: &str, name: &str, scope: Scope<'_>) -> Option<&str> {
        let slots = self.tables.get(kind)?.names.get(name)?;
        let slot = slots
            .iter()
            .find(|slot| slot.tenant == scope.tenant && slot.cloud == scope.cloud)?;
        Some(&slot.uuid)
    }

    /// Those that refer to the object, itself left out.
    pub(crate) fn referrers(&self, id: &ObjectId) -> impl Iterator<Item = &ObjectId> {
        self.referrers
            .get(id)
            .into_iter()
            .flatten()
            .filter(move |other| *other != id)
    }

    /// Puts an object in the place of what has its uuid.
    pub(crate) fn put(&mut self, id: &ObjectId, record: Record) {
        self.remove(id);
        self.generation += 1;
        for target in &record.targets {
            self.referrers
                .entry(target.clone())
                .or_default()
                .insert(id.clone());
        }
        let table = self.tables.entry(id.kind.clone()).or_default();
        let slots = table.names.entry(record.name.clone()).or_default();
        slots.push(NameSlot {
            tenant: record.tenant.clone(),
            cloud: record.cloud.clone(),
            uuid: id.uuid.clone(),
        });
        slots.sort_by(|a, b| (&a.tenant, &a.cloud, &a.uuid).cmp(&(&b.tenant, &b.cloud, &b.uuid)));
        table.records.insert(id.uuid.clone(), record);
    }

    /// Takes an object out.
    pub(crate) fn remove(&mut self, id: &ObjectId) -> Option<Record> {
        let table = self.tables.get_mut(&id.kind)?;
        let record = table.records.remove(&id.uuid)?;
        self.generation += 1;
        if let Some(slots) = table.names.get_mut(&record.name) {
            slots.retain(|slot| slot.uuid != id.uuid);
            if slots.is_empty() {
                table.names.remove(&record.name);
            }
        }
        for target in &record.targets {
            if let Some(referrers) = self.referrers.get_mut(target) {
                referrers.remove(id);
                if referrers.is_empty() {
                    self.referrers.remove(target);
                }
            }
        }
        Some(record)
    }

    /// Uuid of the tenant with this name.
    pub(crate) fn tenant_named(&self, name: &str) -> Option<&str> {
        self.named("tenant", name).next().map(|(uuid, _)| uuid)
    }

    /// Uuid of the cloud of objects that name none.
    pub(crate) fn default_cloud(&self) -> &str {
        self.named("cloud", DEFAULT_CLOUD)
            .next()
            .map_or("", |(uuid, _)| uuid)
    }

    /// The object that an address means when it stands in an object of `scope`: in its tenant
    /// first, then in `admin` for shared kinds; in its cloud where the kind has clouds.
    pub(crate) fn resolve(&self, address: &Address, scope: Scope<'_>) -> Option<ObjectId> {
        self.resolve_as(&address.kind, &address.by, scope)
            .or_else(|| self.resolve_as(alias_of(&address.kind)?, &address.by, scope))
    }

    fn resolve_as(&self, kind: &str, by: &By, scope: Scope<'_>) -> Option<ObjectId> {
        let uuid = match by {
            By::Uuid(uuid) => {
                let owner = &self.get(kind, uuid)?.tenant;
                let visible = owner == scope.tenant || (owner == ADMIN && is_shared(kind));
                visible.then_some(uuid.as_str())?
            }
            By::Name(name) => {
                let slots = self.tables.get(kind)?.names.get(name)?;
                self.pick(kind, slots, scope).or_else(|| {
                    let shared = Scope {
                        tenant: ADMIN,
                        ..scope
                    };
                    is_shared(kind).then(|| self.pick(kind, slots, shared))?
                })?
            }
        };
        Some(ObjectId {
            kind: kind.to_owned(),
            uuid: uuid.to_owned(),
        })
    }

    fn pick<'a>(&self, kind: &str, slots: &'a [NameSlot], scope: Scope<'_>) -> Option<&'a str> {
        let mut own = slots.iter().filter(|slot| slot.tenant == scope.tenant);
        let found = if !is_in_cloud(kind) {
            own.next()
        } else if scope.cloud.is_empty() {
            let default = self.default_cloud();
            own.clone()
                .find(|slot| slot.cloud == default)
                .or_else(|| own.next())
        } else {
            own.find(|slot| slot.cloud == scope.cloud)
        };
        found.map(|slot| slot.uuid.as_str())
    }
}
