//! VirtualService: what listens. SNI parents and children, and L4 services.

use crate::common::Marker;
use crate::object::{AviObject, Ownership};
use crate::reference::Ref;
use aviary_types::EcoString;
use serde::{Deserialize, Serialize};

/// Body of `/api/virtualservice`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VirtualService {
    /// Name, unique in the tenant and cloud.
    pub name: EcoString,
    /// `VS_TYPE_VH_PARENT`, `VS_TYPE_VH_CHILD`, `VS_TYPE_NORMAL`; absent on L4 services.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<EcoString>,
    /// AKO's checksum of the graph node, a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_config_cksum: Option<EcoString>,
    /// The owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<EcoString>,
    /// The cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_ref: Option<Ref>,
    /// Not sent on children, whose tenant is that of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// The Service Engine group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub se_group_ref: Option<Ref>,
    /// The VRF, absent where a tier-1 router is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrf_context_ref: Option<Ref>,
    /// L4 profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_profile_ref: Option<Ref>,
    /// L7 (or L4) application profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_profile_ref: Option<Ref>,
    /// Sent as empty text by AKO; a reference where a rule names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_page_profile_ref: Option<EcoString>,
    /// Listeners.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// The VIP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vsvip_ref: Option<Ref>,
    /// HTTP policy sets in order of evaluation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http_policies: Vec<HttpPolicy>,
    /// L4 policy sets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub l4_policies: Vec<L4Policy>,
    /// Data scripts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vs_datascripts: Vec<VsDataScript>,
    /// Default pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_ref: Option<Ref>,
    /// Certificates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssl_key_and_certificate_refs: Vec<Ref>,
    /// The parent of a child.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vh_parent_vs_ref: Option<Ref>,
    /// Hosts of an SNI child.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vh_domain_name: Vec<EcoString>,
    /// Always false on children.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub east_west_placement: Option<bool>,
    /// Always false on children.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ign_pool_net_reach: Option<bool>,
    /// True on L4 services that have a policy set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_listening_port_on_vs_down: Option<bool>,
    /// Sent only when true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_rhi: Option<bool>,
    /// Always sent on L4 services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_enabled: Option<bool>,
    /// JSON text that names the sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_metadata: Option<EcoString>,
    /// Labels of ownership.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
}

impl AviObject for VirtualService {
    const TYPE: &'static str = "virtualservice";
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
        let policies = self
            .http_policies
            .iter()
            .map(|policy| &policy.http_policy_set_ref);
        let l4 = self
            .l4_policies
            .iter()
            .map(|policy| &policy.l4_policy_set_ref);
        let scripts = self
            .vs_datascripts
            .iter()
            .map(|script| &script.vs_datascript_set_ref);
        policies
            .chain(l4)
            .chain(scripts)
            .chain(&self.ssl_key_and_certificate_refs)
            .chain(&self.vsvip_ref)
            .chain(&self.vh_parent_vs_ref)
            .chain(&self.pool_ref)
            .collect()
    }

    fn same(&self, observed: &Self) -> bool {
        self == observed
    }
}

/// One listener.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// First port.
    pub port: u16,
    /// Last port, equal to the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_range_end: Option<u16>,
    /// TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_ssl: Option<bool>,
    /// HTTP/2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_http2: Option<bool>,
    /// Network profile of this port in a mix of protocols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_network_profile_ref: Option<Ref>,
}

/// An HTTP policy set in its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpPolicy {
    /// The set.
    pub http_policy_set_ref: Ref,
    /// Its place, from 11 on.
    pub index: u32,
}

/// An L4 policy set in its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct L4Policy {
    /// Its place, always 0.
    pub index: u32,
    /// The set.
    pub l4_policy_set_ref: Ref,
}

/// A data script in its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VsDataScript {
    /// Its place, from 0 on.
    pub index: u32,
    /// The script set.
    pub vs_datascript_set_ref: Ref,
}
