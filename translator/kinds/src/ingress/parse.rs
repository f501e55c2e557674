//! From the object to the fact. What cannot be used is told and left out; the rest stays.

use super::{BackendPort, DEFAULT_TLS, Ingress, PASSTHROUGH, Path, Rule, Tls};
use crate::room::{Metadata, Parsed, RawObject, read_schema};
use crate::status::Reported;
use aviary_types::{Code, EcoString, Finding, Host, ObjectKey, eco_format, number};
use serde::Deserialize;
use std::collections::BTreeSet;

/// A DNS name has at most 253 characters, and each of its labels 63.
const HOST_LIMIT: usize = 253;
const LABEL_LIMIT: usize = 63;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Schema {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    ingress_class_name: Option<EcoString>,
    default_backend: Option<Backend>,
    rules: Vec<RuleSchema>,
    tls: Vec<TlsSchema>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RuleSchema {
    host: EcoString,
    http: Option<Http>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Http {
    paths: Vec<PathSchema>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PathSchema {
    path: EcoString,
    path_type: EcoString,
    backend: Backend,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Backend {
    service: Option<ServiceBackend>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ServiceBackend {
    name: EcoString,
    port: PortSchema,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PortSchema {
    number: u16,
    name: EcoString,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct TlsSchema {
    hosts: Vec<Host>,
    secret_name: EcoString,
}

pub(super) fn parse(object: &RawObject) -> Parsed<Ingress> {
    let schema: Schema = match read_schema(object) {
        Ok(schema) => schema,
        Err(finding) => {
            return Parsed {
                fact: None,
                findings: vec![finding],
            };
        }
    };
    let mut findings = Vec::new();
    let Spec {
        ingress_class_name,
        default_backend,
        rules,
        tls,
    } = schema.spec;
    let default_backend = default_backend.and_then(|b| default(&object.key, b, &mut findings));
    let has_default = default_backend.is_some();
    let rules: Vec<Rule> = if rules.is_empty() {
        no_rules(&object.key, has_default, &mut findings)
    } else {
        let rules = rules.into_iter().enumerate();
        rules
            .filter_map(|(at, r)| rule(&object.key, (number(at), r), has_default, &mut findings))
            .collect()
    };
    findings.extend(idle_tls(&object.key, &rules, &tls));
    let flag = |key: &str| {
        schema
            .metadata
            .annotations
            .get(key)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    };
    let tls = tls.into_iter().map(|TlsSchema { hosts, secret_name }| Tls {
        hosts,
        secret: secret_name,
    });
    Parsed {
        fact: Some(Ingress {
            class: ingress_class_name,
            rules,
            tls: tls.collect(),
            default_backend,
            passthrough: flag(PASSTHROUGH),
            default_tls: flag(DEFAULT_TLS),
            deleting: schema.metadata.deletion_timestamp.is_some(),
            reported: Reported::read(&object.json),
        }),
        findings,
    }
}

fn rule(
    key: &ObjectKey,
    (at, schema): (u32, RuleSchema),
    has_default: bool,
    findings: &mut Vec<Finding>,
) -> Option<Rule> {
    let RuleSchema { host, http } = schema;
    if let Some(finding) = bad_host(key, &host) {
        findings.push(finding);
        return None;
    }
    let paths = http.map(|http| http.paths).unwrap_or_default();
    if paths.is_empty() && !has_default {
        findings.push(Finding::new(
            key,
            Code::NoRules,
            eco_format!("the rule of host \"{host}\" has no paths and serves nothing"),
            "add a path with a backend",
        ));
    }
    let paths = paths
        .into_iter()
        .enumerate()
        .filter_map(|(place, p)| path(key, ([at, number(place)], p), findings))
        .collect();
    Some(Rule {
        at,
        host: (!host.is_empty()).then(|| host.into()),
        paths,
    })
}

/// Hosts of TLS entries that no rule has: AKO ignores them without a word.
fn idle_tls(key: &ObjectKey, rules: &[Rule], tls: &[TlsSchema]) -> Vec<Finding> {
    let hosts: BTreeSet<&Host> = tls.iter().flat_map(|tls| &tls.hosts).collect();
    let served = |host: &Host| rules.iter().any(|rule| rule.host.as_ref() == Some(host));
    let idle = hosts.into_iter().filter(|host| !served(host));
    let told = idle.map(|host| {
        Finding::new(
            key,
            Code::TlsHostWithoutRule,
            eco_format!("no rule has host \"{host}\" of spec.tls"),
            "add a rule for the host, or take it out of spec.tls",
        )
    });
    told.collect()
}

/// What is wrong with a host. The name goes to the DNS of a VIP that others share, so that a bad one
/// would have the Controller refuse theirs too.
fn bad_host(key: &ObjectKey, host: &str) -> Option<Finding> {
    if host.len() > HOST_LIMIT {
        return Some(Finding::new(
            key,
            Code::HostTooLong,
            eco_format!("a host of {} characters is no DNS name", host.len()),
            eco_format!("use a host of at most {HOST_LIMIT} characters"),
        ));
    }
    let is_label = |label: &str| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=LABEL_LIMIT).contains(&label.len()) && label.bytes().all(legal)
    };
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_name = host.is_empty() || name.split('.').all(is_label);
    (!is_name).then(|| {
        Finding::new(
            key,
            Code::InvalidSpec,
            eco_format!("host {host:?} is no DNS name; its rule is not served"),
            "use letters, digits and dashes, in labels of at most 63 characters",
        )
    })
}

fn path(
    key: &ObjectKey,
    (at, schema): ([u32; 2], PathSchema),
    findings: &mut Vec<Finding>,
) -> Option<Path> {
    let PathSchema {
        path,
        path_type,
        backend,
    } = schema;
    let Some(service) = backend.service else {
        findings.push(Finding::new(
            key,
            Code::UnsupportedField,
            eco_format!("the backend of path \"{path}\" is no Service"),
            "name a Service; resource backends have no meaning here",
        ));
        return None;
    };
    let exact = path_type == "Exact";
    Some(to_service(at, path, exact, service))
}

/// The default backend, as the path that takes everything.
fn default(key: &ObjectKey, backend: Backend, findings: &mut Vec<Finding>) -> Option<Path> {
    let Some(service) = backend.service else {
        findings.push(Finding::new(
            key,
            Code::UnsupportedField,
            "the default backend is no Service",
            "name a Service; resource backends have no meaning here",
        ));
        return None;
    };
    Some(to_service([0, 0], "/".into(), false, service))
}

fn to_service(at: [u32; 2], path: EcoString, exact: bool, service: ServiceBackend) -> Path {
    let ServiceBackend { name, port } = service;
    let port = if port.number != 0 {
        BackendPort::Number(port.number)
    } else {
        BackendPort::Name(port.name)
    };
    Path {
        at,
        path,
        exact,
        service: name,
        port,
    }
}

/// An Ingress with a default backend alone is one rule without host and paths.
fn no_rules(key: &ObjectKey, has_default: bool, findings: &mut Vec<Finding>) -> Vec<Rule> {
    if has_default {
        let rule = Rule {
            at: 0,
            host: None,
            paths: Vec::new(),
        };
        return vec![rule];
    }
    findings.push(Finding::new(
        key,
        Code::NoRules,
        "the Ingress has no rules and serves nothing",
        "add a rule with a host and a path",
    ));
    Vec::new()
}
