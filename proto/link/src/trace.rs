//! The trace that a change belongs to, as it goes over the wire.

/// A W3C trace context; empty where nobody traces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// `traceparent`.
    pub parent: String,
    /// `tracestate`; mostly empty.
    pub state: String,
}
