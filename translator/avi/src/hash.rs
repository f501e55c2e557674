//! The digests that names and checksums are made of, and the choice of a shard.

use aviary_types::EcoString;
use md5::Md5;
use sha1::{Digest, Sha1};
use std::fmt::Write;

const FNV_OFFSET: u32 = 2_166_136_261;
const FNV_PRIME: u32 = 16_777_619;

/// 32-bit FNV-1a of the bytes of a text.
pub fn fnv1a32(text: &str) -> u32 {
    text.bytes().fold(FNV_OFFSET, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(FNV_PRIME)
    })
}

/// Lower-case hex SHA-1 of a text, 40 characters.
pub fn sha1_hex(text: &str) -> EcoString {
    hex(&Sha1::digest(text.as_bytes()))
}

/// Lower-case hex SHA-256 of a text, 64 characters.
pub fn sha256_hex(text: &str) -> EcoString {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(text.as_bytes()))
}

/// The shard of a host in scheme `ako`: right for powers of two, as AKO has it. No shards: 0.
pub fn shard_ako(host: &str, shards: u32) -> u32 {
    fnv1a32(host) & shards.saturating_sub(1)
}

/// The shard of a host in scheme `documented`: MD5 as a big-endian number, modulo the shards. No
/// shards: 0.
pub fn shard_documented(host: &str, shards: u32) -> u32 {
    let number = u128::from_be_bytes(Md5::digest(host.as_bytes()).into());
    number
        .checked_rem(u128::from(shards))
        .and_then(|rest| u32::try_from(rest).ok())
        .unwrap_or(0)
}

fn hex(bytes: &[u8]) -> EcoString {
    bytes.iter().fold(EcoString::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{fnv1a32, sha1_hex, shard_ako, shard_documented};

    #[test]
    fn shards_of_scheme_ako() {
        let cases = [
            ("foo.com", 1_101_858_200, 0, 0),
            ("bar.com", 1_912_621_137, 1, 1),
            ("foo.avi.internal", 1_825_897_630, 6, 2),
            ("a.example.com", 14_126_923, 3, 3),
            ("*.example.com", 1_167_986_538, 2, 2),
            ("Foo.com", 1_493_876_536, 0, 0),
            ("", 2_166_136_261, 5, 1),
        ];
        for (host, hash, large, medium) in cases {
            assert_eq!(fnv1a32(host), hash, "{host}");
            let found = (shard_ako(host, 8), shard_ako(host, 4), shard_ako(host, 1));
            assert_eq!(found, (large, medium, 0), "{host}");
        }
        assert_eq!(shard_ako("foo.com", 0), 0);
    }

    #[test]
    fn shards_of_scheme_documented() {
        for (host, shard) in [("foo.com", 0), ("bar.com", 6), ("foo.avi.internal", 4)] {
            assert_eq!(shard_documented(host, 8), shard, "{host}");
            assert_eq!(shard_documented(host, 1), 0, "{host}");
            assert_eq!(shard_documented(host, 0), 0, "{host}");
        }
    }

    #[test]
    fn sha1_is_lower_hex() {
        assert_eq!(
            sha1_hex("c1--foo.com"),
            "e961a4b7103d91616a78d663e910df407721a69d"
        );
    }
}
