//! A takeover in words.

use super::Takeover;
use crate::get::heading;
use crate::get::lists::{why, word};
use crate::table::table;
use aviary_proto::query::v1::{Adoption, AdoptionState, Operation, OthersChange};
use std::fmt::Write as _;

/// How a domain stands, what would be written, and what to do about it.
pub(super) fn of(takeover: &Takeover) -> String {
    let adoption = &takeover.adoption;
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{}: {}", name(adoption), state(takeover));
    let count = takeover.operations.len();
    if count == 0 && adoption.state() != AdoptionState::Reading {
        text.push_str("nothing would be written\n");
    }
    if count > 0 {
        let breaks = takeover.operations.iter();
        let breaks = breaks.filter(|it| !it.break_reason.is_empty()).count();
        let _ = writeln!(
            text,
            "writes: {count}, of which interrupt traffic: {breaks}"
        );
        let mut rows = vec![heading(&["OPERATION", "TYPE", "TENANT", "NAME", "WHY"])];
        rows.extend(takeover.operations.iter().map(row));
        text.push_str(&table(&rows));
    }
    for hold in &takeover.holds {
        let _ = writeln!(text, "left as it is: {}: {}", hold.id, hold.reason);
    }
    for change in &adoption.changes {
        let _ = writeln!(text, "{}", changed(change));
    }
    if let Some(hint) = idle(adoption) {
        let _ = writeln!(text, "{hint}");
    }
    if !adoption.digest.is_empty() {
        let _ = writeln!(
            text,
            "to approve it: aviary adopt --approve {}",
            adoption.digest
        );
    }
    text.push('\n');
    text
}

/// What nobody can see from here, and what to do about it before it goes on: an AKO that has nothing
/// to do writes nothing, and one of a single replica holds no Lease.
fn idle(adoption: &Adoption) -> Option<String> {
    let may_run = matches!(
        adoption.state(),
        AdoptionState::Watched
            | AdoptionState::OthersWrite
            | AdoptionState::NeedsApproval
            | AdoptionState::Ready
    );
    let domain = adoption.domain.clone().unwrap_or_default();
    let namespace = if domain.instance.is_empty() {
        "avi-system"
    } else {
        &domain.instance
    };
    may_run.then(|| {
        format!(
            "an AKO that is up but idle is not seen; before this translator writes, stop it: \
             kubectl --namespace {namespace} scale statefulset ako --replicas 0"
        )
    })
}

/// Cluster, instance and Controller.
pub(super) fn name(adoption: &Adoption) -> String {
    let domain = adoption.domain.clone().unwrap_or_default();
    let instance = if domain.instance.is_empty() {
        String::new()
    } else {
        format!(", instance {}", domain.instance)
    };
    format!("{}{instance} on {}", domain.cluster, adoption.controller)
}

fn state(takeover: &Takeover) -> String {
    let adoption = &takeover.adoption;
    let scheme = &adoption.naming_scheme;
    let found = format!("others made what stands there, named as in scheme {scheme}");
    let words = match adoption.state() {
        AdoptionState::Unspecified => "unknown".to_owned(),
        AdoptionState::Reading => "not everything was read and heard yet".to_owned(),
        AdoptionState::Fresh | AdoptionState::Ours if !adoption.digest.is_empty() => {
            "its objects are ours; a plan that deletes much waits for approval".to_owned()
        }
        AdoptionState::Fresh => "nothing is served yet; no approval is needed".to_owned(),
        AdoptionState::Ours => "its objects are ours; no approval is needed".to_owned(),
        AdoptionState::Watched => {
            format!("{found}; whether somebody still writes it is being watched")
        }
        AdoptionState::OthersWrite => {
            format!("{found}; refused: somebody else still writes it")
        }
        AdoptionState::NeedsApproval => format!("{found}; waits for approval"),
        AdoptionState::Ready => format!("{found}; nobody else was seen to write it"),
    };
    let observes = if adoption.observes {
        " (this translator observes and writes nothing)"
    } else {
        ""
    };
    format!("{words}{observes}")
}

fn row(operation: &Operation) -> Vec<String> {
    let name = operation.r#ref.clone().unwrap_or_default();
    let kind = word(operation.kind().as_str_name(), "OPERATION_KIND_");
    vec![kind, name.r#type, name.tenant, name.name, why(operation)]
}

fn changed(change: &OthersChange) -> String {
    let name = change.r#ref.clone().unwrap_or_default();
    let kind = word(change.kind().as_str_name(), "OTHERS_CHANGE_KIND_");
    let seen = change.seen.unwrap_or_default();
    let seen = jiff::Timestamp::new(seen.seconds, 0).unwrap_or_default();
    let fields = if change.fields.is_empty() {
        String::new()
    } else {
        format!(" ({})", change.fields.join(", "))
    };
    format!(
        "{kind} by others: {} {}/{} at {seen}{fields}",
        name.r#type, name.tenant, name.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use aviary_proto::types::v1::Domain;

    fn told(instance: &str, state: AdoptionState) -> String {
        let domain = Domain {
            cluster: "blue".into(),
            instance: instance.into(),
        };
        of(&Takeover {
            adoption: Adoption {
                domain: Some(domain),
                state: state.into(),
                ..Adoption::default()
            },
            operations: Vec::new(),
            holds: Vec::new(),
        })
    }

    #[test]
    fn who_may_be_idle_is_to_be_stopped_where_it_runs() {
        for state in [
            AdoptionState::Watched,
            AdoptionState::OthersWrite,
            AdoptionState::NeedsApproval,
            AdoptionState::Ready,
        ] {
            let stop = "kubectl --namespace avi-blue scale statefulset ako --replicas 0";
            assert!(told("avi-blue", state).contains(stop), "{state:?}");
            assert!(
                told("", state).contains("--namespace avi-system scale"),
                "{state:?}"
            );
        }
        for state in [
            AdoptionState::Fresh,
            AdoptionState::Ours,
            AdoptionState::Reading,
        ] {
            assert!(!told("", state).contains("kubectl"), "{state:?}");
        }
    }
}
