//! A request taken apart: path, query and the headers that the Controller reads.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use serde_json::{Map, Value};

use crate::query::Query;
use crate::refs::decode;
use crate::reply::Refusal;

/// Which tenant a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TenantAsk {
    /// No header: the user's default tenant.
    Default,
    /// `X-Avi-Tenant`; `*` means all.
    Name(String),
    /// `X-Avi-Tenant-UUID`.
    Uuid(String),
}

/// One request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path's segments, decoded; doubled and trailing slashes are no segments.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Query,
    pub(crate) tenant: TenantAsk,
    /// `X-Avi-Version`.
    pub(crate) version: Option<String>,
    /// Scheme and host as the client knows them.
    pub(crate) base: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// Takes a request apart; `scheme` is that of the listener.
    pub(crate) fn read(request: Request<Bytes>, scheme: &str) -> Self {
        let (parts, body) = request.into_parts();
        let segments = parts
            .uri
            .path()
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decode_path)
            .collect();
        let headers = parts.headers;
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let tenant = match (text("x-avi-tenant-uuid"), text("x-avi-tenant")) {
            (Some(uuid), _) => TenantAsk::Uuid(uuid),
            (None, Some(name)) => TenantAsk::Name(name),
            (None, None) => TenantAsk::Default,
        };
        let authority = parts.uri.authority().map(ToString::to_string);
        let host = authority
            .or_else(|| text(header::HOST.as_str()))
            .unwrap_or_else(|| "localhost".to_owned());
        let scheme = parts.uri.scheme_str().unwrap_or(scheme);
        Self {
            method: parts.method,
            segments,
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            tenant,
            version: text("x-avi-version"),
            base: format!("{scheme}://{host}"),
            headers,
            body,
        }
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// What tells the body from others, but for the stamp that a client read before it wrote.
    pub(crate) fn body_digest(&self) -> String {
        let Ok(mut fields) = self.object() else {
            return String::new();
        };
        if matches!(self.kind(), "login" | "logout") {
            return String::new();
        }
        fields.remove("_last_modified");
        let mut hasher = DefaultHasher::new();
        Value::Object(fields).to_string().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// The body as a JSON object.
    pub(crate) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(Refusal::new(400, "JSON object expected")),
            Err(error) => Err(Refusal::new(400, format!("JSON parse error - {error}"))),
        }
    }

    /// The object kind that the path names, `login` and `logout` included.
    pub(crate) fn kind(&self) -> &str {
        match self.segments.first().map(String::as_str) {
            Some("api") => self.segments.get(1).map_or("", String::as_str),
            Some(other) => other,
            None => "",
        }
    }

    /// The uuid that the path names.
    pub(crate) fn uuid(&self) -> Option<&str> {
        self.segments.get(2).map(String::as_str)
    }

    /// The name that the request itself carries, in its query or body.
    pub(crate) fn stated_name(&self) -> Option<String> {
        if let Some(name) = self.query.get("name") {
            return Some(name.to_owned());
        }
        if !matches!(self.method, Method::POST | Method::PUT) || self.kind() == "login" {
            return None;
        }
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        Some(body.get("name")?.as_str()?.to_owned())
    }
}

/// A path keeps its plus signs; only a query turns them into spaces.
fn decode_path(segment: &str) -> String {
    decode(&segment.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Call {
        let request = Request::builder()
            .uri(uri)
            .header("host", "c:1")
            .body(Bytes::new());
        Call::read(request.unwrap(), "http")
    }

    #[test]
    fn slashes_do_not_matter() {
        for uri in [
            "/api/pool/p-1",
            "//api/pool/p-1/",
            "/api//pool/p-1/?include_name",
        ] {
            let call = read(uri);
            assert_eq!(call.segments, ["api", "pool", "p-1"], "{uri}");
            assert_eq!((call.kind(), call.uuid()), ("pool", Some("p-1")));
            assert_eq!(call.base, "http://c:1");
        }
    }

    #[test]
    fn an_absolute_address_names_the_host() {
        assert_eq!(
            read("https://avi.example/api/pool").base,
            "https://avi.example"
        );
    }
}
