//! Refusals with details that programs can read.

use aviary_identity::Denied;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// A field of the request is not as it should be.
pub(super) fn bad_field(field: &str, why: &str) -> Status {
    let details = ErrorDetails::with_bad_request_violation(field, why);
    Status::with_error_details(Code::InvalidArgument, format!("{field}: {why}"), details)
}

/// Several fields of the request are not as they should be.
pub(super) fn bad_fields(wrong: Vec<(&str, String)>) -> Status {
    let texts: Vec<String> = wrong
        .iter()
        .map(|(field, why)| format!("{field}: {why}"))
        .collect();
    let violations = wrong
        .into_iter()
        .map(|(field, why)| FieldViolation::new(field, why));
    let details = ErrorDetails::with_bad_request(violations.collect::<Vec<_>>());
    Status::with_error_details(Code::InvalidArgument, texts.join("; "), details)
}

/// There is no such thing.
pub(super) fn not_found(kind: &str, name: &str) -> Status {
    let text = format!("there is no {kind} {name}");
    let details = ErrorDetails::with_resource_info(kind, name, "", text.clone());
    Status::with_error_details(Code::NotFound, text, details)
}

/// It cannot be done as things stand.
pub(super) fn not_now(subject: &str, why: &str) -> Status {
    let details = ErrorDetails::with_precondition_failure_violation("STATE", subject, why);
    Status::with_error_details(Code::FailedPrecondition, why, details)
}

/// A bound is reached. `subject` has it, `what` says what to do; after the pause it may be tried
/// again.
pub(super) fn too_much(subject: &str, what: &str, pause: Duration) -> Status {
    let mut details = ErrorDetails::with_quota_failure_violation(subject, what);
    details.set_retry_info(Some(pause));
    Status::with_error_details(
        Code::ResourceExhausted,
        format!("{subject}: {what}"),
        details,
    )
}

/// The caller may not.
pub(super) fn denied(why: &Denied) -> Status {
    if why.is_unknown() {
        Status::unauthenticated(why.to_string())
    } else {
        Status::permission_denied(why.to_string())
    }
}
