//! Digests that tell whether a value changed. Not for security.

mod feed;

use feed::Feed;
use rapidhash::v3::rapidhash_v3;
use serde::Serialize;
use std::fmt;

/// Room for the tokens of most values.
const VALUE_BYTES: usize = 1_024;

/// 64 bits that differ when the value differs (up to chance).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Digest(pub u64);

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(rapidhash_v3(bytes))
    }

    /// The digest of a value, by what it serialises to.
    pub fn of_value<T: Serialize + ?Sized>(value: &T) -> Self {
        let mut feed = Feed(Vec::with_capacity(VALUE_BYTES));
        // Writing to memory cannot fail; a value that does not serialise has the digest of what was
        // written so far, which only costs a comparison.
        let _ = value.serialize(&mut feed);
        Self::of(&feed.0)
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

/// Collects bytes for one digest.
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

#[cfg(test)]
mod tests {
    use super::Digest;
    use serde::Serialize;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[derive(Serialize, Default)]
    struct Body {
        #[serde(skip_serializing_if = "Option::is_none")]
        one: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        two: Option<&'static str>,
        list: Vec<Vec<&'static str>>,
    }

    #[test]
    fn equal_values_have_equal_digests() {
        let value = || json!({"a": [1, null, "x"], "b": {"c": true, "d": 1.5}});
        assert_eq!(Digest::of_value(&value()), Digest::of_value(&value()));
    }

    #[test]
    fn what_differs_anywhere_differs() {
        let texts = [
            json!(null),
            json!(false),
            json!(true),
            json!(0),
            json!(-1),
            json!(1),
            json!(1.5),
            json!(""),
            json!("0"),
            json!("null"),
            json!([]),
            json!([[]]),
            json!({}),
            json!([""]),
            json!(["", ""]),
            json!([["a"], ["b"]]),
            json!([["a", "b"], []]),
            json!([["a", "b"]]),
            json!({"a": "b"}),
            json!({"ab": ""}),
            json!(["a", "b"]),
            json!({"a": {"b": 1}}),
            json!({"a": {}, "b": 1}),
        ];
        let bodies = [
            Body::default(),
            Body {
                one: Some("x"),
                ..Body::default()
            },
            Body {
                two: Some("x"),
                ..Body::default()
            },
            Body {
                one: Some(""),
                ..Body::default()
            },
            Body {
                list: vec![vec!["x"], vec![]],
                ..Body::default()
            },
            Body {
                list: vec![vec![], vec!["x"]],
                ..Body::default()
            },
        ];
        let digests = texts.iter().map(Digest::of_value);
        let digests = digests.chain(bodies.iter().map(Digest::of_value));
        let distinct: BTreeSet<Digest> = digests.collect();
        assert_eq!(distinct.len(), texts.len() + bodies.len());
    }
}
