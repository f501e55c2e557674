//! References between Avi objects. Spelling differs by field and is kept on the wire; comparison is
//! by type and name (or uuid), whatever the spelling.

use aviary_types::{EcoString, eco_format};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// How a reference is spelled when it is sent (model: "reference strings").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Spelling {
    /// `/api/pool?name=x`
    #[default]
    Plain,
    /// `/api/pool/?name=x`
    Slash,
    /// `/api/pool/?name=x+y`: the name is query-escaped.
    SlashEscaped,
    /// `/api/network/<uuid>`
    Uuid,
}

/// A reference to another Avi object.
#[derive(Clone, Default)]
pub struct Ref {
    /// REST type, such as `pool`; empty where the text was read and is no reference.
    pub kind: EcoString,
    /// Name, empty where only the uuid is known.
    pub name: EcoString,
    /// uuid, empty where only the name is known.
    pub uuid: EcoString,
    /// How it is written.
    pub spelling: Spelling,
}

/// What Go's `url.QueryEscape` escapes (a space becomes `+` afterwards).
const QUERY: &AsciiSet = &CONTROLS
    .add(b'"')
    .add(b'#')
    .add(b'$')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'*')
    .add(b'+')
    .add(b',')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'!');

impl Ref {
    /// `/api/<kind>?name=<name>`
    pub fn plain(kind: &str, name: impl Into<EcoString>) -> Self {
        Self {
            kind: kind.into(),
            name: name.into(),
            ..Self::default()
        }
    }

    /// `/api/<kind>/?name=<name>`
    pub fn slash(kind: &str, name: impl Into<EcoString>) -> Self {
        Self {
            spelling: Spelling::Slash,
            ..Self::plain(kind, name)
        }
    }

    /// The tenant of an object: its name is query-escaped.
    pub fn tenant(name: impl Into<EcoString>) -> Self {
        Self {
            spelling: Spelling::SlashEscaped,
            ..Self::plain("tenant", name)
        }
    }

    /// `/api/<kind>/<uuid>`
    pub fn by_uuid(kind: &str, uuid: impl Into<EcoString>) -> Self {
        Self {
            uuid: uuid.into(),
            spelling: Spelling::Uuid,
            ..Self::plain(kind, "")
        }
    }

    /// Reads any spelling: by name or uuid, with or without host, slash and `#name`.
    pub fn parse(text: &str) -> Option<Self> {
        let (text, label) = text
            .split_once('#')
            .map_or((text, ""), |(text, label)| (text, label));
        let path = text.split_once("/api/")?.1;
        if let Some((kind, query)) = path.split_once('?') {
            let value = query
                .split('&')
                .find_map(|pair| pair.strip_prefix("name="))?;
            let name = percent_decode_str(&value.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned();
            let spelling = match kind.strip_suffix('/') {
                None => Spelling::Plain,
                Some("tenant") => Spelling::SlashEscaped,
                Some(_) => Spelling::Slash,
            };
            return Some(Self {
                spelling,
                ..Self::plain(kind.trim_end_matches('/'), name)
            });
        }
        let (kind, uuid) = path.split_once('/')?;
        Some(Self {
            name: label.into(),
            ..Self::by_uuid(kind, uuid.trim_end_matches('/'))
        })
    }

    /// Whether it refers to nothing: the Controller takes an empty text for no reference.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.uuid.is_empty()
    }

    /// The text as sent.
    pub fn text(&self) -> EcoString {
        eco_format!("{self}")
    }
}

impl PartialEq for Ref {
    fn eq(&self, other: &Self) -> bool {
        let by_name = !self.name.is_empty() && !other.name.is_empty();
        self.kind == other.kind
            && if by_name {
                self.name == other.name
            } else {
                self.uuid == other.uuid
            }
    }
}

impl Eq for Ref {}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = (&self.kind, &self.name);
        if kind.is_empty() {
            return f.write_str(name);
        }
        match self.spelling {
            Spelling::Plain => write!(f, "/api/{kind}?name={}", readable(name)),
            Spelling::Slash => write!(f, "/api/{kind}/?name={}", readable(name)),
            Spelling::SlashEscaped => {
                let escaped = utf8_percent_encode(name, QUERY)
                    .to_string()
                    .replace(' ', "+");
                write!(f, "/api/{kind}/?name={escaped}")
            }
            Spelling::Uuid if name.is_empty() => write!(f, "/api/{kind}/{}", self.uuid),
            // As the Controller answers it, which also takes it back.
            Spelling::Uuid => write!(f, "/api/{kind}/{}#{name}", self.uuid),
        }
    }
}

/// The name as AKO writes it, unescaped, unless the Controller would read another name then: names
/// hold paths, and a path may have any of these.
fn readable(name: &str) -> Cow<'_, str> {
    const MISREAD: &AsciiSet = &CONTROLS.add(b'#').add(b'%').add(b'&').add(b'+');
    if name.contains(['#', '%', '&', '+']) {
        utf8_percent_encode(name, MISREAD).into()
    } else {
        name.into()
    }
}

impl fmt::Debug for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Ref {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ref {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        // Whatever stands there, the rest of the object must stay readable.
        Ok(Self::parse(&text).unwrap_or_else(|| Self::plain("", &*text)))
    }
}

#[cfg(test)]
mod tests {
    use super::Ref;

    #[test]
    fn spellings_of_one_object_are_equal() {
        let want = Ref::plain("pool", "a b");
        for text in [
            "/api/pool?name=a b",
            "/api/pool/?name=a+b",
            "https://10.0.0.1/api/pool/pool-1#a b",
            "http://x//api/pool/?name=a%20b",
        ] {
            assert_eq!(Ref::parse(text), Some(want.clone()), "{text}");
        }
        assert_ne!(Ref::parse("/api/pool?name=c"), Some(want));
    }

    #[test]
    fn what_is_no_reference_is_kept_as_it_is() {
        for text in ["", "healthmonitor-1", "/api/", "/api/pool?x=y"] {
            let read: Ref = serde_json::from_value(text.into()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), text, "{text}");
            assert_eq!(read.is_empty(), text.is_empty());
            assert_ne!(read, Ref::plain("pool", "x"));
        }
    }

    #[test]
    fn a_name_is_read_as_it_was_meant() {
        for name in ["a+b", "50%25", "a&name=b", "a#b", "v[0-9]+_ü x"] {
            for meant in [Ref::plain("pool", name), Ref::slash("pool", name)] {
                assert_eq!(Ref::parse(&meant.text()), Some(meant));
            }
        }
        assert_eq!(Ref::plain("pool", "a b/ü").text(), "/api/pool?name=a b/ü");
    }

    #[test]
    fn what_was_read_with_a_name_keeps_it() {
        let text = "/api/pool/pool-1#a #b";
        let read = Ref::parse(text).unwrap();
        assert_eq!((read.uuid.as_str(), read.name.as_str()), ("pool-1", "a #b"));
        assert_eq!(read.text(), text);
        assert_eq!(Ref::by_uuid("network", "n-1").text(), "/api/network/n-1");
    }

    #[test]
    fn tenant_names_are_query_escaped() {
        assert_eq!(Ref::tenant("a b/c").text(), "/api/tenant/?name=a+b%2Fc");
    }
}
