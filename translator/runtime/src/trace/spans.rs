//! The spans of the translator's stages. Their attributes are names and counts, never bodies.

use super::{Cause, Changes};
use crate::execute::{End, NotTried};
use aviary_boot::trace::Context;
use aviary_link::trace::TraceContext;
use aviary_plan::{Method, Op, Plan};
use aviary_types::ObjectKey;
use tracing::Span;
use tracing::field::Empty;

/// A delta that belongs to a trace is taken in.
pub(crate) fn ingest(key: &ObjectKey, trace: &TraceContext) -> Span {
    let Some(context) = Context::parse(&trace.parent, &trace.state) else {
        return Span::none();
    };
    let span = tracing::info_span!(
        parent: None,
        "aviary.ingest",
        otel.kind = "consumer",
        k8s.cluster.name = key.cluster.as_str(),
        k8s.namespace.name = key.namespace.as_str(),
        aviary.object.kind = key.kind.kind,
        aviary.object.name = key.name.as_str(),
        aviary.outcome = Empty,
    );
    context.adopt(&span);
    span
}

/// What changed is translated.
pub(crate) fn build(changes: &Changes) -> Span {
    let Some(first) = changes.first() else {
        return Span::none();
    };
    let span = tracing::info_span!(
        parent: None,
        "aviary.build",
        aviary.causes = count(changes.count),
    );
    first.adopt(&span);
    for change in changes.to_link() {
        change.link(&span);
    }
    span
}

/// What should be is compared with what is.
pub(crate) fn diff(controller: &str, parent: Option<&Context>, changes: &Changes) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "aviary.diff",
        aviary.controller = controller,
        aviary.causes = count(changes.count),
        aviary.operations = Empty,
        aviary.holds = Empty,
        aviary.guarded = Empty,
    );
    if let Some(parent) = parent {
        parent.adopt(&span);
    }
    for change in changes.to_link() {
        change.link(&span);
    }
    span
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

/// Notes what a comparison led to.
pub(crate) fn planned(span: &Span, plan: &Plan) {
    span.record("aviary.operations", count(plan.ops.len()));
    span.record("aviary.holds", count(plan.holds.len()));
}

/// As OpenTelemetry has numbers.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
