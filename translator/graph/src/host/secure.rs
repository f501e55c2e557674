//! The child virtual service of a secure host, its certificate, policy sets and pool groups.

use super::pools::{RATIO, Taken, of_path, pool, source};
use super::provenance;
use crate::maker::Maker;
use crate::parts::Parts;
use crate::rules::{CERTIFICATE, CHILD, POLICY_SET, POOL, POOL_GROUP};
use crate::shard::{self, FIRST_POLICY_INDEX};
use aviary_avi::checksum::{self, RuleExtra, VsExtra};
use aviary_avi::http_policy_set::{
    HttpPolicySet, HttpRequestPolicy, HttpRequestRule, MatchTarget, PathMatch, SwitchingAction,
};
use aviary_avi::metadata::ServiceMetadata;
use aviary_avi::names::distinct;
use aviary_avi::pool_group::{PoolGroup, PoolGroupMember};
use aviary_avi::ssl_cert::{SslCertificate, SslKeyAndCertificate};
use aviary_avi::virtual_service::{HttpPolicy, VirtualService};
use aviary_avi::{AviKind, Body, Marker, Presence, Ref};
use aviary_kinds::ingress::{HostPart, PathDraft};
use aviary_kinds::secret::Certificate;
use aviary_types::{Bound, EcoString, Host, Place, Provenance, Role, eco_format};
use std::collections::{BTreeMap, BTreeSet};

/// What the child is made of.
pub(super) struct Child<'a> {
    pub(super) host: &'a Host,
    pub(super) shard: &'a EcoString,
    /// Contributions, oldest first; at least one.
    pub(super) parts: &'a [&'a HostPart],
    pub(super) certificate: &'a Certificate,
    /// The TLS entry that names the certificate's Secret, and the Secret.
    pub(super) certificate_at: &'a [Bound],
}

/// One path of a policy set in the making.
struct Rule<'a> {
    part: &'a HostPart,
    path: &'a PathDraft,
    group: EcoString,
}

pub(super) fn render(maker: &Maker<'_>, child: &Child<'_>, parts: &mut Parts) {
    let sets = policy_sets(maker, child, parts);
    let names: Vec<EcoString> = sets.iter().map(|set| set.body.name.clone()).collect();
    let firsts = sets.iter().filter_map(Set::firsts);
    let (paths, texts): (Vec<Place>, Vec<Place>) = firsts.unzip();
    let newest = child.parts.last();
    let newest = newest.map(|part| Place::new(&part.host_at.object, ""));
    let from = |table| {
        let said = child.certificate_at.iter().cloned();
        said.fold(provenance(table, child.parts), |from, (role, origin)| {
            from.with(role, origin)
        })
    };
    let of_child = from(&CHILD)
        .each("http_policies", Role::Path, paths)
        .each("http_policies", Role::PathText, texts)
        .each("markers[Namespace].values", Role::Source, newest);
    let cert = cert(maker, child.host, child.certificate);
    let service = virtual_service(maker, child, &names);
    let mut add = |body: Body, from| {
        let object = maker.object(body, from, Presence::Always);
        parts.objects.push(object);
    };
    add(cert.into(), from(&CERTIFICATE));
    for Set { body, from, .. } in sets {
        add(body.into(), from);
    }
    add(service.into(), of_child);
}

/// A policy set in the making.
struct Set {
    /// The path of its eldest contribution orders it among the sets of the child.
    first: Option<(Place, EcoString)>,
    /// Where the text of that path is said.
    first_text: Option<Place>,
    body: HttpPolicySet,
    from: Provenance,
}

impl Set {
    fn firsts(&self) -> Option<(Place, Place)> {
        let (path, _) = self.first.clone()?;
        Some((path, self.first_text.clone()?))
    }

    fn order(&self) -> Option<&EcoString> {
        self.first.as_ref().map(|(_, path)| path)
    }
}

/// One policy set per namespace, in the order in which the child evaluates them.
fn policy_sets(maker: &Maker<'_>, child: &Child<'_>, parts: &mut Parts) -> Vec<Set> {
    let mut groups: BTreeMap<&str, Vec<Rule<'_>>> = BTreeMap::new();
    let mut pools = Taken::new(maker, AviKind::Pool);
    let mut pool_groups = Taken::new(maker, AviKind::PoolGroup);
    for part in child.parts {
        for path in &part.paths {
            let of = source(part, child.host, path);
            let pool_name = pools.claim(maker.names.pool(of), child.host, (part, path));
            let group = pool_groups.claim(maker.names.pool_group(of), child.host, (part, path));
            let from = of_path(&POOL, (part, path));
            let body = pool(maker, &pool_name, child.host, (part, path), true);
            parts
                .objects
                .push(maker.object(body, from, Presence::Always));
            let from = of_path(&POOL_GROUP, (part, path));
            let body = pool_group(maker, child.host, &group, &pool_name, (part, path));
            parts
                .objects
                .push(maker.object(body, from, Presence::Always));
            groups
                .entry(part.source.namespace.as_str())
                .or_default()
                .push(Rule { part, path, group });
        }
    }
    let mut sets: Vec<Set> = groups
        .into_iter()
        .map(|(namespace, rules)| policy_set(maker, child.host, namespace, rules))
        .collect();
    sets.sort_by(|a, b| a.order().cmp(&b.order()));
    sets
}

/// What a set comes from: each of its rules from its own path.
fn of_rules(rules: &[Rule<'_>]) -> Provenance {
    let mut parts: Vec<&HostPart> = Vec::new();
    for rule in rules {
        if parts.iter().all(|part| part.source != rule.part.source) {
            parts.push(rule.part);
        }
    }
    let texts = || rules.iter().map(|rule| rule.path.text_at());
    let named = rules.iter().filter(|rule| !rule.path.path.is_empty());
    let ingresses: BTreeMap<&EcoString, Place> = parts
        .iter()
        .map(|part| (&part.source.name, Place::new(&part.host_at.object, "")))
        .collect();
    provenance(&POLICY_SET, &parts)
        .each(
            RULES,
            Role::Path,
            rules.iter().map(|rule| rule.path.at.clone()),
        )
        .each(RULES, Role::PathText, texts())
        .each(
            "markers[Path].values",
            Role::PathText,
            named.map(|rule| rule.path.text_at()),
        )
        .each(
            "markers[IngressName].values",
            Role::Source,
            ingresses.into_values(),
        )
}

const RULES: &str = "http_request_policy.rules";

/// The set of one namespace, with the path that orders it among the sets of the child.
fn policy_set(maker: &Maker<'_>, host: &Host, namespace: &str, mut rules: Vec<Rule<'_>>) -> Set {
    let first = rules.first().map(|rule| rule.path);
    let first_text = first.map(PathDraft::text_at);
    let first = first.map(|path| (path.at.clone(), path.path.clone()));
    // The longest path wins; an empty one matches all and comes last. Ties need an order that
    // does not depend on the order of the Ingress's rules.
    rules.sort_by(|a, b| {
        let rank = |rule: &Rule<'_>| std::cmp::Reverse(rule.path.path.len());
        (rank(a), &a.path.path, !a.path.exact).cmp(&(rank(b), &b.path.path, !b.path.exact))
    });
    let mut name = maker.names.policy_set(namespace, host.as_str());
    if maker.is_lost(&[AviKind::HttpPolicySet], &name) {
        name = distinct(&name, &eco_format!("{namespace} {host}"));
    }
    let paths: Vec<EcoString> = rules
        .iter()
        .map(|rule| rule.path.path.clone())
        .filter(|path| !path.is_empty())
        .collect();
    let ingresses: BTreeSet<EcoString> = rules
        .iter()
        .map(|rule| rule.part.source.name.clone())
        .collect();
    let mut markers = vec![
        Marker::one("Namespace", namespace),
        Marker::one("Host", host.text().clone()),
    ];
    if !paths.is_empty() {
        markers.push(Marker::many("Path", paths));
    }
    markers.push(Marker::many("IngressName", ingresses.into_iter().collect()));
    let extras: Vec<RuleExtra> = rules
        .iter()
        .map(|rule| RuleExtra {
            ingress: rule.part.source.name.clone(),
            service_port: rule.path.backend.port,
        })
        .collect();
    let from = of_rules(&rules);
    let rules = (0..)
        .zip(&rules)
        .map(|(index, rule)| request_rule(&name, index, rule))
        .collect();
    let mut set = HttpPolicySet {
        created_by: Some(maker.created_by()),
        tenant_ref: Some(maker.tenant_ref()),
        http_request_policy: HttpRequestPolicy { rules },
        markers: maker.markers(markers),
        name,
        ..HttpPolicySet::default()
    };
    set.cloud_config_cksum = Some(checksum::http_policy_set(&set, &extras));
    Set {
        first,
        first_text,
        body: set,
        from,
    }
}

fn request_rule(set: &EcoString, index: u32, rule: &Rule<'_>) -> HttpRequestRule {
    let path = &rule.path.path;
    let condition = (!path.is_empty()).then(|| PathMatch {
        match_case: "SENSITIVE".into(),
        match_criteria: if rule.path.exact {
            "EQUALS"
        } else {
            "BEGINS_WITH"
        }
        .into(),
        match_str: vec![path.clone()],
        ..PathMatch::default()
    });
    HttpRequestRule {
        name: eco_format!("{set}-{index}"),
        index,
        enable: true,
        matches: Some(MatchTarget {
            path: condition,
            ..MatchTarget::default()
        }),
        switching_action: Some(SwitchingAction {
            action: "HTTP_SWITCHING_SELECT_POOLGROUP".into(),
            pool_group_ref: Some(Ref::slash("poolgroup", rule.group.clone())),
            pool_ref: None,
        }),
        ..HttpRequestRule::default()
    }
}

fn pool_group(
    maker: &Maker<'_>,
    host: &Host,
    name: &EcoString,
    pool: &EcoString,
    (part, path): (&HostPart, &PathDraft),
) -> PoolGroup {
    let markers = vec![
        Marker::one("Namespace", part.source.namespace.text().clone()),
        Marker::one("Host", host.text().clone()),
        Marker::one("Path", path.path.clone()),
        Marker::one("IngressName", part.source.name.clone()),
    ];
    let mut body = PoolGroup {
        name: name.clone(),
        created_by: Some(maker.created_by()),
        tenant_ref: Some(maker.tenant_ref()),
        cloud_ref: Some(maker.cloud_ref()),
        members: vec![PoolGroupMember {
            pool_ref: Ref::plain("pool", pool.clone()),
            priority_label: None,
            ratio: Some(RATIO),
        }],
        implicit_priority_labels: Some(false),
        markers: maker.markers(markers),
        ..PoolGroup::default()
    };
    body.cloud_config_cksum = Some(checksum::pool_group(&body));
    body
}

fn cert(maker: &Maker<'_>, host: &Host, certificate: &Certificate) -> SslKeyAndCertificate {
    SslKeyAndCertificate {
        name: maker.child(host),
        created_by: Some(maker.created_by()),
        tenant_ref: Some(maker.tenant_ref()),
        certificate: SslCertificate {
            certificate: certificate.chain.clone(),
        },
        key: certificate.key.clone(),
        kind: "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE".into(),
        markers: maker.markers(vec![Marker::one("Host", host.text().clone())]),
    }
}

fn virtual_service(maker: &Maker<'_>, child: &Child<'_>, sets: &[EcoString]) -> VirtualService {
    let host = child.host.text();
    let name = maker.child(child.host);
    let newest = child
        .parts
        .last()
        .map(|part| part.source.namespace.text().clone());
    let namespace = newest.unwrap_or_default();
    let mut ingresses: Vec<EcoString> = child
        .parts
        .iter()
        .map(|part| part.source.namespaced_name())
        .collect();
    ingresses.sort();
    let metadata = ServiceMetadata {
        namespace_ingress_name: ingresses,
        namespace: namespace.clone(),
        hostnames: vec![host.clone()],
        ..ServiceMetadata::default()
    };
    let policy = |(index, set): (u32, &EcoString)| HttpPolicy {
        http_policy_set_ref: Ref::slash("httppolicyset", set.clone()),
        index,
    };
    let mut body = VirtualService {
        kind: Some("VS_TYPE_VH_CHILD".into()),
        created_by: Some(maker.created_by()),
        cloud_ref: Some(maker.cloud_ref()),
        se_group_ref: Some(maker.se_group_ref()),
        vrf_context_ref: maker.vrf_ref(),
        network_profile_ref: Some(Ref::slash("networkprofile", "System-TCP-Proxy")),
        application_profile_ref: Some(Ref::slash("applicationprofile", "System-Secure-HTTP")),
        error_page_profile_ref: Some(EcoString::new()),
        http_policies: (FIRST_POLICY_INDEX..).zip(sets).map(policy).collect(),
        ssl_key_and_certificate_refs: vec![Ref::slash("sslkeyandcertificate", name.clone())],
        vh_parent_vs_ref: Some(Ref::slash("virtualservice", child.shard.clone())),
        vh_domain_name: vec![host.clone()],
        east_west_placement: Some(false),
        ign_pool_net_reach: Some(false),
        service_metadata: Some(metadata.to_text()),
        markers: maker.markers(vec![
            Marker::one("Namespace", namespace),
            Marker::one("Host", host.clone()),
        ]),
        name,
        ..VirtualService::default()
    };
    let extra = VsExtra::child(&shard::listeners());
    body.cloud_config_cksum = Some(checksum::virtual_service(&body, &extra));
    body
}
