//! AviInfraSetting: where and how the load balancers of those who name it stand, in place of what
//! the settings say for all. An IngressClass names it by its parameters, a Namespace and a Service
//! by annotation.
//!
//! ```yaml
//! apiVersion: ako.vmware.com/v1beta1
//! kind: AviInfraSetting
//! metadata: {name: edge}
//! spec:
//!   seGroup: {name: edge-group}
//!   network:
//!     vipNetworks: [{networkName: edge-vip, cidr: 10.20.0.0/20}]
//!     enableRhi: true
//!     bgpPeerLabels: [edge]
//!   l7Settings: {shardSize: SMALL}
//! ```
//! Moves: Service Engine group, VIP networks, announcement, listeners and number of the shard
//! parents; virtual services and VsVips of LoadBalancers; placement networks and tier-1 router of
//! pools; the label of the Service Engine group.

mod check;
mod effect;
mod moves;
mod parse;
mod status;

pub use check::{Checked, SettingDraft, evaluate, origin_of_se_group};
pub use effect::{Binding, Infra, differs, of_ingress, of_namespace, of_service};
pub use moves::moves_hosts;

use crate::room::{Extent, Parsed, RawObject, Room, StatusWrite, Watch, When};
use crate::rooms::KindRoom;
use crate::status::{Report, Reported, Wish};
use crate::view::{IndexKey, View};
use aviary_settings::{NodeNetwork, ShardSize, VipNetwork};
use aviary_types::{Digest, EcoString, Finding, Kind, ObjectKey, kind};
use serde::Serialize;

/// The group and kind.
pub const KIND: Kind = kind!("ako.vmware.com", "AviInfraSetting");
/// The annotation of a Namespace or Service that names one.
pub(crate) const ANNOTATION: &str = "aviinfrasetting.ako.vmware.com/name";

/// What translation reads of an AviInfraSetting. What it does not say, the settings for all say.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AviInfraSetting {
    /// `spec.seGroup.name`
    pub se_group: Option<EcoString>,
    /// `spec.network.vipNetworks`
    pub vip_networks: Vec<VipNetwork>,
    /// `spec.network.nodeNetworks`
    pub node_networks: Vec<NodeNetwork>,
    /// `spec.network.enableRhi`
    pub enable_rhi: Option<bool>,
    /// `spec.network.bgpPeerLabels`
    pub bgp_peer_labels: Vec<EcoString>,
    /// `spec.network.enablePublicIP`
    pub public_ip: Option<bool>,
    /// `spec.network.listeners`
    pub listeners: Vec<Listener>,
    /// `spec.l7Settings.shardSize`
    pub shard_size: Option<ShardSize>,
    /// `spec.nsxSettings.t1lr`
    pub t1lr: Option<EcoString>,
    /// What we wrote to it; no part of its meaning.
    #[serde(skip)]
    pub reported: Reported,
}

/// A port that shard parents and dedicated virtual services listen on too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// TLS.
    pub tls: bool,
    /// HTTP/2.
    pub http2: bool,
}

impl KindRoom for AviInfraSetting {
    const ROOM: Room = Room {
        kind: KIND,
        version: "v1beta1",
        plural: "aviinfrasettings",
        extent: Extent::Cluster,
        watch: Watch::Full,
        when: When::Always,
        kept_paths: &["spec", "status.status", "status.error"],
        kept_annotations: &["aviary.dev/*"],
        kept_labels: &[],
        secret_paths: &[],
        status: StatusWrite::StatusAndAnnotations,
    };

    fn parse(object: &RawObject) -> Parsed<Self> {
        parse::parse(object)
    }

    fn index(&self, _key: &ObjectKey) -> Vec<IndexKey> {
        Vec::new()
    }

    fn digest(&self) -> Digest {
        Digest::of_value(self)
    }

    fn is_ours(&self, _view: &dyn View, _key: &ObjectKey) -> bool {
        true
    }

    fn reported(&self) -> Option<&Reported> {
        Some(&self.reported)
    }

    fn refuse(findings: &[Finding]) -> Vec<Wish> {
        status::refuse(findings)
    }

    fn project(&self, report: &Report) -> Vec<Wish> {
        status::project(self, report)
    }
}

#[cfg(test)]
mod tests;
