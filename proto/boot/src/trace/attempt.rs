//! Which try of a call this is: known to whoever tries again, told by whoever sends.

use std::future::Future;

tokio::task_local! {
    static NUMBER: u32;
}

/// Runs something as the try with this number, from 1.
pub async fn numbered<F: Future>(number: u32, call: F) -> F::Output {
    NUMBER.scope(number, call).await
}

/// The number of this try; 1 where nobody counts.
pub fn number() -> u32 {
    NUMBER.try_with(|number| *number).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tries_are_counted_where_somebody_counts() {
        assert_eq!(number(), 1);
        assert_eq!(numbered(3, async { number() }).await, 3);
    }
}
