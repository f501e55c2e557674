//! Readers of single values, as loose as AKO's: a flag or a number may be written as text.

use crate::choice::Choice;
use crate::notes::Spot;
use serde_json::{Map, Value};
use std::time::Duration;

/// What a flag may be.
pub(crate) const FLAG_WORDS: &str =
    "true or false (also 1, t, T, TRUE, True, 0, f, F, FALSE, False)";

/// The text of a scalar; `None` for lists and maps.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A value without its quotes: `"1800"` and `1800` are the same.
pub(crate) fn plain(value: &Value) -> String {
    scalar(value).unwrap_or_else(|| value.to_string())
}

/// Go's ParseBool.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// A flag. Empty text is the default.
pub(crate) fn flag(value: &Value, spot: &mut Spot<'_>) -> Option<bool> {
    match scalar(value).as_deref() {
        Some("") => None,
        Some(text) => parse_bool(text).or_else(|| spot.refuse(value, FLAG_WORDS)),
        None => spot.refuse(value, FLAG_WORDS),
    }
}

/// A flag that AKO takes for true when it cannot read it.
pub(crate) fn flag_else_true(value: &Value, spot: &mut Spot<'_>) -> Option<bool> {
    match scalar(value).as_deref() {
        Some("") => None,
        Some(text) => parse_bool(text).or_else(|| {
            spot.replaced(value, "true", FLAG_WORDS);
            Some(true)
        }),
        None => spot.refuse(value, FLAG_WORDS),
    }
}

/// A flag that only the very word `true` sets.
pub(crate) fn flag_only_true(value: &Value, spot: &mut Spot<'_>) -> Option<bool> {
    match scalar(value).as_deref() {
        Some("true") => Some(true),
        Some("false" | "") => Some(false),
        Some(_) => {
            spot.replaced(value, "false", "exactly true, or false");
            Some(false)
        }
        None => spot.refuse(value, "true or false"),
    }
}

/// A flag that only the very word `false` clears.
pub(crate) fn flag_only_false(value: &Value, spot: &mut Spot<'_>) -> Option<bool> {
    match scalar(value).as_deref() {
        Some("false") => Some(false),
        Some("true" | "") => Some(true),
        Some(_) => {
            spot.replaced(value, "true", "true, or exactly false");
            Some(true)
        }
        None => spot.refuse(value, "true or false"),
    }
}

/// A whole number between limits.
pub(crate) fn number<const MIN: u64, const MAX: u64>(
    value: &Value,
    spot: &mut Spot<'_>,
) -> Option<u64> {
    let allowed = || format!("a whole number from {MIN} to {MAX}");
    match scalar(value).as_deref() {
        Some("") => None,
        Some(text) => match text.parse() {
            Ok(number) if (MIN..=MAX).contains(&number) => Some(number),
            _ => spot.refuse(value, allowed()),
        },
        None => spot.refuse(value, allowed()),
    }
}

/// Any text. Empty text is the default.
pub(crate) fn text(value: &Value, spot: &mut Spot<'_>) -> Option<String> {
    let Some(text) = scalar(value) else {
        return spot.refuse(value, "text");
    };
    // YAML has already turned `yes` into true and 30.10 into 30.1.
    if value.is_boolean() || value.is_f64() {
        spot.note(format!("taken as the text \"{text}\"; write it in quotes"));
    }
    (!text.is_empty()).then_some(text)
}

/// One of a list of words.
pub(crate) fn choice<T: Choice>(value: &Value, spot: &mut Spot<'_>) -> Option<T> {
    let allowed = || {
        let words = T::words().into_iter().filter(|word| !word.is_empty());
        format!("one of {}", words.collect::<Vec<_>>().join(", "))
    };
    let Some(word) = scalar(value) else {
        return spot.refuse(value, allowed());
    };
    match (T::of(&word), T::UNKNOWN) {
        (Some(found), _) => Some(found),
        (None, Some(used)) => {
            spot.replaced(value, used.as_word(), allowed());
            Some(used)
        }
        (None, None) if word.is_empty() => None,
        (None, None) => spot.refuse(value, allowed()),
    }
}

/// A list of texts.
pub(crate) fn texts(value: &Value, spot: &mut Spot<'_>) -> Option<Vec<String>> {
    let Value::Array(items) = value else {
        return spot.refuse(value, "a list of texts");
    };
    let read = |(at, item): (usize, &Value)| {
        spot.at(&format!("[{at}]"), |spot| match text(item, spot) {
            None if scalar(item).is_some() => spot.refuse(item, "text that is not empty"),
            other => other,
        })
    };
    // Every item is read, so that every bad one is told.
    Some(items.iter().enumerate().filter_map(read).collect())
}

/// A list of maps. Every row is read, so that every bad one is told.
pub(crate) fn rows<T>(
    value: &Value,
    spot: &mut Spot<'_>,
    row: impl Fn(&Map<String, Value>, &mut Spot<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::Array(items) = value else {
        return spot.refuse(value, "a list of maps");
    };
    let read = |(at, item): (usize, &Value)| {
        spot.at(&format!("[{at}]"), |spot| match item {
            Value::Object(map) => row(map, spot),
            other => spot.refuse(other, "a map"),
        })
    };
    Some(items.iter().enumerate().filter_map(read).collect())
}

/// A field of a row: `None` if it is absent, empty or refused.
pub(crate) fn field<T>(
    row: &Map<String, Value>,
    name: &str,
    spot: &mut Spot<'_>,
    read: impl FnOnce(&Value, &mut Spot<'_>) -> Option<T>,
) -> Option<T> {
    let value = row.get(name).filter(|value| !value.is_null())?;
    spot.at(&format!(".{name}"), |spot| read(value, spot))
}

/// A length of time.
pub(crate) fn duration(value: &Value, spot: &mut Spot<'_>, allowed: &str) -> Option<Duration> {
    match scalar(value).as_deref() {
        Some("") => None,
        Some(text) => parse_duration(text).or_else(|| spot.refuse(value, allowed)),
        None => spot.refuse(value, allowed),
    }
}

/// Reads `1h30m`, `90s`, `2d`, `250ms`; a bare number only if it is 0.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, tail) = after.split_at(
            after
                .find(|c: char| c.is_ascii_digit())
                .unwrap_or(after.len()),
        );
        let count: u64 = digits.parse().ok()?;
        let unit_ms: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(Duration::from_millis(count.checked_mul(unit_ms)?))?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::parse_duration;
    use std::time::Duration;

    #[test]
    fn durations_need_a_unit() {
        let check = |text: &str, want: Option<u64>| {
            assert_eq!(
                parse_duration(text),
                want.map(Duration::from_millis),
                "{text}"
            );
        };
        check("24h", Some(86_400_000));
        check("1h30m", Some(5_400_000));
        check("2d", Some(172_800_000));
        check("250ms", Some(250));
        check("0", Some(0));
        check("0s", Some(0));
        check("90", None);
        check("", None);
        check("h", None);
        check("-1h", None);
        check("1.5h", None);
        check("1 h", None);
        check("99999999999999999999h", None);
        check("18446744073709551615d", None);
    }
}
