//! An exporter whose failures are told once per span of time, and never hold anything up.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::time::Instant;

/// Failures within this time make one log line.
const TOLD_EVERY: Duration = Duration::from_mins(5);

/// Wraps an exporter. What it cannot hand on is dropped: a trace is no reason to wait.
pub(super) struct Quiet<E> {
    exporter: E,
    lost: Mutex<Lost>,
}

#[derive(Default)]
struct Lost {
    spans: usize,
    told: Option<Instant>,
}

impl<E> Quiet<E> {
    pub(super) fn new(exporter: E) -> Self {
        Self {
            exporter,
            lost: Mutex::default(),
        }
    }
}

impl Lost {
    /// How many were lost since it was told last, if it is time to tell.
    fn add(&mut self, spans: usize, now: Instant) -> Option<usize> {
        self.spans += spans;
        let recently = |told: Instant| now.saturating_duration_since(told) < TOLD_EVERY;
        if self.told.is_some_and(recently) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.spans))
    }
}

impl<E> fmt::Debug for Quiet<E> {
    /// Exporters hold headers, which may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Quiet")
    }
}

impl<E: SpanExporter> SpanExporter for Quiet<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        if let Err(error) = self.exporter.export(batch).await
            && let Ok(mut lost) = self.lost.lock()
            && let Some(spans) = lost.add(spans, Instant::now())
        {
            let reason = in_words(&error);
            tracing::warn!(spans, reason, "traces cannot be handed to the collector");
        }
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// What happened, without the collector's own words: they may repeat what was sent to it.
fn in_words(error: &OTelSdkError) -> &'static str {
    match error {
        OTelSdkError::Timeout(_) => "it did not answer in time",
        OTelSdkError::AlreadyShutdown => "the export has ended",
        OTelSdkError::InternalFailure(_) => "it could not be reached, or refused them",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_once_per_span_of_time_with_all_that_was_lost() {
        let mut lost = Lost::default();
        let start = Instant::now();
        assert_eq!(lost.add(3, start), Some(3));
        assert_eq!(lost.add(4, start + TOLD_EVERY / 2), None);
        assert_eq!(lost.add(5, start + TOLD_EVERY), Some(9));
    }

    #[test]
    fn words_and_debug_forms_show_nothing_of_the_collector() {
        let error = OTelSdkError::InternalFailure("authorization: Bearer abc".into());
        assert!(!in_words(&error).contains("abc"));
        assert_eq!(format!("{:?}", Quiet::new("secret")), "Quiet");
    }
}
