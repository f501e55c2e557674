//! Everything that the simulated Controller remembers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::alloc::Addresses;
use crate::call::{Call, TenantAsk};
use crate::clock::Clock;
use crate::faults::Faults;
use crate::faults::cluster::Cluster;
use crate::ids::Ids;
use crate::kinds::{ADMIN, is_listed_everywhere, is_shared};
use crate::log::Log;
use crate::read::Finding;
use crate::refs::{ObjectId, Spelling, spell};
use crate::reply::Refusal;
use crate::session::Sessions;
use crate::store::{Record, Store};

/// The version that the Controller says it is, at the start.
pub(crate) const VERSION: &str = "30.2.1";

/// The state behind the lock.
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) sessions: Sessions,
    pub(crate) faults: Faults,
    pub(crate) cluster: Cluster,
    pub(crate) log: Log,
    pub(crate) addresses: Addresses,
    pub(crate) ids: Ids,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) fill_defaults: bool,
    /// The system configuration, the one object that is neither named nor deletable.
    pub(crate) system: Map<String, Value>,
    pub(crate) last_stamp: u64,
    /// The last list of each kind.
    pub(crate) findings: BTreeMap<String, Finding>,
}

/// The tenants that a request works in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tenants {
    /// `*`: all, for reading.
    All,
    /// The one with this uuid.
    One(String),
}

impl Tenants {
    /// The one tenant that a write needs.
    pub(crate) fn one(&self) -> Result<&str, Refusal> {
        match self {
            Self::One(uuid) => Ok(uuid),
            Self::All => Err(Refusal::new(400, "A write needs one tenant, not all")),
        }
    }

    /// Whether an object shows in lists.
    pub(crate) fn lists(&self, kind: &str, record: &Record) -> bool {
        match self {
            Self::All => true,
            Self::One(uuid) => {
                record.tenant == *uuid || (record.tenant == ADMIN && is_listed_everywhere(kind))
            }
        }
    }

    /// Whether an object can be read by its uuid.
    pub(crate) fn reads(&self, kind: &str, record: &Record) -> bool {
        match self {
            Self::All => true,
            Self::One(uuid) => {
                record.tenant == *uuid || (record.tenant == ADMIN && is_shared(kind))
            }
        }
    }
}

impl State {
    /// The time.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now_micros().max(self.last_stamp)
    }

    /// A time that no other write has.
    pub(crate) fn stamp(&mut self) -> u64 {
        self.last_stamp = self.clock.now_micros().max(self.last_stamp + 1);
        self.last_stamp
    }

    /// The tenants that a request asks for.
    pub(crate) fn tenants(&self, call: &Call) -> Result<Tenants, Refusal> {
        let (asked, uuid) = match &call.tenant {
            TenantAsk::Default => return Ok(Tenants::One(ADMIN.to_owned())),
            TenantAsk::Name(name) if name == "*" => return Ok(Tenants::All),
            TenantAsk::Uuid(uuid) if uuid == "*" => return Ok(Tenants::All),
            TenantAsk::Name(name) => (name, self.store.tenant_named(name)),
            TenantAsk::Uuid(uuid) => (uuid, self.store.get("tenant", uuid).map(|_| uuid.as_str())),
        };
        uuid.map(|uuid| Tenants::One(uuid.to_owned()))
            .ok_or_else(|| Refusal::new(403, format!("Tenant '{asked}' does not exist!")))
    }

    /// An object as an answer shows it.
    pub(crate) fn view(&self, id: &ObjectId, record: &Record, spelling: Spelling<'_>) -> Value {
        let mut fields: Map<String, Value> = record
            .body
            .iter()
            .map(|(field, value)| (field.clone(), spell(value, field, &self.store, spelling)))
            .collect();
        let suffix = if spelling.names {
            format!("#{}", record.name)
        } else {
            String::new()
        };
        fields.insert("uuid".to_owned(), json!(id.uuid));
        fields.insert(
            "url".to_owned(),
            json!(format!("{}{}{suffix}", spelling.base, id.path())),
        );
        fields.insert(
            "_last_modified".to_owned(),
            json!(record.modified.to_string()),
        );
        Value::Object(fields)
    }

    /// All objects by kind and name, in the form of a seed: references as `/api/<kind>/<uuid>`
    /// with the name behind, no private keys.
    pub(crate) fn dump(&self) -> Value {
        let spelling = Spelling {
            base: "",
            names: true,
        };
        let kinds = self.store.kinds().map(|kind| {
            let objects = self.store.by_name(kind).map(|(uuid, record)| {
                let id = ObjectId {
                    kind: kind.to_owned(),
                    uuid: uuid.to_owned(),
                };
                self.view(&id, record, spelling)
            });
            (kind.to_owned(), objects.collect::<Value>())
        });
        Value::Object(
            kinds
                .filter(|(_, objects)| objects.as_array().is_some_and(|l| !l.is_empty()))
                .collect(),
        )
    }
}
