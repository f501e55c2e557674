//! Faults on demand: delays, foreign answers, lost requests and lost replies.

pub(crate) mod cluster;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drop {
    /// The request has no effect.
    Before,
    /// The request has its effect, but the reply is lost.
    After,
}

/// A rule: which requests, and what happens to them.
///
/// The first rule that matches a request and is neither waiting nor used up applies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultRule {
    /// The HTTP method; all if absent.
    pub method: Option<String>,
    /// The object kind, `login` and `logout` included; all if absent.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The object's name; all if absent.
    pub name: Option<String>,
    /// How many matching requests pass first.
    pub after: u64,
    /// How many requests it applies to; without end if absent.
    pub count: Option<u64>,
    /// Added time before the request is looked at.
    pub delay_ms: u64,
    /// Answer with this status, without effect.
    pub status: Option<u16>,
    /// The body of that answer: an object is sent as JSON, a string as bare text.
    pub body: Option<Value>,
    /// Further headers of that answer, such as `Retry-After`.
    pub headers: BTreeMap<String, String>,
    /// Close the connection without a reply.
    pub drop: Option<Drop>,
}

impl FaultRule {
    /// The added time.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    fn matches(&self, method: &str, kind: &str, name: &str) -> bool {
        let fits = |want: &Option<String>, is: &str| {
            want.as_ref()
                .is_none_or(|want| want.eq_ignore_ascii_case(is))
        };
        fits(&self.method, method)
            && fits(&self.kind, kind)
            && self.name.as_ref().is_none_or(|want| want == name)
    }
}

/// The rules in force and how often each was met.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<(FaultRule, u64)>,
}

impl Faults {
    /// Replaces all rules.
    pub(crate) fn set(&mut self, rules: Vec<FaultRule>) {
        self.rules = rules.into_iter().map(|rule| (rule, 0)).collect();
    }

    /// Whether no rule is left to ask.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rule for a request, counted as met.
    pub(crate) fn take(&mut self, method: &str, kind: &str, name: &str) -> Option<FaultRule> {
        for (rule, met) in &mut self.rules {
            if !rule.matches(method, kind, name) {
                continue;
            }
            *met += 1;
            let turn = met.saturating_sub(rule.after);
            if turn >= 1 && rule.count.is_none_or(|count| turn <= count) {
                return Some(rule.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_waits_and_is_used_up() {
        let mut faults = Faults::default();
        let rule = FaultRule {
            method: Some("POST".into()),
            kind: Some("pool".into()),
            after: 1,
            count: Some(2),
            ..FaultRule::default()
        };
        faults.set(vec![rule]);
        let hits: Vec<bool> = (0..5)
            .map(|_| faults.take("POST", "pool", "p").is_some())
            .collect();
        assert_eq!(hits, [false, true, true, false, false]);
        assert!(faults.take("PUT", "pool", "p").is_none());
    }
}
