//! Manifests and statuses in folders.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aviary_boot::{Blocking, Clock};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::notes::Notes;
use super::{Change, Files, Listing, Sink, Stamp};

/// A file changed this recently may change again without another stamp.
const RACY_SECONDS: i64 = 2;
/// What began to change has this long to be whole; then it counts as a change of anything.
const UNDER_WAY: Duration = Duration::from_millis(50);
/// Folders within folders.
const DEPTH_MAX: usize = 32;

/// The YAML and JSON files below a folder.
pub struct DiskFiles {
    folder: PathBuf,
    without: Option<PathBuf>,
    clock: Clock,
    blocking: Blocking,
    heard: Arc<Heard>,
    scans: AtomicU64,
    /// Kept for its notifications; without it files are listed now and then only.
    _watcher: Option<RecommendedWatcher>,
}

/// What the operating system told.
#[derive(Default)]
struct Heard {
    notes: Mutex<Notes>,
    news: Notify,
}

impl Heard {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiskFiles {
    /// Follows a folder. What is below `without` is not read: statuses may be written there.
    pub fn new(
        folder: &Path,
        without: Option<&Path>,
        clock: Clock,
        blocking: Blocking,
    ) -> io::Result<Self> {
        let folder = folder.canonicalize()?;
        let without = without.and_then(|without| without.canonicalize().ok());
        let heard = Arc::new(Heard::default());
        let (ear, out) = (heard.clone(), without.clone());
        let watcher = notify::recommended_watcher(move |event| {
            let mut notes = ear.notes();
            notes.take(event, out.as_deref());
            if !notes.is_empty() {
                ear.news.notify_one();
            }
        });
        let watcher = watcher.and_then(|mut watcher| {
            watcher.watch(&folder, RecursiveMode::Recursive)?;
            Ok(watcher)
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, "changes of the folder are seen late");
        }
        Ok(Self {
            without,
            folder,
            clock,
            blocking,
            heard,
            scans: AtomicU64::new(0),
            _watcher: watcher.ok(),
        })
    }
}

#[async_trait]
impl Files for DiskFiles {
    async fn list(&self) -> io::Result<Listing> {
        let scan = self.scans.fetch_add(1, Ordering::Relaxed);
        let (folder, without) = (self.folder.clone(), self.without.clone());
        let racy = self.clock.now().as_second().saturating_sub(RACY_SECONDS);
        let walk = move || {
            let mut walk = Walk {
                root: folder.clone(),
                without,
                racy,
                scan,
                found: Listing::new(),
            };
            walk.enter(&folder, 0)?;
            Ok(walk.found)
        };
        self.blocking.run(walk).await.map_err(io::Error::other)?
    }

    async fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let path = self.folder.join(path);
        self.blocking
            .run(move || std::fs::read(path))
            .await
            .map_err(io::Error::other)?
    }

    async fn read_all(&self, paths: &[String]) -> Vec<io::Result<Vec<u8>>> {
        let full: Vec<PathBuf> = paths.iter().map(|path| self.folder.join(path)).collect();
        let read = move || full.into_iter().map(std::fs::read).collect();
        match self.blocking.run(read).await {
            Ok(contents) => contents,
            Err(_) => paths
                .iter()
                .map(|_| Err(io::ErrorKind::Interrupted.into()))
                .collect(),
        }
    }

    async fn stamp(&self, path: &str) -> io::Result<Stamp> {
        let scan = self.scans.fetch_add(1, Ordering::Relaxed);
        let racy = self.clock.now().as_second().saturating_sub(RACY_SECONDS);
        let path = self.folder.join(path);
        let look = move || {
            let metadata = std::fs::metadata(path)?;
            if !metadata.is_file() {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            Ok(stamp_of(&metadata, racy, scan))
        };
        self.blocking.run(look).await.map_err(io::Error::other)?
    }

    async fn changed(&self) -> Change {
        loop {
            let pending = {
                let mut notes = self.heard.notes();
                if notes.anything {
                    *notes = Notes::default();
                    return Change::Anything;
                }
                if !notes.whole.is_empty() {
                    let whole = std::mem::take(&mut notes.whole);
                    return self.relative(&whole);
                }
                notes.is_pending()
            };
            let news = self.heard.news.notified();
            if !pending {
                news.await;
            } else if tokio::time::timeout(UNDER_WAY, news).await.is_err() {
                let mut notes = self.heard.notes();
                notes.anything |= notes.is_pending();
            }
        }
    }
}

impl DiskFiles {
    fn relative(&self, paths: &BTreeSet<PathBuf>) -> Change {
        let name = |path: &PathBuf| {
            let below = path.strip_prefix(&self.folder).ok()?;
            Some(below.to_str()?.to_owned())
        };
        match paths.iter().map(name).collect() {
            Some(names) => Change::Files(names),
            None => Change::Anything,
        }
    }
}

struct Walk {
    root: PathBuf,
    without: Option<PathBuf>,
    racy: i64,
    scan: u64,
    found: Listing,
}

impl Walk {
    /// Any folder that cannot be read makes the whole walk fail: what it holds is not known.
    fn enter(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        if depth > DEPTH_MAX || self.without.as_deref() == Some(folder) {
            return Ok(());
        }
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if hidden(&path) {
                continue;
            }
            // A link whose end is gone counts as a file that cannot be read.
            match std::fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.enter(&path, depth + 1)?,
                Ok(metadata) if is_manifest(&path) => self.add(&path, &metadata),
                Err(_) if is_manifest(&path) => self.insert(&path, Stamp::of("gone")),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, metadata: &std::fs::Metadata) {
        self.insert(path, stamp_of(metadata, self.racy, self.scan));
    }

    fn insert(&mut self, path: &Path, stamp: Stamp) {
        if let Some(name) = path.strip_prefix(&self.root).ok().and_then(Path::to_str) {
            self.found.insert(name.into(), stamp);
        }
    }
}

fn stamp_of(metadata: &std::fs::Metadata, racy: i64, scan: u64) -> Stamp {
    let mut words = format!(
        "{}.{}.{}.{}",
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ino()
    );
    if metadata.mtime() >= racy {
        words = format!("{words}.{scan}");
    }
    Stamp::of(&words)
}

pub(super) fn hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

pub(super) fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("yaml" | "yml" | "json"))
}

/// Statuses below a folder, which is made when the first is written.
pub struct DiskSink {
    folder: PathBuf,
    blocking: Blocking,
}

impl DiskSink {
    /// Writes below a folder.
    pub fn new(folder: &Path, blocking: Blocking) -> Self {
        Self {
            folder: folder.to_owned(),
            blocking,
        }
    }
}

#[async_trait]
impl Sink for DiskSink {
    async fn load(&self) -> io::Result<BTreeMap<String, Vec<u8>>> {
        let folder = self.folder.clone();
        let load = move || {
            if !folder.exists() {
                return Ok(BTreeMap::new());
            }
            let mut walk = Walk {
                root: folder.clone(),
                without: None,
                racy: i64::MAX,
                scan: 0,
                found: Listing::new(),
            };
            walk.enter(&folder, 0)?;
            let read = |path: Arc<str>| {
                let content = std::fs::read(folder.join(&*path))?;
                Ok((path.to_string(), content))
            };
            walk.found.into_keys().map(read).collect()
        };
        self.blocking.run(load).await.map_err(io::Error::other)?
    }

    async fn write(&self, path: &str, content: Vec<u8>) -> io::Result<()> {
        let path = self.folder.join(path);
        let write = move || {
            let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
            std::fs::create_dir_all(folder)?;
            // Readers see the old file or the new one.
            let draft = path.with_extension("draft");
            std::fs::write(&draft, content)?;
            std::fs::rename(draft, path)
        };
        self.blocking.run(write).await.map_err(io::Error::other)?
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.folder.join(path);
        let remove = move || match std::fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        self.blocking.run(remove).await.map_err(io::Error::other)?
    }

    async fn append(&self, path: &str, content: Vec<u8>) -> io::Result<()> {
        let (folder, path) = (self.folder.clone(), self.folder.join(path));
        let append = move || {
            std::fs::create_dir_all(folder)?;
            let mut file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)?;
            file.write_all(&content)
        };
        self.blocking.run(append).await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn manifests_are_found_recursively_and_statuses_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::create_dir_all(at("status")).unwrap();
        for path in [
            "one.yaml",
            "a/two.yml",
            "a/b/three.json",
            "a/readme.md",
            ".hidden.yaml",
        ] {
            std::fs::write(at(path), "x").unwrap();
        }
        let sink = DiskSink::new(&at("status"), Blocking::Inline);
        sink.write("ns/services/a.yaml", b"s".to_vec())
            .await
            .unwrap();
        sink.append("events.jsonl", b"1\n".to_vec()).await.unwrap();
        sink.append("events.jsonl", b"2\n".to_vec()).await.unwrap();
        let clock = Clock::system();
        let without = at("status");
        let files = DiskFiles::new(folder.path(), Some(&without), clock, Blocking::Inline).unwrap();
        let found: Vec<Arc<str>> = files.list().await.unwrap().into_keys().collect();
        let found: Vec<&str> = found.iter().map(AsRef::as_ref).collect();
        assert_eq!(found, ["a/b/three.json", "a/two.yml", "one.yaml"]);
        assert_eq!(files.read("one.yaml").await.unwrap(), b"x");
        assert_eq!(
            sink.load().await.unwrap().into_keys().collect::<Vec<_>>(),
            ["ns/services/a.yaml"]
        );
        assert_eq!(std::fs::read(at("status/events.jsonl")).unwrap(), b"1\n2\n");
    }

    #[tokio::test]
    async fn a_change_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let files = DiskFiles::new(folder.path(), None, Clock::system(), Blocking::Inline).unwrap();
        std::fs::write(folder.path().join("one.yaml"), "x").unwrap();
        files.changed().await;
        assert_eq!(files.list().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_is_whole_is_named_and_all_else_may_be_anything() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        std::fs::create_dir(at("out")).unwrap();
        let clock = Clock::system();
        let without = at("out");
        let files = DiskFiles::new(folder.path(), Some(&without), clock, Blocking::Inline).unwrap();
        let named = |path: &str| Change::Files(BTreeSet::from([path.to_owned()]));
        std::fs::write(at("out/status.yaml"), "x").unwrap();
        std::fs::write(at("one.yaml"), "x").unwrap();
        assert_eq!(files.changed().await, named("one.yaml"));
        std::fs::write(at("one.draft"), "y").unwrap();
        std::fs::rename(at("one.draft"), at("one.yaml")).unwrap();
        assert_eq!(files.changed().await, named("one.yaml"));
        // Reading is no change: the next one is told, and not this.
        files.read("one.yaml").await.unwrap();
        std::fs::remove_file(at("one.yaml")).unwrap();
        assert_eq!(files.changed().await, Change::Anything);
        std::fs::create_dir(at("sub")).unwrap();
        assert_eq!(files.changed().await, Change::Anything);
        let _begun = std::fs::File::create(at("slow.yaml")).unwrap();
        assert_eq!(files.changed().await, Change::Anything);
    }
}
