//! Named tasks.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument;

/// Starts a task whose log lines carry its name.
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future.instrument(tracing::info_span!("task", name)))
}
