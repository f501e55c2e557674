//! What the operating system told about a folder, until somebody asks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{Event, EventKind};

use super::disk::{hidden, is_manifest};

/// Events since the last question.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Manifests that somebody wrote to their end, or moved in.
    pub(super) whole: BTreeSet<PathBuf>,
    /// Files under way: begun, but not yet closed or moved to where they belong.
    begun: BTreeSet<PathBuf>,
    moving: BTreeMap<usize, PathBuf>,
    /// Something else happened.
    pub(super) anything: bool,
}

impl Notes {
    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        !self.anything && self.whole.is_empty() && !self.is_pending()
    }

    /// Whether something began and did not end.
    pub(super) fn is_pending(&self) -> bool {
        !self.begun.is_empty() || !self.moving.is_empty()
    }

    /// Takes an event in; what is below `without` does not count.
    pub(super) fn take(&mut self, event: notify::Result<Event>, without: Option<&Path>) {
        let Ok(event) = event else {
            self.anything = true;
            return;
        };
        let is_out = |path: &PathBuf| without.is_some_and(|without| path.starts_with(without));
        if event.need_rescan() || event.paths.is_empty() {
            self.anything = true;
            return;
        }
        if event.paths.iter().all(is_out) {
            return;
        }
        match (&event.kind, event.paths.as_slice()) {
            (EventKind::Access(AccessKind::Close(AccessMode::Write)), [path]) => self.end(path),
            // Reading changes nothing.
            (EventKind::Access(_), _) => {}
            (
                EventKind::Create(CreateKind::File) | EventKind::Modify(ModifyKind::Data(_)),
                [path],
            ) if is_plain(path) => {
                self.begun.insert(path.clone());
            }
            (EventKind::Modify(ModifyKind::Name(RenameMode::From)), [path])
                if !is_manifest(path) && is_plain(path) =>
            {
                self.begun.remove(path);
                match event.tracker() {
                    Some(cookie) => drop(self.moving.insert(cookie, path.clone())),
                    None => self.anything = true,
                }
            }
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), [path]) if is_manifest(path) => {
                self.end(path);
            }
            (EventKind::Modify(ModifyKind::Name(RenameMode::Both)), [from, to])
                if !is_manifest(from) && is_manifest(to) && is_plain(from) =>
            {
                drop(
                    event
                        .tracker()
                        .and_then(|cookie| self.moving.remove(&cookie)),
                );
            }
            _ => self.anything = true,
        }
    }

    fn end(&mut self, path: &Path) {
        self.begun.remove(path);
        match (hidden(path), is_manifest(path)) {
            (true, _) => self.anything = true,
            (false, true) => drop(self.whole.insert(path.to_owned())),
            // A file that is no manifest.
            (false, false) => {}
        }
    }
}

/// Hidden names stand for mounted volumes: what is behind them changes all at once.
fn is_plain(path: &Path) -> bool {
    !hidden(path)
}
