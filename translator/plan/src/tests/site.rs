//! A shard with its hosts, as translation would make it, in miniature.

use super::orange;
use aviary_avi::common::{IpAddr, Label, Marker, Subnet};
use aviary_avi::ds_set::VsDataScriptSet;
use aviary_avi::http_policy_set::{
    HostHdrMatch, HttpPolicySet, HttpRequestPolicy, HttpRequestRule, MatchTarget, PathMatch,
    RedirectAction, SwitchingAction,
};
use aviary_avi::metadata::ServiceMetadata;
use aviary_avi::pool::{Pool, Server};
use aviary_avi::pool_group::{PoolGroup, PoolGroupMember};
use aviary_avi::ssl_cert::SslKeyAndCertificate;
use aviary_avi::virtual_service::{HttpPolicy, VirtualService, VsDataScript};
use aviary_avi::vrf_context::{StaticRoute, VrfContext};
use aviary_avi::vs_vip::{DnsInfo, VsVip};
use aviary_avi::{AviKey, Body, DesiredObject, ObservedObject, Presence, Ref};
use aviary_types::{Digest, EcoString};
use std::sync::Arc;

/// The shard that all hosts are on.
pub(super) const SHARD: &str = "orange--Shared-L7-0";

/// One Ingress of one host, with one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Host {
    pub(super) fqdn: &'static str,
    pub(super) namespace: &'static str,
    pub(super) ingress: &'static str,
    pub(super) secure: bool,
    pub(super) server: u8,
}

pub(super) fn plain(host: &'static str, namespace: &'static str) -> Host {
    Host {
        fqdn: host,
        namespace,
        ingress: "i",
        secure: false,
        server: 1,
    }
}

pub(super) fn secure(host: &'static str, namespace: &'static str) -> Host {
    Host {
        secure: true,
        ..plain(host, namespace)
    }
}

fn text(name: &str) -> EcoString {
    name.into()
}

fn user() -> EcoString {
    orange().user()
}

fn markers(more: &[(&str, &str)]) -> Vec<Marker> {
    let more = more.iter().map(|(key, value)| Marker::one(key, *value));
    std::iter::once(Marker::cluster(&orange()))
        .chain(more)
        .collect()
}

impl Host {
    fn markers(&self, ingress: bool) -> Vec<Marker> {
        let mut all = vec![("Namespace", self.namespace), ("Host", self.fqdn)];
        if ingress {
            all.push(("IngressName", self.ingress));
        }
        markers(&all)
    }

    /// Name of pool and pool group.
    pub(super) fn pool(&self) -> EcoString {
        let Self {
            fqdn,
            namespace,
            ingress,
            ..
        } = self;
        if self.secure {
            format!("orange--{namespace}-{fqdn}_-{ingress}").into()
        } else {
            format!("orange--{fqdn}_-{namespace}-{ingress}").into()
        }
    }

    /// Name of child and certificate.
    pub(super) fn child(&self) -> EcoString {
        format!("orange--{}", self.fqdn).into()
    }

    fn set(&self) -> EcoString {
        format!("orange--{}-{}", self.namespace, self.fqdn).into()
    }

    fn bodies(&self) -> Vec<Body> {
        let server = Server {
            ip: IpAddr::new(format!("10.0.0.{}", self.server)),
            port: 80,
            ..Server::default()
        };
        let pool = Pool {
            name: self.pool(),
            created_by: Some(user()),
            servers: vec![server],
            markers: self.markers(true),
            ..Pool::default()
        };
        if !self.secure {
            return vec![pool.into()];
        }
        let group = PoolGroup {
            name: self.pool(),
            created_by: Some(user()),
            members: vec![PoolGroupMember {
                pool_ref: Ref::plain("pool", self.pool()),
                priority_label: None,
                ratio: Some(100),
            }],
            markers: self.markers(true),
            ..PoolGroup::default()
        };
        vec![pool.into(), group.into(), self.switch().into()]
    }

    fn switch(&self) -> HttpPolicySet {
        let path = PathMatch {
            match_criteria: "BEGINS_WITH".into(),
            match_str: vec!["/".into()],
            ..PathMatch::default()
        };
        let rule = HttpRequestRule {
            name: format!("{}-0", self.set()).into(),
            enable: true,
            matches: Some(MatchTarget {
                path: Some(path),
                ..MatchTarget::default()
            }),
            switching_action: Some(SwitchingAction {
                action: "HTTP_SWITCHING_SELECT_POOLGROUP".into(),
                pool_group_ref: Some(Ref::slash("poolgroup", self.pool())),
                pool_ref: None,
            }),
            ..HttpRequestRule::default()
        };
        HttpPolicySet {
            name: self.set(),
            created_by: Some(user()),
            http_request_policy: HttpRequestPolicy { rules: vec![rule] },
            markers: self.markers(true),
            ..HttpPolicySet::default()
        }
    }
}

/// The child and certificate of a host that these Ingresses secure.
fn child(hosts: &[&Host]) -> Vec<Body> {
    let Some(last) = hosts.last() else {
        return Vec::new();
    };
    let metadata = ServiceMetadata {
        namespace_ingress_name: hosts
            .iter()
            .map(|host| format!("{}/{}", host.namespace, host.ingress).into())
            .collect(),
        hostnames: vec![last.fqdn.into()],
        ..ServiceMetadata::default()
    };
    let policies = (11..).zip(hosts).map(|(index, host)| HttpPolicy {
        http_policy_set_ref: Ref::slash("httppolicyset", host.set()),
        index,
    });
    let service = VirtualService {
        name: last.child(),
        created_by: Some(user()),
        http_policies: policies.collect(),
        ssl_key_and_certificate_refs: vec![Ref::slash("sslkeyandcertificate", last.child())],
        vh_parent_vs_ref: Some(Ref::slash("virtualservice", SHARD)),
        vh_domain_name: vec![last.fqdn.into()],
        service_metadata: Some(metadata.to_text()),
        markers: last.markers(false),
        ..VirtualService::default()
    };
    let certificate = SslKeyAndCertificate {
        name: last.child(),
        created_by: Some(user()),
        markers: markers(&[("Host", last.fqdn)]),
        ..SslKeyAndCertificate::default()
    };
    vec![certificate.into(), service.into()]
}

/// All bodies of a shard with these hosts.
pub(super) fn bodies(hosts: &[Host]) -> Vec<Body> {
    let mut hosts: Vec<&Host> = hosts.iter().collect();
    hosts.sort();
    let mut bodies: Vec<Body> = hosts.iter().flat_map(|host| host.bodies()).collect();
    let (secure, plain): (Vec<&Host>, Vec<&Host>) = hosts.iter().partition(|host| host.secure);
    for group in secure.chunk_by(|a, b| a.fqdn == b.fqdn) {
        bodies.extend(child(group));
    }
    let mut redirects: Vec<EcoString> = secure.iter().map(|host| text(host.fqdn)).collect();
    redirects.dedup();
    let mut names: Vec<EcoString> = hosts.iter().map(|host| text(host.fqdn)).collect();
    names.sort();
    names.dedup();
    bodies.extend(parent(&names, &redirects, &plain));
    bodies
}

fn parent(names: &[EcoString], redirects: &[EcoString], plain: &[&Host]) -> Vec<Body> {
    let members = plain.iter().map(|host| PoolGroupMember {
        pool_ref: Ref::plain("pool", host.pool()),
        priority_label: Some(format!("{}/", host.fqdn).into()),
        ratio: Some(100),
    });
    let vip = VsVip {
        name: SHARD.into(),
        dns_info: names
            .iter()
            .map(|name| DnsInfo { fqdn: name.clone() })
            .collect(),
        markers: markers(&[]),
        ..VsVip::default()
    };
    let group = PoolGroup {
        name: SHARD.into(),
        created_by: Some(user()),
        members: members.collect(),
        implicit_priority_labels: Some(true),
        markers: markers(&[]),
        ..PoolGroup::default()
    };
    let script = VsDataScriptSet {
        name: SHARD.into(),
        created_by: Some(user()),
        pool_group_refs: vec![Ref::slash("poolgroup", SHARD)],
        markers: markers(&[]),
        ..VsDataScriptSet::default()
    };
    let redirect = (!redirects.is_empty()).then(|| redirect(redirects));
    let service = VirtualService {
        name: SHARD.into(),
        kind: Some("VS_TYPE_VH_PARENT".into()),
        created_by: Some(user()),
        vsvip_ref: Some(Ref::slash("vsvip", SHARD)),
        http_policies: redirect
            .iter()
            .map(|set| HttpPolicy {
                http_policy_set_ref: Ref::slash("httppolicyset", set.name.clone()),
                index: 11,
            })
            .collect(),
        vs_datascripts: vec![VsDataScript {
            index: 0,
            vs_datascript_set_ref: Ref::slash("vsdatascriptset", SHARD),
        }],
        markers: markers(&[]),
        ..VirtualService::default()
    };
    let mut bodies = vec![vip.into(), group.into(), script.into(), service.into()];
    bodies.extend(redirect.map(Body::from));
    bodies
}

fn redirect(hosts: &[EcoString]) -> HttpPolicySet {
    let host = HostHdrMatch {
        match_criteria: "HDR_EQUALS".into(),
        value: hosts.to_vec(),
    };
    let rule = HttpRequestRule {
        name: format!("{SHARD}-0").into(),
        enable: true,
        matches: Some(MatchTarget {
            host_hdr: Some(host),
            ..MatchTarget::default()
        }),
        redirect_action: Some(RedirectAction::default()),
        ..HttpRequestRule::default()
    };
    HttpPolicySet {
        name: SHARD.into(),
        created_by: Some(user()),
        http_request_policy: HttpRequestPolicy { rules: vec![rule] },
        markers: markers(&[]),
        ..HttpPolicySet::default()
    }
}

/// A VRF with routes of these clusters; ours are those of `orange`.
pub(super) fn vrf(routes: &[(&str, u8)]) -> VrfContext {
    let route = |(cluster, net): &(&str, u8)| StaticRoute {
        route_id: format!("{cluster}-{net}-0").into(),
        prefix: Subnet::parse(&format!("10.{net}.0.0/16")).unwrap(),
        next_hop: IpAddr::new("192.168.0.1"),
        labels: vec![Label {
            key: "clustername".into(),
            value: (*cluster).into(),
        }],
    };
    VrfContext {
        name: "global".into(),
        static_routes: routes.iter().map(route).collect(),
        owners: vec!["orange".into()],
        ..VrfContext::default()
    }
}

fn key(body: &Body) -> AviKey {
    AviKey::of(body, &"admin".into())
}

pub(super) fn wish(body: Body) -> DesiredObject {
    let key = key(&body);
    DesiredObject {
        digest: Digest::of_value(&(&key, &body)),
        key,
        domain: orange(),
        body: Arc::new(body),
        provenance: Arc::default(),
        presence: Presence::Always,
    }
}

pub(super) fn seen(body: Arc<Body>, key: &AviKey) -> ObservedObject {
    ObservedObject {
        key: key.clone(),
        uuid: format!("{}-{}", key.kind, key.name).into(),
        last_modified: "1".into(),
        body,
        raw: None,
    }
}

/// What should be.
pub(super) fn wishes(hosts: &[Host]) -> Vec<DesiredObject> {
    bodies(hosts).into_iter().map(wish).collect()
}

/// What is.
pub(super) fn sight(body: Body) -> ObservedObject {
    let key = key(&body);
    seen(Arc::new(body), &key)
}

pub(super) fn sights(hosts: &[Host]) -> Vec<ObservedObject> {
    bodies(hosts).into_iter().map(sight).collect()
}
