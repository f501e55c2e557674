//! Who may speak for a cluster.

use crate::notes::Spot;
use crate::read;
use crate::setting::{Field, Shape};
use aviary_types::Namespace;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// How agents of a cluster prove who they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The issuer of the cluster's ServiceAccount tokens. `None` for the home cluster: discovered.
    pub issuer: Option<String>,
    /// Where the keys of that issuer are.
    pub jwks: Option<Jwks>,
    /// Who may speak for more than the namespace of his own ServiceAccount.
    pub rules: Vec<IdentityRule>,
}

/// Where keys are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Jwks {
    /// In a file, read again when it changes.
    File(String),
    /// At a URL.
    Url(String),
}

/// One line of `identities`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdentityRule {
    /// User name of a ServiceAccount, or URI SAN or CN of a client certificate.
    pub subject: String,
    /// The namespaces it may speak for.
    pub namespaces: Coverage,
    /// Whether it may speak for the cluster-wide kinds.
    pub cluster_scope: bool,
}

/// Namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Coverage {
    /// Every one.
    All,
    /// These.
    Named(BTreeSet<Namespace>),
}

impl Coverage {
    /// Whether a namespace is among them.
    pub fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(namespace),
        }
    }
}

/// The fields of a line of `identities`.
pub(crate) const IDENTITY_FIELDS: &[Field] = &[
    Field::needed(
        "subject",
        Shape::Text("text"),
        "User name of a ServiceAccount, or URI SAN or CN of a client certificate.",
    ),
    Field::new(
        "namespaces",
        Shape::TextsOrAll,
        "Namespaces it may speak for, or `all`.",
    ),
    Field::new(
        "clusterScope",
        Shape::Flag,
        "Whether it may speak for cluster-wide kinds.",
    ),
];

/// Reads issuer, keys and identities of a cluster's row.
pub(crate) fn identity(row: &Map<String, Value>, spot: &mut Spot<'_>) -> Identity {
    Identity {
        issuer: read::field(row, "issuer", spot, read::text),
        jwks: read::field(row, "jwks", spot, jwks),
        rules: read::field(row, "identities", spot, |value, spot| {
            read::rows(value, spot, rule)
        })
        .unwrap_or_default(),
    }
}

fn jwks(value: &Value, spot: &mut Spot<'_>) -> Option<Jwks> {
    let text = read::text(value, spot)?;
    if text.starts_with('{') || text.contains('\n') {
        return spot.refuse_unseen("the name of a file, or a URL, that holds the keys");
    }
    let url = text.starts_with("https://") || text.starts_with("http://");
    Some(if url {
        Jwks::Url(text)
    } else {
        Jwks::File(text)
    })
}

fn rule(row: &Map<String, Value>, spot: &mut Spot<'_>) -> Option<IdentityRule> {
    let subject = read::field(row, "subject", spot, read::text).or_else(|| {
        spot.at(".subject", |spot| {
            spot.missing("a user name, a URI SAN or a CN")
        })
    });
    let namespaces = read::field(row, "namespaces", spot, coverage)
        .unwrap_or_else(|| Coverage::Named(BTreeSet::new()));
    let cluster_scope = read::field(row, "clusterScope", spot, read::flag).unwrap_or_default();
    Some(IdentityRule {
        subject: subject?,
        namespaces,
        cluster_scope,
    })
}

fn coverage(value: &Value, spot: &mut Spot<'_>) -> Option<Coverage> {
    match value {
        Value::String(word) if word == "all" => Some(Coverage::All),
        Value::Array(_) => {
            let names = read::texts(value, spot)?;
            Some(Coverage::Named(
                names.into_iter().map(Namespace::from).collect(),
            ))
        }
        _ => spot.refuse(value, "a list of namespaces, or all"),
    }
}
