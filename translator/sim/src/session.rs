//! Logins, sessions, cookies, CSRF and user tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, header};

use crate::call::Call;
use crate::ids::Ids;
use crate::refs::decode;
use crate::reply::{Refusal, Reply};

const SESSION_COOKIE: &str = "avi-sessionid";
const OLD_SESSION_COOKIE: &str = "sessionid";
const CSRF_COOKIE: &str = "csrftoken";
/// A session without requests ends after this time.
const IDLE_TIMEOUT: Duration = Duration::from_mins(15);
/// A session ends after this time, used or not.
const FORCE_TIMEOUT: Duration = Duration::from_hours(24);
/// Failed logins that lock an account.
const FAILURES_LIMIT: u32 = 3;
/// How long a locked account stays locked.
const LOCK_TIME: Duration = Duration::from_mins(30);
/// Most sessions kept; the one idle for longest goes first.
const SESSIONS_LIMIT: usize = 1024;

/// Who may log in.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Any user with any password or token that is not empty.
    #[default]
    Any,
    /// These users with these passwords; tokens only if made here.
    Users(BTreeMap<String, String>),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Any => "Any",
            Self::Users(_) => "Users(..)",
        })
    }
}

struct Session {
    csrf: String,
    user: String,
    created: u64,
    used: u64,
}

/// A token that stands in for a password.
pub(crate) struct Token {
    pub(crate) secret: String,
    pub(crate) user: String,
    pub(crate) expires_micros: u64,
}

/// Who asks, once that is established.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) user: String,
    /// The session; none under Basic authentication.
    session: Option<String>,
}

/// All sessions, tokens and failed logins.
#[derive(Default)]
pub(crate) struct Sessions {
    credentials: Credentials,
    open: BTreeMap<String, Session>,
    /// By uuid.
    pub(crate) tokens: BTreeMap<String, Token>,
    failures: BTreeMap<String, (u32, u64)>,
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Sessions {
    /// No session yet.
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            ..Self::default()
        }
    }

    /// Others may log in.
    pub(crate) fn set_credentials(&mut self, credentials: Credentials) {
        self.credentials = credentials;
    }

    /// Ends all sessions, as a restart of the Controller does.
    pub(crate) fn expire_all(&mut self) {
        self.open.clear();
    }

    /// Opens a session; gives the user and the cookies' values (session, CSRF).
    pub(crate) fn login(
        &mut self,
        call: &Call,
        ids: &mut Ids,
        now: u64,
    ) -> Result<(String, String), Refusal> {
        let form = login_form(call);
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let user = field("username").to_owned();
        self.check_lock(&user, now)?;
        let accepted = match form.get("token") {
            Some(token) => self.accepts_token(&user, token, now),
            None => self.accepts_password(&user, field("password")),
        };
        if !accepted {
            self.count_failure(&user, now);
            return Err(Refusal::new(401, "Invalid credentials"));
        }
        self.failures.remove(&user);
        self.make_room(now);
        let (id, csrf) = (ids.word(), ids.word());
        let session = Session {
            csrf,
            user: user.clone(),
            created: now,
            used: now,
        };
        self.open.insert(id.clone(), session);
        Ok((user, id))
    }

    fn check_lock(&self, user: &str, now: u64) -> Result<(), Refusal> {
        match self.failures.get(user) {
            Some((count, last))
                if *count >= FAILURES_LIMIT && now < last.saturating_add(micros(LOCK_TIME)) =>
            {
                Err(Refusal::new(401, "Invalid credentials: account is locked"))
            }
            _ => Ok(()),
        }
    }

    fn count_failure(&mut self, user: &str, now: u64) {
        self.failures
            .retain(|_, (_, last)| now < last.saturating_add(micros(LOCK_TIME)));
        let (count, last) = self.failures.entry(user.to_owned()).or_default();
        *count += 1;
        *last = now;
    }

    fn accepts_password(&self, user: &str, password: &str) -> bool {
        match &self.credentials {
            Credentials::Any => !user.is_empty() && !password.is_empty(),
            Credentials::Users(users) => users.get(user).is_some_and(|known| known == password),
        }
    }

    fn accepts_token(&self, user: &str, token: &str, now: u64) -> bool {
        let known = self
            .tokens
            .values()
            .any(|known| known.secret == token && known.user == user && now < known.expires_micros);
        known || (matches!(self.credentials, Credentials::Any) && !token.is_empty())
    }

    fn make_room(&mut self, now: u64) {
        self.open.retain(|_, session| session.is_live(now));
        if self.open.len() >= SESSIONS_LIMIT {
            let oldest = self.open.iter().min_by_key(|(_, session)| session.used);
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                self.open.remove(&id);
            }
        }
    }

    /// Closes the session that the request belongs to.
    pub(crate) fn logout(&mut self, call: &Call) {
        for id in session_cookies(call) {
            self.open.remove(&id);
        }
    }

    /// Who asks. Sessions need their CSRF token on every request that changes something.
    pub(crate) fn identify(&mut self, call: &Call, now: u64) -> Result<Identity, Refusal> {
        if let Some(basic) = call.header("authorization").and_then(basic) {
            let (user, password) = basic;
            if self.accepts_password(&user, &password) {
                return Ok(Identity {
                    user,
                    session: None,
                });
            }
            return Err(Refusal::new(401, "Invalid credentials"));
        }
        let known = session_cookies(call)
            .into_iter()
            .find(|id| self.open.contains_key(id));
        let session = known.as_ref().and_then(|id| self.open.get_mut(id));
        let (Some(id), Some(session)) = (known.clone(), session) else {
            return Err(Refusal::new(
                401,
                "Authentication credentials were not provided",
            ));
        };
        if !session.is_live(now) {
            self.open.remove(&id);
            return Err(Refusal::new(401, "Session expired"));
        }
        let is_read = matches!(call.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        if !is_read && call.header("x-csrftoken") != Some(session.csrf.as_str()) {
            return Err(Refusal::plain(401, "CSRF token missing or incorrect."));
        }
        session.used = now;
        Ok(Identity {
            user: session.user.clone(),
            session: Some(id),
        })
    }

    /// The cookies of a login.
    pub(crate) fn login_cookies(&self, id: &str, reply: Reply) -> Reply {
        let csrf = self
            .open
            .get(id)
            .map_or("", |session| session.csrf.as_str());
        let reply = reply.with(
            header::SET_COOKIE,
            format!("{CSRF_COOKIE}={csrf}; Max-Age=31449600; Path=/; Secure"),
        );
        session_cookie_headers(id, reply)
    }
}

impl Session {
    fn is_live(&self, now: u64) -> bool {
        now < self.used.saturating_add(micros(IDLE_TIMEOUT))
            && now < self.created.saturating_add(micros(FORCE_TIMEOUT))
    }
}

impl Identity {
    /// Every reply sends the session's cookies again; under Basic their value is `None`.
    pub(crate) fn cookies(&self, reply: Reply) -> Reply {
        session_cookie_headers(self.session.as_deref().unwrap_or("None"), reply)
    }
}

fn session_cookie_headers(id: &str, reply: Reply) -> Reply {
    [SESSION_COOKIE, OLD_SESSION_COOKIE]
        .iter()
        .fold(reply, |reply, name| {
            reply.with(
                HeaderName::from_static("set-cookie"),
                format!("{name}={id}; HttpOnly; Max-Age=86400; Path=/; Secure"),
            )
        })
}

fn session_cookies(call: &Call) -> Vec<String> {
    let cookies = call.headers.get_all(header::COOKIE).iter();
    cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| [SESSION_COOKIE, OLD_SESSION_COOKIE].contains(name))
        .map(|(_, value)| value.trim_matches('"').to_owned())
        .collect()
}

/// A login's fields: the Python client sends a form, the Go client JSON.
fn login_form(call: &Call) -> BTreeMap<String, String> {
    if let Ok(fields) = call.object() {
        let texts = fields.into_iter();
        return texts
            .filter_map(|(key, value)| Some((key, value.as_str()?.to_owned())))
            .collect();
    }
    let text = String::from_utf8_lossy(&call.body);
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

fn basic(text: &str) -> Option<(String, String)> {
    let encoded = text.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
