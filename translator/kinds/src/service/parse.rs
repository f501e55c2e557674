//! From the object to the fact.

use super::status::NODE_PORT_LOCAL;
use super::{Service, ServicePort, ServiceType, Target};
use crate::avi_infra_setting::ANNOTATION;
use crate::families::Families;
use crate::room::{Metadata, Parsed, RawObject, read_schema};
use crate::status::Reported;
use aviary_types::{Code, EcoString, Finding, eco_format};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;

const ADDRESS: &str = "ako.vmware.com/load-balancer-ip";
const HOSTNAME: &str = "external-dns.alpha.kubernetes.io/hostname";
const APPLICATION_PROFILE: &str = "ako.vmware.com/application-profile";
const DISABLE_TRAFFIC: &str = "ako.vmware.com/disable-traffic";
const SKIP_NODE_PORT: &str = "skipnodeport.ako.vmware.com/enabled";
const SHARED_VIP: &str = "ako.vmware.com/enable-shared-vip";
/// Annotations that name custom resources.
const REFERENCES: &[&str] = &["ako.vmware.com/l4rule"];

#[derive(Deserialize, Default)]
#[serde(default)]
struct Schema {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(rename = "type")]
    kind: EcoString,
    ports: Vec<PortSchema>,
    load_balancer_class: Option<EcoString>,
    #[serde(rename = "loadBalancerIP")]
    load_balancer_ip: EcoString,
    ip_families: Vec<EcoString>,
    selector: BTreeMap<EcoString, EcoString>,
    external_traffic_policy: EcoString,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PortSchema {
    name: EcoString,
    port: u16,
    protocol: EcoString,
    target_port: Value,
    node_port: u16,
}

pub(super) fn parse(object: &RawObject) -> Parsed<Service> {
    let schema: Schema = match read_schema(object) {
        Ok(schema) => schema,
        Err(finding) => {
            return Parsed {
                fact: None,
                findings: vec![finding],
            };
        }
    };
    let Schema { metadata, spec } = schema;
    let annotation = |key: &str| {
        metadata
            .annotations
            .get(key)
            .filter(|v| !v.is_empty())
            .cloned()
    };
    let kind = match spec.kind.as_str() {
        "" | "ClusterIP" => ServiceType::ClusterIp,
        "NodePort" => ServiceType::NodePort,
        "LoadBalancer" => ServiceType::LoadBalancer,
        _ => ServiceType::Other,
    };
    let mut findings = Vec::new();
    let field = Some(spec.load_balancer_ip).filter(|ip| !ip.is_empty());
    let address_at = if field.is_some() {
        "spec.loadBalancerIP"
    } else {
        "metadata.annotations['ako.vmware.com/load-balancer-ip']"
    };
    let asked = field.or(annotation(ADDRESS));
    let address = asked.filter(|address| {
        let good = address.parse::<IpAddr>().is_ok();
        if !good {
            findings.push(Finding::new(
                &object.key,
                Code::AddressInvalid,
                eco_format!("\"{address}\" is no address; one is allocated instead"),
                "write a plain IPv4 or IPv6 address",
            ));
        }
        good
    });
    Parsed {
        fact: Some(Service {
            kind,
            ports: spec.ports.into_iter().map(port).collect(),
            class: spec.load_balancer_class,
            address,
            address_at,
            hostname: annotation(HOSTNAME),
            application_profile: annotation(APPLICATION_PROFILE),
            traffic_disabled: annotation(DISABLE_TRAFFIC)
                .is_some_and(|v| v.eq_ignore_ascii_case("true")),
            shared_vip: annotation(SHARED_VIP),
            infra_setting: annotation(ANNOTATION),
            references: REFERENCES
                .iter()
                .filter_map(|key| Some(((*key).into(), annotation(key)?)))
                .collect(),
            families: Families::of_service(&spec.ip_families),
            local: spec.external_traffic_policy == "Local",
            skips_node_port: metadata.annotations.contains_key(SKIP_NODE_PORT),
            deleting: metadata.deletion_timestamp.is_some(),
            selector: spec.selector,
            reported: Reported::read(&object.json),
            node_port_local: annotation(NODE_PORT_LOCAL),
        }),
        findings,
    }
}

fn port(schema: PortSchema) -> ServicePort {
    let PortSchema {
        name,
        port,
        protocol,
        target_port,
        node_port,
    } = schema;
    let protocol = if protocol.is_empty() {
        "TCP".into()
    } else {
        protocol.to_uppercase()
    };
    // A target port that is left out is the port itself, as the apiserver would fill it in.
    let target = match target_port {
        Value::Number(number) => Target::Number(
            number
                .as_u64()
                .and_then(|n| u16::try_from(n).ok())
                .unwrap_or(port),
        ),
        Value::String(name) => Target::Name(name.into()),
        _ => Target::Number(port),
    };
    ServicePort {
        name,
        port,
        protocol,
        target,
        node_port: (node_port > 0).then_some(node_port),
    }
}
