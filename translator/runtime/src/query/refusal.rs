//! Refusals with details that programs can read.

use crate::identity::Denied;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// A field of the request is not as it should be.
pub(super) fn bad_field(field: &str, why: &str) -> Status {
    let details = ErrorDetails::with_bad_request_violation(field, why);
    Status::with_error_details(Code::InvalidArgument, format!("{field}: {why}"), details)
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

/// The caller may not.
pub(super) fn denied(why: &Denied) -> Status {
    if why.is_unknown() {
        Status::unauthenticated(why.to_string())
    } else {
        Status::permission_denied(why.to_string())
    }
}
