//! POST. A name that is taken, and a reply that is lost, are both answered by a look: what is there
//! may be ours.

use crate::attempt::Attempt;
use crate::outcome::{Done, Failure};
use aviary_avi::{AviKey, Body, ObservedObject, Owned, Ownership};
use aviary_plan::Right;
use aviary_session::{Class, Error};
use std::sync::Arc;

impl Attempt {
    pub(crate) async fn create(&self, body: &Body) -> Result<Done, Failure> {
        if let Some(current) = &self.current {
            return self.adopt(body, current.clone()).await;
        }
        self.check_fence()?;
        self.remember(self.key(), Right::Makes).await?;
        let mut failures = 0;
        loop {
            let error = match self.send_create(body, failures).await {
                Ok(made) => return Ok(self.settled(body, made).await),
                Err(error) => error,
            };
            failures += 1;
            let class = error.class();
            // A node that took over a moment ago may know the name, and not show it yet.
            let is_worth_it = class.is_transient() || class == Class::Exists;
            let again = is_worth_it && self.may_try_again(failures);
            if again && !matches!(class, Class::Relogin | Class::Exists) {
                self.pause(failures, &error).await;
            }
            let found = if may_exist(&error) {
                self.context.session.find(self.key()).await
            } else {
                Ok(None)
            };
            if again && class == Class::Exists && matches!(found, Ok(None)) {
                self.pause(failures, &error).await;
            }
            match found {
                Ok(Some(found)) => return self.adopt(body, Arc::new(found)).await,
                Ok(None) if again => {}
                Ok(None) if class == Class::Exists => {
                    // Taken in a tenant or a cloud that we do not see.
                    return Err(Failure::new(Class::Refuse, error.message()));
                }
                Ok(None) => return Err(error.into()),
                Err(unread) => return Err(unread.into()),
            }
        }
    }

    /// Names that do not tell whose they are go into the journal before they are made, and before
    /// what refers to them, and tells it, is deleted.
    pub(super) async fn remember(&self, key: &AviKey, right: Right) -> Result<(), Failure> {
        if key.kind.ownership() != Ownership::MarkerAndReferrer {
            return Ok(());
        }
        let journal = &self.context.journal;
        let recorded = journal.record(key, &self.op.domain, right).await;
        recorded.map_err(|error| Failure::new(Class::Retry, format!("{error}")))
    }

    /// Takes an object that exists already for ours, if it is: ready as it is, or to be updated.
    async fn adopt(&self, body: &Body, found: Arc<ObservedObject>) -> Result<Done, Failure> {
        match found.body.owner(&self.op.domain) {
            // The journal has its name: we were about to make it.
            Owned::Yes | Owned::IfReferred => {}
            Owned::Entries | Owned::No => {
                let text = "an object of this name exists and belongs to somebody else";
                return Err(Failure::new(Class::Refuse, text));
            }
        }
        tracing::debug!(object = %self.key(), "taken over: it was there already");
        if body.same(&found.body) {
            return Ok(Done {
                now: Some(found),
                as_sent: true,
            });
        }
        self.put(body, found).await
    }
}

/// Whether the object may be there although the POST failed.
fn may_exist(error: &Error) -> bool {
    match error.class() {
        Class::Exists | Class::Lost | Class::Relogin => true,
        Class::Retry => error.status().is_some_and(|status| status >= 500),
        _ => false,
    }
}
