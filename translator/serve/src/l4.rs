//! A connection: listener, L4 policy, passthrough, default pool.

use crate::datascript;
use crate::matching::{host_of, wildcard_of};
use crate::verdict::{Outcome, Step, Verdict, Why};
use crate::walk::{Walk, worst};
use crate::world::{Scope, World};
use aviary_avi::l4_policy_set::{L4PolicySet, L4Rule};
use aviary_avi::virtual_service::{Service, VirtualService};
use aviary_avi::vs_vip::Vip;
use aviary_avi::{AviKey, AviKind};
use aviary_types::EcoString;
use serde::Serialize;
use std::fmt;
use std::net::IpAddr;

/// Application profiles that serve connections, not requests.
const L4_PROFILES: [&str; 2] = ["System-L4-Application", "System-SSL-Application"];

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }

    /// The protocol of one of the Controller's own network profiles; unknown for others.
    fn of_profile(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("System-")?;
        Self::ALL
            .into_iter()
            .find(|protocol| rest.starts_with(protocol.name()))
    }

    fn is_of_rule(self, text: &str) -> bool {
        text.is_empty() || text.strip_prefix("PROTOCOL_") == Some(self.name())
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a client connects to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Listener {
    /// Name of the virtual service, or a DNS name or address of its VsVip.
    pub target: EcoString,
    /// Port.
    pub port: u16,
    /// Protocol.
    pub protocol: Protocol,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.target, self.port, self.protocol)
    }
}

/// A connection that has found its virtual service.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    pub(crate) sni: Option<EcoString>,
    /// Whether Avi ends TLS.
    pub(crate) tls: bool,
}

impl World {
    /// What becomes of a connection. Where the target means several virtual services that listen
    /// on other addresses, the worst answer counts.
    pub fn l4(&self, listener: &Listener) -> Verdict {
        let none = || self.nowhere(Why::NoSuchTarget(listener.target.clone()));
        worst(self.l4_all(listener)).unwrap_or_else(none)
    }

    /// What becomes of a connection at each address that the target means; nothing where it means
    /// none.
    pub(crate) fn l4_all(&self, listener: &Listener) -> Vec<Verdict> {
        let vips = self.vips_called(&listener.target);
        let by_vip = vips.into_iter().map(|vip| self.l4_at(vip, None, listener));
        let called = self.named(AviKind::VirtualService, &listener.target).iter();
        let by_name = called.filter_map(|key| {
            let vip = self.resolve(Scope::of(key), self.service(key)?.vsvip_ref.as_ref()?)?;
            Some(self.l4_at(vip, Some(key), listener))
        });
        by_vip.chain(by_name).collect()
    }

    fn vips_called(&self, target: &str) -> Vec<&AviKey> {
        let name = host_of(target);
        let by_dns = self.index.dns.get(&name);
        let by_wildcard = || self.index.dns.get(&wildcard_of(&name)?);
        let named = by_dns.or_else(by_wildcard).into_iter().flatten();
        let is_address = target.parse::<IpAddr>().is_ok();
        let addressed = self.index.services.keys().filter(|key| {
            let mut vips = self.vip(key).into_iter().flat_map(|vip| &vip.vip);
            is_address && vips.any(|vip| has_address(vip, target))
        });
        let mut vips: Vec<_> = named
            .chain(addressed)
            .filter(|key| self.index.services.contains_key(*key))
            .collect();
        vips.sort();
        vips.dedup();
        vips
    }

    fn l4_at(&self, vip: &AviKey, only: Option<&AviKey>, asked: &Listener) -> Verdict {
        let mut walk = Walk::new(self);
        walk.step(Step::Dns(vip.clone()));
        let services = self
            .services_at(vip)
            .filter(|(key, _)| only.is_none_or(|k| k == *key));
        let mut listening = services.filter_map(|(key, service)| {
            Some((key, service, listener(service, asked.port, asked.protocol)?))
        });
        let Some((key, service, found)) = listening.next() else {
            return walk.end(Outcome::NoService(Why::NoListener(asked.port)));
        };
        let tls = found.enable_ssl == Some(true);
        walk.step(Step::Listens {
            service: key.clone(),
            port: asked.port,
            tls,
        });
        let (port, protocol) = (asked.port, asked.protocol);
        connect(
            walk,
            key,
            service,
            &Connection {
                port,
                protocol,
                sni: None,
                tls,
            },
        )
    }
}

fn has_address(vip: &Vip, address: &str) -> bool {
    let addresses = [&vip.ip_address, &vip.ip6_address, &vip.floating_ip];
    addresses
        .into_iter()
        .flatten()
        .any(|ip| !ip.addr.is_empty() && ip.addr == address)
}

/// The listener of a virtual service on a port.
pub(crate) fn listener(
    service: &VirtualService,
    port: u16,
    protocol: Protocol,
) -> Option<&Service> {
    service.services.iter().find(|listener| {
        let last = listener
            .port_range_end
            .unwrap_or(listener.port)
            .max(listener.port);
        (listener.port..=last).contains(&port) && speaks(service, listener, protocol)
    })
}

/// Whether a listener speaks a protocol. With a network profile of others it may speak any: then
/// the rules tell.
pub(crate) fn speaks(service: &VirtualService, listener: &Service, protocol: Protocol) -> bool {
    let own = listener.override_network_profile_ref.as_ref();
    let Some(profile) = own.or(service.network_profile_ref.as_ref()) else {
        return protocol == Protocol::Tcp;
    };
    Protocol::of_profile(&profile.name).is_none_or(|of_profile| of_profile == protocol)
}

/// Whether a virtual service serves connections, not requests.
pub(crate) fn is_l4<'w>(walk: &Walk<'w>, key: &'w AviKey, service: &VirtualService) -> bool {
    let profile = service.application_profile_ref.as_ref();
    !service.l4_policies.is_empty()
        || profile.is_some_and(|profile| L4_PROFILES.contains(&profile.name.as_str()))
        || datascript::is_passthrough(walk, key, service)
}

/// The L4 policy sets of a virtual service that are known, in order.
pub(crate) fn l4_sets<'w>(
    world: &'w World,
    key: &AviKey,
    service: &VirtualService,
) -> Vec<(&'w AviKey, &'w L4PolicySet)> {
    let mut policies: Vec<_> = service.l4_policies.iter().collect();
    policies.sort_by_key(|policy| policy.index);
    let keys = policies
        .into_iter()
        .filter_map(|policy| world.resolve(Scope::of(key), &policy.l4_policy_set_ref));
    keys.filter_map(|key| Some((key, world.l4_set(key)?)))
        .collect()
}

/// Whether a rule takes a connection.
pub(crate) fn takes(rule: &L4Rule, port: u16, protocol: Protocol) -> bool {
    let ports = &rule.matches.port;
    let listed = ports.ports.is_empty() || ports.ports.contains(&port);
    let port = listed != (ports.match_criteria == "IS_NOT_IN");
    let of_rule = &rule.matches.protocol;
    let same = protocol.is_of_rule(&of_rule.protocol);
    port && same != (of_rule.match_criteria == "IS_NOT_IN")
}

/// Where a virtual service sends a connection.
pub(crate) fn connect<'w>(
    mut walk: Walk<'w>,
    key: &'w AviKey,
    service: &'w VirtualService,
    connection: &Connection,
) -> Verdict {
    if service.traffic_enabled == Some(false) {
        return walk.end(Outcome::NoService(Why::TrafficDisabled(key.clone())));
    }
    if connection.tls {
        walk.show_certificate(key, service);
    }
    for (set_key, set) in l4_sets(walk.world, key, service) {
        let mut rules: Vec<_> = set.l4_connection_policy.rules.iter().collect();
        rules.sort_by_key(|rule| rule.index);
        let taken = rules
            .into_iter()
            .find(|rule| takes(rule, connection.port, connection.protocol));
        if let Some(rule) = taken {
            walk.step(Step::Rule {
                set: set_key.clone(),
                rule: rule.name.clone(),
            });
            let pool = &rule.action.select_pool.pool_ref;
            let outcome = walk.pool(Scope::within(set_key, key), pool);
            return walk.end(outcome);
        }
    }
    let by_sni = datascript::by_sni(&mut walk, key, service, connection.sni.as_deref());
    let outcome = match (by_sni, &service.pool_ref) {
        (Some(outcome), _) => outcome,
        (None, Some(pool)) => {
            walk.step(Step::DefaultPool(key.clone()));
            walk.pool(Scope::of(key), pool)
        }
        (None, None) => Outcome::NoService(Why::NoRule(key.clone())),
    };
    walk.end(outcome)
}
