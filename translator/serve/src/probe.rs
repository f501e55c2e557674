//! A question that can be put to any world.

use crate::http::Request;
use crate::l4::Listener;
use crate::verdict::Verdict;
use crate::world::World;
use serde::Serialize;
use std::fmt;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Probe {
    /// A request.
    Http(Request),
    /// A connection.
    L4(Listener),
}

impl World {
    /// The answer to a question.
    pub fn ask(&self, probe: &Probe) -> Verdict {
        match probe {
            Probe::Http(request) => self.http(request),
            Probe::L4(listener) => self.l4(listener),
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(request) => request.fmt(f),
            Self::L4(listener) => listener.fmt(f),
        }
    }
}
