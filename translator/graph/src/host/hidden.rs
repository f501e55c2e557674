//! Paths of which requests meet another rule first.

use aviary_kinds::ingress::{HostPart, PathDraft};
use aviary_types::{Code, Finding, Host, eco_format};

/// A path with the Ingress that asks for it, in the order in which rules are looked at.
pub(super) type Looked<'a> = (&'a HostPart, &'a PathDraft);

/// Tells each Ingress of its paths that a rule before takes all requests of. Of equal paths it is
/// told elsewhere.
pub(super) fn findings(host: &Host, rules: &[Looked<'_>]) -> Vec<Finding> {
    let hidden = rules.iter().enumerate().filter_map(|(at, (part, path))| {
        let mut before = rules.iter().take(at);
        let (by, other) = before.find(|(_, other)| takes(other, path))?;
        let (text, by) = (&path.path, by.source.namespaced_name());
        let other = &other.path;
        Some(Finding::new(
            &part.source,
            Code::PathHidden,
            eco_format!("requests of path {host}{text} reach path {host}{other} of Ingress {by}"),
            "let one namespace have all paths of the host, or none begin with another",
        ))
    });
    hidden.collect()
}

/// Whether a rule takes every request of a path that is another one.
fn takes(rule: &PathDraft, path: &PathDraft) -> bool {
    let asked = if path.path.is_empty() {
        "/"
    } else {
        &path.path
    };
    !rule.exact && rule.path != path.path && asked.starts_with(rule.path.as_str())
}
