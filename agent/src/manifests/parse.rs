//! Manifest text to objects.

use serde_json::Value;

/// One object of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The line that it begins on, from 1.
    pub line: usize,
    /// The object: a map with apiVersion, kind and metadata.name.
    pub value: Value,
}

/// Why a manifest is not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Malformed {
    /// The line, from 1.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// Reads a manifest: YAML documents or JSON, each an object or a `List` of objects. One that is
/// wrong makes the whole manifest wrong.
pub fn parse(text: &str) -> Result<Vec<Document>, Malformed> {
    let mut documents = Vec::new();
    for (line, chunk) in chunks(text) {
        let value = read(&chunk).map_err(|error| Malformed {
            line: error
                .location()
                .map_or(line, |at| line + place(at.line()).saturating_sub(1)),
            reason: first_line(&error.to_string()),
        })?;
        if !value.is_null() {
            expand(line, value, &mut documents)?;
        }
    }
    Ok(documents)
}

/// Reads one YAML document as API servers' clients do: `y` and `no` are texts.
pub(super) fn read(text: &str) -> Result<Value, serde_saphyr::Error> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options)
}

fn place(line: impl TryInto<usize>) -> usize {
    line.try_into().unwrap_or(1)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// The documents with the lines they begin on. A marker stands at the start of a line, where no
/// block of a document can have one.
fn chunks(text: &str) -> Vec<(usize, String)> {
    let mut chunks = vec![(1, String::new())];
    for (index, line) in text.lines().enumerate() {
        let marker = line
            .strip_prefix("---")
            .filter(|rest| rest.is_empty() || rest.starts_with(' '));
        match (marker, chunks.last_mut()) {
            (Some(rest), _) => chunks.push((index + 1, format!("{}\n", comment(rest)))),
            (None, Some((_, chunk))) => {
                chunk.push_str(line);
                chunk.push('\n');
            }
            (None, None) => {}
        }
    }
    chunks.retain(|(_, chunk)| !chunk.lines().all(is_blank));
    chunks
}

/// What follows a marker belongs to the document.
fn comment(rest: &str) -> &str {
    rest.trim_start()
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#') || line == "..."
}

fn expand(line: usize, mut value: Value, into: &mut Vec<Document>) -> Result<(), Malformed> {
    let wrong = |reason: &str| Malformed {
        line,
        reason: reason.to_owned(),
    };
    if !value.is_object() {
        return Err(wrong("the document is not a map"));
    }
    let text = |value: &Value, path: &str| {
        value
            .pointer(path)
            .and_then(Value::as_str)
            .is_some_and(|text| !text.is_empty())
    };
    if !text(&value, "/apiVersion") {
        return Err(wrong("the document has no apiVersion"));
    }
    if !text(&value, "/kind") {
        return Err(wrong("the document has no kind"));
    }
    let is_list = value.get("kind").and_then(Value::as_str) == Some("List");
    if let (true, Some(Value::Array(items))) = (is_list, value.get_mut("items").map(Value::take)) {
        return items
            .into_iter()
            .try_for_each(|item| expand(line, item, into));
    }
    if !text(&value, "/metadata/name") {
        return Err(wrong("the object has no metadata.name"));
    }
    if value
        .pointer("/metadata/namespace")
        .is_some_and(|namespace| !namespace.is_string())
    {
        return Err(wrong("metadata.namespace is not a text"));
    }
    into.push(Document { line, value });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(usize, String)> {
        let documents = parse(text).unwrap();
        documents
            .iter()
            .map(|document| {
                let name = document.value["metadata"]["name"].as_str().unwrap();
                (document.line, name.to_owned())
            })
            .collect()
    }

    fn error(text: &str) -> (usize, String) {
        let error = parse(text).unwrap_err();
        (error.line, error.reason)
    }

    const A: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n";
    const B: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: b}\n";

    #[test]
    fn documents_know_their_lines() {
        assert_eq!(names(""), []);
        assert_eq!(names("# nothing\n---\n...\n"), []);
        assert_eq!(names(A), [(1, "a".into())]);
        assert_eq!(
            names(&format!("---\n{A}---\n{B}---\n")),
            [(1, "a".into()), (5, "b".into())]
        );
    }

    #[test]
    fn a_marker_inside_a_block_is_text() {
        let text = format!("{A}data: |\n  ---\n  x\n--- # next\n{B}");
        assert_eq!(names(&text), [(1, "a".into()), (7, "b".into())]);
    }

    #[test]
    fn lists_are_their_items() {
        let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n";
        assert_eq!(names(list), [(1, "a".into())]);
        let json = r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "j"}}"#;
        assert_eq!(names(json), [(1, "j".into())]);
    }

    #[test]
    fn names_like_booleans_are_names() {
        assert_eq!(names(&A.replace("name: a", "name: y")), [(1, "y".into())]);
    }

    #[test]
    fn what_is_wrong_names_its_line() {
        let (line, reason) = error(&format!("{A}---\nkind: [\n"));
        assert!((5..=6).contains(&line), "{line}: {reason}");
        assert_eq!(error(&format!("{A}---\nkind: X\n")).0, 4);
        assert_eq!(
            error("apiVersion: v1\nkind: X\n").1,
            "the object has no metadata.name"
        );
        assert_eq!(error("just text\n").1, "the document is not a map");
    }
}
