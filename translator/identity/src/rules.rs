//! The lines that let a subject speak for more than its own namespace.

use aviary_proto::types::v1::Coverage as Asked;
use aviary_settings::{Coverage, IdentityRule};
use aviary_types::{ClusterName, EcoString, Namespace, eco_format};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the lines say of one cluster.
#[derive(Debug, Clone, Default)]
pub struct ClusterRules {
    /// Who may speak for what.
    pub rules: Vec<IdentityRule>,
    /// Who may read what the translator knows.
    pub query: BTreeSet<EcoString>,
    /// Who may give orders.
    pub admin: BTreeSet<EcoString>,
}

/// Why the identities file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It is no list of rows.
    #[error("read the identities: line {line} is not as a row should be")]
    Shape {
        /// Where.
        line: u64,
    },
    /// A row's `namespaces` is neither a list nor `all`.
    #[error("read the identities: the namespaces of {subject} are neither a list nor `all`")]
    Namespaces {
        /// Whose row.
        subject: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    subject: String,
    #[serde(default)]
    cluster: Option<String>,
    #[serde(default)]
    namespaces: Names,
    #[serde(default)]
    cluster_scope: bool,
    #[serde(default)]
    query: bool,
    #[serde(default)]
    admin: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    Word(String),
    List(Vec<String>),
}

impl Default for Names {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// Reads an identities file: rows of `subject`, `namespaces` (a list, or `all`), `clusterScope`, and
/// `query` and `admin` for people; `cluster` where it is not the home one.
pub fn read_rules(
    yaml: &str,
    home: &ClusterName,
) -> Result<BTreeMap<ClusterName, ClusterRules>, RulesError> {
    let mut clusters: BTreeMap<ClusterName, ClusterRules> = BTreeMap::new();
    if yaml.trim().is_empty() {
        return Ok(clusters);
    }
    let options = serde_saphyr::options! { with_snippet: false };
    let rows: Vec<Row> =
        serde_saphyr::from_str_with_options(yaml, options).map_err(|error| RulesError::Shape {
            line: error.location().map_or(0, |at| at.line()),
        })?;
    for row in rows {
        let cluster = row.cluster.map_or_else(|| home.clone(), ClusterName::from);
        let rules = clusters.entry(cluster).or_default();
        let subject = EcoString::from(row.subject.as_str());
        if row.query || row.admin {
            rules.query.insert(subject.clone());
        }
        if row.admin {
            rules.admin.insert(subject);
        }
        let namespaces = match row.namespaces {
            Names::Word(word) if word == "all" => Coverage::All,
            Names::Word(_) => {
                return Err(RulesError::Namespaces {
                    subject: row.subject,
                });
            }
            Names::List(names) => Coverage::Named(names.into_iter().map(Namespace::from).collect()),
        };
        let (subject, cluster_scope) = (row.subject, row.cluster_scope);
        rules.rules.push(IdentityRule {
            subject,
            namespaces,
            cluster_scope,
        });
    }
    Ok(clusters)
}

impl ClusterRules {
    /// What of a coverage the subject may not speak for; `None` if it may speak for all of it.
    pub(super) fn missing(
        &self,
        subjects: &[EcoString],
        own: Option<&str>,
        asked: &Asked,
    ) -> Option<EcoString> {
        let ours = |rule: &&IdentityRule| subjects.iter().any(|it| *it == *rule.subject);
        let rules: Vec<&IdentityRule> = self.rules.iter().filter(ours).collect();
        let everywhere = || rules.iter().any(|rule| rule.namespaces == Coverage::All);
        if asked.all_namespaces && !everywhere() {
            return Some("all namespaces".into());
        }
        if asked.cluster_scope && !rules.iter().any(|rule| rule.cluster_scope) {
            return Some("the cluster-wide kinds".into());
        }
        let may =
            |name: &str| own == Some(name) || rules.iter().any(|rule| rule.namespaces.covers(name));
        let lacking = asked.namespaces.iter().find(|name| !may(name))?;
        Some(eco_format!("namespace {lacking}"))
    }
}
