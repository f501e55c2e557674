//! What may change in the store.

use crate::record::Record;
use aviary_avi::AviKey;
use aviary_plan::Right;
use aviary_types::{DomainId, EcoString, ObjectKey, Scheme, ScopeKey};
use jiff::Timestamp;

/// One change of the store.
#[derive(Debug, Clone)]
pub enum Write {
    /// An object is in force.
    Accept(ObjectKey, Record),
    /// An object is there, but its last accepted form is in force.
    Reject(ObjectKey, Record),
    /// An object is gone.
    Remove(ObjectKey),
    /// A scope is complete.
    Publish(ScopeKey),
    /// A scope was given up, with its objects.
    Release(ScopeKey),
    /// A domain is about to have a name.
    Name(Noted),
    /// A shard parent of a Controller has no hosts any more, since then.
    Emptied(String, AviKey, Timestamp),
    /// It has hosts again, or is gone.
    Filled(String, AviKey),
    /// How a domain names things.
    Scheme(EcoString, Scheme),
    /// Nothing of a domain stands that would show how it names things.
    Unnamed(EcoString),
    /// Until when old parents of a domain serve beside the new ones.
    Overlap(EcoString, Timestamp),
    /// They do no more.
    Overlapped(EcoString),
    /// The objects of a domain are ours.
    Adopted(EcoString),
    /// A domain is configured no more, and this names what its objects were then.
    Left(EcoString, EcoString),
    /// The logins that a Controller refused, in the place of those before.
    Refused(EcoString, Vec<Refused>),
}

/// A name that a domain is about to have.
#[derive(Debug, Clone)]
pub struct Noted {
    /// The name, of an object that does not show whose it is.
    pub name: EcoString,
    /// Whose it will be.
    pub domain: DomainId,
    /// How the domain comes to it.
    pub right: Right,
}

/// A login that was refused: what tells its credentials from others, and until when they rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// In base64.
    pub digest: EcoString,
    /// Until then they are not tried again.
    pub until: Timestamp,
}
