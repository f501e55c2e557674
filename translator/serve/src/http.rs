//! An HTTP request: from the name to the VsVip, the listener, the child and its rules.

use crate::datascript;
use crate::l4::{Connection, Protocol, connect, is_l4, listener};
use crate::matching::{Subject, host_of, path_of, wildcard_of};
use crate::policy::{Choice, decide, sets};
use crate::verdict::{Certificate, Outcome, Step, Verdict, Why};
use crate::walk::{Walk, worst};
use crate::world::{Scope, World};
use aviary_avi::AviKey;
use aviary_avi::http_policy_set::HttpPolicySet;
use aviary_avi::virtual_service::VirtualService;
use aviary_types::EcoString;
use serde::Serialize;
use std::fmt;

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Request {
    /// The Host header; a port in it is cut off. DNS is asked for this name.
    pub host: EcoString,
    /// The port that the client connects to.
    pub port: u16,
    /// The SNI name. A client with one speaks TLS; one without speaks what the port does.
    pub sni: Option<EcoString>,
    /// The path; a query in it is cut off.
    pub path: EcoString,
    /// The VsVip that the client connects to, where DNS is not asked.
    pub vip: Option<AviKey>,
}

impl Request {
    /// A plain request on port 80.
    pub fn http(host: &str, path: &str) -> Self {
        Self {
            host: host.into(),
            port: 80,
            sni: None,
            path: path.into(),
            vip: None,
        }
    }

    /// A request by TLS on port 443.
    pub fn https(host: &str, path: &str) -> Self {
        Self {
            port: 443,
            sni: Some(host_of(host)),
            ..Self::http(host, path)
        }
    }

    /// The same request on another port.
    #[must_use]
    pub fn on_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// The same request to this VsVip, whatever DNS says.
    #[must_use]
    pub fn at(self, vip: AviKey) -> Self {
        Self {
            vip: Some(vip),
            ..self
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.sni.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}{}", self.host, self.port, self.path)?;
        match &self.vip {
            Some(vip) => write!(f, " at {vip}"),
            None => Ok(()),
        }
    }
}

impl World {
    /// What becomes of a request. Where DNS gives several addresses, a client may get any of
    /// them, so the worst answer counts.
    pub fn http(&self, request: &Request) -> Verdict {
        let none = || self.nowhere(Why::NoDnsName(request.host.clone()));
        worst(self.http_all(request)).unwrap_or_else(none)
    }

    /// What becomes of a request at each address that a client may get.
    pub(crate) fn http_all(&self, request: &Request) -> Vec<Verdict> {
        let vips = match &request.vip {
            Some(vip) => self
                .vip(vip)
                .map(|_| vec![vip])
                .ok_or(Why::NoSuchVip(vip.clone())),
            None => self.vips_of(&host_of(&request.host)),
        };
        let at = |vip| self.http_at(vip, request);
        match vips {
            Ok(vips) => vips.into_iter().map(at).collect(),
            Err(why) => vec![self.nowhere(why)],
        }
    }

    pub(crate) fn nowhere(&self, why: Why) -> Verdict {
        Walk::new(self).end(Outcome::NoService(why))
    }

    /// The VsVips whose addresses DNS gives for a name: those that hold it exactly, else those
    /// that hold the wildcard. A VsVip without a virtual service is not in DNS.
    pub(crate) fn vips_of(&self, name: &str) -> Result<Vec<&AviKey>, Why> {
        let none = || Why::NoDnsName(name.into());
        let exact = self.index.dns.get(name);
        let wildcard = || self.index.dns.get(&wildcard_of(name)?);
        let holders = exact.or_else(wildcard).ok_or_else(none)?;
        let used: Vec<_> = holders
            .iter()
            .filter(|vip| self.index.services.contains_key(*vip))
            .collect();
        match (used.is_empty(), holders.first()) {
            (false, _) => Ok(used),
            (true, Some(vip)) => Err(Why::NoVirtualService(vip.clone())),
            (true, None) => Err(none()),
        }
    }

    /// The virtual services that stand at a VsVip.
    pub(crate) fn services_at<'w>(
        &'w self,
        vip: &AviKey,
    ) -> impl Iterator<Item = (&'w AviKey, &'w VirtualService)> + use<'w> {
        let keys = self.index.services.get(vip).into_iter().flatten();
        keys.filter_map(|key| Some((key, self.service(key)?)))
    }

    fn http_at(&self, vip: &AviKey, request: &Request) -> Verdict {
        let mut walk = Walk::new(self);
        walk.step(Step::Dns(vip.clone()));
        let mut listening = self.services_at(vip).filter_map(|(key, service)| {
            Some((
                key,
                service,
                listener(service, request.port, Protocol::Tcp)?,
            ))
        });
        let Some((key, service, listener)) = listening.next() else {
            return walk.end(Outcome::NoService(Why::NoListener(request.port)));
        };
        let tls = listener.enable_ssl == Some(true);
        walk.step(Step::Listens {
            service: key.clone(),
            port: request.port,
            tls,
        });
        let sni = request.sni.as_deref().map(host_of);
        if is_l4(&walk, key, service) {
            let protocol = Protocol::Tcp;
            let connection = Connection {
                port: request.port,
                protocol,
                sni,
                tls,
            };
            return connect(walk, key, service, &connection);
        }
        if sni.is_some() && !tls {
            return walk.end(Outcome::NoService(Why::NotTls(request.port)));
        }
        let host = host_of(&request.host);
        let subject = Subject {
            host: &host,
            path: path_of(&request.path),
            port: request.port,
        };
        if !tls {
            return answer(walk, key, service, subject);
        }
        let (key, service) = choose(&mut walk, (key, service), sni.as_deref());
        walk.show_certificate(key, service);
        answer(walk, key, service, subject)
    }
}

impl Walk<'_> {
    /// Notes what the client is shown.
    pub(crate) fn show_certificate(&mut self, key: &AviKey, service: &VirtualService) {
        let own = self
            .world
            .certificates(key, &service.ssl_key_and_certificate_refs);
        self.certificate = Some(if own.is_empty() {
            Certificate::Default
        } else {
            Certificate::Own(own)
        });
    }
}

/// A virtual service and its key.
type Found<'w> = (&'w AviKey, &'w VirtualService);

/// The child that the SNI name means: exactly, then by wildcard. One without a certificate is
/// passed over.
fn choose<'w>(walk: &mut Walk<'w>, parent: Found<'w>, sni: Option<&str>) -> Found<'w> {
    let world = walk.world;
    let (Some(sni), Some(domains)) = (sni, world.index.children.get(parent.0)) else {
        return parent;
    };
    let wildcard = wildcard_of(sni).and_then(|name| domains.get(&name));
    for key in domains.get(sni).into_iter().chain(wildcard).flatten() {
        let Some(child) = world.service(key) else {
            continue;
        };
        if world
            .certificates(key, &child.ssl_key_and_certificate_refs)
            .is_empty()
        {
            walk.step(Step::ChildWithoutCertificate(key.clone()));
            continue;
        }
        walk.step(Step::Child(key.clone()));
        return (key, child);
    }
    parent
}

/// What a virtual service answers: its policies, then its scripts, then its default pool.
fn answer<'w>(
    mut walk: Walk<'w>,
    key: &'w AviKey,
    service: &'w VirtualService,
    subject: Subject<'_>,
) -> Verdict {
    if service.traffic_enabled == Some(false) {
        return walk.end(Outcome::NoService(Why::TrafficDisabled(key.clone())));
    }
    let sets = sets(&walk, key, service);
    let outcome = match decide(&mut walk, &sets, subject) {
        Some(Choice::End(outcome)) => outcome,
        Some(Choice::Switch(set, action)) => walk.switch(Scope::within(set, key), key, action),
        None => otherwise(&mut walk, (key, service), &sets, subject),
    };
    walk.end(outcome)
}

fn otherwise<'w>(
    walk: &mut Walk<'w>,
    found: Found<'w>,
    sets: &[(&AviKey, &HttpPolicySet)],
    subject: Subject<'_>,
) -> Outcome {
    let (key, service) = found;
    if let Some(outcome) = datascript::by_label(walk, key, service, (subject.host, subject.path)) {
        return outcome;
    }
    if let Some(pool) = &service.pool_ref {
        walk.step(Step::DefaultPool(key.clone()));
        return walk.pool(Scope::of(key), pool);
    }
    if knows(walk, found, sets, subject.host) {
        Outcome::NoService(Why::NoRule(key.clone()))
    } else {
        Outcome::NoService(Why::UnknownHost(subject.host.into()))
    }
}

/// Whether anything of the virtual service speaks of the host.
fn knows<'w>(
    walk: &Walk<'w>,
    (key, service): Found<'w>,
    sets: &[(&AviKey, &HttpPolicySet)],
    host: &str,
) -> bool {
    let of_rule = sets
        .iter()
        .flat_map(|(_, set)| &set.http_request_policy.rules)
        .any(|rule| {
            let hosts = rule
                .matches
                .as_ref()
                .and_then(|target| target.host_hdr.as_ref());
            hosts.is_none_or(|hosts| {
                hosts
                    .value
                    .iter()
                    .any(|value| value.eq_ignore_ascii_case(host))
            })
        });
    let of_child = walk.world.index.children.get(key).is_some_and(|domains| {
        let wildcard = wildcard_of(host).is_some_and(|name| domains.contains_key(&name));
        wildcard || domains.contains_key(host)
    });
    let groups = datascript::labelled_groups(walk, key, service);
    let mut labels = groups.iter().flat_map(|(_, group)| group.members.iter());
    let of_label = labels.any(|member| {
        let label = member.priority_label.as_deref();
        let rest = label.and_then(|label| label.strip_prefix(host));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    of_rule || of_child || of_label || service.vh_parent_vs_ref.is_some()
}
