//! The explanation as text.

use super::answer::{Answer, Field, Object, Origin, Source};
use crate::table::table as columns;
use aviary_types::Code;
use std::fmt::Write as _;

/// Characters of a value that are shown.
const VALUE: usize = 60;

/// The page of a code.
pub(super) fn code(code: Code) -> String {
    code.page().to_owned()
}

/// Headings, and a table of fields for each Avi object.
pub(super) fn table(answer: &Answer) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    if let Some(source) = &answer.source {
        let _ = writeln!(text, "{} in cluster {}", object(source), source.cluster);
    }
    for finding in &answer.findings {
        let _ = writeln!(text, "finding {}: {}", finding.code, finding.text);
        let _ = writeln!(text, "        {}", finding.hint);
    }
    for hold in &answer.holds {
        let _ = writeln!(text, "held    {}: {}", hold.id, hold.reason);
    }
    for claim in &answer.claims {
        let (what, state) = (&claim.what, claim.state);
        let to = claim.winner.as_ref();
        let to = to
            .map(|it| format!(" to {}", object(it)))
            .unwrap_or_default();
        let on = claim.awaited.as_ref();
        let on = on
            .map(|it| format!(" on {}", object(it)))
            .unwrap_or_default();
        let _ = writeln!(text, "claim   {what}: {state}{to}{on}");
    }
    if answer.objects.is_empty() {
        let _ = writeln!(text, "nothing is written for it");
    }
    for one in &answer.objects {
        let name = &one.name;
        let _ = writeln!(
            text,
            "\n{} {}/{} on {}",
            name.r#type, name.tenant, name.text, one.controller
        );
        text.push_str(&sources(one));
        text.push_str(&fields(one, answer.source.as_ref()));
    }
    text
}

fn sources(one: &Object) -> String {
    match one.sources.as_slice() {
        [] => "  no Kubernetes object asks for it\n".to_owned(),
        [only] => format!("  for {}\n", origin(only)),
        [first, more @ ..] => format!("  for {} and {} more\n", origin(first), more.len()),
    }
}

/// Of a Kubernetes object, only the places inside it are told.
fn fields(one: &Object, source: Option<&Source>) -> String {
    if one.fields.is_empty() {
        return String::new();
    }
    let mut rows = vec![
        ["  FIELD", "VALUE", "ORIGIN", "RULE"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for field in &one.fields {
        let mut origins = origins(field, source).into_iter();
        let first = origins.next().unwrap_or_default();
        rows.push(vec![
            format!("  {}", field.path),
            value(field),
            first,
            field.rule.clone(),
        ]);
        rows.extend(origins.map(|more| vec![String::new(), String::new(), more]));
    }
    columns(&rows)
}

fn origins(field: &Field, source: Option<&Source>) -> Vec<String> {
    let is_source = |origin: &&Origin| match (origin, source) {
        (Origin::Object(place), Some(source)) => {
            let whole = Source {
                path: String::new(),
                ..place.clone()
            };
            whole == *source
        }
        (_, None) => true,
        (_, Some(_)) => false,
    };
    let told = field.origins.iter().filter(is_source);
    let mut told: Vec<String> = match source {
        Some(_) => told.map(path).collect(),
        None => told.map(origin).collect(),
    };
    let total = usize::try_from(field.origins_total).unwrap_or(usize::MAX);
    if total > field.origins.len() {
        told.push(format!("and {} more", total - field.origins.len()));
    }
    told
}

fn path(origin: &Origin) -> String {
    match origin {
        Origin::Object(place) if place.path.is_empty() => "the object".to_owned(),
        Origin::Object(place) => place.path.clone(),
        Origin::Setting(_) | Origin::Controller(_) => String::new(),
    }
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Object(place) => format!("{} {}", object(place), place.path)
            .trim_end()
            .to_owned(),
        Origin::Setting(key) => format!("setting {key}"),
        Origin::Controller(what) => format!("Controller: {what}"),
    }
}

fn object(source: &Source) -> String {
    if source.namespace.is_empty() {
        format!("{} {}", source.kind, source.name)
    } else {
        format!("{} {}/{}", source.kind, source.namespace, source.name)
    }
}

fn value(field: &Field) -> String {
    let text = match &field.value {
        serde_json::Value::String(text) => text.replace('\n', " "),
        other => other.to_string(),
    };
    if text.chars().count() > VALUE {
        let head: String = text.chars().take(VALUE - 1).collect();
        format!("{head}…")
    } else {
        text
    }
}
