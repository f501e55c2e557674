//! Address families: those that a domain uses, and those that a Service has.

use serde::Serialize;
use std::net::IpAddr;

/// Which address families are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Families {
    /// IPv4.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

impl Families {
    /// The families of `spec.ipFamilies`: two entries are both, one is itself. An apiserver fills
    /// the field in; where it did not, it is IPv4, as AKO has it.
    pub fn of_service(families: &[impl AsRef<str>]) -> Self {
        match families {
            [_, _, ..] => Self { v4: true, v6: true },
            [one] if one.as_ref() == "IPv6" => Self {
                v4: false,
                v6: true,
            },
            _ => Self {
                v4: true,
                v6: false,
            },
        }
    }

    /// Those that both have.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            v4: self.v4 && other.v4,
            v6: self.v6 && other.v6,
        }
    }

    /// Whether this is an address of a family in use. What is no address is of none.
    pub fn use_address(self, address: &str) -> bool {
        match address.parse() {
            Ok(IpAddr::V4(_)) => self.v4,
            Ok(IpAddr::V6(_)) => self.v6,
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Families;

    #[test]
    fn families_of_a_service() {
        let check = |families: &[&str], v4: bool, v6: bool| {
            assert_eq!(Families::of_service(families), Families { v4, v6 });
        };
        check(&[], true, false);
        check(&["IPv4"], true, false);
        check(&["IPv6"], false, true);
        check(&["IPv6", "IPv4"], true, true);
        check(&["other"], true, false);
    }

    #[test]
    fn only_addresses_have_a_family() {
        let both = Families { v4: true, v6: true };
        let v6 = both.and(Families::of_service(&["IPv6"]));
        for (address, any, six) in [
            ("10.0.0.1", true, false),
            ("fd00::1", true, true),
            ("pod.x", false, false),
            ("10.0.0.1/24", false, false),
            ("", false, false),
        ] {
            assert_eq!(both.use_address(address), any, "{address}");
            assert_eq!(v6.use_address(address), six, "{address}");
        }
    }
}
