//! What the operations of a plan are done for, and the spans of their execution. Attributes are names
//! and counts, never bodies.

use crate::outcome::{End, NotTried};
use aviary_boot::trace::Context;
use aviary_plan::{Method, Op, OpKey};
use std::collections::BTreeMap;
use tracing::Span;
use tracing::field::Empty;

/// What the operations of a plan are done for.
pub type Traces = BTreeMap<OpKey, Cause>;

/// Where the span of an operation belongs.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// The plan, or the change, whose child it is.
    pub parent: Context,
    /// What it names beside.
    pub links: Vec<Context>,
    /// How many changes it is done for.
    pub count: usize,
}

/// An operation is carried out, with all its calls.
pub(crate) fn execute(op: &Op, cause: Option<Cause>) -> Span {
    let Some(Cause {
        parent,
        links,
        count: causes,
    }) = cause
    else {
        return Span::none();
    };
    let object = &op.key.object;
    let span = tracing::info_span!(
        parent: None,
        "aviary.execute",
        aviary.op = in_words(op.method),
        aviary.avi.type = object.kind.path(),
        aviary.avi.name = object.name.as_str(),
        aviary.avi.tenant = object.tenant.as_str(),
        aviary.causes = count(causes),
        aviary.outcome = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    );
    parent.adopt(&span);
    for link in &links {
        link.link(&span);
    }
    span
}

/// Notes how an operation ended. The Controller's words stay out: they may repeat what was sent.
pub(crate) fn executed(span: &Span, end: &End) {
    if span.is_disabled() {
        return;
    }
    let outcome = match end {
        End::Done(_) => "done",
        End::Failed(_) => "failed",
        End::NotTried(NotTried::Replaced) => "replaced",
        End::NotTried(_) => "not tried",
    };
    span.record("aviary.outcome", outcome);
    if let End::Failed(failure) = end {
        span.record("error.type", failure.class.to_string());
        span.record("otel.status_code", "ERROR");
    }
}

fn in_words(method: Method) -> &'static str {
    match method {
        Method::Create => "create",
        Method::Update => "update",
        Method::Delete => "delete",
    }
}

/// As OpenTelemetry has numbers.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
