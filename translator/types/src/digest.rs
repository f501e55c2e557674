//! Digests that tell whether a value changed. Not for security.

use rapidhash::v3::rapidhash_v3;
use serde::Serialize;
use std::fmt;

/// 64 bits that differ when the value differs (up to chance).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Digest(pub u64);

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(rapidhash_v3(bytes))
    }

    /// The digest of a value's JSON text.
    pub fn of_json<T: Serialize>(value: &T) -> Self {
        let mut digester = Digester::default();
        // Writing to the digester cannot fail; a value that does not serialise has the digest of
        // what was written so far, which only costs a comparison.
        let _ = serde_json::to_writer(&mut digester, value);
        digester.finish()
    }

    /// Adds another digest so that order does not matter: the digest of a set.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// Takes a member of a set out again.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Collects bytes for one digest; a `Write` for serialisers.
#[derive(Debug, Default)]
pub struct Digester(Vec<u8>);

impl Digester {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The digest of all bytes added.
    pub fn finish(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl std::io::Write for Digester {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
