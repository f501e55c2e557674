//! The unit of ownership on the Controller.

use crate::{ClusterName, order_alike};
use ecow::{EcoString, eco_format};
use serde::Serialize;
use std::cmp::Ordering;
use std::fmt;

/// (cluster, instance). The primary instance has no namespace part in names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct DomainId {
    /// The cluster.
    pub cluster: ClusterName,
    /// AKO's namespace of a non-primary instance; `None` for the primary one.
    pub instance: Option<EcoString>,
}

impl Ord for DomainId {
    fn cmp(&self, other: &Self) -> Ordering {
        order_alike(self.cluster.as_str(), other.cluster.as_str())
            .then_with(|| self.instance.cmp(&other.instance))
    }
}

impl PartialOrd for DomainId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl DomainId {
    /// The primary instance of a cluster.
    pub fn primary(cluster: &ClusterName) -> Self {
        Self {
            cluster: cluster.clone(),
            instance: None,
        }
    }

    /// Reads what `Display` writes.
    pub fn of_text(text: &str) -> Self {
        let (cluster, instance) = match text.split_once('/') {
            Some((cluster, instance)) => (cluster, Some(instance.into())),
            None => (text, None),
        };
        Self {
            cluster: ClusterName::new(cluster),
            instance,
        }
    }

    /// `created_by` of everything that this domain owns: `ako-<cluster>[-<namespace>]`.
    pub fn user(&self) -> EcoString {
        match &self.instance {
            None => eco_format!("ako-{}", self.cluster),
            Some(ns) => eco_format!("ako-{}-{ns}", self.cluster),
        }
    }

    /// What every name of the domain begins with: `<cluster>--`.
    pub fn prefix(&self) -> EcoString {
        eco_format!("{}--", self.cluster)
    }
}

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.instance {
            None => write!(f, "{}", self.cluster),
            Some(ns) => write!(f, "{}/{ns}", self.cluster),
        }
    }
}
