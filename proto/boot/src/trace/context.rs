//! Where a span stands: what goes over the wire, and what links name.

use opentelemetry::Context as Current;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Links of one span, at most: what many changes share names so many of them, and counts all.
pub const LINKS_MAX: usize = 128;

/// Characters of a `tracestate` that are carried; a longer one is dropped, as W3C allows.
const STATE_MAX: usize = 512;

/// The W3C trace context of a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Context(SpanContext);

impl Context {
    /// What somebody else sent as `traceparent` and `tracestate`; `None` for what is not one, or
    /// empty. Versions after 00 are read as far as they are like it.
    pub fn parse(traceparent: &str, tracestate: &str) -> Option<Self> {
        if traceparent.is_empty() {
            return None;
        }
        let mut parts = traceparent.split('-');
        let [version, trace, span, flags] = [(); 4].map(|()| parts.next().unwrap_or_default());
        let is_hex = |part: &str, digits: usize| {
            let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            part.len() == digits && part.bytes().all(hex)
        };
        let fits = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        let is_whole = version != "00" || parts.next().is_none();
        if !fits || !is_whole || version == "ff" {
            return None;
        }
        let found = SpanContext::new(
            TraceId::from_hex(trace).ok()?,
            SpanId::from_hex(span).ok()?,
            TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
            true,
            state(tracestate),
        );
        found.is_valid().then_some(Self(found))
    }

    /// That of a span; `None` if nobody exports it.
    pub fn of(span: &Span) -> Option<Self> {
        if span.is_disabled() {
            return None;
        }
        let found = span.context().span().span_context().clone();
        found.is_valid().then_some(Self(found))
    }

    /// As `traceparent` says it.
    pub fn traceparent(&self) -> String {
        let (trace, span) = (self.0.trace_id(), self.0.span_id());
        format!("00-{trace:032x}-{span:016x}-{:02x}", self.0.trace_flags())
    }

    /// As `tracestate` says it; mostly empty.
    pub fn tracestate(&self) -> String {
        self.0.trace_state().header()
    }

    /// Whether both belong to one trace.
    pub fn is_in_trace_of(&self, other: &Self) -> bool {
        self.0.trace_id() == other.0.trace_id()
    }

    /// Makes a span that has not begun the child of this one.
    pub fn adopt(&self, span: &Span) {
        if !span.is_disabled() {
            let parent = Current::new().with_remote_span_context(self.0.clone());
            // Without a layer that exports there is nothing to be a child of.
            let _no_layer = span.set_parent(parent);
        }
    }

    /// Lets a span name this one.
    pub fn link(&self, span: &Span) {
        span.add_link(self.0.clone());
    }
}

fn state(text: &str) -> TraceState {
    let fits = text.len() <= STATE_MAX;
    let state = fits.then(|| text.parse().ok()).flatten();
    state.unwrap_or_default()
}

/// Whether a stage's span is entered here that is exported.
pub fn is_inside() -> bool {
    Current::map_current(TraceContextExt::has_active_span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_is_written_can_be_read() {
        let context = Context::parse(SAMPLE, "vendor=value").unwrap();
        assert_eq!(context.traceparent(), SAMPLE);
        assert_eq!(context.tracestate(), "vendor=value");
    }

    #[test]
    fn hostile_and_empty_contexts_are_none() {
        let zeros = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        let newer = SAMPLE.replacen("00", "01", 1) + "-more";
        assert!(Context::parse(&newer, "").is_some());
        for wrong in [
            "",
            "-",
            zeros,
            &SAMPLE.to_uppercase(),
            &SAMPLE.replacen("00", "ff", 1),
            &format!("{SAMPLE}-more"),
            &SAMPLE.replace("b7", "bä"),
            &"9".repeat(100_000),
        ] {
            assert!(Context::parse(wrong, "").is_none(), "{wrong:.80}");
        }
        // A state that is none does not take the trace away.
        assert!(Context::parse(SAMPLE, "= =,\u{0}").is_some());
    }

    #[test]
    fn without_an_export_there_is_no_context() {
        let span = tracing::info_span!(parent: None, "aviary.test");
        assert!(Context::of(&span).is_none());
        assert!(!is_inside());
    }
}
