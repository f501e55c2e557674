//! Status of an AviInfraSetting: accepted or rejected, and why.

use super::AviInfraSetting;
use crate::status::{Report, Verdict, Wish, wishes};
use serde_json::json;

/// What must be written to the setting: nothing before the Controller was asked.
pub(super) fn project(setting: &AviInfraSetting, report: &Report) -> Vec<Wish> {
    let Some(verdict) = &report.verdict else {
        return Vec::new();
    };
    let status = match verdict {
        Verdict::Accepted => json!({"status": "Accepted", "error": ""}),
        Verdict::Rejected(why) => json!({"status": "Rejected", "error": why}),
    };
    let mut all = wishes(&setting.reported, Vec::new(), report);
    if setting.reported.verdict.as_ref() != Some(verdict) {
        all.insert(0, Wish::Status(status));
    }
    all
}
