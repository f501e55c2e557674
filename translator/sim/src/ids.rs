//! Uuids, session ids and tokens from one seed: they look random and repeat exactly.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";

/// The source of everything that must look random.
#[derive(Debug)]
pub(crate) struct Ids {
    stream: ChaCha8Rng,
}

impl Ids {
    /// A source that repeats itself for equal seeds.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self {
            stream: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// `<kind>-<uuid4>`, the form that the Controller gives to every object.
    pub(crate) fn uuid(&mut self, kind: &str) -> String {
        let (high, low) = (self.stream.next_u64(), self.stream.next_u64());
        let version = 0x4000 | (high & 0x0fff);
        let variant = 0x8000 | (low >> 48 & 0x3fff);
        format!(
            "{kind}-{:08x}-{:04x}-{version:04x}-{variant:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            low & 0xffff_ffff_ffff
        )
    }

    /// A word of 32 characters for cookies and tokens.
    pub(crate) fn word(&mut self) -> String {
        let mut bytes = [0_u8; 32];
        self.stream.fill_bytes(&mut bytes);
        bytes
            .iter()
            .filter_map(|byte| ALPHABET.get(usize::from(byte & 31)))
            .map(|letter| char::from(*letter))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_the_controllers_form_and_repeat() {
        let uuid = Ids::seeded(7).uuid("pool");
        let parts: Vec<&str> = uuid.split('-').collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [4, 8, 4, 4, 4, 12]
        );
        assert!(parts[3].starts_with('4'));
        assert_eq!(uuid, Ids::seeded(7).uuid("pool"));
        assert_ne!(uuid, Ids::seeded(8).uuid("pool"));
    }
}
