//! Pool: the servers of one backend.

use crate::common::{IpAddr, Marker, Subnet};
use crate::object::{AviObject, Ownership};
use crate::reference::Ref;
use aviary_types::EcoString;
use serde::{Deserialize, Serialize};

/// Body of `/api/pool`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pool {
    /// Name.
    pub name: EcoString,
    /// AKO's checksum, a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_config_cksum: Option<EcoString>,
    /// The owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<EcoString>,
    /// Tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_ref: Option<Ref>,
    /// VRF, absent where a tier-1 router is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrf_ref: Option<Ref>,
    /// NSX-T tier-1 router.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier1_lr: Option<EcoString>,
    /// TLS towards the servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni_enabled: Option<bool>,
    /// Minutes that a disabled server keeps its connections; always 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graceful_disable_timeout: Option<i32>,
    /// Health monitors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health_monitor_refs: Vec<Ref>,
    /// Networks of the servers on clouds that place by network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub placement_networks: Vec<PlacementNetwork>,
    /// Servers, sorted by address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Server>,
    /// JSON text that names the sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_metadata: Option<EcoString>,
    /// Labels of ownership.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
}

impl AviObject for Pool {
    const TYPE: &'static str = "pool";
    const OWNERSHIP: Ownership = Ownership::CreatedBy;

    fn name(&self) -> &EcoString {
        &self.name
    }

    fn tenant_ref(&self) -> Option<&Ref> {
        self.tenant_ref.as_ref()
    }

    fn cloud_ref(&self) -> Option<&Ref> {
        self.cloud_ref.as_ref()
    }

    fn created_by(&self) -> Option<&EcoString> {
        self.created_by.as_ref()
    }

    fn markers(&self) -> &[Marker] {
        &self.markers
    }

    fn refs(&self) -> Vec<&Ref> {
        Vec::new()
    }

    fn same(&self, observed: &Self) -> bool {
        self == observed
    }
}

/// One server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    /// Address.
    pub ip: IpAddr,
    /// Port.
    pub port: u16,
    /// `<ip>:<port>`
    #[serde(skip_serializing_if = "EcoString::is_empty")]
    pub external_uuid: EcoString,
    /// Takes new connections; absent where readiness is not known (NodePort).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Node of the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_node: Option<EcoString>,
}

/// A network that servers are reached through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlacementNetwork {
    /// The network.
    pub network_ref: Ref,
    /// Its subnet.
    pub subnet: Subnet,
}
