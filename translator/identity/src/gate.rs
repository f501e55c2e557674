//! Decides who may speak for what.

use crate::caller::{Caller, Peer};
use crate::keys::{KeyError, KeyRing, KeySource};
use crate::rules::ClusterRules;
use crate::token::{self, TokenError};
use aviary_boot::Clock;
use aviary_proto::types::v1::Coverage;
use aviary_types::{ClusterName, EcoString};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use x509_parser::extensions::GeneralName;

/// A verified caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// A ServiceAccount's user name, or a certificate's name.
    pub subject: EcoString,
    /// When the identity ends.
    pub expires: Option<Timestamp>,
}

/// Why a caller may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It shows neither a token nor a certificate.
    #[error("the caller shows neither a token nor a client certificate")]
    Nobody,
    /// No such cluster is configured.
    #[error("cluster {0} is not configured here")]
    UnknownCluster(EcoString),
    /// There is no way to verify tokens of the cluster.
    #[error("no issuer and keys are configured for tokens of cluster {0}")]
    NoKeys(EcoString),
    /// The keys cannot be read.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The token is not valid.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The certificate cannot be read, or has no name.
    #[error("the client certificate has no name that can be read")]
    Certificate,
    /// It is somebody, but may not do this.
    #[error("{subject} may not {what}")]
    NotAllowed {
        /// Who.
        subject: EcoString,
        /// What.
        what: EcoString,
    },
}

impl Denied {
    /// Whether it is not known who calls, rather than what they may do.
    pub fn is_unknown(&self) -> bool {
        !matches!(self, Self::NotAllowed { .. } | Self::UnknownCluster(_))
    }
}

struct Cluster {
    issuer: Option<String>,
    keys: Option<KeyRing>,
    rules: RwLock<Arc<ClusterRules>>,
}

impl Cluster {
    fn rules(&self) -> Arc<ClusterRules> {
        self.rules
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Everything that is known about who may what.
pub struct Gate {
    clock: Clock,
    clusters: RwLock<BTreeMap<ClusterName, Arc<Cluster>>>,
}

/// Somebody, before it is asked what they may do.
struct Known {
    subjects: Vec<EcoString>,
    namespace: Option<EcoString>,
    expires: Option<Timestamp>,
}

impl Gate {
    /// A gate that knows no cluster.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            clusters: RwLock::new(BTreeMap::new()),
        }
    }

    /// Adds a cluster. Without keys its agents need certificates, or come from this machine.
    #[must_use]
    pub fn with(
        self,
        cluster: ClusterName,
        issuer: (Option<String>, Option<KeySource>),
        rules: ClusterRules,
    ) -> Self {
        self.add(cluster, issuer, rules);
        self
    }

    /// Adds a cluster, or puts it in the place of what was known of it.
    pub fn add(
        &self,
        cluster: ClusterName,
        (issuer, keys): (Option<String>, Option<KeySource>),
        rules: ClusterRules,
    ) {
        let known = Cluster {
            issuer,
            keys: keys.map(KeyRing::new),
            rules: RwLock::new(Arc::new(rules)),
        };
        let mut clusters = self
            .clusters
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        clusters.insert(cluster, Arc::new(known));
    }

    /// Knows a cluster no more. Sessions that were admitted are ended by whoever holds them.
    pub fn remove(&self, cluster: &ClusterName) {
        let mut clusters = self
            .clusters
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        clusters.remove(cluster);
    }

    fn cluster(&self, name: &str) -> Option<Arc<Cluster>> {
        let clusters = self.clusters.read().unwrap_or_else(PoisonError::into_inner);
        clusters.get(name).cloned()
    }

    fn all(&self) -> Vec<(ClusterName, Arc<Cluster>)> {
        let clusters = self.clusters.read().unwrap_or_else(PoisonError::into_inner);
        let all = clusters.iter();
        all.map(|(name, cluster)| (name.clone(), cluster.clone()))
            .collect()
    }

    /// Other rules are in force from now on. Sessions that were admitted stay.
    pub fn set_rules(&self, cluster: &ClusterName, rules: ClusterRules) {
        if let Some(known) = self.cluster(cluster.as_str()) {
            *known.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        }
    }

    /// Verifies that the caller may speak for a coverage of a cluster.
    pub async fn admit(
        &self,
        caller: &Caller,
        cluster: &str,
        coverage: &Coverage,
    ) -> Result<Grant, Denied> {
        let found = self.cluster(cluster);
        let known = found.ok_or_else(|| Denied::UnknownCluster(cluster.into()))?;
        if let Peer::Local = caller.peer {
            return Ok(Grant {
                subject: "local".into(),
                expires: None,
            });
        }
        let who = self.identify(caller, cluster, &known).await?;
        let subject = who.subjects.first().cloned().unwrap_or_default();
        match known
            .rules()
            .missing(&who.subjects, who.namespace.as_deref(), coverage)
        {
            None => Ok(Grant {
                subject,
                expires: who.expires,
            }),
            Some(what) => Err(Denied::NotAllowed {
                subject,
                what: aviary_types::eco_format!("speak for {what} of {cluster}"),
            }),
        }
    }

    /// Verifies that the caller may read.
    pub async fn may_query(&self, caller: &Caller) -> Result<EcoString, Denied> {
        self.may(caller, "ask the translator", |rules| &rules.query)
            .await
    }

    /// Verifies that the caller may give orders.
    pub async fn may_order(&self, caller: &Caller) -> Result<EcoString, Denied> {
        self.may(caller, "give orders to the translator", |rules| {
            &rules.admin
        })
        .await
    }

    async fn may(
        &self,
        caller: &Caller,
        what: &str,
        list: impl Fn(&ClusterRules) -> &std::collections::BTreeSet<EcoString>,
    ) -> Result<EcoString, Denied> {
        if let Peer::Local = caller.peer {
            return Ok("local".into());
        }
        let mut why = Denied::Nobody;
        for (name, cluster) in self.all() {
            match self.identify(caller, name.as_str(), &cluster).await {
                Ok(who) => {
                    let rules = cluster.rules();
                    let allowed = |it: &&EcoString| list(&rules).contains(*it);
                    if let Some(subject) = who.subjects.iter().find(allowed) {
                        return Ok(subject.clone());
                    }
                    let subject = who.subjects.first().cloned().unwrap_or_default();
                    why = Denied::NotAllowed {
                        subject,
                        what: what.into(),
                    };
                }
                Err(error) if why == Denied::Nobody => why = error,
                Err(_) => {}
            }
        }
        Err(why)
    }

    async fn identify(
        &self,
        caller: &Caller,
        name: &str,
        cluster: &Cluster,
    ) -> Result<Known, Denied> {
        match (&caller.token, &caller.peer) {
            (Some(token), _) => self.by_token(token, name, cluster).await,
            (None, Peer::Remote(certificates)) => match certificates.first() {
                Some(certificate) => by_certificate(certificate),
                None => Err(Denied::Nobody),
            },
            (None, Peer::Local) => Err(Denied::Nobody),
        }
    }

    async fn by_token(&self, token: &str, name: &str, cluster: &Cluster) -> Result<Known, Denied> {
        let no_keys = || Denied::NoKeys(name.into());
        let ring = cluster.keys.as_ref().ok_or_else(no_keys)?;
        let id = token::key_id(token)?;
        let keys = ring.keys(id.as_deref()).await?;
        let issuer = cluster
            .issuer
            .as_deref()
            .or(keys.issuer.as_deref())
            .ok_or_else(no_keys)?;
        let audience = format!("aviary/{name}");
        let found = token::verify(token, &keys.set, (issuer, &audience), self.clock.now())?;
        Ok(Known {
            subjects: vec![found.subject],
            namespace: found.namespace,
            expires: Some(found.expires),
        })
    }
}

/// The names of a certificate that TLS has verified: URIs first, then the common name.
fn by_certificate(certificate: &CertificateDer<'_>) -> Result<Known, Denied> {
    let parsed = x509_parser::parse_x509_certificate(certificate.as_ref());
    let (_, parsed) = parsed.map_err(|_| Denied::Certificate)?;
    let mut subjects = Vec::new();
    if let Ok(Some(names)) = parsed.subject_alternative_name() {
        let uris = names
            .value
            .general_names
            .iter()
            .filter_map(|name| match name {
                GeneralName::URI(uri) => Some(EcoString::from(*uri)),
                _ => None,
            });
        subjects.extend(uris);
    }
    let common = parsed
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok());
    subjects.extend(common.map(EcoString::from));
    if subjects.is_empty() {
        return Err(Denied::Certificate);
    }
    let ends = parsed.validity().not_after.timestamp();
    Ok(Known {
        subjects,
        namespace: None,
        expires: Timestamp::from_second(ends).ok(),
    })
}
