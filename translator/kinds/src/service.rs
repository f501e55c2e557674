//! Service: what backends mean, and what is asked for as a load balancer of its own.
//!
//! ```yaml
//! kind: Service
//! spec: {type: LoadBalancer, ports: [{name: dns, port: 53, protocol: UDP, targetPort: 5353}]}
//! ```
//! How its servers are reached, `L7Settings.serviceType` says: at the endpoints, at nodes, at the
//! nodes of pods.
//!
//! Moves: servers of pools; with type LoadBalancer a virtual service, VsVip, L4 policy set and pools.

mod backend;
mod effect;
mod parse;
mod reach;
mod shared_vip;
mod status;

pub use backend::{Backend, backend};
pub use effect::{L4Draft, L4Member, L4Port, load_balancer};
pub use reach::Way;
pub use shared_vip::{SharedVip, shared_load_balancer};

use crate::families::Families;
use crate::room::{Extent, Parsed, RawObject, Room, StatusWrite, Watch, When};
use crate::rooms::KindRoom;
use crate::status::{Report, Reported, Wish};
use crate::view::{IndexKey, View};
use aviary_types::{Digest, EcoString, Kind, ObjectKey, kind};
use serde::Serialize;
use std::collections::BTreeMap;

/// The group and kind.
pub const KIND: Kind = kind!("", "Service");
/// The load balancer class that makes a Service ours.
pub const LOAD_BALANCER_CLASS: &str = "ako.vmware.com/avi-lb";

/// What translation reads of a Service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches of the object, one field each"
)]
pub struct Service {
    /// Its type.
    pub kind: ServiceType,
    /// Ports in order.
    pub ports: Vec<ServicePort>,
    /// `spec.loadBalancerClass`
    pub class: Option<EcoString>,
    /// Address asked for, by field or annotation.
    pub address: Option<EcoString>,
    /// Where the address is asked for.
    pub address_at: &'static str,
    /// DNS name asked for by annotation.
    pub hostname: Option<EcoString>,
    /// Application profile asked for by annotation.
    pub application_profile: Option<EcoString>,
    /// Traffic is switched off by annotation.
    pub traffic_disabled: bool,
    /// Key of a VIP shared with other Services of the namespace.
    pub shared_vip: Option<EcoString>,
    /// The AviInfraSetting asked for by annotation.
    pub infra_setting: Option<EcoString>,
    /// Annotations that name custom resources that have no effect yet, with these names.
    pub references: BTreeMap<EcoString, EcoString>,
    /// Being deleted.
    pub deleting: bool,
    /// Address families of its endpoints.
    pub families: Families,
    /// `externalTrafficPolicy: Local`: a node answers for its own endpoints alone.
    pub local: bool,
    /// Labels of its pods; none where endpoints are kept by hand.
    pub selector: BTreeMap<EcoString, EcoString>,
    /// The annotation that asks for endpoints where others are reached at nodes.
    pub skips_node_port: bool,
    /// What we wrote to it; no part of its meaning.
    #[serde(skip)]
    pub reported: Reported,
    /// What its annotation for NodePortLocal says; no part of its meaning.
    #[serde(skip)]
    pub node_port_local: Option<EcoString>,
}

/// The type of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ServiceType {
    /// `ClusterIP`
    ClusterIp,
    /// `NodePort`
    NodePort,
    /// `LoadBalancer`
    LoadBalancer,
    /// `ExternalName`, and whatever else there may be.
    Other,
}

/// One port.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServicePort {
    /// Name, possibly empty.
    pub name: EcoString,
    /// Number.
    pub port: u16,
    /// `TCP`, `UDP` or `SCTP`, upper case.
    pub protocol: EcoString,
    /// Where it leads to.
    pub target: Target,
    /// Its port on every node, if it has one.
    pub node_port: Option<u16>,
}

/// The target of a Service's port.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Target {
    /// A port of the pods.
    Number(u16),
    /// A named port of the pods.
    Name(EcoString),
}

impl Service {
    /// Whether it asks somebody for a load balancer.
    pub(crate) fn asks_for_load_balancer(&self) -> bool {
        self.kind == ServiceType::LoadBalancer && !self.deleting
    }
}

impl Target {
    /// The number, if it is one.
    pub fn number(&self) -> Option<u16> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Name(_) => None,
        }
    }
}

impl KindRoom for Service {
    const ROOM: Room = Room {
        kind: KIND,
        version: "v1",
        plural: "services",
        extent: Extent::Namespaced,
        watch: Watch::Full,
        when: When::Always,
        kept_paths: &[
            "metadata.deletionTimestamp",
            "spec.type",
            "spec.ports",
            "spec.selector",
            "spec.loadBalancerClass",
            "spec.loadBalancerIP",
            "spec.ipFamilies",
            "spec.externalTrafficPolicy",
            "status.loadBalancer",
        ],
        kept_annotations: &[
            "ako.vmware.com/*",
            "aviary.dev/*",
            crate::avi_infra_setting::ANNOTATION,
            status::NODE_PORT_LOCAL,
            "external-dns.alpha.kubernetes.io/hostname",
            "skipnodeport.ako.vmware.com/*",
        ],
        kept_labels: &[],
        secret_paths: &[],
        status: StatusWrite::StatusAndAnnotations,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        parse::parse(object)
    }

    fn index(&self, key: &ObjectKey) -> Vec<IndexKey> {
        let shared = SharedVip::of(key, self);
        shared.iter().map(SharedVip::index).collect()
    }

    fn digest(&self) -> Digest {
        Digest::of_value(self)
    }

    fn is_ours(&self, view: &dyn View, key: &ObjectKey) -> bool {
        effect::accept(view, key, self).is_some() || effect::may_be_annotated(view, key)
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
