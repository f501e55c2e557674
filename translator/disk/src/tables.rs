//! The tables, and what each change does to them.

use crate::keys::{key_of, name_of, place, scope_name};
use crate::write::{Noted, Refused, Write};
use aviary_plan::Right;
use aviary_types::{EcoString, eco_format};
use prost::Message;
use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

pub(crate) const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
pub(crate) const REJECTED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("rejected");
pub(crate) const SCOPES: TableDefinition<'_, &str, ()> = TableDefinition::new("scopes");
pub(crate) const NAMES: TableDefinition<'_, &str, ()> = TableDefinition::new("names");
/// Which domain has each of them.
pub(crate) const OWNERS: TableDefinition<'_, &str, &str> = TableDefinition::new("owners");
/// Shard parents without hosts, and since when, in seconds.
pub(crate) const EMPTIED: TableDefinition<'_, &str, i64> = TableDefinition::new("emptied");
/// How a domain names things.
pub(crate) const SCHEMES: TableDefinition<'_, &str, &str> = TableDefinition::new("schemes");
/// Domains whose objects we write.
pub(crate) const ADOPTED: TableDefinition<'_, &str, ()> = TableDefinition::new("adopted");
/// Domains that are configured no more, and what names their objects as they were left.
pub(crate) const LEFT: TableDefinition<'_, &str, &str> = TableDefinition::new("left");
/// Domains whose hosts were placed anew, and until when old parents serve, in seconds.
pub(crate) const OVERLAPS: TableDefinition<'_, &str, i64> = TableDefinition::new("overlaps");
/// Controller and digest of a login that was refused, and until when it is not tried again, in
/// seconds.
pub(crate) const REFUSED: TableDefinition<'_, &str, i64> = TableDefinition::new("refused");

/// The tables of one transaction.
pub(crate) struct Tables<'a> {
    objects: Table<'a, &'static str, &'static [u8]>,
    rejected: Table<'a, &'static str, &'static [u8]>,
    scopes: Table<'a, &'static str, ()>,
    names: Table<'a, &'static str, ()>,
    owners: Table<'a, &'static str, &'static str>,
    emptied: Table<'a, &'static str, i64>,
    schemes: Table<'a, &'static str, &'static str>,
    overlaps: Table<'a, &'static str, i64>,
    adopted: Table<'a, &'static str, ()>,
    left: Table<'a, &'static str, &'static str>,
    refused: Table<'a, &'static str, i64>,
}

impl<'a> Tables<'a> {
    /// Opens them; those that are not there are made.
    pub(crate) fn open(transaction: &'a WriteTransaction) -> Result<Self, redb::Error> {
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
            left: transaction.open_table(LEFT)?,
            refused: transaction.open_table(REFUSED)?,
        })
    }

    pub(crate) fn apply(&mut self, write: &Write) -> Result<(), redb::Error> {
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
            Write::Emptied(site, key, since) => {
                let place = place(site, key);
                self.emptied.insert(place.as_str(), since.as_second())?;
            }
            Write::Filled(site, key) => {
                self.emptied.remove(place(site, key).as_str())?;
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
            Write::Adopted(domain) => self.whose(domain, None)?,
            Write::Left(domain, mark) => self.whose(domain, Some(mark))?,
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

    /// The objects of a domain are ours, or were left as a mark names them.
    fn whose(&mut self, domain: &str, left: Option<&EcoString>) -> Result<(), redb::Error> {
        if let Some(mark) = left {
            self.adopted.remove(domain)?;
            self.left.insert(domain, mark.as_str())?;
        } else {
            self.adopted.insert(domain, ())?;
            self.left.remove(domain)?;
        }
        Ok(())
    }
}
