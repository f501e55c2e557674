//! What is printed of a plan.

use super::Format;
use super::moves::{Address, Change, Move, listed};
use super::player::Outcome;
use aviary_plan::{Hold, Op};
use aviary_types::{Finding, Secret};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;

/// One state as JSON.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    avi: BTreeMap<&'a str, Vec<Value>>,
    operations: &'a [Op],
    findings: &'a [Finding],
    breaks: Vec<&'a Op>,
    holds: &'a [Hold],
    refused: Vec<Refused<'a>>,
    /// What a change of settings moves.
    #[serde(flatten)]
    pub(super) change: Option<&'a Change>,
}

/// An operation that the Controller refused.
#[derive(Serialize)]
struct Refused<'a> {
    #[serde(flatten)]
    object: &'a aviary_avi::AviKey,
    why: &'a str,
}

impl<'a> Document<'a> {
    /// The document of a state.
    pub(super) fn of(state: &'a str, outcome: &'a Outcome, many: bool) -> Self {
        let masked = |objects: &Vec<Value>| objects.iter().map(mask).collect();
        Self {
            step: many.then_some(state),
            avi: outcome
                .avi
                .iter()
                .map(|(kind, list)| (kind.as_str(), masked(list)))
                .collect(),
            operations: &outcome.settled.operations,
            findings: &outcome.settled.findings,
            breaks: outcome
                .settled
                .operations
                .iter()
                .filter(|op| op.breaks.is_some())
                .collect(),
            holds: &outcome.settled.holds,
            refused: outcome
                .settled
                .refused
                .iter()
                .map(|(object, why)| Refused { object, why })
                .collect(),
            change: None,
        }
    }
}

/// Keys are never shown, whatever the Controller answers.
fn mask(object: &Value) -> Value {
    let mut copy = object.clone();
    if let Some(key) = copy.get_mut("key").filter(|key| key.is_string()) {
        *key = Secret::MASK.into();
    }
    copy
}

/// Prints a state.
pub(super) fn print(
    format: Format,
    document: &Document<'_>,
    outcome: &Outcome,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match format {
        Format::Json if document.step.is_some() => {
            writeln!(out, "{}", serde_json::to_string(document)?)?;
        }
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(document)?)?,
        Format::Table => table(&mut out, document, outcome)?,
        Format::Diff => bodies(&mut out, document)?,
    }
    Ok(())
}

fn table(out: &mut impl Write, document: &Document<'_>, outcome: &Outcome) -> std::io::Result<()> {
    if let Some(step) = document.step {
        writeln!(out, "{step}")?;
    }
    for op in document.operations {
        let method = format!("{:?}", op.method).to_lowercase();
        match op.breaks {
            Some(reason) => {
                let reason = reason.name();
                writeln!(out, "  {method:<7} {} (break: {reason})", op.key.object)?;
            }
            None => writeln!(out, "  {method:<7} {}", op.key.object)?,
        }
    }
    for hold in document.holds {
        writeln!(out, "  hold    {}: {}", hold.object, hold.why)?;
    }
    for (object, why) in &outcome.settled.refused {
        writeln!(out, "  refused {object}: {why}")?;
    }
    for finding in document.findings {
        writeln!(out, "  {finding}")?;
    }
    if let Some(change) = document.change {
        moved(out, change)?;
    }
    let (count, findings) = (document.operations.len(), document.findings.len());
    writeln!(out, "  {count} operations, {findings} findings")
}

fn moved(out: &mut impl Write, change: &Change) -> std::io::Result<()> {
    for Move { host, from, to } in &change.moves {
        let (from, to) = (from.join("; "), to.join("; "));
        writeln!(out, "  host    {host} moves from {from} to {to}")?;
    }
    for Address { vip, before, after } in &change.addresses {
        writeln!(
            out,
            "  address {vip}: {} -> {}",
            listed(before),
            listed(after)
        )?;
    }
    Ok(())
}

fn bodies(out: &mut impl Write, document: &Document<'_>) -> anyhow::Result<()> {
    for op in document.operations {
        let method = format!("{:?}", op.method).to_lowercase();
        writeln!(out, "{method} {}", op.key.object)?;
        if let Some(body) = &op.body {
            for line in serde_json::to_string_pretty(&body.masked())?.lines() {
                writeln!(out, "  {line}")?;
            }
        }
    }
    Ok(())
}
