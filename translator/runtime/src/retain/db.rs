//! The tables. All access blocks.

use super::Noted;
use super::record::Record;
use crate::hub::watch_list::{Epochs, paths_digest};
use aviary_avi::{AviKey, AviKind};
use aviary_kinds::{ROOMS, room_of};
use aviary_plan::{Journal, Right};
use aviary_types::{DomainId, EcoString, ObjectKey, Scheme, ScopeKey, eco_format};
use jiff::Timestamp;
use prost::Message;
use redb::{
    Database, ReadableDatabase, ReadableTable, StorageBackend, Table, TableDefinition,
    WriteTransaction,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
const REJECTED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("rejected");
const SCOPES: TableDefinition<'_, &str, ()> = TableDefinition::new("scopes");
const NAMES: TableDefinition<'_, &str, ()> = TableDefinition::new("names");
/// Which domain has each of them.
const OWNERS: TableDefinition<'_, &str, &str> = TableDefinition::new("owners");
/// Shard parents without hosts, and since when, in seconds.
const EMPTIED: TableDefinition<'_, &str, i64> = TableDefinition::new("emptied");
/// How a domain names things.
const SCHEMES: TableDefinition<'_, &str, &str> = TableDefinition::new("schemes");
/// Domains whose objects we write.
const ADOPTED: TableDefinition<'_, &str, ()> = TableDefinition::new("adopted");
/// Domains whose hosts were placed anew, and until when old parents serve, in seconds.
const OVERLAPS: TableDefinition<'_, &str, i64> = TableDefinition::new("overlaps");
/// Controller and digest of a login that was refused, and until when it is not tried again, in
/// seconds.
const REFUSED: TableDefinition<'_, &str, i64> = TableDefinition::new("refused");
/// Kind to the number of its kept paths, and what tells them apart.
const EPOCHS: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("epochs");
/// The layout of all this.
const FORMAT: TableDefinition<'_, (), u64> = TableDefinition::new("format");
const FORMAT_NOW: u64 = 1;

/// The store is read once, at the start; all else that it does is to be written to.
const CACHE_BYTES: usize = 1_024 * 1_024;
/// The file in the store's folder.
const FILE: &str = "aviary.redb";

/// Where the store is.
#[derive(Debug)]
pub enum StoreAt {
    /// Nowhere: all is heard anew at each start.
    Memory,
    /// In a file of this folder.
    Folder(PathBuf),
    /// On this device.
    Backend(Box<dyn StorageBackend>),
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("open the store {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The database cannot be opened: it is broken, or another process holds it.
    #[error("open the store's database")]
    Database(#[source] Box<redb::Error>),
    /// It cannot be read.
    #[error("read the store")]
    Read(#[source] Box<redb::Error>),
    /// It cannot be written.
    #[error("write the store")]
    Write(#[source] Box<redb::Error>),
    /// It was written by a newer version.
    #[error("the store has layout {0}, which this version does not know")]
    Format(u64),
    /// The work was cut off.
    #[error("finish work on the store")]
    Unfinished,
}

/// One change of the store.
#[derive(Debug, Clone)]
pub(super) enum Write {
    Accept(ObjectKey, Record),
    Reject(ObjectKey, Record),
    Remove(ObjectKey),
    Publish(ScopeKey),
    Release(ScopeKey),
    Name(Noted),
    Emptied(String, Timestamp),
    Filled(String),
    Scheme(EcoString, Scheme),
    Unnamed(EcoString),
    Overlap(EcoString, Timestamp),
    Overlapped(EcoString),
    Adopted(EcoString),
    /// The logins that a Controller refused, in the place of those before.
    Refused(EcoString, Vec<Refused>),
}

/// A login that was refused: what tells its credentials from others, and until when they rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// In base64.
    pub(crate) digest: EcoString,
    pub(crate) until: Timestamp,
}

/// One object that was kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) key: ObjectKey,
    pub(crate) record: Record,
    /// It was in force; otherwise it was there and could not be used.
    pub(crate) accepted: bool,
}

/// Everything that was kept.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    /// Accepted objects, then rejected ones.
    pub(crate) objects: Vec<Kept>,
    /// Scopes that were complete.
    pub(crate) scopes: Vec<ScopeKey>,
    /// Of these, those whose objects lack something that is read today.
    pub(crate) unfit: BTreeSet<ScopeKey>,
    /// Names of objects that do not show whose they are.
    pub(crate) names: Journal,
    /// Shard parents without hosts: Controller, object, since when.
    pub(crate) emptied: Vec<(String, AviKey, Timestamp)>,
    /// Until when old parents of domains serve beside the new ones.
    pub(crate) overlaps: Vec<(EcoString, Timestamp)>,
    /// Domains whose objects we write.
    pub(crate) adopted: Vec<EcoString>,
    /// How domains name things.
    pub(crate) schemes: Vec<(EcoString, Scheme)>,
    /// Logins that were refused, by Controller.
    pub(crate) refused: BTreeMap<EcoString, Vec<Refused>>,
    /// What agents are told of the kept paths.
    pub(crate) epochs: Epochs,
}

/// An open store.
pub(super) struct Db {
    database: Database,
}

impl Db {
    pub(super) fn open(at: StoreAt) -> Result<(Self, Restored), Error> {
        let failed = |error: redb::DatabaseError| Error::Database(Box::new(error.into()));
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        let database = match at {
            StoreAt::Backend(backend) => builder.create_with_backend(Boxed(backend)),
            StoreAt::Folder(folder) => {
                let path = folder.join(FILE);
                touch(&path)?;
                builder.create(path)
            }
            StoreAt::Memory => builder.create_with_backend(redb::backends::InMemoryBackend::new()),
        };
        let db = Self {
            database: database.map_err(failed)?,
        };
        let epochs = db
            .prepare()
            .map_err(|error| Error::Write(Box::new(error)))?;
        let found = db.format().map_err(|error| Error::Read(Box::new(error)))?;
        if found > FORMAT_NOW {
            return Err(Error::Format(found));
        }
        let restored = db
            .read(epochs)
            .map_err(|error| Error::Read(Box::new(error)))?;
        Ok((db, restored))
    }

    pub(super) fn write(&self, writes: &[Write]) -> Result<(), Error> {
        self.apply(writes)
            .map_err(|error| Error::Write(Box::new(error)))
    }

    fn format(&self) -> Result<u64, redb::Error> {
        let read = self.database.begin_read()?;
        let table = read.open_table(FORMAT)?;
        Ok(table.get(())?.map_or(0, |found| found.value()))
    }

    /// Makes the tables, and counts kept paths that changed up.
    fn prepare(&self) -> Result<Epochs, redb::Error> {
        let transaction = self.database.begin_write()?;
        let mut epochs = Epochs::new();
        {
            for table in [OBJECTS, REJECTED] {
                transaction.open_table(table)?;
            }
            for table in [SCOPES, NAMES, ADOPTED] {
                transaction.open_table(table)?;
            }
            transaction.open_table(EMPTIED)?;
            transaction.open_table(OWNERS)?;
            transaction.open_table(SCHEMES)?;
            transaction.open_table(OVERLAPS)?;
            transaction.open_table(REFUSED)?;
            let mut format = transaction.open_table(FORMAT)?;
            if format.get(())?.is_none() {
                format.insert((), FORMAT_NOW)?;
            }
            let mut table = transaction.open_table(EPOCHS)?;
            for room in ROOMS {
                let name = format!("{}\0{}", room.kind.group, room.kind.kind);
                let today = paths_digest(room);
                let known = table.get(name.as_str())?.map(|found| {
                    let (epoch, paths) = found.value();
                    (epoch, paths == today.as_slice())
                });
                let epoch = match known {
                    Some((epoch, true)) => epoch,
                    Some((epoch, false)) => epoch + 1,
                    None => 1,
                };
                table.insert(name.as_str(), (epoch, today.as_slice()))?;
                epochs.insert(room.kind, epoch);
            }
        }
        transaction.commit()?;
        Ok(epochs)
    }

    fn read(&self, epochs: Epochs) -> Result<Restored, redb::Error> {
        let read = self.database.begin_read()?;
        let mut restored = Restored {
            epochs,
            ..Restored::default()
        };
        for (table, accepted) in [(OBJECTS, true), (REJECTED, false)] {
            for entry in read.open_table(table)?.iter()? {
                let (key, value) = entry?;
                let kept = key_of(key.value()).zip(Record::decode(value.value()).ok());
                if let Some((key, record)) = kept {
                    restored.add(Kept {
                        key,
                        record,
                        accepted,
                    });
                }
            }
        }
        for entry in read.open_table(SCOPES)?.iter()? {
            let (scope, ()) = (entry?.0, ());
            restored.scopes.extend(scope_of(scope.value()));
        }
        for entry in read.open_table(EMPTIED)?.iter()? {
            let (place, since) = entry?;
            restored
                .emptied
                .extend(emptied_of(place.value(), since.value()));
        }
        let owners = read.open_table(OWNERS)?;
        for entry in read.open_table(NAMES)?.iter()? {
            let name = entry?.0;
            let owner = owners.get(name.value())?;
            let owner = owner.map(|owner| DomainId::of_text(owner.value()));
            let names = &mut restored.names;
            names.note(name.value().into(), owner, Right::Makes);
        }
        for entry in read.open_table(ADOPTED)?.iter()? {
            restored.adopted.push(entry?.0.value().into());
        }
        for entry in read.open_table(OVERLAPS)?.iter()? {
            let (domain, until) = entry?;
            let until = Timestamp::from_second(until.value());
            let until = until.ok().map(|it| (domain.value().into(), it));
            restored.overlaps.extend(until);
        }
        for entry in read.open_table(REFUSED)?.iter()? {
            let (place, until) = entry?;
            if let Some((controller, refused)) = refused_of(place.value(), until.value()) {
                restored
                    .refused
                    .entry(controller)
                    .or_default()
                    .push(refused);
            }
        }
        for entry in read.open_table(SCHEMES)?.iter()? {
            let (domain, scheme) = entry?;
            let scheme = Scheme::named(scheme.value());
            let scheme = scheme.map(|it| (domain.value().into(), it));
            restored.schemes.extend(scheme);
        }
        Ok(restored)
    }

    fn apply(&self, writes: &[Write]) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut tables = Tables::open(&transaction)?;
            for write in writes {
                tables.apply(write)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

/// The tables of one transaction.
struct Tables<'a> {
    objects: Table<'a, &'static str, &'static [u8]>,
    rejected: Table<'a, &'static str, &'static [u8]>,
    scopes: Table<'a, &'static str, ()>,
    names: Table<'a, &'static str, ()>,
    owners: Table<'a, &'static str, &'static str>,
    emptied: Table<'a, &'static str, i64>,
    schemes: Table<'a, &'static str, &'static str>,
    overlaps: Table<'a, &'static str, i64>,
    adopted: Table<'a, &'static str, ()>,
    refused: Table<'a, &'static str, i64>,
}

impl<'a> Tables<'a> {
    fn open(transaction: &'a WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            objects: transaction.open_table(OBJECTS)?,
            rejected: transaction.open_table(REJECTED)?,
            scopes: transaction.open_table(SCOPES)?,
            names: transaction.open_table(NAMES)?,
            owners: transaction.open_table(OWNERS)?,
            emptied: transaction.open_table(EMPTIED)?,
            schemes: transaction.open_table(SCHEMES)?,
            overlaps: transaction.open_table(OVERLAPS)?,
            adopted: transaction.open_table(ADOPTED)?,
            refused: transaction.open_table(REFUSED)?,
        })
    }

    fn apply(&mut self, write: &Write) -> Result<(), redb::Error> {
        match write {
            Write::Accept(key, record) => {
                let name = name_of(key);
                self.objects
                    .insert(name.as_str(), record.encode_to_vec().as_slice())?;
                self.rejected.remove(name.as_str())?;
            }
            Write::Reject(key, record) => {
                self.rejected
                    .insert(name_of(key).as_str(), record.encode_to_vec().as_slice())?;
            }
            Write::Remove(key) => {
                let name = name_of(key);
                self.objects.remove(name.as_str())?;
                self.rejected.remove(name.as_str())?;
            }
            Write::Publish(scope) => {
                self.scopes.insert(scope_name(scope).as_str(), ())?;
            }
            Write::Release(scope) => {
                let kept = |name: &str| key_of(name).is_none_or(|key| key.scope() != *scope);
                self.objects.retain(|name, _| kept(name))?;
                self.rejected.retain(|name, _| kept(name))?;
                self.scopes.remove(scope_name(scope).as_str())?;
            }
            Write::Emptied(place, since) => {
                self.emptied.insert(place.as_str(), since.as_second())?;
            }
            Write::Filled(place) => {
                self.emptied.remove(place.as_str())?;
            }
            Write::Overlap(domain, until) => {
                self.overlaps.insert(domain.as_str(), until.as_second())?;
            }
            Write::Overlapped(domain) => {
                self.overlaps.remove(domain.as_str())?;
            }
            Write::Refused(controller, refused) => {
                let prefix = format!("{controller}\0");
                self.refused
                    .retain(|place, _| !place.starts_with(&prefix))?;
                for Refused { digest, until } in refused {
                    let place = format!("{prefix}{digest}");
                    self.refused.insert(place.as_str(), until.as_second())?;
                }
            }
            Write::Scheme(domain, scheme) => {
                self.schemes.insert(domain.as_str(), scheme.name())?;
            }
            Write::Adopted(domain) => {
                self.adopted.insert(domain.as_str(), ())?;
            }
            Write::Unnamed(domain) => {
                self.schemes.remove(domain.as_str())?;
            }
            Write::Name(name) => {
                let Noted {
                    name,
                    domain,
                    right,
                } = name;
                self.names.insert(name.as_str(), ())?;
                if *right == Right::Refers || self.owners.get(name.as_str())?.is_none() {
                    let domain = eco_format!("{domain}");
                    self.owners.insert(name.as_str(), domain.as_str())?;
                }
            }
        }
        Ok(())
    }
}

impl Restored {
    fn add(&mut self, kept: Kept) {
        let epoch = self.epochs.get(&kept.key.kind).copied();
        if epoch != Some(kept.record.epoch) || kept.record.incomplete {
            self.unfit.insert(kept.key.scope());
        }
        self.objects.push(kept);
    }
}

/// Makes the file, readable by nobody else, if it is not there.
fn touch(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt;
    let failed = |source| Error::Open {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map(drop).map_err(failed)
}

fn name_of(key: &ObjectKey) -> String {
    let ObjectKey {
        cluster,
        kind,
        namespace,
        name,
    } = key;
    format!(
        "{cluster}\0{}\0{}\0{namespace}\0{name}",
        kind.group, kind.kind
    )
}

fn key_of(name: &str) -> Option<ObjectKey> {
    let mut parts = name.split('\0');
    let mut part = || parts.next();
    let (cluster, group, kind) = (part()?, part()?, part()?);
    let (namespace, name) = (part()?, part()?);
    let room = room_of(group, kind)?;
    Some(ObjectKey::new(&cluster.into(), room.kind, namespace, name))
}

fn emptied_of(place: &str, since: i64) -> Option<(String, AviKey, Timestamp)> {
    let mut parts = place.split('\0');
    let mut part = || parts.next();
    let (site, kind, tenant) = (part()?, part()?, part()?);
    let (cloud, name) = (part()?, part()?);
    let key = AviKey {
        kind: AviKind::of_path(kind)?,
        tenant: tenant.into(),
        cloud: cloud.into(),
        name: name.into(),
    };
    Some((site.to_owned(), key, Timestamp::from_second(since).ok()?))
}

fn refused_of(place: &str, until: i64) -> Option<(EcoString, Refused)> {
    let (controller, digest) = place.split_once('\0')?;
    let (digest, until) = (digest.into(), Timestamp::from_second(until).ok()?);
    Some((controller.into(), Refused { digest, until }))
}

fn scope_name(scope: &ScopeKey) -> String {
    format!("{}\0{}", scope.cluster, scope.namespace)
}

fn scope_of(name: &str) -> Option<ScopeKey> {
    let (cluster, namespace) = name.split_once('\0')?;
    Some(ScopeKey {
        cluster: cluster.into(),
        namespace: namespace.into(),
    })
}

/// A device behind a pointer.
#[derive(Debug)]
struct Boxed(Box<dyn StorageBackend>);

impl StorageBackend for Boxed {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.0.write(offset, data)
    }

    fn close(&self) -> Result<(), std::io::Error> {
        self.0.close()
    }
}
