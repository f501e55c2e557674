//! Where the store is, and what may go wrong with it.

use redb::StorageBackend;
use std::path::{Path, PathBuf};

/// The file in the store's folder.
pub(crate) const FILE: &str = "aviary.redb";

/// Where the store is.
#[derive(Debug)]
pub enum StoreAt {
    /// Nowhere: all is heard anew at each start.
    Memory,
    /// In a file of this folder.
    Folder(PathBuf),
    /// On this device.
    Backend(Box<dyn StorageBackend>),
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("open the store {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The database cannot be opened: it is broken, or another process holds it.
    #[error("open the store's database")]
    Database(#[source] Box<redb::Error>),
    /// It cannot be read.
    #[error("read the store")]
    Read(#[source] Box<redb::Error>),
    /// It cannot be written.
    #[error("write the store")]
    Write(#[source] Box<redb::Error>),
    /// It was written by a newer version.
    #[error("the store has layout {0}, which this version does not know")]
    Format(u64),
    /// The work was cut off.
    #[error("finish work on the store")]
    Unfinished,
}

/// Makes the file at a path, readable by nobody else, if it is not there.
pub(crate) fn touch(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt;
    let failed = |source| Error::Open {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map(drop).map_err(failed)
}

/// A device behind a pointer.
#[derive(Debug)]
pub(crate) struct Boxed(pub(crate) Box<dyn StorageBackend>);

impl StorageBackend for Boxed {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.0.write(offset, data)
    }

    fn close(&self) -> Result<(), std::io::Error> {
        self.0.close()
    }
}
