//! One request to stop, seen by every task.

use std::time::Duration;

use tokio::sync::watch;

/// Sees the request to stop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// Makes the request to stop. Dropping it makes it too.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

/// A trigger and what sees it.
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

impl Trigger {
    /// Asks everybody to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Ends when the request is made.
    pub async fn requested(&mut self) {
        // An error means that the trigger is gone, which asks for the same.
        let _gone = self.0.wait_for(|stop| *stop).await;
    }

    /// The end of work that the request ends too; `None` if it goes on for longer than that after the
    /// request, and is dropped.
    pub async fn bounds<T>(mut self, linger: Duration, work: impl Future<Output = T>) -> Option<T> {
        let late = async {
            self.requested().await;
            tokio::time::sleep(linger).await;
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = late => None,
        }
    }

    /// True if the request was made.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}

/// A shutdown that SIGTERM or SIGINT requests.
pub fn on_signals() -> Result<Shutdown, std::io::Error> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (trigger, shutdown) = channel();
    crate::spawn("signals", async move {
        tokio::select! {
            biased;
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        }
        trigger.stop();
    });
    Ok(shutdown)
}

#[cfg(test)]
mod tests {
    use super::channel;

    #[tokio::test]
    async fn every_clone_sees_the_request() {
        let (trigger, mut shutdown) = channel();
        assert!(!shutdown.is_requested());
        let mut other = shutdown.clone();
        trigger.stop();
        shutdown.requested().await;
        other.requested().await;
        assert!(other.is_requested());
    }

    #[tokio::test]
    async fn a_lost_trigger_stops_too() {
        let (trigger, mut shutdown) = channel();
        drop(trigger);
        shutdown.requested().await;
        assert!(shutdown.is_requested());
    }
}
