//! Where manifests are, and where what is written goes: folders, or memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use aviary_link::digest::Digest;
use tokio::sync::Notify;

mod disk;
mod notes;

pub use self::disk::{DiskFiles, DiskSink};

/// Tells versions of a file apart. There is one for each file, so that it is the digest of what says
/// so, and not the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(Digest);

impl Stamp {
    /// The stamp of what the words say.
    pub fn of(words: &str) -> Self {
        Self(Digest::over(&[words.as_bytes()]))
    }
}

/// Manifest files with their stamps.
pub type Listing = BTreeMap<Arc<str>, Stamp>;

/// Manifest files. Paths are relative, with `/`.
#[async_trait]
pub trait Files: Send + Sync + 'static {
    /// All manifest files there are, each with a stamp that changes with its content.
    async fn list(&self) -> io::Result<Listing>;

    /// The content of one.
    async fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// The contents of several, in their order. Fewer hand-overs to whoever blocks make it cheaper
    /// than one by one.
    async fn read_all(&self, paths: &[String]) -> Vec<io::Result<Vec<u8>>> {
        let mut contents = Vec::with_capacity(paths.len());
        for path in paths {
            contents.push(self.read(path).await);
        }
        contents
    }

    /// The stamp of one, which must be there.
    async fn stamp(&self, path: &str) -> io::Result<Stamp>;

    /// Waits until something may have changed. It may end for nothing, and miss a change: files are
    /// listed now and then in any case.
    async fn changed(&self) -> Change;
}

/// What may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Anything, and it may still go on.
    Anything,
    /// These manifests were written to their end, and no others.
    Files(BTreeSet<String>),
}

/// Where statuses and Events are written.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// All files written before, by path.
    async fn load(&self) -> io::Result<BTreeMap<String, Vec<u8>>>;

    /// Replaces a file.
    async fn write(&self, path: &str, content: Vec<u8>) -> io::Result<()>;

    /// Removes a file, if it is there.
    async fn remove(&self, path: &str) -> io::Result<()>;

    /// Adds to the end of a file.
    async fn append(&self, path: &str, content: Vec<u8>) -> io::Result<()>;
}

/// Files in memory, for tests and simulation. Cheap to clone; clones are the same files.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    inner: Arc<Inner>,
}

/// A file's stamp and content, or the error that reading it gives.
type Kept = (u64, Result<Vec<u8>, io::ErrorKind>);

#[derive(Debug, Default)]
struct Inner {
    files: Mutex<BTreeMap<String, Kept>>,
    stamps: Mutex<u64>,
    changed: Notify,
}

impl MemoryFiles {
    /// Writes a file.
    pub fn put(&self, path: &str, content: impl Into<Vec<u8>>) {
        self.set(path, Ok(content.into()));
    }

    /// Makes a file unreadable.
    pub fn spoil(&self, path: &str) {
        self.set(path, Err(io::ErrorKind::PermissionDenied));
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) {
        self.files().remove(path);
        self.inner.changed.notify_one();
    }

    /// A file's content as text.
    pub fn text(&self, path: &str) -> Option<String> {
        let files = self.files();
        let (_, content) = files.get(path)?;
        String::from_utf8(content.as_ref().ok()?.clone()).ok()
    }

    fn set(&self, path: &str, content: Result<Vec<u8>, io::ErrorKind>) {
        let mut stamps = self
            .inner
            .stamps
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *stamps += 1;
        self.files().insert(path.to_owned(), (*stamps, content));
        self.inner.changed.notify_one();
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.inner
            .files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Files for MemoryFiles {
    async fn list(&self) -> io::Result<Listing> {
        let files = self.files();
        let stamped = |(path, (stamp, _)): (&String, &Kept)| {
            (path.as_str().into(), Stamp::of(&stamp.to_string()))
        };
        Ok(files.iter().map(stamped).collect())
    }

    async fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let files = self.files();
        let (_, content) = files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(content.clone()?)
    }

    async fn stamp(&self, path: &str) -> io::Result<Stamp> {
        let files = self.files();
        let (stamp, _) = files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Stamp::of(&stamp.to_string()))
    }

    async fn changed(&self) -> Change {
        self.inner.changed.notified().await;
        Change::Anything
    }
}

#[async_trait]
impl Sink for MemoryFiles {
    async fn load(&self) -> io::Result<BTreeMap<String, Vec<u8>>> {
        let files = self.files();
        let read = |(path, (_, content)): (&String, &Kept)| {
            Some((path.clone(), content.as_ref().ok()?.clone()))
        };
        Ok(files.iter().filter_map(read).collect())
    }

    async fn write(&self, path: &str, content: Vec<u8>) -> io::Result<()> {
        self.put(path, content);
        Ok(())
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        MemoryFiles::remove(self, path);
        Ok(())
    }

    async fn append(&self, path: &str, content: Vec<u8>) -> io::Result<()> {
        let mut whole = self.text(path).unwrap_or_default().into_bytes();
        whole.extend(content);
        self.put(path, whole);
        Ok(())
    }
}
