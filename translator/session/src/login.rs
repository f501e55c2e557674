//! The login: one at a time for all callers, and never again with credentials that were refused.

mod refused;

pub use refused::RefusedLogin;

use crate::class::Class;
use crate::config::Config;
use crate::cookies::Jar;
use crate::credentials::{CredentialSource, Credentials, Proof};
use crate::error::{Attempt, Error, NotSent};
use crate::session::{Call, Inner, Reply, Signature};
use crate::version::ApiVersion;
use aviary_types::EcoString;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use refused::Refusals;
use serde::Serialize;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// After a login that failed for another reason than the credentials, callers that queued behind it
/// share its failure for this long, instead of repeating it one by one.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// The state of the login. The lock is held while a login is under way: that is what makes it single.
pub(crate) struct Login {
    credentials: Arc<dyn CredentialSource>,
    refusals: Refusals,
    logins: watch::Sender<Logins>,
    state: tokio::sync::Mutex<State>,
}

/// The logins that worked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Logins {
    /// So many. More than one means that the Controller had forgotten the session: it ran out, or
    /// another node leads now, or another release runs.
    pub count: u64,
    /// What the Controller has; `None` if it does not tell.
    pub version: Option<ApiVersion>,
}

#[derive(Default)]
struct State {
    auth: Option<Arc<Auth>>,
    failed: Option<(Instant, EcoString)>,
}

/// A login that worked.
pub(crate) struct Auth {
    jar: Mutex<Jar>,
    /// What is spoken; `None` only while it is asked for.
    version: Option<ApiVersion>,
    /// What the Controller has.
    pub(crate) controller: Option<ApiVersion>,
}

impl Auth {
    /// Sets the headers of a call; `false` if they cannot be sent.
    pub(crate) fn sign(&self, headers: &mut HeaderMap) -> bool {
        if let Some(version) = self.version {
            let Ok(value) = HeaderValue::from_str(&version.to_string()) else {
                return false;
            };
            headers.insert("x-avi-version", value);
        }
        self.jar().sign(headers)
    }

    /// Takes over what a reply sets.
    pub(crate) fn absorb(&self, headers: &HeaderMap) {
        self.jar().absorb(headers);
    }

    fn jar(&self) -> std::sync::MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Login {
    pub(crate) fn new(credentials: Arc<dyn CredentialSource>, config: &Config) -> Self {
        Self {
            credentials,
            refusals: Refusals::new(config.base.to_string(), config.refused_pause),
            logins: watch::channel(Logins::default()).0,
            state: tokio::sync::Mutex::default(),
        }
    }

    /// What was refused lately, and each change of it.
    pub(crate) fn refusals(&self) -> watch::Receiver<Vec<RefusedLogin>> {
        self.refusals.follow()
    }

    /// What a former start was refused.
    pub(crate) fn restore(&self, refusals: Vec<RefusedLogin>) {
        self.refusals.restore(refusals);
    }

    /// The logins so far, and each further one.
    pub(crate) fn logins(&self) -> watch::Receiver<Logins> {
        self.logins.subscribe()
    }

    fn worked(&self, version: Option<ApiVersion>) {
        self.refusals.clear();
        self.logins.send_modify(|logins| {
            logins.count += 1;
            logins.version = version;
        });
    }

    /// Drops a login that the Controller no longer takes, unless somebody has renewed it already.
    pub(crate) async fn forget(&self, auth: &Arc<Auth>) {
        let mut state = self.state.lock().await;
        if state
            .auth
            .as_ref()
            .is_some_and(|now| Arc::ptr_eq(now, auth))
        {
            state.auth = None;
        }
    }
}

/// Body of the login. Fields in the order of the official client.
#[derive(Serialize)]
struct LoginBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    username: &'a str,
}

impl Inner {
    /// The login in force, or a new one.
    pub(crate) async fn authenticated(&self, attempt: &Attempt) -> Result<Arc<Auth>, Error> {
        let mut state = self.login.state.lock().await;
        if let Some(auth) = &state.auth {
            return Ok(auth.clone());
        }
        let not_sent = |why| Error::NotSent {
            attempt: attempt.clone(),
            why,
        };
        let credentials = self.login.credentials.read();
        let credentials =
            credentials.map_err(|error| not_sent(NotSent::CredentialsUnreadable(error.0)))?;
        self.login.refusals.admit(&credentials).map_err(not_sent)?;
        state.admits().map_err(not_sent)?;
        match self.log_in(&credentials).await {
            Ok(auth) => {
                tracing::info!(user = %credentials.username, version = ?auth.version, "logged in");
                let auth = Arc::new(auth);
                *state = State {
                    auth: Some(auth.clone()),
                    ..State::default()
                };
                self.login.worked(auth.controller);
                Ok(auth)
            }
            Err(error) => {
                let message = credentials.masked_in(&error.message());
                if is_refusal(&error) {
                    tracing::error!(
                        user = %credentials.username, %message,
                        "the Controller refused the login; not tried again with these credentials for a while"
                    );
                    return Err(not_sent(self.login.refusals.add(credentials, message)));
                }
                Err(not_sent(state.failed(message)))
            }
        }
    }

    async fn log_in(&self, credentials: &Credentials) -> Result<Auth, Error> {
        let call = Call {
            attempt: Attempt::new(Method::POST, "login"),
            path: "/login".to_owned(),
            tenant: String::new(),
            body: Some(body_of(credentials)),
        };
        let jar = Mutex::new(Jar::default());
        let mut auth = Auth {
            jar,
            version: None,
            controller: None,
        };
        let reply = self
            .send(&call, Signature::Taking(&auth), &|_| true)
            .await?;
        if !auth.jar().is_session() {
            return Err(Error::Unreadable {
                attempt: call.attempt,
                why: "it sets no session cookies".into(),
            });
        }
        auth.controller = self.controller_version(&auth, &reply).await?;
        auth.version = Some(spoken(&self.config, auth.controller));
        Ok(auth)
    }

    /// The Controller's version: from `initial-data`, else from the login's answer.
    async fn controller_version(
        &self,
        auth: &Auth,
        login: &Reply,
    ) -> Result<Option<ApiVersion>, Error> {
        let call = Call {
            attempt: Attempt::new(Method::GET, "initial-data"),
            path: "/api/initial-data".to_owned(),
            tenant: "admin".to_owned(),
            body: None,
        };
        let asked = self.send(&call, Signature::With(auth), &|_| true).await?;
        let version = version_in(&asked.json(&call.attempt)?);
        Ok(version.or_else(|| version_in(&login.json(&call.attempt).ok()?)))
    }
}

impl State {
    fn admits(&self) -> Result<(), NotSent> {
        match &self.failed {
            Some((until, why)) if *until > Instant::now() => Err(NotSent::LoginFailed(why.clone())),
            _ => Ok(()),
        }
    }

    fn failed(&mut self, message: EcoString) -> NotSent {
        tracing::warn!(%message, "the login failed");
        self.failed = Some((Instant::now() + FAILURE_PAUSE, message.clone()));
        NotSent::LoginFailed(message)
    }
}

/// Whether the Controller looked at the credentials, and they are not good.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Answered {
            attempt,
            status: 400 | 401 | 403,
            class,
            ..
        } => attempt.what == "login" && *class != Class::WaitForUpgrade,
        _ => false,
    }
}

fn body_of(credentials: &Credentials) -> Bytes {
    let (password, token) = match &credentials.proof {
        Proof::Password(secret) => (Some(secret.reveal()), None),
        Proof::Token(secret) => (None, Some(secret.reveal())),
    };
    let body = LoginBody {
        password,
        token,
        username: &credentials.username,
    };
    // Three strings always serialise.
    serde_json::to_vec(&body).unwrap_or_default().into()
}

fn version_in(body: &Value) -> Option<ApiVersion> {
    body.get("version")?.get("Version")?.as_str()?.parse().ok()
}

/// What is spoken with this Controller. One that does not tell its version gets the newest we know.
fn spoken(config: &Config, controller: Option<ApiVersion>) -> ApiVersion {
    let own = controller.map_or(ApiVersion::NEWEST, ApiVersion::capped);
    config.version.unwrap_or(own)
}
