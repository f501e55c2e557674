//! VirtualService: what listens. SNI parents and children, and L4 services.

use crate::common::Marker;
use crate::compare::{
    DEFAULT_VRF, defaulted, defaulted_ref, said, same_hostnames, same_markers_but, same_set,
    same_text, same_values,
};
use crate::metadata::ServiceMetadata;
use crate::object::{AviObject, Ownership, answer_from_fields};
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

    answer_from_fields!(name, tenant_ref, cloud_ref, created_by, markers);

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

    /// Children are sent without a tenant and have one.
    fn as_answered(&self, observed: &Self) -> Self {
        Self {
            tenant_ref: observed.tenant_ref.clone(),
            ..self.clone()
        }
    }

    /// Orders of listeners, policies (they carry their place), scripts, certificates and domains
    /// mean nothing.
    fn same(&self, observed: &Self) -> bool {
        self.same_scalars(observed)
            && self.same_refs(observed)
            && same_set(&self.services, &observed.services, Service::same)
            && same_values(&self.http_policies, &observed.http_policies)
            && same_values(&self.l4_policies, &observed.l4_policies)
            && same_values(&self.vs_datascripts, &observed.vs_datascripts)
            && same_values(
                &self.ssl_key_and_certificate_refs,
                &observed.ssl_key_and_certificate_refs,
            )
            && same_values(&self.vh_domain_name, &observed.vh_domain_name)
            && self.same_sources(observed)
    }
}

/// What the Controller shows where nothing was sent.
const DEFAULT_TYPE: &str = "VS_TYPE_NORMAL";
const DEFAULT_SE_GROUP: &str = "Default-Group";
const DEFAULT_NETWORK_PROFILE: &str = "System-TCP-Proxy";
const DEFAULT_APPLICATION_PROFILE: &str = "System-HTTP";
const DEFAULT_TRAFFIC_ENABLED: bool = true;
const NO_DEFAULT: &str = "";

impl VirtualService {
    /// Whether other virtual services can stand below it: hosts share it.
    pub fn is_parent(&self) -> bool {
        self.kind.as_deref() == Some("VS_TYPE_VH_PARENT")
    }

    fn same_scalars(&self, observed: &Self) -> bool {
        let flag = |desired, observed| defaulted(desired, observed, false);
        defaulted(self.kind.as_deref(), observed.kind.as_deref(), DEFAULT_TYPE)
            && self.created_by == observed.created_by
            && flag(self.east_west_placement, observed.east_west_placement)
            && flag(self.ign_pool_net_reach, observed.ign_pool_net_reach)
            && flag(
                self.remove_listening_port_on_vs_down,
                observed.remove_listening_port_on_vs_down,
            )
            && flag(self.enable_rhi, observed.enable_rhi)
            && defaulted(
                self.traffic_enabled,
                observed.traffic_enabled,
                DEFAULT_TRAFFIC_ENABLED,
            )
    }

    fn same_refs(&self, observed: &Self) -> bool {
        let defaulted = |desired: &Option<Ref>, observed: &Option<Ref>, default| {
            defaulted_ref(desired.as_ref(), observed.as_ref(), default)
        };
        said(self.cloud_ref.as_ref(), observed.cloud_ref.as_ref())
            && said(self.tenant_ref.as_ref(), observed.tenant_ref.as_ref())
            && defaulted(&self.se_group_ref, &observed.se_group_ref, DEFAULT_SE_GROUP)
            // Behind a tier-1 router it is the Controller's to say.
            && (self.vrf_context_ref.is_none()
                || defaulted(
                    &self.vrf_context_ref,
                    &observed.vrf_context_ref,
                    DEFAULT_VRF,
                ))
            && defaulted(
                &self.network_profile_ref,
                &observed.network_profile_ref,
                DEFAULT_NETWORK_PROFILE,
            )
            && defaulted(
                &self.application_profile_ref,
                &observed.application_profile_ref,
                DEFAULT_APPLICATION_PROFILE,
            )
            && same_text(
                self.error_page_profile_ref.as_ref(),
                observed.error_page_profile_ref.as_ref(),
            )
            && defaulted(&self.vsvip_ref, &observed.vsvip_ref, NO_DEFAULT)
            && defaulted(&self.pool_ref, &observed.pool_ref, NO_DEFAULT)
            && defaulted(
                &self.vh_parent_vs_ref,
                &observed.vh_parent_vs_ref,
                NO_DEFAULT,
            )
    }

    /// Metadata and markers, but for what AKO leaves to chance where namespaces share a host.
    fn same_sources(&self, observed: &Self) -> bool {
        let (mine, theirs) = (&self.service_metadata, &observed.service_metadata);
        same_hostnames(mine.as_ref(), theirs.as_ref()) && {
            let metadata = ServiceMetadata::parse(mine.as_deref().unwrap_or_default());
            let metadata = metadata.unwrap_or_default();
            same_markers_but(&self.markers, &observed.markers, |namespace| {
                metadata.contributors().any(|other| other == namespace)
            })
        }
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

impl Service {
    /// The last port is the first, or 0, which says the same; no TLS and no HTTP/2 are the
    /// defaults.
    fn same(&self, observed: &Self) -> bool {
        let last = |service: &Self| match service.port_range_end {
            None | Some(0) => service.port,
            Some(last) => last,
        };
        self.port == observed.port
            && last(self) == last(observed)
            && defaulted(self.enable_ssl, observed.enable_ssl, false)
            && defaulted(self.enable_http2, observed.enable_http2, false)
            && self.override_network_profile_ref == observed.override_network_profile_ref
    }
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

#[cfg(test)]
mod tests {
    use super::VirtualService;
    use crate::metadata::ServiceMetadata;
    use crate::object::AviObject;
    use crate::samples::{body_with, changed, check_same};
    use serde_json::json;

    #[test]
    fn what_we_send_counts() {
        check_same(
            "sni_parent",
            &[
                ("/cloud_config_cksum", json!("1"), true),
                ("/cloud_config_cksum", json!(null), true),
                ("/service_metadata", json!("{}"), true),
                ("/error_page_profile_ref", json!(null), true),
                (
                    "/error_page_profile_ref",
                    json!("/api/errorpageprofile?name=x"),
                    false,
                ),
                ("/vrf_context_ref", json!(null), true),
                ("/vrf_context_ref", json!("/api/vrfcontext?name=x"), false),
                ("/enable_rhi", json!(false), true),
                ("/enable_rhi", json!(true), false),
                ("/traffic_enabled", json!(true), true),
                ("/traffic_enabled", json!(false), false),
                ("/pool_ref", json!("/api/pool?name=former"), false),
                ("/services/1/port_range_end", json!(0), true),
                ("/services/1/port_range_end", json!(444), false),
                ("/services/1/enable_ssl", json!(false), false),
                ("/services/-", json!({"port": 8080}), false),
                ("/http_policies/0/index", json!(12), false),
                ("/http_policies", json!(null), false),
                ("/vs_datascripts", json!(null), false),
                ("/vsvip_ref", json!("/api/vsvip/?name=other"), false),
                ("/created_by", json!("ako-c2"), false),
                ("/markers/-", json!({"key": "x", "values": ["y"]}), false),
                (
                    "/ssl_key_and_certificate_refs",
                    json!(["/api/sslkeyandcertificate?name=x"]),
                    false,
                ),
                ("/type", json!(null), false),
            ],
        );
        check_same(
            "sni_child",
            &[
                ("/tenant_ref", json!("/api/tenant/admin#admin"), true),
                ("/vh_domain_name", json!(["foo.com", "bar.com"]), false),
                (
                    "/se_group_ref",
                    json!("/api/serviceenginegroup?name=x"),
                    false,
                ),
            ],
        );
        check_same("l4_vs", &[("/traffic_enabled", json!(null), true)]);
    }

    #[test]
    fn only_the_hostnames_of_metadata_count() {
        let metadata = ServiceMetadata {
            namespace_ingress_name: vec!["ns1/ing1".into(), "ns2/ing2".into()],
            namespace: "ns1".into(),
            hostnames: vec!["foo.com".into()],
            ..ServiceMetadata::default()
        };
        let desired: VirtualService = body_with("sni_child", &metadata);
        let mut other = metadata.clone();
        other.namespace_ingress_name.reverse();
        other.namespace = "ns2".into();
        other.crd_status.status = "INACTIVE".into();
        assert!(desired.same(&body_with("sni_child", &other)));
        other.hostnames = vec!["bar.com".into()];
        assert!(!desired.same(&body_with("sni_child", &other)));
    }

    #[test]
    fn a_shared_child_may_name_any_contributor() {
        let metadata = ServiceMetadata {
            namespace_ingress_name: vec!["ns1/ing1".into(), "ns2/ing2".into()],
            ..ServiceMetadata::default()
        };
        let desired: VirtualService = body_with("sni_child", &metadata);
        let with = |namespace: &str| {
            let marker = json!({"key": "Namespace", "values": [namespace]});
            let value = changed("sni_child", "/markers/1", marker);
            let body: VirtualService = serde_json::from_value(value).unwrap();
            body
        };
        assert!(desired.same(&with("ns1")));
        assert!(desired.same(&with("ns2")));
        assert!(!desired.same(&with("gone")));
    }
}
