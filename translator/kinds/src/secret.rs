//! Secret: the certificate and key of secure hosts. Watched as metadata; contents are fetched only
//! where an accepted object names the Secret.
//!
//! ```yaml
//! kind: Secret
//! type: kubernetes.io/tls
//! data: {tls.crt: …, tls.key: …}
//! ```

use crate::room::{Extent, Parsed, RawObject, Room, StatusWrite, Watch, read_schema};
use crate::rooms::KindRoom;
use crate::view::{IndexKey, View};
use aviary_types::{Code, Digest, EcoString, Finding, Kind, ObjectKey, Secret as Hidden};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The group and kind.
pub const KIND: Kind = Kind {
    group: "",
    kind: "Secret",
};

/// What translation reads of a Secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Secret {
    /// The contents; `Unheard` until an agent has sent them.
    pub contents: Contents,
}

/// Whether the contents are here.
#[derive(Debug, Clone, PartialEq)]
pub enum Contents {
    /// The Secret exists; its contents were not sent yet.
    Unheard,
    /// The Secret was sent.
    Heard {
        /// PEM chain of `tls.crt`, if it is text.
        certificate: Option<EcoString>,
        /// PEM of `tls.key`, if it is text.
        key: Option<Hidden>,
    },
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Schema {
    data: Option<BTreeMap<EcoString, Option<String>>>,
}

impl KindRoom for Secret {
    const ROOM: Room = Room {
        kind: KIND,
        version: "v1",
        plural: "secrets",
        extent: Extent::Namespaced,
        watch: Watch::ByName,
        kept_paths: &["type", "data"],
        kept_annotations: &[],
        kept_labels: &[],
        secret_paths: &["data"],
        status: StatusWrite::None,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        if !object.contents {
            return Parsed::clean(Self {
                contents: Contents::Unheard,
            });
        }
        match read_schema::<Schema>(object) {
            Ok(schema) => {
                let data = schema.data.unwrap_or_default();
                let text = |name: &str| {
                    let encoded = data.get(name).and_then(Option::as_ref)?;
                    String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()
                };
                Parsed::clean(Self {
                    contents: Contents::Heard {
                        certificate: text("tls.crt")
                            .filter(|t| !t.is_empty())
                            .map(EcoString::from),
                        key: text("tls.key").filter(|t| !t.is_empty()).map(Hidden::new),
                    },
                })
            }
            // The text of the error could quote the contents.
            Err(_) => Parsed {
                fact: Some(Self {
                    contents: Contents::Heard {
                        certificate: None,
                        key: None,
                    },
                }),
                findings: vec![Finding::new(
                    &object.key,
                    Code::Unreadable,
                    "the Secret's data is no map of base64 texts",
                    "create it with kubectl create secret tls",
                )],
            },
        }
    }

    fn index(&self, _key: &ObjectKey) -> Vec<IndexKey> {
        Vec::new()
    }

    fn digest(&self) -> Digest {
        match &self.contents {
            Contents::Unheard => Digest::of(b"unheard"),
            Contents::Heard { certificate, key } => Digest::of_value(&(certificate, key)),
        }
    }
}

/// A certificate with its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// PEM chain.
    pub chain: EcoString,
    /// PEM of the key.
    pub key: Hidden,
}

/// What a reference to a TLS Secret leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// A certificate.
    Found(Certificate),
    /// The Secret exists, but its contents were not heard since the start.
    Unheard,
    /// There is no such Secret.
    Missing,
    /// It has no usable certificate; the text says which part is wrong.
    Invalid(&'static str),
}

/// Reads a TLS Secret. A missing `tls.crt` or `tls.key` counts as no certificate, as with AKO.
/// Whether the text is a certificate is for the Controller to say.
pub fn certificate(view: &dyn View, key: &ObjectKey) -> Lookup {
    let Some(entry) = view.get(key) else {
        return Lookup::Missing;
    };
    let Ok(Secret { contents }) = <&Secret>::try_from(&entry.fact) else {
        return Lookup::Missing;
    };
    match contents {
        Contents::Unheard => Lookup::Unheard,
        Contents::Heard {
            certificate: None, ..
        } => Lookup::Invalid("tls.crt is missing or no text"),
        Contents::Heard { key: None, .. } => Lookup::Invalid("tls.key is missing or no text"),
        Contents::Heard {
            certificate: Some(chain),
            key: Some(key),
        } => Lookup::Found(Certificate {
            chain: chain.clone(),
            key: key.clone(),
        }),
    }
}

#[cfg(test)]
mod tests;
