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
mod tests {
    use super::*;
    use aviary_boot::trace::{Export, LINKS_MAX};
    use opentelemetry::Value;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    /// Keeps what is handed to it.
    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    fn context(number: usize) -> Context {
        let parent = format!("00-{number:032x}-{number:016x}-01");
        Context::parse(&parent, "").unwrap()
    }

    /// So many changes, each in a trace of its own.
    fn changes(count: usize) -> Changes {
        let mut changes = Changes::default();
        (1..=count).for_each(|number| changes.add(&context(number)));
        changes
    }

    /// The one span that is made, as it is exported.
    fn exported(make: impl FnOnce() -> Span) -> SpanData {
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(kept.clone())
            .build();
        let export = Export::of(provider, "test");
        let subscriber = tracing_subscriber::registry().with(vec![export.layer()]);
        tracing::subscriber::with_default(subscriber, || drop(make()));
        let mut spans = kept.0.lock().unwrap().split_off(0);
        assert_eq!(spans.len(), 1);
        spans.remove(0)
    }

    fn check(span: &SpanData, parent: usize, links: usize, causes: i64) {
        let place = |number: usize| format!("{number:032x} {number:016x}");
        let trace = span.span_context.trace_id();
        assert_eq!(
            format!("{trace:032x} {:016x}", span.parent_span_id),
            place(parent)
        );
        let linked = span.links.iter().map(|link| &link.span_context);
        let linked = linked.map(|it| format!("{:032x} {:016x}", it.trace_id(), it.span_id()));
        let linked: Vec<String> = linked.collect();
        assert_eq!(linked, (1..=links).map(place).collect::<Vec<_>>());
        let counted = span
            .attributes
            .iter()
            .find(|it| it.key.as_str() == "aviary.causes");
        assert_eq!(counted.map(|it| &it.value), Some(&Value::I64(causes)));
    }

    #[test]
    fn what_is_done_for_one_change_is_its_child_and_names_nothing() {
        check(&exported(|| build(&changes(1))), 1, 0, 1);
        check(
            &exported(|| diff("c", Some(&context(9)), &changes(1))),
            9,
            0,
            1,
        );
    }

    #[test]
    fn what_a_burst_shares_names_all_of_it_up_to_the_bound_and_counts_the_rest() {
        check(&exported(|| build(&changes(3))), 1, 3, 3);
        check(
            &exported(|| diff("c", Some(&context(9)), &changes(3))),
            9,
            3,
            3,
        );
        let many = i64::try_from(LINKS_MAX).unwrap() + 5;
        check(
            &exported(|| build(&changes(LINKS_MAX + 5))),
            1,
            LINKS_MAX,
            many,
        );
        let planned = exported(|| diff("c", Some(&context(9)), &changes(LINKS_MAX + 5)));
        check(&planned, 9, LINKS_MAX, many);
    }
}
