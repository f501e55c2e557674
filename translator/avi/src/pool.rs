//! Pool: the servers of one backend.

use crate::common::{IpAddr, Marker, Subnet};
use crate::compare::{
    DEFAULT_VRF, defaulted, defaulted_ref, said, same_hostnames, same_markers, same_set, same_text,
    same_values,
};
use crate::object::{AviObject, Ownership, answer_from_fields};
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

    answer_from_fields!(name, tenant_ref, cloud_ref, created_by, markers);

    fn refs(&self) -> Vec<&Ref> {
        Vec::new()
    }

    /// Orders of servers, monitors and networks mean nothing.
    fn same(&self, observed: &Self) -> bool {
        self.created_by == observed.created_by
            && said(self.tenant_ref.as_ref(), observed.tenant_ref.as_ref())
            && said(self.cloud_ref.as_ref(), observed.cloud_ref.as_ref())
            && !self.needs_new_routing(observed)
            && defaulted(self.sni_enabled, observed.sni_enabled, DEFAULT_SNI_ENABLED)
            && defaulted(
                self.graceful_disable_timeout,
                observed.graceful_disable_timeout,
                DEFAULT_GRACEFUL_DISABLE_TIMEOUT,
            )
            && same_values(&self.health_monitor_refs, &observed.health_monitor_refs)
            && same_values(&self.placement_networks, &observed.placement_networks)
            && same_set(&self.servers, &observed.servers, Server::same)
            && same_hostnames(
                self.service_metadata.as_ref(),
                observed.service_metadata.as_ref(),
            )
            && same_markers(&self.markers, &observed.markers)
    }
}

impl Pool {
    /// Whether its servers are to be reached by another tier-1 router, or in another VRF: the
    /// Controller changes neither while a virtual service uses the pool. Behind a router, the VRF is
    /// the Controller's to say.
    pub fn needs_new_routing(&self, observed: &Self) -> bool {
        let in_vrf = || {
            defaulted_ref(
                self.vrf_ref.as_ref(),
                observed.vrf_ref.as_ref(),
                DEFAULT_VRF,
            )
        };
        !same_text(self.tier1_lr.as_ref(), observed.tier1_lr.as_ref())
            || !(self.tier1_lr.is_some() || in_vrf())
    }
}

/// What the Controller shows where nothing was sent. It also adds `hostname` and `ratio` to
/// servers, an analytics profile and two dozen settings, which we do not read.
const DEFAULT_SNI_ENABLED: bool = true;
const DEFAULT_GRACEFUL_DISABLE_TIMEOUT: i32 = 1;
const DEFAULT_SERVER_ENABLED: bool = true;

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

impl Server {
    fn same(&self, observed: &Self) -> bool {
        self.ip == observed.ip
            && self.port == observed.port
            && self.external_uuid == observed.external_uuid
            && defaulted(self.enabled, observed.enabled, DEFAULT_SERVER_ENABLED)
            && same_text(self.server_node.as_ref(), observed.server_node.as_ref())
    }
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

#[cfg(test)]
mod tests {
    use crate::samples::check_same;
    use serde_json::json;

    #[test]
    fn what_we_send_counts() {
        let server = json!({"ip": {"addr": "10.1.1.6", "type": "V4"}, "port": 8080});
        check_same(
            "pool",
            &[
                ("/cloud_config_cksum", json!("1"), true),
                ("/servers/0/ratio", json!(1), true),
                ("/servers/0/enabled", json!(null), true),
                ("/servers/0/enabled", json!(false), false),
                ("/servers/0/server_node", json!("node2"), false),
                ("/servers/0/port", json!(8081), false),
                ("/servers/-", server, false),
                ("/servers", json!(null), false),
                ("/vrf_ref", json!("/api/vrfcontext?name=blue"), false),
                ("/vrf_ref", json!(null), true),
                ("/tier1_lr", json!(""), true),
                ("/tier1_lr", json!("/infra/tier-1s/x"), false),
                ("/sni_enabled", json!(true), false),
                ("/sni_enabled", json!(null), false),
                ("/graceful_disable_timeout", json!(null), true),
                ("/graceful_disable_timeout", json!(5), false),
                (
                    "/health_monitor_refs",
                    json!(["https://c/api/healthmonitor/healthmonitor-1#System-TCP"]),
                    true,
                ),
                (
                    "/health_monitor_refs",
                    json!(["/api/healthmonitor?name=System-UDP"]),
                    false,
                ),
                ("/markers/4/values", json!(["/baz"]), false),
            ],
        );
    }
}
