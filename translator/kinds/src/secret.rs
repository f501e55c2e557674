//! Secret: the certificate and key of secure hosts. Watched as metadata; contents are fetched only
//! where an accepted object names the Secret.
//!
//! ```yaml
//! kind: Secret
//! type: kubernetes.io/tls
//! data: {tls.crt: …, tls.key: …}  # and alt.crt, alt.key for a second certificate
//! ```

use crate::env::Env;
use crate::room::{Extent, Parsed, RawObject, Room, StatusWrite, Watch, When, read_schema};
use crate::rooms::KindRoom;
use crate::view::{IndexKey, View};
use aviary_types::{Code, Digest, EcoString, Finding, Kind, ObjectKey, Secret as Hidden, kind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The group and kind.
pub const KIND: Kind = kind!("", "Secret");

/// What AKO calls the default Secret, after that of OpenShift's own router.
pub const DEFAULT_NAME: &str = "router-certs-default";

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
        /// `alt.crt` and `alt.key`: a certificate of another kind for the same hosts.
        alternate: Alternate,
    },
}

/// The second certificate of a Secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub enum Alternate {
    /// There is none.
    #[default]
    None,
    /// One of its two parts is missing or no text: it is not served, as with AKO.
    Incomplete,
    /// A certificate with its key.
    Pair(KeyPair),
}

/// A certificate with its key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyPair {
    /// PEM chain.
    pub chain: EcoString,
    /// PEM of the key.
    pub key: Hidden,
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
        when: When::Always,
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
            Ok(schema) => Parsed::clean(Self {
                contents: schema.contents(),
            }),
            // The text of the error could quote the contents.
            Err(_) => Parsed {
                fact: Some(Self {
                    contents: Contents::Heard {
                        certificate: None,
                        key: None,
                        alternate: Alternate::None,
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
            Contents::Heard {
                certificate,
                key,
                alternate,
            } => Digest::of_value(&(certificate, key, alternate)),
        }
    }
}

impl Schema {
    fn contents(self) -> Contents {
        let data = self.data.unwrap_or_default();
        let text = |name: &str| {
            let encoded = data.get(name).and_then(Option::as_ref)?;
            let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok();
            text.filter(|text| !text.is_empty())
        };
        let alternate = match (text("alt.crt"), text("alt.key")) {
            (Some(chain), Some(key)) => Alternate::Pair(KeyPair {
                chain: chain.into(),
                key: Hidden::new(key),
            }),
            _ if data.contains_key("alt.crt") || data.contains_key("alt.key") => {
                Alternate::Incomplete
            }
            _ => Alternate::None,
        };
        Contents::Heard {
            certificate: text("tls.crt").map(EcoString::from),
            key: text("tls.key").map(Hidden::new),
            alternate,
        }
    }
}

/// What a TLS Secret gives to the hosts that it secures.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// The Secret.
    pub source: ObjectKey,
    /// `tls.crt` and `tls.key`
    pub main: KeyPair,
    /// `alt.crt` and `alt.key`
    pub alternate: Alternate,
}

impl Certificate {
    /// Whether both are served alike, wherever they come from.
    pub fn serves_as(&self, other: &Self) -> bool {
        let chain = |certificate: &Self| match &certificate.alternate {
            Alternate::Pair(pair) => Some(pair.chain.clone()),
            Alternate::None | Alternate::Incomplete => None,
        };
        self.main.chain == other.main.chain && chain(self) == chain(other)
    }
}

/// What a reference to a TLS Secret leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// A certificate.
    Found(Box<Certificate>),
    /// Its contents were not heard since the start, or its namespace never was in full.
    Unheard,
    /// There is no such Secret.
    Missing,
    /// It has no usable certificate; the text says which part is wrong.
    Invalid(&'static str),
}

/// The Secret in an instance's own namespace that secures whoever asks for the default certificate.
pub fn of_instance(env: &Env) -> ObjectKey {
    let namespace = env.settings.namespace.clone();
    ObjectKey::new(&env.domain.cluster, KIND, namespace, DEFAULT_NAME)
}

/// Reads a TLS Secret. A missing `tls.crt` or `tls.key` counts as no certificate, as with AKO.
/// Whether the text is a certificate is for the Controller to say.
pub fn certificate(view: &dyn View, key: &ObjectKey) -> Lookup {
    let Some(entry) = view.get(key) else {
        return if view.is_heard(&key.namespace) {
            Lookup::Missing
        } else {
            Lookup::Unheard
        };
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
            key: Some(pair),
            alternate,
        } => Lookup::Found(Box::new(Certificate {
            source: key.clone(),
            main: KeyPair {
                chain: chain.clone(),
                key: pair.clone(),
            },
            alternate: alternate.clone(),
        })),
    }
}

#[cfg(test)]
mod tests;
