//! Digests by which both sides tell that they hold the same, without sending it.
//!
//! The digest of a set is the wrapping sum of its objects' digests, so that it neither depends on
//! order nor needs a walk over the set when one object changes.

use std::fmt;

use aviary_proto::sync::v1::{Delta, NamespaceSum, Upsert, delta};
use sha2::{Digest as _, Sha256};

use crate::key::{Kind, Name};

/// The digest of one object, or the wrapping sum of several.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(u128);

impl Digest {
    /// The digest of an object: over its key, uid and JSON, and over its version if it has secret
    /// values, since those are never digested.
    pub fn of(kind: &Kind, name: &Name, uid: &str, upsert: &Upsert) -> Self {
        let version = if upsert.secrets.is_empty() {
            ""
        } else {
            upsert.resource_version.as_str()
        };
        Self::of_parts(kind, name, uid, version, &upsert.object)
    }

    /// The digest of an object in parts; `version` is empty unless it has secret values.
    pub fn of_parts(kind: &Kind, name: &Name, uid: &str, version: &str, json: &[u8]) -> Self {
        Self::over(&[
            kind.group.as_bytes(),
            kind.kind.as_bytes(),
            name.namespace.as_bytes(),
            name.name.as_bytes(),
            uid.as_bytes(),
            version.as_bytes(),
            json,
        ])
    }

    /// The digest of several byte strings, each preceded by its length.
    pub fn over(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let full = hasher.finalize();
        let (first, _) = full.split_at(16);
        Self::from_wire(first).unwrap_or_default()
    }

    /// 16 hexadecimal digits of it, for names.
    pub fn short(self) -> String {
        format!("{:016x}", self.0 >> 64)
    }

    /// Reads 16 big-endian bytes.
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 16] = bytes.try_into().ok()?;
        Some(Self(u128::from_be_bytes(bytes)))
    }

    /// 16 big-endian bytes.
    pub fn to_wire(self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The digest of a delta's object; `None` for a removal.
pub fn of_delta(kind: &Kind, name: &Name, delta: &Delta) -> Option<Digest> {
    match &delta.change {
        Some(delta::Change::Upsert(upsert)) => Some(Digest::of(kind, name, &delta.uid, upsert)),
        _ => None,
    }
}

/// Count and digest of a set of objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Number of objects.
    pub count: u64,
    /// Wrapping sum of their digests.
    pub digest: Digest,
}

impl Sum {
    /// Counts one more object.
    pub fn add(&mut self, digest: Digest) {
        self.count = self.count.saturating_add(1);
        self.digest = Digest(self.digest.0.wrapping_add(digest.0));
    }

    /// Reads a sum; `None` if its digest has not 16 bytes.
    pub fn from_wire(sum: &NamespaceSum) -> Option<Self> {
        let digest = Digest::from_wire(&sum.digest)?;
        let count = sum.count;
        Some(Self { count, digest })
    }

    /// The sum of one namespace as sent.
    pub fn to_wire(self, namespace: &str) -> NamespaceSum {
        NamespaceSum {
            namespace: namespace.to_owned(),
            count: self.count,
            digest: self.digest.to_wire(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, Sum};

    #[test]
    fn parts_are_told_apart_by_length() {
        assert_ne!(Digest::over(&[b"ab", b"c"]), Digest::over(&[b"a", b"bc"]));
    }

    #[test]
    fn sums_do_not_depend_on_order() {
        let (a, b) = (Digest::over(&[b"a"]), Digest::over(&[b"b"]));
        let (mut one, mut two) = (Sum::default(), Sum::default());
        one.add(a);
        one.add(b);
        two.add(b);
        two.add(a);
        assert_eq!(one, two);
        assert_eq!(Sum::from_wire(&one.to_wire("x")), Some(two));
    }
}
