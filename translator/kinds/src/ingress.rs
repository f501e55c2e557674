//! Ingress: hosts, paths and their backends.
//!
//! ```yaml
//! kind: Ingress
//! spec:
//!   ingressClassName: avi-lb
//!   tls: [{hosts: [shop.avi.lab], secretName: shop}]
//!   rules:
//!   - host: shop.avi.lab
//!     http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
//! ```
//! Moves: pools, pool groups, policy sets, child virtual services and certificates of its hosts;
//! members of the shared pool group, DNS names and redirects of their shard.

mod conflict;
mod default_backend;
mod effect;
mod hosts;
mod parse;
mod status;
mod tls;

pub use effect::{HostDraft, HostHold, HostPart, PathDraft, Security, host};
pub use hosts::{host_of_index, hosts_of, in_namespace};

use crate::room::{Extent, Parsed, RawObject, Room, StatusWrite, Watch, When};
use crate::rooms::KindRoom;
use crate::status::{Report, Reported, Wish};
use crate::view::{IndexKey, View};
use aviary_types::{Digest, EcoString, Host, Kind, ObjectKey, kind};
use serde::Serialize;

/// The group and kind.
pub const KIND: Kind = kind!("networking.k8s.io", "Ingress");

/// What translation reads of an Ingress.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ingress {
    /// `spec.ingressClassName`
    pub class: Option<EcoString>,
    /// Rules in order.
    pub rules: Vec<Rule>,
    /// TLS entries in order.
    pub tls: Vec<Tls>,
    /// `spec.defaultBackend`, as a path `/`.
    pub default_backend: Option<Path>,
    /// The annotation that asks for TLS passthrough.
    pub passthrough: bool,
    /// The annotation that asks for the default certificate.
    pub default_tls: bool,
    /// Being deleted: it serves nothing any more.
    pub deleting: bool,
    /// What we wrote to it; no part of its meaning.
    #[serde(skip)]
    pub reported: Reported,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rule {
    /// Its place in `spec.rules`, counting those that cannot be used.
    pub at: u32,
    /// Host; `None` gets a made-up name.
    pub host: Option<Host>,
    /// Paths in order.
    pub paths: Vec<Path>,
}

/// One path.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Path {
    /// Its places in `spec.rules` and in the paths of the rule, counting those that cannot be used.
    pub at: [u32; 2],
    /// The path, possibly empty.
    pub path: EcoString,
    /// Whether it must be met in full.
    pub exact: bool,
    /// Service name.
    pub service: EcoString,
    /// Port of the Service.
    pub port: BackendPort,
}

impl Path {
    /// Whether both say the same, wherever they stand.
    pub fn is_twin(&self, other: &Self) -> bool {
        *self
            == Self {
                at: self.at,
                ..other.clone()
            }
    }
}

/// How a backend names its port.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum BackendPort {
    /// By number.
    Number(u16),
    /// By name.
    Name(EcoString),
}

/// One TLS entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tls {
    /// Hosts that it secures.
    pub hosts: Vec<Host>,
    /// Secret; empty where none is named.
    pub secret: EcoString,
}

pub(crate) const BY_HOST: &str = "ingress.host";
pub(crate) const BY_HOSTLESS_NAME: &str = "ingress.hostless";
pub(crate) const BY_NAMESPACE: &str = "ingress.namespace";
const PASSTHROUGH: &str = "passthrough.ako.vmware.com/enabled";
const DEFAULT_TLS: &str = "ako.vmware.com/enable-tls";

impl KindRoom for Ingress {
    const ROOM: Room = Room {
        kind: KIND,
        version: "v1",
        plural: "ingresses",
        extent: Extent::Namespaced,
        watch: Watch::Full,
        when: When::Always,
        kept_paths: &[
            "metadata.deletionTimestamp",
            "spec.ingressClassName",
            "spec.defaultBackend",
            "spec.rules",
            "spec.tls",
            "status.loadBalancer",
        ],
        kept_annotations: &[
            "ako.vmware.com/*",
            "passthrough.ako.vmware.com/*",
            "aviary.dev/*",
        ],
        kept_labels: &[],
        secret_paths: &[],
        status: StatusWrite::StatusAndAnnotations,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        parse::parse(object)
    }

    fn index(&self, key: &ObjectKey) -> Vec<IndexKey> {
        hosts::index(self, key)
    }

    fn digest(&self) -> Digest {
        Digest::of_value(self)
    }

    fn is_ours(&self, view: &dyn View, key: &ObjectKey) -> bool {
        effect::accept(view, key, self).is_some()
    }

    fn reported(&self) -> Option<&Reported> {
        Some(&self.reported)
    }

    fn project(&self, report: &Report) -> Vec<Wish> {
        status::project(self, report)
    }
}

#[cfg(test)]
mod tests;
