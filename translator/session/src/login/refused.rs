//! Logins that the Controller refused. Three in a row lock an account for half an hour, so that the
//! same credentials are not tried again for a while, not even by the next start.

use crate::credentials::{Credentials, Proof};
use crate::error::NotSent;
use aviary_types::EcoString;
use aws_lc_rs::pbkdf2;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Rounds of the digest: a few hundredths of a second, for a password may be guessed from it.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99_999);
/// Credentials that are remembered; the oldest ones go first.
const REMEMBERED_MAX: usize = 16;

/// Credentials that were refused, without the credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RefusedLogin {
    /// They are not tried again before this instant.
    pub until: Instant,
    /// What tells them from others.
    pub digest: [u8; 32],
}

/// The digest is left out: passwords are guessed by such.
impl fmt::Debug for RefusedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RefusedLogin");
        shown.field("until", &self.until).finish_non_exhaustive()
    }
}

/// All that were refused lately.
pub(super) struct Refusals {
    /// Whose refusals they are: a digest is worth nothing elsewhere.
    controller: String,
    pause: Duration,
    kept: Mutex<Vec<Refused>>,
    told: watch::Sender<Vec<RefusedLogin>>,
}

struct Refused {
    refusal: RefusedLogin,
    /// Of a former start only the digest is known.
    credentials: Option<Credentials>,
    message: EcoString,
}

impl Refusals {
    pub(super) fn new(controller: String, pause: Duration) -> Self {
        Self {
            controller,
            pause,
            kept: Mutex::default(),
            told: watch::channel(Vec::new()).0,
        }
    }

    /// What is remembered, and each change of it.
    pub(super) fn follow(&self) -> watch::Receiver<Vec<RefusedLogin>> {
        self.told.subscribe()
    }

    /// Remembers what a former start was refused, for no longer than it would now.
    pub(super) fn restore(&self, refusals: Vec<RefusedLogin>) {
        let latest = Instant::now() + self.pause;
        let refused = |refusal: RefusedLogin| Refused {
            refusal: RefusedLogin {
                until: refusal.until.min(latest),
                ..refusal
            },
            credentials: None,
            message: "before the last start".into(),
        };
        let mut kept = self.lock();
        kept.extend(refusals.into_iter().map(refused));
        // It is no news.
        self.told.send_if_modified(|told| {
            *told = kept.iter().map(|refused| refused.refusal).collect();
            false
        });
    }

    /// Whether these may be tried.
    pub(super) fn admit(&self, credentials: &Credentials) -> Result<(), NotSent> {
        let now = Instant::now();
        let mut kept = self.lock();
        kept.retain(|refused| refused.refusal.until > now);
        let mut digest = None;
        let found = kept.iter_mut().find(|refused| match &refused.credentials {
            Some(known) => known == credentials,
            None => {
                *digest.get_or_insert_with(|| self.digest(credentials)) == refused.refusal.digest
            }
        });
        let Some(refused) = found else {
            return Ok(());
        };
        // Not computed again for each call that would log in.
        refused.credentials = Some(credentials.clone());
        Err(NotSent::CredentialsRefused {
            wait: refused.refusal.until - now,
            message: refused.message.clone(),
        })
    }

    /// These were refused.
    pub(super) fn add(&self, credentials: Credentials, message: EcoString) -> NotSent {
        let refusal = RefusedLogin {
            until: Instant::now() + self.pause,
            digest: self.digest(&credentials),
        };
        let mut kept = self.lock();
        if kept.len() >= REMEMBERED_MAX {
            kept.remove(0);
        }
        kept.push(Refused {
            refusal,
            credentials: Some(credentials),
            message: message.clone(),
        });
        self.tell(&kept);
        NotSent::CredentialsRefused {
            wait: self.pause,
            message,
        }
    }

    /// A login worked, which sets the Controller's count back.
    pub(super) fn clear(&self) {
        let mut kept = self.lock();
        if !kept.is_empty() {
            kept.clear();
            self.tell(&kept);
        }
    }

    fn tell(&self, kept: &[Refused]) {
        let refusals = kept.iter().map(|refused| refused.refusal);
        self.told.send_replace(refusals.collect());
    }

    fn digest(&self, credentials: &Credentials) -> [u8; 32] {
        let (kind, secret) = match &credentials.proof {
            Proof::Password(secret) => ("password", secret),
            Proof::Token(secret) => ("token", secret),
        };
        let salt = [&self.controller, credentials.username.as_str(), kind].join("\0");
        let mut digest = [0; 32];
        let secret = secret.reveal().as_bytes();
        let way = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(way, ROUNDS, salt.as_bytes(), secret, &mut digest);
        digest
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Refused>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
