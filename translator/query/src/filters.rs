//! Filters of lists: an empty one matches all.

/// Whether a value is the one asked for.
pub(super) fn is(asked: &str, value: &str) -> bool {
    asked.is_empty() || asked == value
}

/// Whether a value contains what is asked for.
pub(super) fn has(asked: &str, value: &str) -> bool {
    asked.is_empty() || value.contains(asked)
}
