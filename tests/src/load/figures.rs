//! Figures made of many measurements.

use serde::Serialize;

/// The middle and the tail of some times, in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Spread {
    /// How many there were.
    pub count: usize,
    /// Half of them were below.
    pub p50_ms: f64,
    /// All but one in a hundred were below.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Spread {
    /// Of these times in microseconds.
    pub(super) fn of(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        // The smallest value that so many of a hundred do not exceed.
        let at = |percent: usize| {
            let rank = (micros.len() * percent).div_ceil(100).max(1);
            millis(micros.get(rank - 1).copied().unwrap_or_default())
        };
        Self {
            count: micros.len(),
            p50_ms: at(50),
            p99_ms: at(99),
            max_ms: at(100),
        }
    }
}

fn millis(micros: u64) -> f64 {
    seconds(micros) * 1_000.0
}

/// Microseconds in seconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "no run takes so long that a microsecond would be lost"
)]
pub(super) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1_000_000.0
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let spread = Spread::of((1..=200).rev().map(|it| it * 1_000).collect());
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(spread.p50_ms, 100.0), "{spread:?}");
        assert!(close(spread.p99_ms, 198.0), "{spread:?}");
        assert!(close(spread.max_ms, 200.0), "{spread:?}");
        assert_eq!(Spread::of(Vec::new()).count, 0);
        assert!(close(Spread::of(vec![7_000]).p50_ms, 7.0));
    }
}
