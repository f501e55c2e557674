//! PUT. Objects that are wholly ours are replaced, stamped with what we read; others are read, our
//! part is laid over, and the whole is put back.

use crate::attempt::Attempt;
use crate::outcome::{Done, Failure};
use aviary_avi::{Body, ObservedObject, WriteMode};
use aviary_session::Class;
use serde_json::Value;
use std::sync::Arc;

/// What a PUT starts with.
enum Start {
    /// Send this.
    Send(Value),
    /// Nothing is left to do: the Controller has it.
    Done(ObservedObject),
}

impl Attempt {
    pub(crate) async fn update(&self, body: &Body) -> Result<Done, Failure> {
        match &self.current {
            Some(current) => self.put(body, current.clone()).await,
            None => Err(Failure::new(Class::Gone, "it is not there to be updated")),
        }
    }

    /// Puts a body in the place of an object that was read before.
    pub(crate) async fn put(
        &self,
        body: &Body,
        read: Arc<ObservedObject>,
    ) -> Result<Done, Failure> {
        self.check_fence()?;
        let mut failures = 0;
        loop {
            let payload = match self.payload(body, &read).await? {
                Start::Send(payload) => payload,
                Start::Done(now) => return Ok(done(now)),
            };
            let error = match self.send_update(&read.uuid, &payload, failures).await {
                Ok(written) => return Ok(self.settled(body, written).await),
                Err(error) => error,
            };
            failures += 1;
            let again = self.may_try_again(failures);
            match error.class() {
                Class::Reread => {
                    let fresh = self.reread(body, &read, error.message()).await?;
                    match fresh {
                        Some(now) => return Ok(done(now)),
                        None if again => {}
                        None => return Err(error.into()),
                    }
                }
                Class::Gone => return Err(self.missing(&read, error.into()).await),
                class if class.is_transient() && again => self.pause(failures, &error).await,
                _ => return Err(error.into()),
            }
        }
    }

    async fn payload(&self, body: &Body, read: &ObservedObject) -> Result<Start, Failure> {
        if self.key().kind.write_mode() == WriteMode::Replace {
            return stamped(body, read).map(Start::Send);
        }
        let Some(fresh) = self.fetch(read).await? else {
            return Err(Failure::new(Class::Gone, "it is gone").gone());
        };
        if body.same(&fresh.body) {
            return Ok(Start::Done(fresh));
        }
        // Our body of a VIP was made from what was read; if that changed, it must be made anew.
        // Shared objects are different: only our entries are laid over whatever is there.
        let changed = fresh.last_modified != read.last_modified && *fresh.body != *read.body;
        if changed && !self.key().kind.is_shared() {
            let text = "it was changed since it was read";
            return Err(Failure::new(Class::Reread, text).found(fresh));
        }
        let mut raw = fresh.raw.as_deref().cloned().unwrap_or_default();
        body.merge(&mut raw);
        Ok(Start::Send(raw))
    }

    /// The Controller says that it was changed since it was read. If it is as we want it, a lost
    /// reply was ours. A shared object is merged again (`None`); all else is compared anew.
    async fn reread(
        &self,
        body: &Body,
        read: &ObservedObject,
        message: aviary_types::EcoString,
    ) -> Result<Option<ObservedObject>, Failure> {
        let failure = Failure::new(Class::Reread, message);
        match self.fetch(read).await? {
            Some(fresh) if body.same(&fresh.body) => Ok(Some(fresh)),
            Some(_) if self.key().kind.is_shared() => Ok(None),
            Some(fresh) => Err(failure.found(fresh)),
            None => Err(failure.gone()),
        }
    }

    /// "Not found" on a PUT means the object itself, or something that it refers to.
    async fn missing(&self, read: &ObservedObject, failure: Failure) -> Failure {
        match self.fetch(read).await {
            Ok(None) => failure.gone(),
            Ok(Some(fresh)) => Failure {
                class: Class::MissingReference,
                ..failure
            }
            .found(fresh),
            Err(unread) => unread,
        }
    }

    pub(crate) async fn fetch(
        &self,
        read: &ObservedObject,
    ) -> Result<Option<ObservedObject>, Failure> {
        let fetched = self.context.session.fetch(self.key(), &read.uuid).await;
        fetched.map_err(Failure::from)
    }
}

fn done(now: ObservedObject) -> Done {
    Done {
        now: Some(Arc::new(now)),
        as_sent: true,
    }
}

/// The body with the stamp of what it replaces: the Controller refuses it if somebody was faster.
fn stamped(body: &Body, read: &ObservedObject) -> Result<Value, Failure> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(body) else {
        return Err(Failure::new(Class::Refuse, "its body is no JSON object"));
    };
    let stamp = read.last_modified.as_str();
    fields.insert("_last_modified".to_owned(), stamp.into());
    Ok(Value::Object(fields))
}
