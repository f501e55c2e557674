//! The page that lists what is read of every Kubernetes kind.

use aviary_kinds::{Extent, ROOMS, Room, StatusWrite, Watch};

const HEAD: &str = "# Kubernetes kinds

<!-- Made from the rooms of translator/kinds by `cargo xtask regen`. Do not edit. -->

Agents send these kinds and, of every object, these paths only.

| kind | API | where | agents send | paths read | annotations read | labels read | written |
|---|---|---|---|---|---|---|---|
";

/// The page, as Markdown.
pub(crate) fn markdown() -> String {
    let lines: Vec<String> = ROOMS.iter().map(line).collect();
    HEAD.to_owned() + &lines.concat()
}

fn line(room: &Room) -> String {
    let group = if room.kind.group.is_empty() {
        "core"
    } else {
        room.kind.group
    };
    let place = match room.extent {
        Extent::Namespaced => "namespaces",
        Extent::Cluster => "cluster",
    };
    let sent = match room.watch {
        Watch::Full => "each object",
        Watch::ByName => "metadata; contents of those asked for",
    };
    let written = match room.status {
        StatusWrite::None => "nothing",
        StatusWrite::StatusAndAnnotations => "status, annotations",
    };
    format!(
        "| {} | {group}/{} | {place} | {sent} | {} | {} | {} | {written} |\n",
        room.kind.kind,
        room.version,
        list(room.kept_paths),
        list(room.kept_annotations),
        list(room.kept_labels),
    )
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
