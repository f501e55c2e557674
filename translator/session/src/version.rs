//! Versions of the Controller's API.

use std::fmt;
use std::str::FromStr;

/// A version such as `30.2.1`; what follows the third number is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion(u16, u16, u16);

impl ApiVersion {
    /// The newest version that we speak. A newer Controller is asked in this one.
    pub const NEWEST: Self = Self(30, 2, 1);
    /// The oldest Controller that bodies are written for.
    pub const OLDEST: Self = Self(22, 1, 3);

    /// The version to speak with a Controller of this version.
    #[must_use]
    pub fn capped(self) -> Self {
        self.min(Self::NEWEST)
    }
}

/// A text that is no version.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is no version of the form 30.2.1")]
pub struct NotAVersion(String);

impl FromStr for ApiVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.trim().splitn(3, '.').map(leading_number);
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Some(major)), Some(Some(minor)), third) => {
                Ok(Self(major, minor, third.flatten().unwrap_or(0)))
            }
            _ => Err(NotAVersion(text.chars().take(40).collect())),
        }
    }
}

fn leading_number(text: &str) -> Option<u16> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.get(..end.unwrap_or(text.len()))?.parse().ok()
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::ApiVersion;

    #[test]
    fn versions_are_compared_by_number_and_capped() {
        let version = |text: &str| text.parse::<ApiVersion>().unwrap();
        assert!(version("30.10.1") > version("30.2.1"));
        assert_eq!(version("31.1.1").capped(), ApiVersion::NEWEST);
        assert_eq!(version("22.1.3-9096").capped().to_string(), "22.1.3");
        assert_eq!(version("30.2").to_string(), "30.2.0");
        assert!("thirty".parse::<ApiVersion>().is_err());
    }
}
