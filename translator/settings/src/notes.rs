//! What is told about a settings tree: errors, which refuse it, and warnings, which do not.

use serde::Serialize;
use serde_json::Value;

/// Longest part of a value that an error repeats.
const VALUE_CHARS_MAX: usize = 80;

/// Why settings are refused. One bad key refuses the whole tree; the caller keeps its last valid
/// one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
pub enum SettingError {
    /// There is no document, or nothing in it.
    #[error("settings: the document is empty; an empty file never means defaults")]
    Empty,
    /// The text is not one YAML map.
    #[error("settings: {reason} (line {line}, column {column})")]
    Unreadable {
        /// What is wrong, without any text of the document but a key.
        reason: String,
        /// Line, from 1; 0 if unknown.
        line: u64,
        /// Column, from 1; 0 if unknown.
        column: u64,
    },
    /// A key that is needed is not there.
    #[error("{key}: missing; needed is {allowed}")]
    Missing {
        /// Dotted path of the key.
        key: String,
        /// What may stand there.
        allowed: String,
    },
    /// A value that is not allowed.
    #[error("{key}: {value} is not allowed; allowed is {allowed}")]
    Invalid {
        /// Dotted path of the key.
        key: String,
        /// The value as JSON, shortened; hidden where secrets are at home.
        value: String,
        /// What may stand there.
        allowed: String,
    },
    /// Two keys, or two instances, that cannot both be.
    #[error("{key}: {text}")]
    Conflict {
        /// Dotted path of the key to change.
        key: String,
        /// With what it clashes, and what to do.
        text: String,
    },
}

impl SettingError {
    /// The dotted path of the key, where there is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Empty | Self::Unreadable { .. } => None,
            Self::Missing { key, .. } | Self::Invalid { key, .. } | Self::Conflict { key, .. } => {
                Some(key)
            }
        }
    }
}

/// What is worth saying about settings that are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Warning {
    /// A key that nobody knows; it is left alone.
    Unknown {
        /// Dotted path of the key.
        key: String,
        /// The nearest known key, if one is near.
        nearest: Option<String>,
    },
    /// A key that is read and checked, and does nothing yet.
    NoEffectYet {
        /// Dotted path of the key.
        key: String,
        /// Its value as JSON, shortened.
        value: String,
    },
    /// A value that AKO replaces without a word; so do we, with this one.
    Replaced {
        /// Dotted path of the key.
        key: String,
        /// The value as JSON, shortened.
        value: String,
        /// The value that is used.
        used: String,
        /// What may stand there.
        allowed: String,
    },
    /// Anything else, in one sentence.
    Note {
        /// Dotted path of the key.
        key: String,
        /// The sentence.
        text: String,
    },
}

impl Warning {
    /// The dotted path of the key.
    pub fn key(&self) -> &str {
        match self {
            Self::Unknown { key, .. }
            | Self::NoEffectYet { key, .. }
            | Self::Replaced { key, .. }
            | Self::Note { key, .. } => key,
        }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown {
                key,
                nearest: Some(near),
            } => {
                write!(f, "{key}: unknown key, ignored; did you mean {near}?")
            }
            Self::Unknown { key, nearest: None } => write!(f, "{key}: unknown key, ignored"),
            Self::NoEffectYet { key, value } => {
                write!(f, "{key}: {value} is accepted, has no effect yet")
            }
            Self::Replaced {
                key,
                value,
                used,
                allowed,
            } => {
                write!(
                    f,
                    "{key}: {value} is taken as {used}, as AKO does; allowed is {allowed}"
                )
            }
            Self::Note { key, text } => write!(f, "{key}: {text}"),
        }
    }
}

/// Errors and warnings as they are collected.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) errors: Vec<SettingError>,
    pub(crate) warnings: Vec<Warning>,
}

impl Notes {
    /// Adds a clash between keys.
    pub(crate) fn conflict(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.errors.push(SettingError::Conflict {
            key: key.into(),
            text: text.into(),
        });
    }

    /// Adds a sentence.
    pub(crate) fn note(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.warnings.push(Warning::Note {
            key: key.into(),
            text: text.into(),
        });
    }
}

/// A place in the tree, with the notes to write to.
pub(crate) struct Spot<'a> {
    key: String,
    notes: &'a mut Notes,
}

impl<'a> Spot<'a> {
    /// The place of a dotted key.
    pub(crate) fn new(key: String, notes: &'a mut Notes) -> Self {
        Self { key, notes }
    }

    /// Works one step further down: `suffix` is `.name` or `[0]`.
    pub(crate) fn at<R>(&mut self, suffix: &str, work: impl FnOnce(&mut Spot<'_>) -> R) -> R {
        let parent = self.key.len();
        self.key.push_str(suffix);
        let result = work(self);
        self.key.truncate(parent);
        result
    }

    /// The dotted path of this place.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Refuses a value; `None` for the convenience of readers.
    pub(crate) fn refuse<T>(&mut self, value: &Value, allowed: impl Into<String>) -> Option<T> {
        self.notes.errors.push(SettingError::Invalid {
            key: self.key.clone(),
            value: shown(value),
            allowed: allowed.into(),
        });
        None
    }

    /// Refuses a value that might be a secret by mistake: it is not repeated.
    pub(crate) fn refuse_unseen<T>(&mut self, allowed: impl Into<String>) -> Option<T> {
        self.notes.errors.push(SettingError::Invalid {
            key: self.key.clone(),
            value: "the value (not shown)".to_owned(),
            allowed: allowed.into(),
        });
        None
    }

    /// Says that something needed is not there.
    pub(crate) fn missing<T>(&mut self, allowed: impl Into<String>) -> Option<T> {
        self.notes.errors.push(SettingError::Missing {
            key: self.key.clone(),
            allowed: allowed.into(),
        });
        None
    }

    /// Says that a value is replaced as AKO replaces it.
    pub(crate) fn replaced(&mut self, value: &Value, used: &str, allowed: impl Into<String>) {
        self.notes.warnings.push(Warning::Replaced {
            key: self.key.clone(),
            value: shown(value),
            used: used.to_owned(),
            allowed: allowed.into(),
        });
    }

    /// Adds a sentence about this place.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.note(self.key.clone(), text);
    }

    /// Adds a clash at this place.
    pub(crate) fn conflict(&mut self, text: impl Into<String>) {
        self.notes.conflict(self.key.clone(), text);
    }
}

/// A value as JSON, short enough for one line.
pub(crate) fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= VALUE_CHARS_MAX {
        return text;
    }
    let mut short: String = text.chars().take(VALUE_CHARS_MAX).collect();
    short.push('…');
    short
}
