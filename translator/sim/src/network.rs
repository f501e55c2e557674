//! Addresses of networks: subnets and static ranges, read from their plain JSON.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// The family of an address.
    pub(crate) fn of(address: IpAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::V4 => "V4",
            Self::V6 => "V6",
        }
    }

    fn bits(self) -> u32 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// First and last address of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) family: Family,
    pub(crate) first: u128,
    pub(crate) last: u128,
}

impl Range {
    /// Whether the address lies in it.
    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        let number = to_number(address);
        Family::of(address) == self.family && self.first <= number && number <= self.last
    }

    fn overlap(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (self.family == other.family && first <= last).then_some(Self {
            first,
            last,
            ..self
        })
    }
}

/// An address as a number of its family.
pub(crate) fn to_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// The Avi form (`{addr, type}`) of a number.
pub(crate) fn to_value(family: Family, number: u128) -> Value {
    let address: IpAddr = match family {
        Family::V4 => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into(),
        Family::V6 => Ipv6Addr::from(number).into(),
    };
    json!({ "addr": address.to_string(), "type": family.label() })
}

/// The address in an Avi `{addr, type}`.
pub(crate) fn address(value: &Value) -> Option<IpAddr> {
    value.get("addr")?.as_str()?.parse().ok()
}

/// All addresses of an Avi `{ip_addr, mask}`.
pub(crate) fn subnet(value: &Value) -> Option<Range> {
    let base = address(value.get("ip_addr")?)?;
    let mask = u32::try_from(value.get("mask")?.as_u64()?).ok()?;
    let family = Family::of(base);
    let free_bits = family.bits().checked_sub(mask)?;
    let size = 1_u128
        .checked_shl(free_bits)
        .map_or(u128::MAX, |size| size - 1);
    let first = to_number(base) & !size;
    Some(Range {
        family,
        first,
        last: first | size,
    })
}

/// What a network hands out: the static ranges meant for VIPs or, of a subnet without any, all
/// its host addresses. With `within`, only what lies in that subnet.
pub(crate) fn ranges(network: &Map<String, Value>, within: Option<Range>) -> Vec<Range> {
    let subnets = network.get("configured_subnets").and_then(Value::as_array);
    let all = subnets.into_iter().flatten().flat_map(ranges_of_subnet);
    match within {
        None => all.collect(),
        Some(within) => all.filter_map(|range| range.overlap(within)).collect(),
    }
}

/// The subnets of a network.
pub(crate) fn subnets(network: &Map<String, Value>) -> Vec<Range> {
    let subnets = network.get("configured_subnets").and_then(Value::as_array);
    subnets
        .into_iter()
        .flatten()
        .filter_map(|entry| subnet(entry.get("prefix")?))
        .collect()
}

fn ranges_of_subnet(entry: &Value) -> Vec<Range> {
    let typed = entry.get("static_ip_ranges").and_then(Value::as_array);
    let plain = entry.get("static_ranges").and_then(Value::as_array);
    if typed.is_none() && plain.is_none() {
        return entry
            .get("prefix")
            .and_then(subnet)
            .and_then(hosts)
            .into_iter()
            .collect();
    }
    let typed = typed
        .into_iter()
        .flatten()
        .filter(|range| is_for_vips(range));
    typed
        .filter_map(|range| range.get("range"))
        .chain(plain.into_iter().flatten())
        .filter_map(range)
        .collect()
}

fn is_for_vips(range: &Value) -> bool {
    range.get("type").and_then(Value::as_str) != Some("STATIC_IPS_FOR_SE")
}

fn range(value: &Value) -> Option<Range> {
    let (begin, end) = (address(value.get("begin")?)?, address(value.get("end")?)?);
    let family = Family::of(begin);
    (family == Family::of(end)).then(|| Range {
        family,
        first: to_number(begin),
        last: to_number(end),
    })
}

/// A subnet without its network and broadcast addresses.
fn hosts(subnet: Range) -> Option<Range> {
    let (first, last) = (subnet.first.checked_add(1)?, subnet.last.checked_sub(1)?);
    (first <= last).then_some(Range {
        first,
        last,
        ..subnet
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_without_ranges_hands_out_its_hosts() {
        let network = json!({"configured_subnets": [
            {"prefix": {"ip_addr": {"addr": "10.0.0.0", "type": "V4"}, "mask": 30}},
        ]});
        let ranges = ranges(network.as_object().unwrap(), None);
        assert_eq!(to_value(Family::V4, ranges[0].first)["addr"], "10.0.0.1");
        assert_eq!(to_value(Family::V4, ranges[0].last)["addr"], "10.0.0.2");
    }

    #[test]
    fn ranges_for_service_engines_are_left_alone() {
        let range = |kind: &str| {
            json!({"range": {"begin": {"addr": "10.0.0.5"}, "end": {"addr": "10.0.0.9"}},
                   "type": kind})
        };
        let network = |kind: &str| {
            json!({"configured_subnets": [{
                "prefix": {"ip_addr": {"addr": "10.0.0.0"}, "mask": 24},
                "static_ip_ranges": [range(kind)],
            }]})
        };
        assert!(ranges(network("STATIC_IPS_FOR_SE").as_object().unwrap(), None).is_empty());
        assert_eq!(
            ranges(network("STATIC_IPS_FOR_VIP").as_object().unwrap(), None).len(),
            1
        );
    }
}
