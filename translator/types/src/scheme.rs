//! The two ways to choose shards and to name L4 services.

use serde::Serialize;

/// How shards are chosen and L4 services are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// As AKO's documents say.
    Documented,
    /// As AKO's program does.
    Ako,
}

impl Scheme {
    /// Its name in settings and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Ako => "ako",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Documented, Self::Ako];
        all.into_iter().find(|scheme| scheme.name() == name)
    }
}
