//! The agent's part of a trace: from the moment a change is seen until it is sent, and the write
//! that comes of it.

use std::collections::BTreeMap;

use aviary_boot::trace::Context;
use aviary_link::key::{Kind, Name, split};
use aviary_link::trace::TraceContext;
use aviary_proto::sync::v1::sync_request::Message;
use aviary_proto::sync::v1::{Intent, IntentOutcome, IntentResult, SyncRequest, intent};
use tracing::Span;
use tracing::field::Empty;

/// Changes that are watched until they are sent. What is never sent (a listing took its place) ends
/// when the stream does, or here.
const WATCHED_MAX: usize = 1_024;

/// Changes that were seen and are not sent yet.
#[derive(Default)]
pub(crate) struct Watched(BTreeMap<(Kind, Name), Span>);

impl Watched {
    /// A change is going to be sent: its trace begins. Empty where nobody exports traces.
    pub(crate) fn begin(&mut self, cluster: &str, kind: &Kind, name: &Name) -> TraceContext {
        let span = tracing::info_span!(
            parent: None,
            "aviary.watch",
            otel.kind = "producer",
            k8s.cluster.name = cluster,
            k8s.namespace.name = name.namespace.as_str(),
            aviary.object.kind = kind.kind,
            aviary.object.name = name.name.as_str(),
        );
        let Some(context) = Context::of(&span) else {
            return TraceContext::default();
        };
        if self.0.len() >= WATCHED_MAX {
            self.0.pop_first();
        }
        // A change that this one takes the place of ends here.
        self.0.insert((kind.clone(), name.clone()), span);
        TraceContext {
            parent: context.traceparent(),
            state: context.tracestate(),
        }
    }

    /// A message is on its way.
    pub(crate) fn sent(&mut self, request: &SyncRequest) {
        if self.0.is_empty() {
            return;
        }
        if let Some(Message::Delta(delta)) = &request.message
            && let Some(key) = &delta.key
        {
            self.0.remove(&split(key));
        }
    }

    /// The stream is gone, and with it what waited.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

/// The span of a write to Kubernetes, in the trace of the change that led to it; none without one.
pub(crate) fn status(cluster: &str, intent: &Intent) -> Span {
    let Some(context) = Context::parse(&intent.traceparent, "") else {
        return Span::none();
    };
    let (kind, name) = intent.key.as_ref().map(split).unwrap_or_default();
    let write = match &intent.write {
        Some(intent::Write::Apply(_)) => "apply",
        Some(intent::Write::Merge(_)) => "merge",
        Some(intent::Write::Event(_)) => "event",
        None => "none",
    };
    let span = tracing::info_span!(
        parent: None,
        "aviary.status",
        otel.kind = "client",
        k8s.cluster.name = cluster,
        k8s.namespace.name = name.namespace.as_str(),
        aviary.object.kind = kind.kind,
        aviary.object.name = name.name.as_str(),
        aviary.write = write,
        aviary.outcome = Empty,
        otel.status_code = Empty,
    );
    context.adopt(&span);
    span
}

/// Notes what became of a write.
pub(crate) fn carried(span: &Span, outcome: &IntentOutcome) {
    if span.is_disabled() {
        return;
    }
    let result = outcome.result();
    let name = result.as_str_name();
    let name = name.strip_prefix("INTENT_RESULT_").unwrap_or(name);
    span.record("aviary.outcome", name.to_ascii_lowercase());
    if result != IntentResult::Done {
        span.record("otel.status_code", "ERROR");
    }
}
