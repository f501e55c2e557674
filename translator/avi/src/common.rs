//! Values that several Avi objects share.

use aviary_types::{DomainId, EcoString, eco_format};
use serde::{Deserialize, Serialize};

/// A label of ownership. The order of keys and of values is part of what is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Marker {
    /// One of the closed list of keys, such as `clustername` or `Host`.
    pub key: EcoString,
    /// Its values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<EcoString>,
}

impl Marker {
    /// A marker of one value.
    pub fn one(key: &str, value: impl Into<EcoString>) -> Self {
        Self {
            key: key.into(),
            values: vec![value.into()],
        }
    }

    /// A marker of several values.
    pub fn many(key: &str, values: Vec<EcoString>) -> Self {
        Self {
            key: key.into(),
            values,
        }
    }

    /// The marker that every object of a cluster begins with.
    pub fn cluster(domain: &DomainId) -> Self {
        Self::one("clustername", domain.cluster.text().clone())
    }
}

/// The first value of a marker key.
pub fn marker_value<'a>(markers: &'a [Marker], key: &str) -> Option<&'a EcoString> {
    markers
        .iter()
        .find(|marker| marker.key == key)?
        .values
        .first()
}

/// An address with its family.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IpAddr {
    /// The address as text.
    pub addr: EcoString,
    /// `V4`, `V6` or `DNS`.
    #[serde(rename = "type")]
    pub kind: EcoString,
}

impl IpAddr {
    /// An address whose family is read off its text.
    pub fn new(addr: impl Into<EcoString>) -> Self {
        let addr = addr.into();
        let kind = if addr.contains(':') { "V6" } else { "V4" };
        Self {
            addr,
            kind: kind.into(),
        }
    }
}

impl IpAddr {
    /// Whether both are one address, however it is written.
    pub fn is(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }

    /// The address in the one way to write it; as it is where it is none.
    pub fn canonical(&self) -> EcoString {
        let parsed = self.addr.parse::<std::net::IpAddr>();
        parsed.map_or_else(|_| self.addr.clone(), |it| eco_format!("{it}"))
    }
}

/// A subnet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subnet {
    /// Network address.
    pub ip_addr: IpAddr,
    /// Prefix length.
    pub mask: u8,
}

impl Subnet {
    /// Reads `10.0.0.0/24` or `2001:db8::/64`.
    pub fn parse(cidr: &str) -> Option<Self> {
        let (addr, mask) = cidr.trim().split_once('/')?;
        let parsed: std::net::IpAddr = addr.parse().ok()?;
        let mask: u8 = mask.parse().ok()?;
        let limit = if parsed.is_ipv4() { 32 } else { 128 };
        (mask <= limit).then(|| Self {
            ip_addr: IpAddr::new(addr),
            mask,
        })
    }
}

/// `{key, value}`, the labels of SE groups and static routes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Label {
    /// Key.
    pub key: EcoString,
    /// Value.
    pub value: EcoString,
}
