//! Where blocking work runs. On paused time it runs in place: a thread pool would stop the clock.

/// Runs closures that block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// On tokio's pool of blocking threads.
    Pool,
    /// In the calling task, for simulation.
    Inline,
}

/// The work did not come to its end: it panicked, or the runtime is shutting down.
#[derive(Debug, thiserror::Error)]
#[error("could not finish blocking work")]
pub struct Unfinished(#[from] tokio::task::JoinError);

impl Blocking {
    /// Runs a closure to its end.
    pub async fn run<T, F>(self, work: F) -> Result<T, Unfinished>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self {
            Self::Pool => Ok(tokio::task::spawn_blocking(work).await?),
            Self::Inline => Ok(work()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Blocking;

    #[tokio::test]
    async fn both_executors_give_the_result() {
        assert_eq!(Blocking::Pool.run(|| 1).await.unwrap(), 1);
        assert_eq!(Blocking::Inline.run(|| 2).await.unwrap(), 2);
    }
}
