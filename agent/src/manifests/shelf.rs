//! Manifests to objects: which file counts, what stays when one is broken.
//!
//! A broken file keeps its last good objects. While a file is broken that was never good, nobody
//! knows what is in it: objects of vanished files stay, and no listing is complete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aviary_link::digest::Digest;
use aviary_link::key::{Kind, Name};
use aviary_proto::types::v1::Finding;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::overlay::{Overlay, Written};
use super::parse::{Malformed, parse};
use super::state::{Objects, State, Stored, Uid};
use crate::findings::{duplicate, malformed, unreadable};

/// Objects without a creationTimestamp are as old as their place: from here on, one second apart.
const FIRST_BORN: i64 = 946_684_800;

/// One document of a file.
#[derive(Debug)]
struct Sheet {
    /// All sheets of a kind share it.
    kind: Arc<Kind>,
    name: Name,
    line: u32,
    /// The uid that the manifest gives.
    uid: Option<Box<str>>,
    /// The object as JSON.
    body: Arc<str>,
    digest: Digest,
}

/// One file.
#[derive(Debug, Default)]
struct File {
    sheets: Box<[Sheet]>,
    /// What is wrong now. Nearly always nothing, which takes no room.
    trouble: Option<Box<Finding>>,
    /// It was read without trouble once: its objects are known.
    known: bool,
    vanished: bool,
}

/// All files.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    files: BTreeMap<Arc<str>, File>,
    kinds: BTreeSet<Arc<Kind>>,
    folder_trouble: Option<Finding>,
    /// When objects were first seen, by what names them.
    born: BTreeMap<Digest, Timestamp>,
    ready: bool,
    /// The last version given. Versions say nothing of the content, and begin at the time of the
    /// start, so that those of two starts are not the same.
    version: i64,
}

impl Shelf {
    /// A shelf that gives versions from this instant on.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            version: now.as_microsecond(),
            ..Self::default()
        }
    }

    /// A file has this content now.
    pub(super) fn put(&mut self, path: &Arc<str>, content: &[u8]) {
        let read = self.read(content);
        let file = self.files.entry(path.clone()).or_default();
        file.vanished = false;
        match read {
            Ok(sheets) => {
                file.sheets = sheets;
                file.known = true;
                file.trouble = None;
            }
            Err(error) => {
                let place = format!("{path}:{}", error.line);
                file.trouble = Some(Box::new(malformed(&place, &error.reason)));
            }
        }
    }

    /// A file has this content now, and nothing else happened. Answers the state with it, or `None`
    /// if that takes more than to look at this file: something is wrong with it, an object is not in
    /// it any more, or another file has it as well. Then nothing was done.
    pub(super) fn put_alone(
        &mut self,
        path: &str,
        content: &[u8],
        (before, overlay): (&State, &Overlay),
    ) -> Option<State> {
        let sheets = self.read(content).ok()?;
        let names: BTreeSet<_> = sheets.iter().map(|it| (&it.kind, &it.name)).collect();
        let is_free = |sheet: &Sheet| {
            let other = before.get(&sheet.kind, &sheet.name);
            other.is_none_or(|other| &*other.path == path)
        };
        let former = self.files.get(path);
        let was_good = former.is_none_or(|file| file.trouble.is_none() && !file.vanished);
        let stays = |sheet: &Sheet| names.contains(&(&sheet.kind, &sheet.name));
        let keeps = former.is_none_or(|file| file.sheets.iter().all(stays));
        let is_known = self.ready && before.unknown.is_none() && self.folder_trouble.is_none();
        let is_single = names.len() == sheets.len() && sheets.iter().all(is_free);
        if !(is_known && was_good && keeps && is_single) {
            return None;
        }
        let path: Arc<str> = path.into();
        let mut state = before.clone();
        for sheet in &sheets {
            self.place(sheet, &path, overlay, &mut state.objects);
        }
        let file = self.files.entry(path).or_default();
        file.sheets = sheets;
        file.known = true;
        Some(state)
    }

    /// A file is there and cannot be read.
    pub(super) fn spoil(&mut self, path: &str, why: &str) {
        let file = self.files.entry(path.into()).or_default();
        file.vanished = false;
        file.trouble = Some(Box::new(unreadable(path, why)));
    }

    /// The folder was listed, with these files.
    pub(super) fn listed(&mut self, is_there: impl Fn(&str) -> bool) {
        self.ready = true;
        self.folder_trouble = None;
        for (path, file) in &mut self.files {
            file.vanished |= !is_there(path);
        }
        self.files.retain(|_, file| !file.vanished || file.known);
        if self.unknown().is_none() {
            self.files.retain(|_, file| !file.vanished);
        }
    }

    /// Whether a list that shows no change says nothing new.
    pub(super) fn is_settled(&self) -> bool {
        let is_whole = |file: &File| file.known && !file.vanished;
        self.ready && self.folder_trouble.is_none() && self.files.values().all(is_whole)
    }

    /// The folder cannot be listed: everything stays.
    pub(super) fn folder_failed(&mut self, why: &str) {
        self.folder_trouble = Some(unreadable("the folder", why));
    }

    fn unknown(&self) -> Option<String> {
        let unknown = self
            .files
            .values()
            .find(|file| !file.known && !file.vanished);
        let never_listed = self.folder_trouble.as_ref().filter(|_| !self.ready);
        let trouble = unknown
            .and_then(|file| file.trouble.as_deref())
            .or(never_listed);
        trouble.map(|finding| finding.text.clone())
    }

    /// What is wrong.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.folder_trouble.iter().cloned().collect();
        let mut first: BTreeMap<(&Kind, &Name), &str> = BTreeMap::new();
        for (path, file) in &self.files {
            findings.extend(file.trouble.as_deref().cloned());
            for sheet in &file.sheets {
                if let Some(first) = first.get(&(&*sheet.kind, &sheet.name)) {
                    let place = format!("{path}:{}", sheet.line);
                    findings.push(duplicate(sheet.name.to_wire(&sheet.kind), &place, first));
                } else {
                    first.insert((&*sheet.kind, &sheet.name), path);
                }
            }
        }
        findings
    }

    /// The objects now. Parts that did not change are those of the state before.
    pub(super) fn state(&mut self, before: &State, overlay: &Overlay) -> State {
        let files = std::mem::take(&mut self.files);
        let mut chosen: BTreeMap<(&Kind, &Name), (&Arc<str>, &Sheet)> = BTreeMap::new();
        // Vanished files come last: what is there counts first.
        let (there, vanished): (Vec<_>, Vec<_>) =
            files.iter().partition(|(_, file)| !file.vanished);
        for (path, file) in there.into_iter().chain(vanished) {
            for sheet in &file.sheets {
                chosen
                    .entry((&*sheet.kind, &sheet.name))
                    .or_insert((path, sheet));
            }
        }
        let mut objects = before.objects.clone();
        for (kind, known) in &mut objects {
            let gone: Vec<Name> = known
                .keys()
                .filter(|name| !chosen.contains_key(&(kind, *name)))
                .cloned()
                .collect();
            for name in gone {
                known.remove(&name);
            }
        }
        for (path, sheet) in chosen.into_values() {
            self.place(sheet, path, overlay, &mut objects);
        }
        objects.retain(|_, objects| !objects.is_empty());
        self.files = files;
        State {
            ready: self.ready || self.folder_trouble.is_some(),
            objects,
            unknown: self.unknown(),
        }
    }

    /// The state with what was written to one object.
    pub(super) fn written(
        &mut self,
        (kind, name): (&Kind, &Name),
        before: &State,
        overlay: &Overlay,
    ) -> State {
        let mut state = before.clone();
        let written = overlay.get(kind, name);
        if let Some(objects) = state.objects.get_mut(kind)
            && let Some(old) = objects.get(name).cloned()
        {
            let digest = digest_of(&old.body, written);
            if digest != old.digest {
                let stored = Stored {
                    body: old.body.clone(),
                    over: written.map(|written| written.text.clone()),
                    path: old.path.clone(),
                    uid: old.uid.clone(),
                    version: self.next_version(),
                    born: old.born,
                    digest,
                };
                objects.insert(name.clone(), Arc::new(stored));
            }
        }
        state
    }

    /// Puts an object in its place, unless it is there as it is.
    fn place(
        &mut self,
        sheet: &Sheet,
        path: &Arc<str>,
        overlay: &Overlay,
        objects: &mut BTreeMap<Kind, Objects>,
    ) {
        let written = overlay.get(&sheet.kind, &sheet.name);
        let digest = combine(sheet.digest, written);
        let old = objects
            .get(&sheet.kind)
            .and_then(|objects| objects.get(&sheet.name));
        if old.is_some_and(|old| old.digest == digest && old.path == *path) {
            return;
        }
        let id = id_of(sheet);
        let version = match old {
            // It has only moved.
            Some(old) if old.digest == digest => old.version,
            _ => self.next_version(),
        };
        let stored = Stored {
            body: sheet.body.clone(),
            over: written.map(|written| written.text.clone()),
            path: path.clone(),
            uid: uid_of(sheet, id),
            version,
            born: self.born(id),
            digest,
        };
        objects
            .entry(Kind::clone(&sheet.kind))
            .or_default()
            .insert(sheet.name.clone(), Arc::new(stored));
    }

    fn next_version(&mut self) -> i64 {
        self.version += 1;
        self.version
    }

    /// The documents of a file.
    fn read(&mut self, content: &[u8]) -> Result<Box<[Sheet]>, Malformed> {
        let text = std::str::from_utf8(content).map_err(|_| Malformed {
            line: 1,
            reason: "the file is not UTF-8".to_owned(),
        })?;
        let documents = parse(text)?.into_iter();
        let sheets = documents.map(|document| self.sheet(document.line, document.value));
        Ok(sheets.collect())
    }

    fn sheet(&mut self, line: usize, mut value: Value) -> Sheet {
        super::overlay::encode_strings(&mut value);
        let text = |path: &str| {
            value
                .pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let group = text("/apiVersion")
            .rsplit_once('/')
            .map_or("", |(group, _)| group);
        let kind = self.kind(Kind::new(group, text("/kind")));
        let name = Name::new(text("/metadata/namespace"), text("/metadata/name"));
        let uid = Some(text("/metadata/uid")).filter(|uid| !uid.is_empty());
        let uid = uid.map(Box::from);
        let body: Arc<str> = value.to_string().into();
        Sheet {
            kind,
            name,
            line: u32::try_from(line).unwrap_or(u32::MAX),
            uid,
            digest: Digest::over(&[body.as_bytes()]),
            body,
        }
    }

    fn kind(&mut self, kind: Kind) -> Arc<Kind> {
        if let Some(known) = self.kinds.get(&kind) {
            return known.clone();
        }
        let kind = Arc::new(kind);
        self.kinds.insert(kind.clone());
        kind
    }

    fn born(&mut self, id: Digest) -> Timestamp {
        let next = i64::try_from(self.born.len()).unwrap_or(i64::MAX);
        *self.born.entry(id).or_insert_with(|| {
            let first = Timestamp::from_second(FIRST_BORN).unwrap_or(Timestamp::UNIX_EPOCH);
            first
                .saturating_add(SignedDuration::from_secs(next))
                .unwrap_or(first)
        })
    }
}

fn digest_of(body: &str, written: Option<&Written>) -> Digest {
    combine(Digest::over(&[body.as_bytes()]), written)
}

fn combine(body: Digest, written: Option<&Written>) -> Digest {
    match written {
        None => body,
        Some(written) => Digest::over(&[&body.to_wire(), &written.digest.to_wire()]),
    }
}

/// What names an object.
fn id_of(sheet: &Sheet) -> Digest {
    let Sheet { kind, name, .. } = sheet;
    let parts = [kind.group.as_str(), &kind.kind, &name.namespace, &name.name];
    Digest::over(&parts.map(str::as_bytes))
}

/// The manifest's uid, or one that is the same at every start.
fn uid_of(sheet: &Sheet, id: Digest) -> Uid {
    let said = sheet.uid.clone();
    said.map_or(Uid::Made(id), Uid::Said)
}
