//! JSON text as Go's `encoding/json` prints it: compact, with `<`, `>`, `&` and the two Unicode
//! line separators escaped. Checksums and service metadata depend on every byte.

use serde::Serialize;

/// The text of a value. Fields come in the order of declaration, so structs must declare Go's
/// order.
pub fn go_json<T: Serialize>(value: &T) -> String {
    // What is printed here are plain structs, which always serialise.
    let text = serde_json::to_string(value).unwrap_or_default();
    escape(text)
}

/// The characters can stand inside strings only, so plain replacement is exact.
fn escape(text: String) -> String {
    // Both line separators begin with this byte; few other characters do.
    const SEPARATOR: u8 = 0xe2;
    let escapes = |byte: u8| matches!(byte, b'<' | b'>' | b'&' | SEPARATOR);
    if !text.bytes().any(escapes) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::go_json;

    #[test]
    fn escapes_as_go_does() {
        let got = go_json(&"a<b>&\u{2028}\u{2029}\"é");
        assert_eq!(got, r#""a\u003cb\u003e\u0026\u2028\u2029\"é""#);
    }
}
