//! The conditions of rules: hosts, paths and ports against a request.

use aviary_avi::http_policy_set::{HostHdrMatch, MatchTarget, PathMatch, PortMatch};
use aviary_types::EcoString;
use regex::{Regex, RegexBuilder};
use std::collections::BTreeMap;

/// Most bytes that one compiled pattern may take.
const PATTERN_BYTES_LIMIT: usize = 1 << 20;

/// Compiled patterns by their text; case is part of the text.
pub(crate) type Patterns = BTreeMap<EcoString, Regex>;

/// The parts of a request that rules look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// Lower-case host without port.
    pub(crate) host: &'a str,
    /// Path without query.
    pub(crate) path: &'a str,
    /// Port of the listener.
    pub(crate) port: u16,
}

/// A comparison of strings, and whether it is turned round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Criterion {
    pub(crate) how: Comparison,
    pub(crate) negated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equals,
    BeginsWith,
    Contains,
    EndsWith,
    Regex,
    Exists,
}

impl Criterion {
    /// Reads Avi's spelling, with or without the `HDR_` of headers.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        use Comparison::{BeginsWith, Contains, EndsWith, Equals, Exists, Regex};
        let (how, negated) = match text.strip_prefix("HDR_").unwrap_or(text) {
            "EQUALS" => (Equals, false),
            "DOES_NOT_EQUAL" => (Equals, true),
            "BEGINS_WITH" => (BeginsWith, false),
            "DOES_NOT_BEGIN_WITH" => (BeginsWith, true),
            "CONTAINS" => (Contains, false),
            "DOES_NOT_CONTAIN" => (Contains, true),
            "ENDS_WITH" => (EndsWith, false),
            "DOES_NOT_END_WITH" => (EndsWith, true),
            "REGEX_MATCH" => (Regex, false),
            "REGEX_DOES_NOT_MATCH" => (Regex, true),
            "EXISTS" => (Exists, false),
            "DOES_NOT_EXIST" => (Exists, true),
            _ => return None,
        };
        Some(Self { how, negated })
    }

    fn holds(self, value: &str, wanted: &str, case: Case, patterns: &Patterns) -> bool {
        match self.how {
            Comparison::Equals => value == wanted,
            Comparison::BeginsWith => value.starts_with(wanted),
            Comparison::Contains => value.contains(wanted),
            Comparison::EndsWith => value.ends_with(wanted),
            Comparison::Exists => true,
            Comparison::Regex => patterns
                .get(&case.pattern(wanted))
                .is_some_and(|pattern| pattern.is_match(value)),
        }
    }
}

/// Whether case counts. The Controller's default is that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Sensitive,
    Insensitive,
}

impl Case {
    /// Reads Avi's spelling.
    pub(crate) fn parse(text: &str) -> Self {
        if text == "SENSITIVE" {
            Self::Sensitive
        } else {
            Self::Insensitive
        }
    }

    /// The text that a pattern is compiled from.
    pub(crate) fn pattern(self, text: &str) -> EcoString {
        match self {
            Self::Sensitive => text.into(),
            Self::Insensitive => EcoString::from("(?i)") + text,
        }
    }

    fn fold(self, text: &str) -> EcoString {
        match self {
            Self::Sensitive => text.into(),
            Self::Insensitive => text.to_lowercase().into(),
        }
    }
}

/// Compiles a pattern, with a bound on what it costs.
pub(crate) fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern)
        .size_limit(PATTERN_BYTES_LIMIT)
        .build()
        .ok()
}

/// Whether all conditions hold. No conditions always do.
pub(crate) fn all(target: Option<&MatchTarget>, subject: Subject<'_>, patterns: &Patterns) -> bool {
    let Some(target) = target else { return true };
    target
        .host_hdr
        .as_ref()
        .is_none_or(|m| host(m, subject.host, patterns))
        && target
            .vs_port
            .as_ref()
            .is_none_or(|m| port(m, subject.port))
        && target
            .path
            .as_ref()
            .is_none_or(|m| path(m, subject.path, patterns))
}

fn host(condition: &HostHdrMatch, host: &str, patterns: &Patterns) -> bool {
    any(
        &condition.match_criteria,
        &condition.value,
        host,
        Case::Insensitive,
        patterns,
    )
}

fn path(condition: &PathMatch, path: &str, patterns: &Patterns) -> bool {
    let case = Case::parse(&condition.match_case);
    any(
        &condition.match_criteria,
        &condition.match_str,
        path,
        case,
        patterns,
    )
}

/// Whether the port is as the condition wants it.
pub(crate) fn port(condition: &PortMatch, port: u16) -> bool {
    let listed = condition.ports.contains(&port);
    match condition.match_criteria.as_str() {
        "IS_IN" => listed,
        "IS_NOT_IN" => !listed,
        _ => false,
    }
}

/// Whether one of the wanted texts fits, or none does where the criterion is turned round.
fn any(
    criterion: &str,
    wanted: &[EcoString],
    value: &str,
    case: Case,
    patterns: &Patterns,
) -> bool {
    let Some(criterion) = Criterion::parse(criterion) else {
        return false;
    };
    if criterion.how == Comparison::Exists {
        return !criterion.negated;
    }
    let fits = if criterion.how == Comparison::Regex {
        wanted
            .iter()
            .any(|wanted| criterion.holds(value, wanted, case, patterns))
    } else {
        let value = case.fold(value);
        wanted
            .iter()
            .any(|wanted| criterion.holds(&value, &case.fold(wanted), case, patterns))
    };
    fits != criterion.negated
}

/// The host of a Host header or SNI name: lower case, the port cut off.
pub(crate) fn host_of(text: &str) -> EcoString {
    let host = match text.rsplit_once(':') {
        Some((host, _)) if !text.ends_with(']') => host,
        _ => text,
    };
    host.to_lowercase().into()
}

/// The path without query and fragment.
pub(crate) fn path_of(text: &str) -> &str {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

/// The wildcard name that covers a host: one label is exchanged for `*`.
pub(crate) fn wildcard_of(host: &str) -> Option<EcoString> {
    let (label, rest) = host.split_once('.')?;
    (!label.is_empty() && label != "*").then(|| EcoString::from("*.") + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(criterion: &str, case: &str, wanted: &str, value: &str) -> bool {
        let mut patterns = Patterns::new();
        let text = Case::parse(case).pattern(wanted);
        if let Some(pattern) = compile(&text) {
            patterns.insert(text, pattern);
        }
        any(
            criterion,
            &[wanted.into()],
            value,
            Case::parse(case),
            &patterns,
        )
    }

    #[test]
    fn criteria_compare_as_named() {
        for (criterion, case, wanted, value, want) in [
            ("EQUALS", "SENSITIVE", "/a", "/a", true),
            ("EQUALS", "SENSITIVE", "/a", "/A", false),
            ("EQUALS", "INSENSITIVE", "/a", "/A", true),
            ("EQUALS", "", "/a", "/A", true),
            ("EQUALS", "SENSITIVE", "/a", "/a/", false),
            ("BEGINS_WITH", "SENSITIVE", "/foo", "/foobar", true),
            ("BEGINS_WITH", "SENSITIVE", "/foo", "/Foobar", false),
            ("BEGINS_WITH", "INSENSITIVE", "/foo", "/FOObar", true),
            ("DOES_NOT_BEGIN_WITH", "SENSITIVE", "/foo", "/bar", true),
            ("CONTAINS", "SENSITIVE", "oo", "/foo", true),
            ("ENDS_WITH", "SENSITIVE", ".js", "/x.js", true),
            ("REGEX_MATCH", "INSENSITIVE", "^/v[0-9]+/", "/V12/x", true),
            ("REGEX_MATCH", "SENSITIVE", "^/v[0-9]+/", "/V12/x", false),
            ("REGEX_MATCH", "SENSITIVE", "(", "/(", false),
            ("HDR_EQUALS", "", "foo.com", "foo.com", true),
            ("HDR_EXISTS", "", "", "foo.com", true),
            ("HDR_DOES_NOT_EXIST", "", "", "foo.com", false),
            ("SOMETHING_NEW", "", "/a", "/a", false),
        ] {
            assert_eq!(
                fits(criterion, case, wanted, value),
                want,
                "{criterion} {wanted} {value}"
            );
        }
    }

    #[test]
    fn hosts_lose_port_and_case() {
        for (text, want) in [
            ("Foo.Com:8080", "foo.com"),
            ("foo.com", "foo.com"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
        ] {
            assert_eq!(host_of(text), want);
        }
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        assert_eq!(wildcard_of("a.b.com").as_deref(), Some("*.b.com"));
        assert_eq!(wildcard_of("*.b.com"), None);
        assert_eq!(wildcard_of("com"), None);
    }
}
