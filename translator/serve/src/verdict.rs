//! The answer to a request: where it goes, or why nowhere, and the way it took.

use aviary_avi::AviKey;
use aviary_types::EcoString;
use serde::Serialize;
use std::fmt;

/// What becomes of a request, and the way there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Where it ends.
    pub outcome: Outcome,
    /// What the client is shown where it speaks TLS and Avi ends it; none otherwise.
    pub certificate: Option<Certificate>,
    /// The objects that decided, in order.
    pub via: Vec<Step>,
}

/// Where a request ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Outcome {
    /// At one of these pools, by share.
    Backend(Vec<PoolShare>),
    /// The client is sent elsewhere.
    Redirect(Location),
    /// A rule closes the connection.
    Closed,
    /// Nowhere.
    NoService(Why),
}

/// One of the pools that a request may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolShare {
    /// The pool.
    pub pool: AviKey,
    /// Its share among the others, above zero.
    pub ratio: u32,
    /// Its enabled servers, `address:port`.
    pub servers: Vec<EcoString>,
}

/// The certificate of a TLS connection that Avi ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Certificate {
    /// Certificates of the virtual service that answers.
    Own(Vec<AviKey>),
    /// It has none: the Controller's default certificate, which no client trusts.
    Default,
}

/// The target of a redirect. The path is that of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Whether by TLS.
    pub tls: bool,
    /// Host.
    pub host: EcoString,
    /// Port.
    pub port: u16,
    /// Path.
    pub path: EcoString,
}

/// Why a request is not served.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Why {
    /// No VsVip has the name in its DNS records.
    NoDnsName(EcoString),
    /// No virtual service, DNS name or address is called so.
    NoSuchTarget(EcoString),
    /// The VsVip asked for does not exist.
    NoSuchVip(AviKey),
    /// The VsVip is not used by a virtual service, so it has no address and no DNS record.
    NoVirtualService(AviKey),
    /// Nothing listens on the port.
    NoListener(u16),
    /// The client speaks TLS, and the port is a plain one.
    NotTls(u16),
    /// The virtual service takes no traffic.
    TrafficDisabled(AviKey),
    /// The virtual service knows nothing of the host.
    UnknownHost(EcoString),
    /// The virtual service knows the host, but no rule, label or default takes the request.
    NoRule(AviKey),
    /// The chosen pool group does not exist.
    GroupMissing(EcoString),
    /// The pool group has no members.
    GroupEmpty(AviKey),
    /// All members of the pool group have ratio 0.
    GroupIdle(AviKey),
    /// The chosen pool (or pools) does not exist.
    PoolMissing(EcoString),
    /// No pool that the request may reach has an enabled server.
    NoServer(Vec<AviKey>),
    /// One redirect leads to the next without an end.
    RedirectLoop,
}

/// One thing that decided about a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Step {
    /// DNS gives the address of this VsVip.
    Dns(AviKey),
    /// This virtual service listens.
    Listens {
        /// It.
        service: AviKey,
        /// On this port.
        port: u16,
        /// With TLS.
        tls: bool,
    },
    /// The SNI name chose this child.
    Child(AviKey),
    /// The SNI name means this child, but it has no certificate, so the parent answers.
    ChildWithoutCertificate(AviKey),
    /// A rule matched.
    Rule {
        /// In this policy set.
        set: AviKey,
        /// So named.
        rule: EcoString,
    },
    /// A script looked for a label.
    Script {
        /// The set of the script.
        set: AviKey,
        /// What it looked for.
        label: EcoString,
    },
    /// The label that was found in a pool group.
    Label(EcoString),
    /// This pool group was chosen.
    Group(AviKey),
    /// The default pool of this virtual service was taken.
    DefaultPool(AviKey),
}

impl Verdict {
    /// The pools that the request may reach.
    pub fn pools(&self) -> &[PoolShare] {
        match &self.outcome {
            Outcome::Backend(pools) => pools,
            _ => &[],
        }
    }

    /// Whether the request reaches a pool, with or without servers.
    pub fn is_backend(&self) -> bool {
        matches!(self.outcome, Outcome::Backend(_))
    }

    /// Whether the request reaches a pool that has an enabled server.
    pub fn has_server(&self) -> bool {
        self.pools().iter().any(|share| !share.servers.is_empty())
    }

    /// Whether the client meets no certificate that is not the host's own.
    pub fn is_trusted(&self) -> bool {
        self.certificate != Some(Certificate::Default)
    }

    /// Why no server gets the request; none where one does, and for redirects and closed
    /// connections, which are meant.
    pub fn why_not(&self) -> Option<Why> {
        match &self.outcome {
            Outcome::NoService(why) => Some(why.clone()),
            Outcome::Backend(pools) if !self.has_server() => Some(Why::NoServer(
                pools.iter().map(|share| share.pool.clone()).collect(),
            )),
            _ => None,
        }
    }

    /// Greater is better for the client. Of several answers that a client may get, the worst
    /// counts.
    pub(crate) fn rank(&self) -> u8 {
        match &self.outcome {
            Outcome::NoService(_) => 0,
            Outcome::Closed => 1,
            Outcome::Backend(_) if !self.has_server() => 2,
            _ if !self.is_trusted() => 3,
            _ => 4,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.via {
            writeln!(f, "{step}")?;
        }
        match &self.outcome {
            Outcome::Backend(pools) => {
                for share in pools {
                    let servers = share.servers.join(", ");
                    writeln!(f, "to {} (ratio {}): [{servers}]", share.pool, share.ratio)?;
                }
                Ok(())
            }
            Outcome::Redirect(to) => writeln!(f, "redirected to {to}"),
            Outcome::Closed => writeln!(f, "closed by a rule"),
            Outcome::NoService(why) => writeln!(f, "not served: {why}"),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}{}", self.host, self.port, self.path)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDnsName(host) => write!(f, "no vsvip has the DNS name {host}"),
            Self::NoSuchTarget(name) => {
                write!(f, "no virtual service, DNS name or address is {name}")
            }
            Self::NoSuchVip(vip) => write!(f, "{vip} does not exist"),
            Self::NoVirtualService(vip) => write!(f, "no virtual service uses {vip}"),
            Self::NoListener(port) => write!(f, "nothing listens on port {port}"),
            Self::NotTls(port) => write!(f, "port {port} does not speak TLS"),
            Self::TrafficDisabled(service) => write!(f, "{service} takes no traffic"),
            Self::UnknownHost(host) => write!(f, "nothing is configured for the host {host}"),
            Self::NoRule(service) => write!(f, "no rule of {service} takes the request"),
            Self::GroupMissing(text) => write!(f, "the pool group {text} does not exist"),
            Self::GroupEmpty(group) => write!(f, "{group} has no members"),
            Self::GroupIdle(group) => write!(f, "all members of {group} have ratio 0"),
            Self::PoolMissing(text) => write!(f, "the pool {text} does not exist"),
            Self::NoServer(pools) => {
                let names: Vec<String> = pools.iter().map(ToString::to_string).collect();
                write!(f, "no enabled server in {}", names.join(", "))
            }
            Self::RedirectLoop => f.write_str("redirects lead in a circle"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(vip) => write!(f, "DNS leads to {vip}"),
            Self::Listens { service, port, tls } => {
                let how = if *tls { "TLS" } else { "plain" };
                write!(f, "{service} listens on {port} ({how})")
            }
            Self::Child(child) => write!(f, "SNI chooses {child}"),
            Self::ChildWithoutCertificate(child) => {
                write!(
                    f,
                    "SNI means {child}, which has no certificate: the parent answers"
                )
            }
            Self::Rule { set, rule } => write!(f, "rule {rule} of {set} matches"),
            Self::Script { set, label } => write!(f, "{set} looks for the label {label}"),
            Self::Label(label) => write!(f, "the longest label that fits is {label}"),
            Self::Group(group) => write!(f, "{group} shares the request out"),
            Self::DefaultPool(service) => write!(f, "the default pool of {service} is taken"),
        }
    }
}
