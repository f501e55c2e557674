//! What happened in a run, in order, with virtual times.

use std::fmt::Display;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use aviary_agent::manifests::{MemoryFiles, Sink};
use aviary_runtime::view::Snapshot;
use aviary_types::Digest;
use std::collections::BTreeMap;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::dice::Naps;

/// The book. Cheap to clone; clones write into the same one.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    start: Instant,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Journal {
    /// An empty book; times count from now.
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            lines: Arc::default(),
        }
    }

    /// Notes something.
    pub(crate) fn note(&self, what: impl Display) {
        let line = format!("{:>9} ms {what}", self.start.elapsed().as_millis());
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }

    /// Everything so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes every snapshot that is published, until the translator ends.
    pub(crate) async fn follow(self, mut snapshots: watch::Receiver<Snapshot>) {
        while snapshots.changed().await.is_ok() {
            let line = line_of(&snapshots.borrow_and_update());
            self.note(line);
        }
    }
}

fn line_of(snapshot: &Snapshot) -> String {
    let sites = snapshot.sites.iter().map(|site| {
        format!(
            "desired {} ops {} holds {} refused {} settled {} trouble {:?}",
            site.built.desired.digest,
            site.ops.len(),
            site.holds.len(),
            site.refusals.len(),
            site.settled,
            site.trouble,
        )
    });
    let sites: Vec<String> = sites.collect();
    let heard = snapshot
        .scopes
        .values()
        .filter(|scope| scope.session.is_some());
    format!(
        "snapshot {} facts {} heard {}/{} intents {}; {}",
        snapshot.generation().0,
        snapshot.facts.digest,
        heard.count(),
        snapshot.scopes.len(),
        snapshot.intents,
        sites.join("; ")
    )
}

/// An agent's sink that notes what is written.
pub(crate) struct NotedSink {
    pub(crate) agent: &'static str,
    pub(crate) files: MemoryFiles,
    pub(crate) journal: Journal,
    pub(crate) naps: Naps,
}

impl NotedSink {
    fn note(&self, what: &str, path: &str, content: &[u8]) {
        self.naps.nap();
        let (agent, digest) = (self.agent, Digest::of(content));
        self.journal.note(format!("{agent} {what} {path} {digest}"));
    }
}

#[tonic::async_trait]
impl Sink for NotedSink {
    async fn load(&self) -> io::Result<BTreeMap<String, Vec<u8>>> {
        self.files.load().await
    }

    async fn write(&self, path: &str, content: Vec<u8>) -> io::Result<()> {
        self.note("writes", path, &content);
        self.files.write(path, content).await
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        self.note("removes", path, b"");
        Sink::remove(&self.files, path).await
    }

    async fn append(&self, path: &str, content: Vec<u8>) -> io::Result<()> {
        self.note("appends to", path, &content);
        self.files.append(path, content).await
    }
}
