//! The checksum of a virtual service: SNI parent, child and dedicated, and L4.

use super::{NO_RULE_FIELDS, Sum};
use crate::go_json::go_json;
use crate::metadata::ServiceMetadata;
use crate::reference::Ref;
use crate::virtual_service::{Service, VirtualService};
use aviary_types::{EcoString, eco_format};
use serde::Serialize;

/// What the body of a virtual service does not say.
#[derive(Debug, Clone, Default)]
pub struct VsExtra {
    /// Ports as AKO's model has them; none means those of the body.
    ports: Vec<VsPort>,
    /// Names of the children.
    children: Vec<EcoString>,
    /// Names of the pools of an L4 service.
    pools: Vec<EcoString>,
    /// The insecure twin of a virtual service that passes TLS through.
    twin: Option<EcoString>,
    /// Whether AKO's model says nothing of route health injection.
    silent_on_rhi: bool,
}

/// One port of AKO's model.
#[derive(Debug, Clone, Default)]
pub struct VsPort {
    /// The port.
    pub port: u16,
    /// Where a Service's port leads to.
    pub target_port: TargetPort,
    /// `TCP`, `UDP`, `SCTP`, or `HTTP` on all L7 services.
    pub protocol: EcoString,
    /// Name of the Service's port.
    pub name: EcoString,
    /// TLS.
    pub enable_ssl: bool,
    /// HTTP/2.
    pub enable_http2: bool,
}

/// The target port of a Service's port: a number or a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum TargetPort {
    /// By number; 0 where none is given.
    Number(u16),
    /// By name.
    Name(EcoString),
}

impl Default for TargetPort {
    fn default() -> Self {
        Self::Number(0)
    }
}

/// The network profile that stands for a mix of protocols in AKO's model and is never sent.
const MIXED_PROFILE: &str = "Mixed-Network-Profile-Internal";

const PARENT: &str = "VS_TYPE_VH_PARENT";
const CHILD: &str = "VS_TYPE_VH_CHILD";

impl VsExtra {
    /// Of a parent: the names of all its children count.
    pub fn parent(children: Vec<EcoString>) -> Self {
        Self {
            children,
            ..Self::default()
        }
    }

    /// Of a child: it counts the listeners of its parent.
    pub fn child(services_of_parent: &[Service]) -> Self {
        Self {
            ports: services_of_parent.iter().map(VsPort::of).collect(),
            ..Self::default()
        }
    }

    /// Of a virtual service that passes TLS through.
    pub fn passthrough(twin: EcoString) -> Self {
        Self {
            twin: Some(twin),
            ..Self::default()
        }
    }

    /// Of its insecure twin.
    pub fn twin() -> Self {
        Self {
            silent_on_rhi: true,
            ..Self::default()
        }
    }

    /// Of an L4 service.
    pub fn l4(ports: Vec<VsPort>, pools: Vec<EcoString>) -> Self {
        Self {
            ports,
            pools,
            ..Self::default()
        }
    }
}

/// `cloud_config_cksum` of a virtual service.
pub fn virtual_service(body: &VirtualService, extra: &VsExtra) -> EcoString {
    let is_child = body.kind.as_deref() == Some(CHILD);
    // A child's profiles are fixed where it is sent, not in the model.
    let (application, network) = if is_child {
        ("", "")
    } else {
        let application = name_of(body.application_profile_ref.as_ref());
        (application, network_profile(body))
    };
    let tags = tags(body, extra);
    let group = name_of(body.se_group_ref.as_ref());
    let ports = ports(body, extra);
    let mut sum = Sum::default().text(&format!("{tags}{application}{group}{network}{ports}"));
    let refs = references(body);
    if !refs.is_empty() {
        sum = sum.text(&refs);
    }
    if let Some(enabled) = body.traffic_enabled {
        sum = sum.json(&enabled);
    }
    if !is_child && !extra.silent_on_rhi {
        sum = sum.json(&body.enable_rhi.unwrap_or(false));
    }
    sum.markers(&body.markers).number(NO_RULE_FIELDS).decimal()
}

fn tags(body: &VirtualService, extra: &VsExtra) -> String {
    let mut tags: Vec<EcoString> = Vec::new();
    let mut add = |tag: &str, name: &str| tags.push(eco_format!("{tag}{name}"));
    for script in &body.vs_datascripts {
        add("HTTPDS", &script.vs_datascript_set_ref.name);
    }
    for policy in &body.http_policies {
        add("HttpPolicy", &policy.http_policy_set_ref.name);
    }
    for policy in &body.l4_policies {
        add("L4Policy", &policy.l4_policy_set_ref.name);
    }
    for cert in &body.ssl_key_and_certificate_refs {
        add("SSLKeyCert", &cert.name);
    }
    if let Some(vip) = &body.vsvip_ref {
        add("VSVIP", &vip.name);
    }
    for domain in domains(body) {
        add("VHDomain", &domain);
    }
    for child in &extra.children {
        add("SNINode", child);
    }
    for pool in &extra.pools {
        add("Pool", pool);
    }
    if let Some(twin) = &extra.twin {
        add("PassthroughChild", twin);
    }
    tags.sort_unstable();
    tags.join(":")
}

/// The hosts of a child; a dedicated service of a secure host has them in the model alone.
fn domains(body: &VirtualService) -> Vec<EcoString> {
    let is_shared = body.kind.as_deref() == Some(PARENT);
    if !body.vh_domain_name.is_empty() {
        body.vh_domain_name.clone()
    } else if is_shared || body.ssl_key_and_certificate_refs.is_empty() {
        Vec::new()
    } else {
        hostnames(body)
    }
}

fn hostnames(body: &VirtualService) -> Vec<EcoString> {
    let text = body.service_metadata.as_deref().unwrap_or_default();
    ServiceMetadata::parse(text).unwrap_or_default().hostnames
}

fn references(body: &VirtualService) -> String {
    let mut text = String::new();
    text.push_str(body.error_page_profile_ref.as_deref().unwrap_or_default());
    let mut hostnames = hostnames(body);
    if !hostnames.is_empty() {
        hostnames.sort_unstable();
        text.push_str(&go_json(&hostnames));
    }
    text
}

fn network_profile(body: &VirtualService) -> &str {
    let mut services = body.services.iter();
    if services.any(|service| service.override_network_profile_ref.is_some()) {
        MIXED_PROFILE
    } else {
        name_of(body.network_profile_ref.as_ref())
    }
}

fn name_of(reference: Option<&Ref>) -> &str {
    reference.map_or("", |reference| reference.name.as_str())
}

/// A port of AKO's model, with its fields in their order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the form is AKO's, and its text is digested"
)]
struct Listener<'a> {
    port_map: Option<()>,
    port: u16,
    target_port: &'a TargetPort,
    protocol: &'a str,
    hosts: Option<()>,
    secret: &'a str,
    passthrough: bool,
    redirect: bool,
    #[serde(rename = "EnableSSL")]
    enable_ssl: bool,
    #[serde(rename = "EnableHTTP2")]
    enable_http2: bool,
    name: &'a str,
}

fn ports(body: &VirtualService, extra: &VsExtra) -> String {
    let mut ports = if extra.ports.is_empty() {
        body.services.iter().map(VsPort::of).collect()
    } else {
        extra.ports.clone()
    };
    ports.sort_by(|a, b| a.name.cmp(&b.name));
    let ports: Vec<Listener<'_>> = ports.iter().map(Listener::of).collect();
    go_json(&(!ports.is_empty()).then_some(ports))
}

impl<'a> Listener<'a> {
    fn of(port: &'a VsPort) -> Self {
        Self {
            port_map: None,
            port: port.port,
            target_port: &port.target_port,
            protocol: &port.protocol,
            hosts: None,
            secret: "",
            passthrough: false,
            redirect: false,
            enable_ssl: port.enable_ssl,
            enable_http2: port.enable_http2,
            name: &port.name,
        }
    }
}

impl VsPort {
    fn of(service: &Service) -> Self {
        Self {
            port: service.port,
            protocol: "HTTP".into(),
            enable_ssl: service.enable_ssl.unwrap_or(false),
            enable_http2: service.enable_http2.unwrap_or(false),
            ..Self::default()
        }
    }
}
