//! Networks as settings name them.

use crate::notes::Spot;
use crate::read;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt;
use std::net::IpAddr;

/// A network address with the length of its mask. Host bits are kept as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    /// The address.
    pub address: IpAddr,
    /// Bits of the mask.
    pub mask: u8,
}

impl Cidr {
    /// Reads `10.10.0.0/20` or `2002::/64`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, mask) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let plain = mask.bytes().all(|byte| byte.is_ascii_digit());
        let mask = mask.parse().ok().filter(|mask| plain && *mask <= bits)?;
        Some(Self { address, mask })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.mask)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How a network is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkRef {
    /// By its name.
    Name(String),
    /// By its uuid on the Controller.
    Uuid(String),
}

/// A CIDR of version 4.
pub(crate) fn cidr_v4(value: &Value, spot: &mut Spot<'_>) -> Option<Cidr> {
    cidr_if(
        value,
        spot,
        "an IPv4 network such as 10.10.0.0/20",
        IpAddr::is_ipv4,
    )
}

/// A CIDR of version 6.
pub(crate) fn cidr_v6(value: &Value, spot: &mut Spot<'_>) -> Option<Cidr> {
    cidr_if(
        value,
        spot,
        "an IPv6 network such as 2002::/64",
        IpAddr::is_ipv6,
    )
}

/// A list of CIDRs.
pub(crate) fn cidrs(value: &Value, spot: &mut Spot<'_>) -> Option<Vec<Cidr>> {
    let Value::Array(items) = value else {
        return spot.refuse(value, "a list of networks");
    };
    let read = |(at, item): (usize, &Value)| {
        spot.at(&format!("[{at}]"), |spot| {
            cidr_if(item, spot, "a network such as 10.0.0.0/24", |_| true)
        })
    };
    Some(items.iter().enumerate().filter_map(read).collect())
}

fn cidr_if(
    value: &Value,
    spot: &mut Spot<'_>,
    allowed: &str,
    fits: impl Fn(&IpAddr) -> bool,
) -> Option<Cidr> {
    let text = read::text(value, spot)?;
    match Cidr::parse(&text) {
        Some(cidr) if fits(&cidr.address) => Some(cidr),
        _ => spot.refuse(value, allowed),
    }
}

/// The network that a row names: by name or by uuid, which wins.
pub(crate) fn network_ref(row: &Map<String, Value>, spot: &mut Spot<'_>) -> Option<NetworkRef> {
    let name = read::field(row, "networkName", spot, read::text);
    let uuid = read::field(row, "networkUUID", spot, read::text);
    match (name, uuid) {
        (Some(_), Some(uuid)) => {
            spot.note("networkName and networkUUID both stand here: networkUUID is taken");
            Some(NetworkRef::Uuid(uuid))
        }
        (None, Some(uuid)) => Some(NetworkRef::Uuid(uuid)),
        (Some(name), None) => Some(NetworkRef::Name(name)),
        (None, None) => spot.missing("networkName or networkUUID"),
    }
}

#[cfg(test)]
mod tests {
    use super::Cidr;

    #[test]
    fn networks_have_an_address_and_a_mask() {
        let check = |text: &str, want: Option<&str>| {
            assert_eq!(
                Cidr::parse(text).map(|cidr| cidr.to_string()).as_deref(),
                want,
                "{text}"
            );
        };
        check("10.10.0.0/20", Some("10.10.0.0/20"));
        check("10.10.0.7/32", Some("10.10.0.7/32"));
        check(
            "2002::1234:abcd:ffff:c0a8:101/64",
            Some("2002::1234:abcd:ffff:c0a8:101/64"),
        );
        check("10.10.0.0", None);
        check("10.10.0.0/33", None);
        check("10.10.0/24", None);
        check("2002::/129", None);
        check("10.10.0.0/+8", None);
        check("/24", None);
        check("", None);
    }
}
