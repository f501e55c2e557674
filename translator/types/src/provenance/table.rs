//! What all objects of one renderer have in common: which parts set which field, and why so.

use std::fmt;

/// The part that something has in an Avi object. A renderer says what fills it; its table says
/// which fields it sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Who asks for the object, where that is no Kubernetes object.
    Asked,
    /// The object that asks: an Ingress, a Service of type LoadBalancer.
    Source,
    /// The tenant of the object.
    Tenant,
    /// The VRF of the object.
    Vrf,
    /// The AviInfraSetting whose name is part of the object's.
    Infra,
    /// What an AviInfraSetting says of the Service Engine group.
    SeGroup,
    /// What it says of the networks of virtual IPs.
    VipNetwork,
    /// What it says of the networks of nodes.
    NodeNetwork,
    /// What it says of route health injection.
    Rhi,
    /// What it says of the peers that addresses are announced to.
    Peers,
    /// What it says of public addresses.
    PublicIp,
    /// The listeners that it adds.
    Listener,
    /// What it says of the tier-1 router.
    Tier1,
    /// What it says of the number of shards.
    ShardSize,
    /// The host of a rule; the rule itself where it has none.
    Host,
    /// A path of a rule, as a whole.
    Path,
    /// The text of a path; the path as a whole where it has none.
    PathText,
    /// The backend of a path.
    Backend,
    /// The Service behind a backend.
    Service,
    /// A port of a Service of type LoadBalancer.
    Port,
    /// A server: what makes its address and port known.
    Server,
    /// A node that is a server: its address.
    Node,
    /// A Pod whose port is reached at its node: where that is said.
    Pod,
    /// The port of a Service at every node.
    NodePort,
    /// The TLS entry of a host.
    Tls,
    /// What holds certificate and key.
    Certificate,
    /// The address that is asked for.
    Address,
    /// A DNS name.
    Name,
    /// The application profile that is asked for.
    Profile,
    /// The switch for traffic.
    Traffic,
    /// The network of a node's pods.
    PodNetwork,
    /// The address of a node.
    NextHop,
}

/// One part of where a field comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cite {
    /// Whoever asks for the object at all: the value is the rule's alone.
    Asked,
    /// What fills a role, with the path below it.
    Of(Role, &'static str),
    /// A setting, by its dotted key.
    Setting(&'static str),
    /// What the Controller was found to be.
    Controller(&'static str),
}

/// Where the fields of one pattern come from.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Path of the field: `[*]` for any element of a list, `[Host]` for the one whose `key` is so,
    /// `**` at the end for everything below.
    pub field: &'static str,
    /// The parts. Those whose role nothing fills are left out.
    pub from: &'static [Cite],
    /// What was decided and why, in one sentence without a full stop.
    pub rule: &'static str,
}

/// A row of a table.
pub const fn row(field: &'static str, from: &'static [Cite], rule: &'static str) -> Row {
    Row { field, from, rule }
}

/// The rows of one renderer, in parts. The first row counts whose pattern fits and of whose parts
/// there is at least one.
pub struct Table(pub &'static [&'static [Row]]);

impl Table {
    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = &'static Row> {
        self.0.iter().copied().flatten()
    }
}

/// A table is a static: two of them are equal if they are one.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Table {}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} rows)", self.rows().count())
    }
}

impl Default for &'static Table {
    fn default() -> Self {
        static NONE: Table = Table(&[]);
        &NONE
    }
}
