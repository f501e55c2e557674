//! The spans of the translator's stages. Their attributes are names and counts, never bodies.

use super::Changes;
use aviary_boot::trace::Context;
use aviary_link::trace::TraceContext;
use aviary_plan::Plan;
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

/// Notes what a comparison led to.
pub(crate) fn planned(span: &Span, plan: &Plan) {
    span.record("aviary.operations", count(plan.ops.len()));
    span.record("aviary.holds", count(plan.holds.len()));
}

/// As OpenTelemetry has numbers.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
