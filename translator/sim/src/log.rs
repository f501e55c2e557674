//! What was asked of the Controller, in order, for tests to read.

use std::collections::VecDeque;

use serde::Serialize;

/// Most entries that are kept; the oldest go first.
const LOG_LIMIT: usize = 262_144;

/// One request and what became of it. Bodies are not kept, for they
/// hold keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// Counts all requests since the start.
    pub seq: u64,
    /// When it was answered, in microseconds since the epoch.
    pub at_micros: u64,
    /// GET, POST, PUT, PATCH or DELETE.
    pub method: String,
    /// The object kind, or the first segment below `/api`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The object's name, where the request, its body or the store tells it; else empty.
    pub name: String,
    /// The object's uuid, where known; else empty.
    pub uuid: String,
    /// The tenant asked for, as the header gave it.
    pub tenant: String,
    /// The status; 0 if the connection was dropped without an answer.
    pub status: u16,
    /// Whether the request took effect although no answer was given, or the reverse.
    pub fault: bool,
    /// What tells the body of a write from others, its stamp left out; empty for what has none.
    pub body: String,
}

impl LogEntry {
    /// Whether the request was one that changes objects, and was accepted.
    pub fn is_write(&self) -> bool {
        matches!(self.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE")
            && (200..300).contains(&self.status)
            && !matches!(self.kind.as_str(), "login" | "logout")
    }
}

/// The entries kept.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<LogEntry>,
    count: u64,
}

impl Log {
    /// Adds an entry and numbers it.
    pub(crate) fn push(&mut self, mut entry: LogEntry) {
        if self.entries.len() == LOG_LIMIT {
            self.entries.pop_front();
        }
        self.count += 1;
        entry.seq = self.count;
        self.entries.push_back(entry);
    }

    /// A copy of the entries after a number, oldest first; 0 for all.
    pub(crate) fn entries_after(&self, seq: u64) -> Vec<LogEntry> {
        let first = self.entries.partition_point(|entry| entry.seq <= seq);
        self.entries.range(first..).cloned().collect()
    }

    /// Forgets the entries; the numbering goes on.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}
