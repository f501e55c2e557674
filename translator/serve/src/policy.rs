//! HTTP policy sets: security rules first, then request rules, each by index.
//!
//! A redirect or a closed connection ends the evaluation wherever it stands. The first switch is
//! remembered and later sets are still read: on dedicated virtual services AKO puts the redirect
//! of port 80 behind the switches for all ports, and it works.

use crate::matching::{self, Subject};
use crate::verdict::{Location, Outcome, Step, Why};
use crate::walk::Walk;
use crate::world::Scope;
use aviary_avi::AviKey;
use aviary_avi::http_policy_set::{
    HttpPolicySet, HttpRequestRule, MatchTarget, RedirectAction, SwitchingAction,
};
use aviary_avi::virtual_service::VirtualService;
use aviary_types::EcoString;
use serde::Deserialize;

/// What the policies of a virtual service say.
#[derive(Debug)]
pub(crate) enum Choice<'w> {
    /// It ends here.
    End(Outcome),
    /// This action of this set switches.
    Switch(&'w AviKey, &'w SwitchingAction),
}

/// A security rule, as far as it is modelled.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SecurityRule {
    name: EcoString,
    index: u32,
    enable: bool,
    #[serde(rename = "match")]
    matches: Option<MatchTarget>,
    action: SecurityAction,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SecurityAction {
    action: EcoString,
    https_port: u16,
}

/// The policy sets of a virtual service that are known, in order of evaluation.
pub(crate) fn sets<'w>(
    walk: &Walk<'w>,
    key: &AviKey,
    service: &VirtualService,
) -> Vec<(&'w AviKey, &'w HttpPolicySet)> {
    let world = walk.world;
    let mut policies: Vec<_> = service.http_policies.iter().collect();
    policies.sort_by_key(|policy| policy.index);
    let keys = policies
        .into_iter()
        .filter_map(|policy| world.resolve(Scope::of(key), &policy.http_policy_set_ref));
    keys.filter_map(|key| Some((key, world.http_set(key)?)))
        .collect()
}

/// What the policies say to a request.
pub(crate) fn decide<'w>(
    walk: &mut Walk<'w>,
    sets: &[(&'w AviKey, &'w HttpPolicySet)],
    subject: Subject<'_>,
) -> Option<Choice<'w>> {
    if let Some(outcome) = secure(walk, sets, subject) {
        return Some(Choice::End(outcome));
    }
    let mut switch = None;
    for &(key, set) in sets {
        for rule in matching_rules(walk, set, subject) {
            let taken = || Step::Rule {
                set: key.clone(),
                rule: rule.name.clone(),
            };
            if let Some(redirect) = &rule.redirect_action {
                walk.step(taken());
                return Some(Choice::End(Outcome::Redirect(location(redirect, subject))));
            }
            if let (Some(action), None) = (&rule.switching_action, &switch) {
                switch = Some((taken(), Choice::Switch(key, action)));
            }
        }
    }
    let (taken, choice) = switch?;
    walk.step(taken);
    Some(choice)
}

fn matching_rules<'w>(
    walk: &Walk<'w>,
    set: &'w HttpPolicySet,
    subject: Subject<'_>,
) -> Vec<&'w HttpRequestRule> {
    let patterns = &walk.world.index.patterns;
    let enabled = set
        .http_request_policy
        .rules
        .iter()
        .filter(|rule| rule.enable);
    let mut rules: Vec<_> = enabled
        .filter(|rule| matching::all(rule.matches.as_ref(), subject, patterns))
        .collect();
    rules.sort_by_key(|rule| rule.index);
    rules
}

fn location(redirect: &RedirectAction, subject: Subject<'_>) -> Location {
    let tls = redirect.protocol == "HTTPS";
    let port = match redirect.port {
        0 if tls => 443,
        0 => 80,
        port => port,
    };
    Location {
        tls,
        host: subject.host.into(),
        port,
        path: subject.path.into(),
    }
}

/// What the security rules say, if one ends the request.
fn secure<'w>(
    walk: &mut Walk<'w>,
    sets: &[(&'w AviKey, &'w HttpPolicySet)],
    subject: Subject<'_>,
) -> Option<Outcome> {
    for &(key, set) in sets {
        for rule in security_rules(set) {
            let patterns = &walk.world.index.patterns;
            if !rule.enable || !matching::all(rule.matches.as_ref(), subject, patterns) {
                continue;
            }
            let outcome = match rule.action.action.as_str() {
                "HTTP_SECURITY_ACTION_CLOSE_CONN" | "HTTP_SECURITY_ACTION_SEND_RESPONSE" => {
                    Outcome::Closed
                }
                "HTTP_SECURITY_ACTION_REDIRECT_TO_HTTPS" => {
                    let (port, protocol) = (rule.action.https_port, "HTTPS".into());
                    let redirect = RedirectAction {
                        port,
                        protocol,
                        ..RedirectAction::default()
                    };
                    Outcome::Redirect(location(&redirect, subject))
                }
                "HTTP_SECURITY_ACTION_ALLOW" => return None,
                _ => continue,
            };
            walk.step(Step::Rule {
                set: key.clone(),
                rule: rule.name,
            });
            return Some(outcome);
        }
    }
    None
}

/// The security rules that can be read, by index. They are few or none.
fn security_rules(set: &HttpPolicySet) -> Vec<SecurityRule> {
    let raw = set.http_security_policy.rules.iter();
    let values = raw.filter_map(|rule| serde_json::to_value(rule).ok());
    let mut rules: Vec<SecurityRule> = values
        .filter_map(|value| SecurityRule::deserialize(value).ok())
        .collect();
    rules.sort_by_key(|rule| rule.index);
    rules
}

impl Walk<'_> {
    /// Follows a switch.
    pub(crate) fn switch(
        &mut self,
        scope: Scope<'_>,
        service: &AviKey,
        action: &SwitchingAction,
    ) -> Outcome {
        match (&action.pool_group_ref, &action.pool_ref) {
            (Some(group), _) => self.group(scope, group),
            (None, Some(pool)) => self.pool(scope, pool),
            (None, None) => Outcome::NoService(Why::NoRule(service.clone())),
        }
    }
}
