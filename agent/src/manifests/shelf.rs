//! Manifests to objects: which file counts, what stays when one is broken.
//!
//! A broken file keeps its last good objects. While a file is broken that was never good, nobody
//! knows what is in it: objects of vanished files stay, and no listing is complete.

use std::collections::BTreeMap;
use std::sync::Arc;

use aviary_link::digest::Digest;
use aviary_link::key::{Kind, Name};
use aviary_proto::types::v1::Finding;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::overlay::{Overlay, merge};
use super::parse::{Malformed, parse};
use crate::findings::{duplicate, malformed, unreadable};

/// Objects without a creationTimestamp are as old as their place: from here on, one second apart.
const FIRST_BORN: i64 = 946_684_800;

/// An object as a watch shows it.
#[derive(Debug, PartialEq)]
pub(super) struct Stored {
    pub(super) value: Value,
    /// What the manifest says, without what was written.
    pub(super) manifest: Arc<Value>,
    pub(super) uid: String,
    pub(super) version: String,
    /// Tells a change. It never leaves: it is of secret values too.
    digest: Digest,
}

/// The objects of one kind.
pub(super) type Objects = Arc<BTreeMap<Name, Arc<Stored>>>;

/// All objects at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// False until the folder was read for the first time.
    pub(super) ready: bool,
    pub(super) objects: BTreeMap<Kind, Objects>,
    /// Set while nobody knows what some file has in it.
    pub(super) unknown: Option<String>,
}

impl State {
    /// True if nothing differs from another state.
    pub(super) fn is(&self, other: &Self) -> bool {
        let same =
            |(a, b): ((&Kind, &Objects), (&Kind, &Objects))| a.0 == b.0 && Arc::ptr_eq(a.1, b.1);
        self.ready == other.ready
            && self.unknown == other.unknown
            && self.objects.len() == other.objects.len()
            && self.objects.iter().zip(&other.objects).all(same)
    }
}

/// One document of a file.
#[derive(Clone, Debug)]
struct Sheet {
    kind: Kind,
    name: Name,
    line: usize,
    value: Arc<Value>,
    digest: Digest,
}

/// One file.
#[derive(Clone, Debug, Default)]
struct File {
    sheets: Vec<Sheet>,
    /// What is wrong now.
    trouble: Option<Finding>,
    /// It was read without trouble once: its objects are known.
    known: bool,
    vanished: bool,
}

/// All files.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    files: BTreeMap<String, File>,
    folder_trouble: Option<Finding>,
    born: BTreeMap<(Kind, Name), Timestamp>,
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
    pub(super) fn put(&mut self, path: &str, content: &[u8]) {
        let file = self.files.entry(path.to_owned()).or_default();
        file.vanished = false;
        let text = std::str::from_utf8(content).map_err(|_| Malformed {
            line: 1,
            reason: "the file is not UTF-8".to_owned(),
        });
        match text.and_then(parse) {
            Ok(documents) => {
                let sheet = |document: super::parse::Document| sheet(document.line, document.value);
                file.sheets = documents.into_iter().map(sheet).collect();
                file.known = true;
                file.trouble = None;
            }
            Err(error) => {
                let place = format!("{path}:{}", error.line);
                file.trouble = Some(malformed(&place, &error.reason));
            }
        }
    }

    /// A file is there and cannot be read.
    pub(super) fn spoil(&mut self, path: &str, why: &str) {
        let file = self.files.entry(path.to_owned()).or_default();
        file.vanished = false;
        file.trouble = Some(unreadable(path, why));
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
            .and_then(|file| file.trouble.as_ref())
            .or(never_listed);
        trouble.map(|finding| finding.text.clone())
    }

    /// What is wrong.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.folder_trouble.iter().cloned().collect();
        let mut first: BTreeMap<(&Kind, &Name), &str> = BTreeMap::new();
        for (path, file) in &self.files {
            findings.extend(file.trouble.iter().cloned());
            for sheet in &file.sheets {
                if let Some(first) = first.get(&(&sheet.kind, &sheet.name)) {
                    let place = format!("{path}:{}", sheet.line);
                    findings.push(duplicate(sheet.name.to_wire(&sheet.kind), &place, first));
                } else {
                    first.insert((&sheet.kind, &sheet.name), path);
                }
            }
        }
        findings
    }

    /// The objects now. Parts that did not change are those of the state before.
    pub(super) fn state(&mut self, before: &State, overlay: &Overlay) -> State {
        let mut chosen: BTreeMap<Kind, BTreeMap<Name, Sheet>> = BTreeMap::new();
        // Vanished files come last: what is there counts first.
        let (there, vanished): (Vec<&File>, Vec<&File>) =
            self.files.values().partition(|file| !file.vanished);
        for sheet in there
            .into_iter()
            .chain(vanished)
            .flat_map(|file| &file.sheets)
        {
            let names = chosen.entry(sheet.kind.clone()).or_default();
            names
                .entry(sheet.name.clone())
                .or_insert_with(|| sheet.clone());
        }
        let mut objects = BTreeMap::new();
        for (kind, sheets) in chosen {
            let old = before.objects.get(&kind);
            let stored: BTreeMap<Name, Arc<Stored>> = sheets
                .into_values()
                .map(|sheet| {
                    let old = old.and_then(|old| old.get(&sheet.name));
                    (sheet.name.clone(), self.store(&sheet, old, overlay))
                })
                .collect();
            let same = old.filter(|old| equal(old, &stored)).cloned();
            objects.insert(kind, same.unwrap_or_else(|| Arc::new(stored)));
        }
        State {
            ready: self.ready || self.folder_trouble.is_some(),
            objects,
            unknown: self.unknown(),
        }
    }

    fn store(&mut self, sheet: &Sheet, old: Option<&Arc<Stored>>, over: &Overlay) -> Arc<Stored> {
        let written = over.get(&sheet.kind, &sheet.name);
        let written_text = written.map(Value::to_string).unwrap_or_default();
        let digest = Digest::over(&[&sheet.digest.to_wire(), written_text.as_bytes()]);
        if let Some(old) = old.filter(|old| old.digest == digest) {
            return old.clone();
        }
        self.version += 1;
        let version = self.version.to_string();
        let mut value = (*sheet.value).clone();
        if let Some(written) = written {
            merge(&mut value, written.clone());
        }
        let born = self.born(sheet);
        let uid = uid_of(sheet);
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".into(), json!(version));
            metadata.entry("uid").or_insert_with(|| json!(uid));
            metadata.entry("generation").or_insert(json!(1));
            metadata
                .entry("creationTimestamp")
                .or_insert_with(|| json!(born.to_string()));
        }
        let uid = value.pointer("/metadata/uid").and_then(Value::as_str);
        Arc::new(Stored {
            uid: uid.unwrap_or_default().to_owned(),
            value,
            manifest: sheet.value.clone(),
            version,
            digest,
        })
    }

    fn born(&mut self, sheet: &Sheet) -> Timestamp {
        let next = i64::try_from(self.born.len()).unwrap_or(i64::MAX);
        let key = (sheet.kind.clone(), sheet.name.clone());
        *self.born.entry(key).or_insert_with(|| {
            let first = Timestamp::from_second(FIRST_BORN).unwrap_or(Timestamp::UNIX_EPOCH);
            first
                .saturating_add(SignedDuration::from_secs(next))
                .unwrap_or(first)
        })
    }
}

fn equal(old: &BTreeMap<Name, Arc<Stored>>, new: &BTreeMap<Name, Arc<Stored>>) -> bool {
    old.len() == new.len()
        && old
            .iter()
            .zip(new)
            .all(|(old, new)| old.0 == new.0 && Arc::ptr_eq(old.1, new.1))
}

fn sheet(line: usize, mut value: Value) -> Sheet {
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
    let kind = Kind::new(group, text("/kind"));
    let name = Name::new(text("/metadata/namespace"), text("/metadata/name"));
    let digest = Digest::over(&[value.to_string().as_bytes()]);
    Sheet {
        kind,
        name,
        line,
        value: Arc::new(value),
        digest,
    }
}

/// A uid that is the same at every start.
fn uid_of(sheet: &Sheet) -> String {
    let Sheet { kind, name, .. } = sheet;
    let parts = [&kind.group, &kind.kind, &name.namespace, &name.name].map(String::as_bytes);
    let hex = format!("{:?}", Digest::over(&parts));
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}
