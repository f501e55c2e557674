//! The rest of the corpus: what is not as with AKO yet does no harm, and is said.

use std::fs;

use anyhow::{Context, Result, ensure};
use aviary::plan::read_scenario;
use aviary_settings::DEFAULT_NAMESPACE;
use aviary_tests::corpus::{LISTED, Played, play, scenarios};
use aviary_types::{Code, Namespace};

/// Not as with AKO, and nothing is said. A row goes when its scenario is listed.
const UNSAID: &[(&str, &str)] = &[
    (
        "multi/01",
        "emptied parents in a tenant that no namespace has any more",
    ),
    (
        "route/25",
        "a cluster that is OpenShift, where AKO reads no Ingress",
    ),
];

#[test]
fn every_other_scenario_plays_to_its_end_and_says_what_has_no_effect() -> Result<()> {
    let index = fs::read_to_string(scenarios().join("index.tsv")).context("read the index")?;
    let mut wrong = Vec::new();
    for line in index.lines().skip(1) {
        let name = line.split('\t').next().unwrap_or_default();
        let is = |id: &str| name.starts_with(&format!("{id}-"));
        if LISTED.iter().any(|id| is(id)) {
            continue;
        }
        let played = play(name, false)?;
        for state in &played.states {
            let settled = &state.outcome.settled;
            if !settled.refused.is_empty() {
                wrong.push(format!(
                    "{name} {}: refused {:?}",
                    state.name, settled.refused
                ));
            }
        }
        if !says_so(&played)? && !UNSAID.iter().any(|(id, _)| is(id)) {
            wrong.push(format!("{name} is not as with AKO, and nothing is said"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// At an object, or at a setting.
fn says_so(played: &Played) -> Result<bool> {
    let settled = played.states.iter().map(|state| &state.outcome.settled);
    let mut findings = settled.flat_map(|settled| &settled.findings);
    let scenario = read_scenario(&scenarios().join(&played.name))?;
    let checked = aviary_settings::check(&scenario.settings, &Namespace::from(DEFAULT_NAMESPACE));
    Ok(!checked.warnings.is_empty()
        || findings.any(|finding| finding.code == Code::NotSupportedYet))
}
