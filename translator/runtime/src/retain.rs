//! The way to the store on disk. Writes are gathered while one transaction is under way; an agent's
//! message is acknowledged, and a name is granted, once the transaction with it is on disk.

use crate::core::wake::{Wake, Wakes};
use crate::vital;
use async_trait::async_trait;
use aviary_avi::AviKey;
use aviary_boot::Blocking;
use aviary_disk::{Db, Error, Noted, Record, Refused, Restored, StoreAt, Write};
use aviary_execute::{Journal, JournalError};
use aviary_link::translator::SessionId;
use aviary_plan::Right;
use aviary_types::{DomainId, EcoString, Finding, ObjectKey, Scheme, ScopeKey};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The pause after a write that failed.
const RETRY: Duration = Duration::from_secs(1);

/// A message of an agent that was taken in.
pub(crate) struct Ack {
    pub(crate) session: SessionId,
    pub(crate) sequence: u64,
    /// Why its object is not usable, if it is not.
    pub(crate) rejected: Option<Finding>,
}

type Granted = oneshot::Sender<Result<(), JournalError>>;

/// What waits for a transaction.
#[derive(Default)]
struct Batch {
    writes: Vec<Write>,
    acks: Vec<Ack>,
    names: Vec<(EcoString, Granted)>,
    adopted: Vec<EcoString>,
}

/// The store on disk, or its absence.
pub(crate) struct Retain {
    db: Option<Arc<Db>>,
    blocking: Blocking,
    pending: Batch,
    /// What the transaction under way holds.
    flying: Option<(Arc<Vec<Write>>, Batch)>,
    ready: Vec<Ack>,
    /// Domains whose objects we write, as far as it is on disk.
    adopted: BTreeSet<EcoString>,
    /// Domains that are configured no more, with what names their objects as they were left.
    left: BTreeMap<EcoString, EcoString>,
    published: BTreeSet<ScopeKey>,
    refused: BTreeMap<EcoString, Vec<Refused>>,
    not_before: Option<Instant>,
}

impl Retain {
    /// Opens a store and reads what is in it.
    pub(crate) async fn open(at: StoreAt, blocking: Blocking) -> Result<(Self, Restored), Error> {
        let opened = match at {
            StoreAt::Memory => None,
            at => Some(
                blocking
                    .run(move || Db::open(at))
                    .await
                    .map_err(|_| Error::Unfinished)??,
            ),
        };
        let (db, restored) = match opened {
            Some((db, restored)) => (Some(Arc::new(db)), restored),
            None => (None, Restored::default()),
        };
        let published = restored.scopes.iter().cloned().collect();
        let retain = Self {
            db,
            blocking,
            pending: Batch::default(),
            flying: None,
            ready: Vec::new(),
            adopted: restored.adopted.iter().cloned().collect(),
            left: restored.left.iter().cloned().collect(),
            published,
            refused: restored.refused.clone(),
            not_before: None,
        };
        Ok((retain, restored))
    }

    /// An object is in force. Objects of kinds that are sent by name are not kept.
    pub(crate) fn accept(&mut self, key: &ObjectKey, record: Option<Record>) {
        self.push(|| Some(Write::Accept(key.clone(), record?)));
    }

    /// An object is there, but its last accepted form is in force.
    pub(crate) fn reject(&mut self, key: &ObjectKey, record: Option<Record>) {
        self.push(|| Some(Write::Reject(key.clone(), record?)));
    }

    /// An object is gone.
    pub(crate) fn remove(&mut self, key: &ObjectKey) {
        self.push(|| Some(Write::Remove(key.clone())));
    }

    /// A scope is complete.
    pub(crate) fn publish(&mut self, scope: &ScopeKey) {
        if self.published.insert(scope.clone()) {
            self.push(|| Some(Write::Publish(scope.clone())));
        }
    }

    /// A scope was given up.
    pub(crate) fn release(&mut self, scope: &ScopeKey) {
        self.published.remove(scope);
        self.push(|| Some(Write::Release(scope.clone())));
    }

    /// A name is to be kept before its object is made.
    pub(crate) fn journal(&mut self, name: Noted, granted: Granted) {
        self.push(|| Some(Write::Name(name.clone())));
        self.pending.names.push((name.name, granted));
    }

    /// A shard parent has no hosts any more.
    pub(crate) fn emptied(&mut self, site: &str, key: &AviKey, since: Timestamp) {
        self.push(|| Some(Write::Emptied(site.to_owned(), key.clone(), since)));
    }

    /// A shard parent has hosts again, or is gone.
    pub(crate) fn filled(&mut self, site: &str, key: &AviKey) {
        self.push(|| Some(Write::Filled(site.to_owned(), key.clone())));
    }

    /// Old parents of a domain serve until then.
    pub(crate) fn overlap(&mut self, domain: EcoString, until: Timestamp) {
        self.push(|| Some(Write::Overlap(domain, until)));
    }

    /// They serve no more.
    pub(crate) fn overlapped(&mut self, domain: EcoString) {
        self.push(|| Some(Write::Overlapped(domain)));
    }

    /// A domain names things in this way.
    pub(crate) fn scheme(&mut self, domain: EcoString, scheme: Scheme) {
        self.push(|| Some(Write::Scheme(domain, scheme)));
    }

    /// The objects of a domain are ours from now on: to be kept before the first of them is written.
    pub(crate) fn adopt(&mut self, domain: EcoString) {
        self.push(|| Some(Write::Adopted(domain.clone())));
        self.pending.adopted.push(domain);
    }

    /// A domain is configured no more. If its objects were ours, they are so again once it is, unless
    /// they are not as they were left, which `mark` names.
    pub(crate) fn leave(&mut self, domain: EcoString, mark: EcoString) {
        let flying = self.flying.iter_mut().map(|(_, batch)| batch);
        let noting = flying.chain([&mut self.pending]);
        let noting = noting.map(|batch| batch.adopted.extract_if(.., |it| *it == domain).count());
        let was_noted = noting.sum::<usize>() > 0;
        if !self.adopted.remove(&domain) && !was_noted {
            return;
        }
        self.push(|| Some(Write::Left(domain.clone(), mark.clone())));
        self.left.insert(domain, mark);
    }

    /// What names the objects of a domain as they were left.
    pub(crate) fn left(&self, domain: &str) -> Option<&EcoString> {
        self.left.get(domain)
    }

    /// Domains whose objects are ours.
    pub(crate) fn adopted(&self) -> impl Iterator<Item = &EcoString> {
        self.adopted.iter()
    }

    /// Whether the objects of a domain are ours, and that survives.
    pub(crate) fn has_adopted(&self, domain: &str) -> bool {
        self.adopted.contains(domain)
    }

    /// The logins that a Controller refused, in the place of those before.
    pub(crate) fn refuse_logins(&mut self, controller: &EcoString, refused: Vec<Refused>) {
        self.push(|| Some(Write::Refused(controller.clone(), refused.clone())));
        self.refused.insert(controller.clone(), refused);
    }

    /// The logins that a Controller refused lately.
    pub(crate) fn refused_logins(&self, controller: &EcoString) -> &[Refused] {
        self.refused.get(controller).map_or(&[], Vec::as_slice)
    }

    /// A domain names nothing any more.
    pub(crate) fn forget_scheme(&mut self, domain: EcoString) {
        self.push(|| Some(Write::Unnamed(domain)));
    }

    /// A message was taken in: to be acknowledged once all of it survives.
    pub(crate) fn ack(&mut self, ack: Ack) {
        self.pending.acks.push(ack);
    }

    /// What may be acknowledged now.
    pub(crate) fn take_acks(&mut self) -> Vec<Ack> {
        std::mem::take(&mut self.ready)
    }

    /// When a failed write is tried again.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.not_before
    }

    /// Starts a transaction with all that waits, unless one is under way.
    pub(crate) fn flush(&mut self, wakes: &Wakes) {
        let waits = self.not_before.is_some_and(|at| at > Instant::now());
        if self.flying.is_some() || waits {
            return;
        }
        self.not_before = None;
        let mut batch = std::mem::take(&mut self.pending);
        let Some(db) = self.db.clone().filter(|_| !batch.writes.is_empty()) else {
            self.grant(batch);
            return;
        };
        let writes = Arc::new(std::mem::take(&mut batch.writes));
        self.flying = Some((writes.clone(), batch));
        let (blocking, answer) = (self.blocking, wakes.clone());
        vital::spawn(wakes, "store", async move {
            let done = blocking.run(move || db.write(&writes)).await;
            let result = done.map_err(|_| Error::Unfinished).flatten();
            // Without a core nobody waits.
            let _gone = answer.send(Wake::Stored(result)).await;
        });
    }

    /// The transaction under way has ended.
    pub(crate) fn stored(&mut self, result: Result<(), Error>) {
        let Some((writes, batch)) = self.flying.take() else {
            return;
        };
        let Err(error) = result else {
            self.grant(batch);
            return;
        };
        let why = aviary_types::eco_format!("{}", aviary_boot::chain(&error));
        tracing::error!(%why, "the store cannot be written: nothing is acknowledged until it can");
        // Names are refused, so that nothing is made that could not be found again; the rest waits.
        let later = std::mem::take(&mut self.pending);
        let mut again = Batch {
            writes: writes.to_vec(),
            acks: batch.acks,
            names: later.names,
            adopted: batch.adopted,
        };
        again.writes.extend(later.writes);
        again.acks.extend(later.acks);
        again.adopted.extend(later.adopted);
        self.pending = again;
        for (name, granted) in batch.names {
            // The executor may have gone.
            let _unread = granted.send(Err(JournalError {
                name,
                why: why.clone(),
            }));
        }
        self.not_before = Some(Instant::now() + RETRY);
    }

    fn grant(&mut self, batch: Batch) {
        self.ready.extend(batch.acks);
        for domain in batch.adopted {
            self.left.remove(&domain);
            self.adopted.insert(domain);
        }
        for (_, granted) in batch.names {
            // The executor may have gone.
            let _unread = granted.send(Ok(()));
        }
    }

    fn push(&mut self, write: impl FnOnce() -> Option<Write>) {
        if self.db.is_some() {
            self.pending.writes.extend(write());
        }
    }
}

/// The executor's way to the store.
pub(crate) struct Names {
    pub(crate) wakes: Wakes,
}

#[async_trait]
impl Journal for Names {
    async fn record(
        &self,
        key: &AviKey,
        domain: &DomainId,
        right: Right,
    ) -> Result<(), JournalError> {
        let stopped = || JournalError {
            name: key.name.clone(),
            why: "the translator is stopping".into(),
        };
        let (granted, answer) = oneshot::channel();
        let name = Noted {
            name: key.name.clone(),
            domain: domain.clone(),
            right,
        };
        let wake = Wake::Journal(name, granted);
        self.wakes.send(wake).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}
