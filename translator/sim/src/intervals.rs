//! A set of numbers kept as runs, so that the lowest free number is found without a walk.

use std::collections::BTreeMap;

/// Numbers in use, as disjoint runs that do not touch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Intervals {
    /// First number of a run to its last.
    runs: BTreeMap<u128, u128>,
}

impl Intervals {
    fn run_around(&self, number: u128) -> Option<(u128, u128)> {
        let (first, last) = self.runs.range(..=number).next_back()?;
        (number <= *last).then_some((*first, *last))
    }

    /// Whether the number is in use.
    pub(crate) fn contains(&self, number: u128) -> bool {
        self.run_around(number).is_some()
    }

    /// The lowest number from `first` to `last` that is not in use.
    pub(crate) fn lowest_free(&self, first: u128, last: u128) -> Option<u128> {
        let free = match self.run_around(first) {
            Some((_, end)) => end.checked_add(1)?,
            None => first,
        };
        (free <= last).then_some(free)
    }

    /// Takes a number into use; false if it was already.
    pub(crate) fn insert(&mut self, number: u128) -> bool {
        if self.contains(number) {
            return false;
        }
        let before = number
            .checked_sub(1)
            .and_then(|other| self.run_around(other));
        let after = number
            .checked_add(1)
            .and_then(|other| self.run_around(other));
        let first = before.map_or(number, |(first, _)| first);
        let last = after.map_or(number, |(_, last)| last);
        if let Some((start, _)) = after {
            self.runs.remove(&start);
        }
        self.runs.insert(first, last);
        true
    }

    /// Frees a number.
    pub(crate) fn remove(&mut self, number: u128) {
        let Some((first, last)) = self.run_around(number) else {
            return;
        };
        self.runs.remove(&first);
        if first < number {
            self.runs.insert(first, number - 1);
        }
        if number < last {
            self.runs.insert(number + 1, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_number_is_found_after_takes_and_returns() {
        let mut used = Intervals::default();
        for number in [10, 11, 12, 14] {
            assert!(used.insert(number));
        }
        assert!(!used.insert(11));
        assert_eq!(used.lowest_free(10, 20), Some(13));
        assert!(used.insert(13));
        assert_eq!(used.lowest_free(10, 14), None);
        assert_eq!(used.lowest_free(10, 20), Some(15));
        used.remove(11);
        assert_eq!(used.lowest_free(10, 20), Some(11));
        assert!(used.contains(10) && used.contains(12) && !used.contains(11));
    }
}
