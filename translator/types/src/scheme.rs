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
