//! Lists: page after page, and only if no entry can have slipped between two pages.

use crate::error::{Attempt, Error};
use crate::page::Page;
use crate::session::{Call, Session, unreadable};
use aviary_types::eco_format;
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// How often a list is read from its start when it changes meanwhile.
const ROUNDS: u32 = 4;
/// More pages than this are no list of ours.
const PAGES_LIMIT: usize = 5_000;

/// What stays as it is in a query's values.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b',');

/// A list to read.
#[derive(Debug, Clone)]
pub(crate) struct List {
    /// REST type.
    pub(crate) kind: &'static str,
    /// Tenant, or `*` for all.
    pub(crate) tenant: String,
    /// Filters and shape.
    pub(crate) query: Vec<(&'static str, String)>,
}

impl List {
    pub(crate) fn of(kind: &'static str, tenant: impl Into<String>) -> Self {
        Self {
            kind,
            tenant: tenant.into(),
            query: Vec::new(),
        }
    }

    /// With a filter; one without a value is left out.
    pub(crate) fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.query.push((key, value));
        }
        self
    }

    fn call(&self, page: usize, page_size: u16) -> Call {
        let mut path = format!("/api/{}?page_size={page_size}", self.kind);
        if page > 1 {
            let _ = write!(path, "&page={page}");
        }
        for (key, value) in &self.query {
            let value = utf8_percent_encode(value, QUERY);
            let _ = write!(path, "&{key}={value}");
        }
        let what = eco_format!("list of {} in {}", self.kind, self.tenant);
        Call {
            attempt: Attempt::new(Method::GET, what),
            path,
            tenant: self.tenant.clone(),
            body: None,
        }
    }
}

impl Session {
    /// All entries of a list.
    pub(crate) async fn list(&self, list: &List) -> Result<Vec<Value>, Error> {
        self.list_as(list, |entry, entries| entries.push(entry))
            .await
    }

    /// All entries of a list, as `keep` takes them over: one of them is in memory as it came, and the
    /// text of its page. Pages are numbered, so an entry that is deleted meanwhile moves the others
    /// up, and one would never be seen. Then the whole list is read again: what is missing from an
    /// answer must be missing on the Controller.
    pub(crate) async fn list_as<T>(
        &self,
        list: &List,
        keep: impl Fn(Value, &mut Vec<T>),
    ) -> Result<Vec<T>, Error> {
        for _ in 0..ROUNDS {
            if let Some(entries) = self.list_once(list, &keep).await? {
                return Ok(entries);
            }
        }
        Err(Error::Shifted {
            attempt: list.call(1, 1).attempt,
        })
    }

    async fn list_once<T>(
        &self,
        list: &List,
        keep: &impl Fn(Value, &mut Vec<T>),
    ) -> Result<Option<Vec<T>>, Error> {
        let (mut kept, mut seen) = (Vec::new(), BTreeSet::new());
        let mut first = None;
        for page in 1..=PAGES_LIMIT {
            let call = list.call(page, self.inner.config.page_size);
            let reply = self.read(&call).await?;
            let (before, mut is_shifted) = (seen.len(), false);
            let read = Page::read(&reply.body, |entry| {
                is_shifted |= !seen.insert(id_of(&entry));
                if !is_shifted {
                    keep(entry, &mut kept);
                }
            });
            let Page { more, count } = read.map_err(|error| unreadable(&call.attempt, &error))?;
            // What went between two pages counts no more in the second.
            if is_shifted || *first.get_or_insert(count) != count {
                return Ok(None);
            }
            if !more || seen.len() == before {
                let complete = count.is_none_or(|count| seen.len() as u64 >= count);
                return Ok(complete.then_some(kept));
            }
        }
        Ok(None)
    }
}

fn id_of(entry: &Value) -> String {
    let uuid = text(entry, "uuid");
    let id = if uuid.is_empty() {
        text(entry, "name")
    } else {
        uuid
    };
    id.to_owned()
}

/// A string field of an answer, empty if it is not there.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
