//! The span of one call to the Controller: what was called, and what came of it. Never a body, a
//! header, or the Controller's words.

use crate::error::Error;
use crate::session::{Call, Reply};
use aviary_boot::trace::{attempt, is_inside};
use http::Uri;
use tracing::Span;
use tracing::field::Empty;

/// The span of a call that is sent now. Calls outside of a traced operation have none: the reading
/// of a whole Controller is no part of a change.
pub(crate) fn rest(call: &Call, base: &Uri, resends: u32) -> Span {
    if !is_inside() {
        return Span::none();
    }
    let path = call.path.split('?').next().unwrap_or_default();
    let (kind, template) = template(path);
    let number = attempt::number().saturating_add(resends);
    let span = tracing::info_span!(
        "aviary.rest",
        otel.kind = "client",
        http.request.method = call.attempt.method.as_str(),
        http.response.status_code = Empty,
        http.request.resend_count = Empty,
        url.path = path,
        url.template = template,
        server.address = base.host(),
        server.port = i64::from(port(base)),
        aviary.avi.type = kind,
        aviary.avi.name = call.attempt.name.as_str(),
        aviary.avi.tenant = call.tenant,
        aviary.attempt = i64::from(number),
        error.type = Empty,
        otel.status_code = Empty,
    );
    if number > 1 {
        span.record("http.request.resend_count", i64::from(number - 1));
    }
    span
}

/// Notes what came of it.
pub(crate) fn answered(span: &Span, result: &Result<Reply, Error>) {
    if span.is_disabled() {
        return;
    }
    let status = match result {
        Ok(reply) => Some(reply.status),
        Err(Error::Answered { status, .. }) => Some(*status),
        Err(_) => None,
    };
    if let Some(status) = status {
        span.record("http.response.status_code", i64::from(status));
    }
    if let Err(error) = result {
        let kind = match error {
            Error::Answered { status, .. } => status.to_string(),
            Error::TimedOut { .. } => "timeout".to_owned(),
            other => other.class().to_string(),
        };
        span.record("error.type", kind);
        span.record("otel.status_code", "ERROR");
    }
}

/// The type in a path, and the path without what differs from object to object.
fn template(path: &str) -> (&str, String) {
    let (api, below) = match path.strip_prefix("/api/") {
        Some(below) => ("/api", below),
        None => ("", path.trim_start_matches('/')),
    };
    let (kind, rest) = match below.split_once('/') {
        Some((kind, _)) => (kind, "/{uuid}"),
        None => (below, ""),
    };
    (kind, format!("{api}/{kind}{rest}"))
}

fn port(base: &Uri) -> u16 {
    let usual = if base.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    base.port_u16().unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_a_type_and_a_template() {
        for (path, kind, form) in [
            ("/api/pool", "pool", "/api/pool"),
            ("/api/vsvip/vsvip-1-2", "vsvip", "/api/vsvip/{uuid}"),
            ("/login", "login", "/login"),
        ] {
            assert_eq!(template(path), (kind, form.to_owned()));
        }
    }
}
