//! The database: opened, read at the start, written to. All access blocks.

use crate::device::{Boxed, Error, FILE, StoreAt, touch};
use crate::epochs::{EPOCHS, Epochs, counted};
use crate::keys::{emptied_of, key_of, refused_of, scope_of};
use crate::record::Record;
use crate::restored::{Kept, Restored};
use crate::tables::{
    ADOPTED, EMPTIED, LEFT, NAMES, OBJECTS, OVERLAPS, OWNERS, REFUSED, REJECTED, SCHEMES, SCOPES,
    Tables,
};
use crate::write::Write;
use aviary_plan::Right;
use aviary_types::{DomainId, Scheme};
use jiff::Timestamp;
use prost::Message;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

/// The layout of all this.
const FORMAT: TableDefinition<'_, (), u64> = TableDefinition::new("format");
const FORMAT_NOW: u64 = 1;
/// The store is read once, at the start; all else that it does is to be written to.
const CACHE_BYTES: usize = 1_024 * 1_024;
/// An open store.
#[derive(Debug)]
pub struct Db {
    database: Database,
}

impl Db {
    /// Opens a store, or makes it, and reads what is in it.
    ///
    /// # Errors
    /// When it cannot be opened or read, or a newer version wrote it.
    pub fn open(at: StoreAt) -> Result<(Self, Restored), Error> {
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

    /// Writes changes in one transaction: all of them are on disk afterwards, or none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, writes: &[Write]) -> Result<(), Error> {
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
        let epochs = {
            Tables::open(&transaction)?;
            let mut format = transaction.open_table(FORMAT)?;
            if format.get(())?.is_none() {
                format.insert((), FORMAT_NOW)?;
            }
            counted(&mut transaction.open_table(EPOCHS)?)?
        };
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
        for entry in read.open_table(LEFT)?.iter()? {
            let (domain, mark) = entry?;
            let left = (domain.value().into(), mark.value().into());
            restored.left.push(left);
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
