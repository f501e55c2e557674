//! Status of an AviInfraSetting: accepted or rejected, and why.

use super::AviInfraSetting;
use crate::status::{Report, Verdict, Wish, wishes};
use aviary_types::Finding;
use serde_json::json;

/// What must be written to the setting: nothing before the Controller was asked.
pub(super) fn project(setting: &AviInfraSetting, report: &Report) -> Vec<Wish> {
    let Some(verdict) = &report.verdict else {
        return Vec::new();
    };
    let mut all = wishes(&setting.reported, Vec::new(), report);
    if setting.reported.verdict.as_ref() != Some(verdict) {
        all.insert(0, status(verdict));
    }
    all
}

/// What must be written to a setting that was never accepted.
pub(super) fn refuse(findings: &[Finding]) -> Vec<Wish> {
    let first = findings.first();
    let why = first.map(|finding| Verdict::Rejected(finding.text.clone()));
    why.iter().map(status).collect()
}

fn status(verdict: &Verdict) -> Wish {
    Wish::Status(match verdict {
        Verdict::Accepted => json!({"status": "Accepted", "error": ""}),
        Verdict::Rejected(why) => json!({"status": "Rejected", "error": why}),
    })
}
