//! A folder of manifests as a source, followed live: the whole system runs on it without a cluster.

mod feed;
mod files;
mod overlay;
mod parse;
mod shelf;
mod state;
mod write;

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aviary_boot::{Clock, spawn};
use aviary_link::key::{Kind, Lane, Name};
use aviary_proto::sync::v1::{Intent, IntentOutcome, WatchItem};
use aviary_proto::types::v1::Finding;
use futures::stream::BoxStream;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

pub use self::files::{Change, DiskFiles, DiskSink, Files, Listing, MemoryFiles, Sink, Stamp};
use self::overlay::Overlay;
pub use self::parse::{Document, Malformed, parse};
use self::shelf::Shelf;
use self::state::State;
use crate::source::{FetchError, Sight, Source};

/// After a change the folder is read once nothing more changed for this long.
const QUIET: Duration = Duration::from_millis(50);
/// But after so many changes in any case.
const QUIET_TRIES: u32 = 20;
/// Files that are read in one go.
const READ_MAX: usize = 64;
/// The folder is listed this often although nothing was noticed.
const RESCAN: Duration = Duration::from_secs(10);

/// A folder of manifests as a source.
pub struct Manifests {
    desk: Arc<Desk>,
    follower: JoinHandle<()>,
}

/// What the follower, the watches and the writes share.
struct Desk {
    files: Arc<dyn Files>,
    sink: Option<Arc<dyn Sink>>,
    clock: Clock,
    papers: Mutex<Papers>,
    states: watch::Sender<Arc<State>>,
    findings: watch::Sender<Vec<Finding>>,
}

struct Papers {
    shelf: Shelf,
    overlay: Overlay,
}

impl Manifests {
    /// Follows files; statuses and Events go to a sink, or nowhere.
    pub fn new(files: Arc<dyn Files>, sink: Option<Arc<dyn Sink>>, clock: Clock) -> Self {
        let desk = Arc::new(Desk {
            files,
            sink,
            papers: Mutex::new(Papers {
                shelf: Shelf::new(clock.now()),
                overlay: Overlay::default(),
            }),
            clock,
            states: watch::Sender::new(Arc::default()),
            findings: watch::Sender::new(Vec::new()),
        });
        let follower = spawn("manifests", follow(desk.clone()));
        Self { desk, follower }
    }
}

impl Drop for Manifests {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

#[async_trait]
impl Source for Manifests {
    fn watch(&self, lane: &Lane, _item: &WatchItem) -> BoxStream<'static, Sight> {
        feed::feed(lane.clone(), self.desk.states.subscribe())
    }

    async fn fetch(
        &self,
        lane: &Lane,
        _item: &WatchItem,
        name: &Name,
    ) -> Result<Option<Value>, FetchError> {
        let state = self.desk.states.borrow().clone();
        match state.find(&lane.kind, name) {
            Some((_, stored)) => Ok(Some(feed::named(stored.value(), name))),
            None => match &state.unknown {
                None => Ok(None),
                Some(reason) => Err(FetchError {
                    lane: lane.clone(),
                    name: name.clone(),
                    reason: reason.clone(),
                }),
            },
        }
    }

    async fn carry(&self, intent: &Intent) -> IntentOutcome {
        self.desk.carry(intent).await
    }

    fn findings(&self) -> watch::Receiver<Vec<Finding>> {
        self.desk.findings.subscribe()
    }
}

impl Desk {
    fn papers(&self) -> MutexGuard<'_, Papers> {
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what is on the desk known.
    fn publish(&self) {
        let mut papers = self.papers();
        let Papers { shelf, overlay } = &mut *papers;
        let state = shelf.state(&self.states.borrow().clone(), overlay);
        let findings = shelf.findings();
        self.show(state);
        self.findings.send_if_modified(|before| {
            let changed = *before != findings;
            *before = findings;
            changed
        });
    }

    /// Makes known what was written to one object.
    fn publish_written(&self, kind: &Kind, name: &Name) {
        let mut papers = self.papers();
        let Papers { shelf, overlay } = &mut *papers;
        let state = shelf.written((kind, name), &self.states.borrow().clone(), overlay);
        self.show(state);
    }

    fn show(&self, state: State) {
        self.states.send_if_modified(|before| {
            let changed = !state.is(before);
            if changed {
                *before = Arc::new(state);
            }
            changed
        });
    }

    /// Reads files that alone have changed. Answers whether that was all there is to do.
    async fn hurry(&self, paths: &BTreeSet<String>, stamps: &mut Listing) -> bool {
        let mut done = true;
        for path in paths {
            let (stamp, content) = (self.files.stamp(path).await, self.files.read(path).await);
            let (Ok(stamp), Ok(content)) = (stamp, content) else {
                return false;
            };
            let mut papers = self.papers();
            let Papers { shelf, overlay } = &mut *papers;
            let before = self.states.borrow().clone();
            match shelf.put_alone(path, &content, (&before, overlay)) {
                Some(state) => {
                    self.show(state);
                    stamps.insert(path.as_str().into(), stamp);
                }
                None => done = false,
            }
        }
        done
    }

    /// Lists the folder. A file that alone changes meanwhile is read at once: with thousands of files
    /// a list takes its time. Answers whether more than that happened.
    async fn list(&self, stamps: &mut Listing) -> (io::Result<Listing>, bool) {
        let mut hurried = BTreeSet::new();
        let mut more = false;
        let mut listing = self.files.list();
        let mut listed = loop {
            tokio::select! {
                biased;
                listed = &mut listing => break listed,
                change = self.files.changed(), if !more => match change {
                    Change::Files(paths) if self.hurry(&paths, stamps).await => {
                        hurried.extend(paths);
                    }
                    Change::Files(_) | Change::Anything => more = true,
                }
            }
        };
        if let Ok(listed) = &mut listed {
            // The list may be older than these.
            let fresh = stamps.iter().filter(|(path, _)| hurried.contains(&***path));
            listed.extend(fresh.map(|(path, stamp)| (path.clone(), *stamp)));
        }
        (listed, more)
    }

    /// Reads what changed since the stamps before. Answers whether there is more to read.
    async fn scan(&self, stamps: &mut Listing) -> bool {
        let (listed, more) = self.list(stamps).await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => {
                tracing::warn!(%error, "the folder of manifests cannot be listed");
                self.papers().shelf.folder_failed(&error.to_string());
                self.publish();
                return more;
            }
        };
        if listed == *stamps && self.papers().shelf.is_settled() {
            return more;
        }
        self.take(&listed, stamps).await;
        stamps.retain(|path, _| listed.contains_key(path));
        self.papers().shelf.listed(|path| listed.contains_key(path));
        self.publish();
        self.prune().await;
        more
    }

    /// Reads the files whose stamps are others than before.
    async fn take(&self, listed: &Listing, stamps: &mut Listing) {
        let is_new = |(path, stamp): &(&Arc<str>, &Stamp)| stamps.get(*path) != Some(*stamp);
        let changed: Vec<(&Arc<str>, &Stamp)> = listed.iter().filter(is_new).collect();
        for files in changed.chunks(READ_MAX) {
            let paths: Vec<String> = files.iter().map(|(path, _)| path.to_string()).collect();
            let contents = self.files.read_all(&paths).await;
            for ((path, stamp), content) in files.iter().zip(contents) {
                let mut papers = self.papers();
                match content {
                    Ok(content) => {
                        papers.shelf.put(path, &content);
                        stamps.insert((*path).clone(), **stamp);
                    }
                    Err(error) => {
                        papers.shelf.spoil(path, &error.to_string());
                        // Tried again at every scan.
                        stamps.remove(*path);
                    }
                }
            }
        }
    }

    /// Removes the statuses of objects that are gone.
    async fn prune(&self) {
        let state = self.states.borrow().clone();
        if state.unknown.is_some() {
            return;
        }
        let gone = self
            .papers()
            .overlay
            .prune(|kind, name| state.get(kind, name).is_some());
        let Some(sink) = &self.sink else {
            return;
        };
        for path in gone {
            if let Err(error) = sink.remove(&path).await {
                tracing::warn!(path, %error, "a status cannot be removed");
            }
        }
    }

    async fn load_overlay(&self) {
        let Some(sink) = &self.sink else {
            return;
        };
        match sink.load().await {
            Ok(written) => {
                let mut papers = self.papers();
                for (path, content) in &written {
                    papers.overlay.load(path, content);
                }
            }
            Err(error) => tracing::warn!(%error, "statuses written before cannot be read"),
        }
    }
}

async fn follow(desk: Arc<Desk>) {
    desk.load_overlay().await;
    let mut stamps = Listing::new();
    loop {
        if desk.scan(&mut stamps).await {
            quieten(&*desk.files).await;
            continue;
        }
        let rescan = Instant::now() + RESCAN;
        loop {
            let change = tokio::select! {
                biased;
                change = desk.files.changed() => change,
                () = sleep_until(rescan) => break,
            };
            // A file that is whole waits for nothing; all else may be the begin of more.
            if let Change::Files(paths) = &change
                && desk.hurry(paths, &mut stamps).await
            {
                continue;
            }
            quieten(&*desk.files).await;
            break;
        }
    }
}

/// Waits until whoever writes is done.
async fn quieten(files: &dyn Files) {
    for _ in 0..QUIET_TRIES {
        if timeout(QUIET, files.changed()).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
