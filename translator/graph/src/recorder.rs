//! The window through which a unit is evaluated: every read is recorded.

use aviary_avi::{Named, Standing};
use aviary_kinds::{Entry, Env, IndexKey, View, namespace};
use aviary_store::Facts;
use aviary_types::{Digest, DomainId, Namespace, ObjectKey, ScopeKey};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Something that a unit read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Read {
    /// One object, found or not.
    Object(ObjectKey),
    /// All objects under an index value.
    Index(IndexKey),
    /// Whether absence in a scope is knowledge.
    Scope(ScopeKey),
    /// What a domain's Controller has under a name.
    Named(DomainId, Named),
}

impl Read {
    /// What the read would find now. Holds while the digest holds.
    pub(crate) fn digest(&self, facts: &Facts, env: &Env) -> Digest {
        match self {
            Self::Object(key) => match facts.get(key) {
                Some(entry) => seen(entry),
                None if facts.rejected().contains_key(key) => Digest::of(b"rejected"),
                None => Digest::default(),
            },
            Self::Index(index) => facts.digest_of(index),
            Self::Scope(scope) if is_heard(facts, scope) => Digest::default(),
            Self::Scope(_) => Digest::of(b"not heard"),
            Self::Named(_, named) => {
                let standing = env.census.named.get(named);
                standing.map_or_else(Digest::default, Digest::of_value)
            }
        }
    }
}

/// Whether the scope was heard in full, or its namespace does not exist.
fn is_heard(facts: &Facts, scope: &ScopeKey) -> bool {
    facts.is_known(scope) || facts.get(&namespace_of(scope)).is_none()
}

fn namespace_of(scope: &ScopeKey) -> ObjectKey {
    namespace::key(&scope.cluster, &scope.namespace)
}

/// What an effect can see of an entry: not its version, which changes without meaning.
fn seen(entry: &Entry) -> Digest {
    Digest::of_value(&(&entry.key, &entry.created, entry.digest))
}

/// A view of the facts that remembers what was read.
pub(crate) struct Recorder<'a> {
    facts: &'a Facts,
    env: &'a Env,
    reads: RefCell<BTreeSet<Read>>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(facts: &'a Facts, env: &'a Env) -> Self {
        Self {
            facts,
            env,
            reads: RefCell::default(),
        }
    }

    /// Everything that was read, with what was found.
    pub(crate) fn into_reads(self) -> Box<[(Read, Digest)]> {
        let reads = self.reads.into_inner().into_iter();
        reads
            .map(|read| {
                let digest = read.digest(self.facts, self.env);
                (read, digest)
            })
            .collect()
    }

    /// Something that was read and exists, but cannot be read.
    pub(crate) fn rejected(&self) -> Option<ObjectKey> {
        let reads = self.reads.borrow();
        let mut objects = reads.iter().filter_map(|read| match read {
            Read::Object(key) => Some(key),
            Read::Index(_) | Read::Scope(_) | Read::Named(..) => None,
        });
        objects
            .find(|key| self.facts.rejected().contains_key(*key))
            .cloned()
    }
}

impl View for Recorder<'_> {
    fn env(&self) -> &Env {
        self.env
    }

    fn get(&self, key: &ObjectKey) -> Option<Arc<Entry>> {
        self.reads.borrow_mut().insert(Read::Object(key.clone()));
        self.facts.get(key).cloned()
    }

    fn narrowest(&self, indexes: Vec<IndexKey>) -> Vec<Arc<Entry>> {
        let narrowest = indexes.into_iter().min_by_key(|it| self.facts.count(it));
        narrowest.map_or_else(Vec::new, |index| self.lookup(index))
    }

    fn lookup(&self, index: IndexKey) -> Vec<Arc<Entry>> {
        let entries = self.facts.lookup(&index);
        self.reads.borrow_mut().insert(Read::Index(index));
        entries
    }

    fn is_heard(&self, namespace: &Namespace) -> bool {
        let scope = ScopeKey {
            cluster: self.env.domain.cluster.clone(),
            namespace: namespace.clone(),
        };
        let is_heard = is_heard(self.facts, &scope);
        let mut reads = self.reads.borrow_mut();
        reads.insert(Read::Object(namespace_of(&scope)));
        reads.insert(Read::Scope(scope));
        is_heard
    }

    fn standing(&self, named: &Named) -> Option<Standing> {
        let read = Read::Named(self.env.domain.clone(), named.clone());
        self.reads.borrow_mut().insert(read);
        self.env.census.named.get(named).cloned()
    }
}
