//! Answers and refusals, before they become HTTP.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// Why the Controller refuses a request.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    text: String,
    plain: bool,
}

impl Refusal {
    /// A refusal with the usual JSON body.
    pub(crate) fn new(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            plain: false,
        }
    }

    /// A refusal whose body is bare text, as CSRF failures have it.
    pub(crate) fn plain(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            plain: true,
        }
    }
}

/// An answer: status, body, further headers.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    headers: Vec<(HeaderName, String)>,
}

impl Reply {
    /// A JSON answer.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let bytes = serde_json::to_vec(body).unwrap_or_default();
        Self {
            status,
            body: Bytes::from(bytes),
            headers: Vec::new(),
        }
    }

    /// An answer that is bare text.
    pub(crate) fn text(status: u16, body: String) -> Self {
        Self {
            status,
            body: Bytes::from(body),
            headers: Vec::new(),
        }
    }

    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            body: Bytes::new(),
            headers: Vec::new(),
        }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The HTTP form. Every body is announced as JSON, bare texts too, as recorded.
    pub(crate) fn into_response(self) -> Response<Bytes> {
        let has_body = !self.body.is_empty();
        let mut response = Response::new(self.body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if has_body {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(name, value);
            }
        }
        response
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        if refusal.plain {
            return Self::text(refusal.status, refusal.text);
        }
        Self::json(refusal.status, &json!({ "error": refusal.text }))
    }
}
