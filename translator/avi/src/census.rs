//! What a Controller was found to have of the things that objects of the cluster name, and shard
//! parents that stand though nothing of today explains them.

use crate::common::IpAddr;
use crate::reference::Ref;
use crate::virtual_service::{Service, VirtualService};
use crate::vs_vip::{Vip, VsVip};
use aviary_types::{EcoString, TenantName};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Something on the Controller that an object of the cluster names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Named {
    /// A network of the cloud, by its name.
    Network(EcoString),
    /// A network, by its uuid.
    NetworkUuid(EcoString),
    /// A Service Engine group of the cloud.
    SeGroup(EcoString),
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(name) => write!(f, "network {name}"),
            Self::NetworkUuid(uuid) => write!(f, "network with uuid {uuid}"),
            Self::SeGroup(name) => write!(f, "Service Engine group {name}"),
        }
    }
}

/// What was found under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Standing {
    /// There is one, and it can be used.
    Present,
    /// There is none.
    Absent,
    /// There are several, so that the name says nothing.
    Several,
    /// A Service Engine group that bears another's label.
    Taken(EcoString),
}

/// The census of one domain's cloud. A name that is not in it was not looked for yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Names that were looked for.
    pub named: BTreeMap<Named, Standing>,
    /// Shard parents that stand without hosts, also in tenants, or for AviInfraSettings, that no
    /// object names today: they keep the form they have.
    pub parents: BTreeMap<(TenantName, EcoString), Manner>,
    /// Service Engine groups that bear the label of a cluster of which everything is to go.
    pub labelled: BTreeSet<EcoString>,
    /// VRFs that have routes of the cluster, where the domain is the one that writes them.
    pub routed: BTreeSet<EcoString>,
}

/// How a shard parent stands: what only the object on the Controller says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manner {
    /// Its Service Engine group.
    pub se_group: Option<EcoString>,
    /// Its VRF.
    pub vrf: Option<EcoString>,
    /// Its listeners.
    pub listeners: Vec<Service>,
    /// Whether its addresses are announced.
    pub enable_rhi: Option<bool>,
    /// Peers that they are announced to.
    pub bgp_peer_labels: Vec<EcoString>,
    /// NSX-T tier-1 router.
    pub tier1_lr: Option<EcoString>,
    /// Where its addresses come from.
    pub vips: Vec<Vip>,
}

impl Manner {
    /// The manner of a parent and its VsVip.
    pub fn of(service: &VirtualService, vip: Option<&VsVip>) -> Self {
        let name = |reference: &Option<Ref>| reference.as_ref().map(|it| it.name.clone());
        Self {
            se_group: name(&service.se_group_ref),
            vrf: name(&service.vrf_context_ref),
            listeners: service.services.clone(),
            enable_rhi: service.enable_rhi.filter(|on| *on),
            bgp_peer_labels: vip
                .map(|vip| vip.bgp_peer_labels.clone())
                .unwrap_or_default(),
            tier1_lr: vip.and_then(|vip| vip.tier1_lr.clone()),
            vips: vip
                .map(|vip| vip.vip.iter().map(asked).collect())
                .unwrap_or_default(),
        }
    }
}

/// A VIP without what the Controller made of it.
fn asked(vip: &Vip) -> Vip {
    Vip {
        ip_address: None::<IpAddr>,
        ip6_address: None,
        floating_ip: None,
        avi_allocated_vip: None,
        enabled: None,
        ..vip.clone()
    }
}
