//! DELETE. What is gone already is deleted; what others still refer to may be free in a moment.

use crate::attempt::Attempt;
use crate::outcome::{Done, Failure};
use aviary_avi::{ObservedObject, Owned};
use aviary_plan::Right;
use aviary_session::{Class, Error};

/// A delete that worked, by whomever.
const DONE: Done = Done {
    now: None,
    as_sent: true,
};

impl Attempt {
    pub(crate) async fn delete(&self) -> Result<Done, Failure> {
        if self.key().kind.is_shared() {
            return Err(Failure::new(
                Class::Refuse,
                "a shared object is never deleted",
            ));
        }
        let Some(current) = &self.current else {
            return Ok(DONE);
        };
        self.check_fence()?;
        for target in current.targets() {
            self.remember(&target, Right::Refers).await?;
        }
        let mut failures = 0;
        loop {
            let error = match self.send_delete(&current.uuid, failures).await {
                Ok(()) => return Ok(DONE),
                Err(error) if error.class() == Class::Gone => return Ok(DONE),
                Err(error) => error,
            };
            failures += 1;
            let class = error.class();
            let is_worth_it = class.is_transient() || class == Class::StillReferred;
            if !is_worth_it || !self.may_try_again(failures) {
                return Err(error.into());
            }
            self.pause(failures, &error).await;
            if class == Class::StillReferred && !self.is_still_ours(current, error).await? {
                return Ok(DONE);
            }
        }
    }

    /// Looks at it again before the next try: whether it is there, and still what was to be deleted.
    async fn is_still_ours(&self, read: &ObservedObject, error: Error) -> Result<bool, Failure> {
        match self.fetch(read).await? {
            None => Ok(false),
            Some(fresh) if fresh.body.owner(&self.op.domain) == Owned::No => {
                Err(Failure::from(error).found(fresh))
            }
            Some(_) => Ok(true),
        }
    }
}
