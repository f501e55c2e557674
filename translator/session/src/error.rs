//! Errors of a session. None carries a body or a secret.

use crate::class::Class;
use aviary_avi::AviKey;
use aviary_types::{EcoString, eco_format};
use http::Method;
use std::fmt;
use std::time::Duration;

/// The most characters of a Controller's message that are kept.
const MESSAGE_LIMIT: usize = 400;

/// What was tried: method, type and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// HTTP method.
    pub method: Method,
    /// REST type and, where known, tenant and name.
    pub what: EcoString,
    /// Name of the object; empty for what is none.
    pub name: EcoString,
}

impl Attempt {
    /// An attempt at what the words say.
    pub(crate) fn new(method: Method, what: impl Into<EcoString>) -> Self {
        Self {
            method,
            what: what.into(),
            name: EcoString::new(),
        }
    }

    /// An attempt at one object.
    pub(crate) fn at(method: Method, key: &AviKey) -> Self {
        Self {
            name: key.name.clone(),
            ..Self::new(method, eco_format!("{key}"))
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.what)
    }
}

/// Why a call was not sent at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSent {
    /// The right to write is gone or too short for the call.
    Fenced,
    /// The session was closed.
    Closed,
    /// The Controller refused these credentials; no further try before they change or the time is up.
    CredentialsRefused {
        /// Until the next try with the same credentials.
        wait: Duration,
        /// What the Controller said.
        message: EcoString,
    },
    /// The credentials cannot be read.
    CredentialsUnreadable(EcoString),
    /// The last login failed a moment ago.
    LoginFailed(EcoString),
    /// The request could not be made of its parts.
    Malformed,
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fenced => f.write_str("this process may not write now"),
            Self::Closed => f.write_str("the session is closed"),
            Self::CredentialsRefused { wait, message } => write!(
                f,
                "the Controller refused the login ({message}); next try in {} s or when the credentials change",
                wait.as_secs()
            ),
            Self::CredentialsUnreadable(why) => write!(f, "no credentials: {why}"),
            Self::LoginFailed(why) => write!(f, "the login failed: {why}"),
            Self::Malformed => f.write_str("the request has a part that HTTP does not allow"),
        }
    }
}

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Controller answered, but not with success.
    #[error("{attempt}: the Controller answered {status}: {message}")]
    Answered {
        /// What was tried.
        attempt: Attempt,
        /// HTTP status.
        status: u16,
        /// The Controller's text, cut.
        message: EcoString,
        /// What to do.
        class: Class,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
        /// How long the answer took.
        took: Duration,
    },
    /// The connection broke, or was never made.
    #[error("{attempt}: no answer")]
    Unanswered {
        /// What was tried.
        attempt: Attempt,
        /// What the transport says.
        #[source]
        source: tower::BoxError,
    },
    /// No answer came in time.
    #[error("{attempt}: no answer within {} s", limit.as_secs())]
    TimedOut {
        /// What was tried.
        attempt: Attempt,
        /// How long was waited.
        limit: Duration,
    },
    /// The answer says success, but it is not what such an answer is.
    #[error("{attempt}: the answer cannot be read ({why})")]
    Unreadable {
        /// What was tried.
        attempt: Attempt,
        /// Where it breaks off; never its text.
        why: EcoString,
    },
    /// A list changed under our hands, again and again.
    #[error("{attempt}: the list changed while its pages were read")]
    Shifted {
        /// What was tried.
        attempt: Attempt,
    },
    /// The Controller's cluster does not serve: it starts, or is upgraded.
    #[error("{attempt}: the Controller's cluster is in the state {state}")]
    NotReady {
        /// What was tried.
        attempt: Attempt,
        /// The state that it tells.
        state: EcoString,
    },
    /// Nothing was sent.
    #[error("{attempt}: not sent: {why}")]
    NotSent {
        /// What was tried.
        attempt: Attempt,
        /// Why not.
        why: NotSent,
    },
}

impl Error {
    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Answered { class, .. } => *class,
            Self::Unanswered { .. } | Self::TimedOut { .. } | Self::Unreadable { .. } => {
                Class::Lost
            }
            Self::Shifted { .. } | Self::NotReady { .. } => Class::Retry,
            Self::NotSent { why, .. } => match why {
                NotSent::LoginFailed(_) => Class::Retry,
                NotSent::Malformed => Class::Refuse,
                _ => Class::Stop,
            },
        }
    }

    /// The status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// How long the Controller asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What to tell people: the Controller's own text where there is one.
    pub fn message(&self) -> EcoString {
        match self {
            Self::Answered { message, .. } if !message.is_empty() => message.clone(),
            other => eco_format!("{other}"),
        }
    }
}

/// The Controller's text of an answer: its `error` field, or the plain body; cut, on one line, and
/// without anything that may be key material.
pub(crate) fn message_of(body: &[u8]) -> EcoString {
    let parsed = serde_json::from_slice::<serde_json::Value>(body).ok();
    let field = parsed.as_ref().and_then(|value| {
        ["error", "detail", "message"]
            .iter()
            .find_map(|key| value.get(key)?.as_str())
    });
    match field {
        Some(text) => cut(text),
        None => cut(&String::from_utf8_lossy(body)),
    }
}

fn cut(text: &str) -> EcoString {
    const KEY_MARKS: [&str; 3] = ["-----BEGIN", "key: \"", "\"key\""];
    let end = KEY_MARKS
        .iter()
        .filter_map(|mark| text.find(mark))
        .min()
        .unwrap_or(text.len());
    let kept = text.get(..end).unwrap_or_default();
    kept.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MESSAGE_LIMIT)
        .collect::<String>()
        .trim()
        .into()
}

#[cfg(test)]
mod tests {
    use super::message_of;

    #[test]
    fn messages_are_short_and_hold_no_keys() {
        assert_eq!(message_of(br#"{"error": "no\nway"}"#), "no way");
        assert_eq!(message_of(b"plain text"), "plain text");
        let dump =
            br#"{"error": "Bad pb: name: \"x\" key: \"-----BEGIN RSA PRIVATE KEY-----abc\""}"#;
        assert_eq!(message_of(dump), "Bad pb: name: \"x\"");
        assert_eq!(message_of("ä".repeat(5000).as_bytes()).chars().count(), 400);
    }
}
