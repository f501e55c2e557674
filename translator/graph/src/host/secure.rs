//! The child virtual service of a secure host; policy sets and pool groups of such a one, and of a
//! virtual service that has its host alone.

use super::certificates;
use super::hidden::{self, Looked};
use super::pools::{RATIO, Taken, of_path, of_text, pool, source};
use super::provenance;
use crate::maker::Maker;
use crate::parts::Parts;
use crate::rules::{CHILD, POLICY_SET, POOL, POOL_GROUP};
use crate::shard::{self, FIRST_POLICY_INDEX};
use aviary_avi::checksum::{self, RuleExtra, VsExtra};
use aviary_avi::http_policy_set::{
    HttpPolicySet, HttpRequestPolicy, HttpRequestRule, MatchTarget, PathMatch, SwitchingAction,
};
use aviary_avi::metadata::ServiceMetadata;
use aviary_avi::names::{PathSource, distinct};
use aviary_avi::pool_group::{PoolGroup, PoolGroupMember};
use aviary_avi::virtual_service::{HttpPolicy, VirtualService};
use aviary_avi::{AviKind, Marker, Presence, Ref};
use aviary_kinds::ingress::{HostPart, PathDraft};
use aviary_kinds::secret::Certificate;
use aviary_types::{Bound, EcoString, Host, Place, Provenance, Role, Table, eco_format};
use std::collections::{BTreeMap, BTreeSet};

/// What a virtual service of one host is made of.
pub(super) struct Child<'a> {
    pub(super) host: &'a Host,
    /// Its parent, or itself.
    pub(super) shard: &'a EcoString,
    /// Contributions, oldest first; at least one.
    pub(super) parts: &'a [&'a HostPart],
    pub(super) form: Form,
    /// The TLS entry that names the certificate's Secret, and the Secret.
    pub(super) certificate_at: &'a [Bound],
}

impl Child<'_> {
    /// What an object of the host comes from.
    pub(super) fn from(&self, table: &'static Table) -> Provenance {
        let said = self.certificate_at.iter().cloned();
        said.fold(provenance(table, self.parts), |from, (role, origin)| {
            from.with(role, origin)
        })
    }

    /// The namespace that it is marked with.
    pub(super) fn newest(&self) -> Option<Place> {
        let newest = self.parts.last();
        newest.map(|part| Place::new(&part.host_at.object, ""))
    }
}

/// Where the policy sets of a host stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// On the child of a shard's parent.
    Child,
    /// On a virtual service that has the host alone, and ends its TLS or not.
    Dedicated {
        /// Whether it does.
        secure: bool,
    },
}

impl Form {
    /// AKO marks the host only where it is secure.
    pub(super) fn marks_host(self) -> bool {
        self != Self::Dedicated { secure: false }
    }
}

/// One path of a policy set in the making.
struct Rule<'a> {
    part: &'a HostPart,
    path: &'a PathDraft,
    target: SwitchingAction,
}

/// The rules of one namespace.
struct Group<'a> {
    namespace: &'a str,
    /// The path of its eldest contribution orders it among the groups of the child.
    first: &'a PathDraft,
    rules: Vec<Rule<'a>>,
}

pub(super) fn render(
    maker: &Maker<'_>,
    child: &Child<'_>,
    certificate: &Certificate,
    parts: &mut Parts,
) {
    let sets = policy_sets(maker, child, parts);
    let certs = certificates::render(maker, child, certificate, parts);
    let of_child = with_sets(child.from(&CHILD), &sets).each(
        "markers[Namespace].values",
        Role::Source,
        child.newest(),
    );
    let names = add_sets(maker, sets, parts);
    let service = virtual_service(maker, child, &names, certs);
    let service = maker.object(service, of_child, Presence::Always);
    parts.objects.push(service);
}

/// Says where each policy of a virtual service comes from.
pub(super) fn with_sets(from: Provenance, sets: &[Set]) -> Provenance {
    let firsts = sets.iter().map(|set| set.first.clone());
    let (paths, texts): (Vec<Place>, Vec<Place>) = firsts.unzip();
    from.each("http_policies", Role::Path, paths)
        .each("http_policies", Role::PathText, texts)
}

/// Adds the sets to what the host makes; answers their names.
pub(super) fn add_sets(maker: &Maker<'_>, sets: Vec<Set>, parts: &mut Parts) -> Vec<EcoString> {
    let mut names = Vec::with_capacity(sets.len());
    for Set { body, from, .. } in sets {
        names.push(body.name.clone());
        let set = maker.object(body, from, Presence::Always);
        parts.objects.push(set);
    }
    names
}

/// A policy set in the making.
pub(super) struct Set {
    /// The path that orders it among the sets of the child, and where its text is said.
    first: (Place, Place),
    body: HttpPolicySet,
    from: Provenance,
}

/// One policy set per namespace, in the order in which they are evaluated: on a child by their first
/// path, else as they came.
pub(super) fn policy_sets(maker: &Maker<'_>, child: &Child<'_>, parts: &mut Parts) -> Vec<Set> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for rule in rules(maker, child, parts) {
        let namespace = rule.part.source.namespace.as_str();
        match groups.iter_mut().find(|known| known.namespace == namespace) {
            Some(group) => group.rules.push(rule),
            None => groups.push(Group {
                namespace,
                first: rule.path,
                rules: vec![rule],
            }),
        }
    }
    if child.form == Form::Child {
        groups.sort_by_key(|group| (&group.first.path, group.namespace));
    }
    for group in &mut groups {
        sort(&mut group.rules);
    }
    let all = groups.iter().flat_map(|group| &group.rules);
    let all: Vec<Looked<'_>> = all.map(|rule| (rule.part, rule.path)).collect();
    parts.findings.extend(hidden::findings(child.host, &all));
    let sets = groups.into_iter();
    sets.map(|group| policy_set(maker, child, group)).collect()
}

/// The longest path wins; an empty one matches all and comes last. Ties need an order that does not
/// depend on the order of the Ingress's rules.
fn sort(rules: &mut [Rule<'_>]) {
    rules.sort_by(|a, b| {
        let rank = |rule: &Rule<'_>| std::cmp::Reverse(rule.path.path.len());
        (rank(a), &a.path.path, !a.path.exact).cmp(&(rank(b), &b.path.path, !b.path.exact))
    });
}

/// Makes the pools of all paths, and their groups where there are groups.
fn rules<'a>(maker: &Maker<'_>, child: &Child<'a>, parts: &mut Parts) -> Vec<Rule<'a>> {
    let mut pools = Taken::new(maker, AviKind::Pool);
    let mut pool_groups = Taken::new(maker, AviKind::PoolGroup);
    let no_groups = maker.settings().l7.no_pg_for_sni;
    let host = child.host;
    let mut rules = Vec::new();
    for part in child.parts {
        for path in &part.paths {
            let of = PathSource {
                dedicated: child.form != Form::Child,
                ..source(part, host, path)
            };
            let pool_name = if no_groups {
                maker.names.pool_without_group(of)
            } else {
                maker.names.pool(of)
            };
            let pool_name = pools.claim(pool_name, host, (part, path));
            let body = pool(maker, &pool_name, host, (part, path), true);
            let from = of_path(&POOL, (part, path));
            let body = maker.object(body, from, Presence::Always);
            parts.objects.push(body);
            if no_groups {
                let target = to_pool(&pool_name);
                rules.push(Rule { part, path, target });
                continue;
            }
            let group = pool_groups.claim(maker.names.pool_group(of), host, (part, path));
            let body = pool_group(maker, host, &group, &pool_name, (part, path));
            let from = of_text(&POOL_GROUP, (part, path));
            let body = maker.object(body, from, Presence::Always);
            parts.objects.push(body);
            let target = to_group(&group);
            rules.push(Rule { part, path, target });
        }
    }
    rules
}

fn to_group(name: &EcoString) -> SwitchingAction {
    SwitchingAction {
        action: "HTTP_SWITCHING_SELECT_POOLGROUP".into(),
        pool_group_ref: Some(Ref::slash("poolgroup", name.clone())),
        pool_ref: None,
    }
}

fn to_pool(name: &EcoString) -> SwitchingAction {
    SwitchingAction {
        action: "HTTP_SWITCHING_SELECT_POOL".into(),
        pool_group_ref: None,
        pool_ref: Some(Ref::slash("pool", name.clone())),
    }
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
fn policy_set(maker: &Maker<'_>, child: &Child<'_>, group: Group<'_>) -> Set {
    let Group {
        namespace,
        first,
        rules,
    } = group;
    let host = child.host;
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
    let mut markers = vec![Marker::one("Namespace", namespace)];
    if child.form.marks_host() {
        markers.push(Marker::one("Host", host.text().clone()));
    }
    markers.extend(maker.infra_marker());
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
        first: (first.at.clone(), first.text_at()),
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
        switching_action: Some(rule.target.clone()),
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
    let mut markers = vec![
        Marker::one("Namespace", part.source.namespace.text().clone()),
        Marker::one("Host", host.text().clone()),
    ];
    markers.extend(maker.infra_marker());
    markers.push(Marker::one("Path", path.path.clone()));
    markers.push(Marker::one("IngressName", part.source.name.clone()));
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

/// The namespace that a virtual service of several is marked with, and what its metadata say.
pub(super) fn sources_of(child: &Child<'_>) -> (EcoString, ServiceMetadata) {
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
        hostnames: vec![child.host.text().clone()],
        ..ServiceMetadata::default()
    };
    (namespace, metadata)
}

fn virtual_service(
    maker: &Maker<'_>,
    child: &Child<'_>,
    sets: &[EcoString],
    certs: Vec<Ref>,
) -> VirtualService {
    let host = child.host.text();
    let (namespace, metadata) = sources_of(child);
    let policy = |(index, set): (u32, &EcoString)| HttpPolicy {
        http_policy_set_ref: Ref::slash("httppolicyset", set.clone()),
        index,
    };
    let mut markers = vec![
        Marker::one("Namespace", namespace),
        Marker::one("Host", host.clone()),
    ];
    markers.extend(maker.infra_marker());
    let mut body = VirtualService {
        kind: Some("VS_TYPE_VH_CHILD".into()),
        created_by: Some(maker.created_by()),
        cloud_ref: Some(maker.cloud_ref()),
        se_group_ref: Some(maker.own_se_group_ref()),
        vrf_context_ref: maker.own_vrf_ref(),
        network_profile_ref: Some(Ref::slash("networkprofile", "System-TCP-Proxy")),
        application_profile_ref: Some(Ref::slash("applicationprofile", "System-Secure-HTTP")),
        error_page_profile_ref: Some(EcoString::new()),
        http_policies: (FIRST_POLICY_INDEX..).zip(sets).map(policy).collect(),
        ssl_key_and_certificate_refs: certs,
        vh_parent_vs_ref: Some(Ref::slash("virtualservice", child.shard.clone())),
        vh_domain_name: vec![host.clone()],
        east_west_placement: Some(false),
        ign_pool_net_reach: Some(false),
        service_metadata: Some(metadata.to_text()),
        markers: maker.markers(markers),
        name: maker.child(child.host),
        ..VirtualService::default()
    };
    let extra = VsExtra::child(&shard::listeners(maker));
    body.cloud_config_cksum = Some(checksum::virtual_service(&body, &extra));
    body
}
