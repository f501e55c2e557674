//! What an agent finds wrong with its source.

use aviary_proto::types::v1::{Finding, ObjectKey, Severity};
use aviary_types::{Code, Severity as Weight};

/// The finding about an object that is too large.
pub(crate) fn too_large(cluster: &str, key: ObjectKey, bytes: u64, bytes_max: usize) -> Finding {
    Finding {
        cluster: cluster.to_owned(),
        object: Some(key),
        text: format!("the object has {bytes} bytes after trimming, more than {bytes_max}"),
        hint: "make it smaller; the version before stays in force until then".to_owned(),
        ..of(Code::TooLarge)
    }
}

/// The finding about a file that does not parse.
pub(crate) fn malformed(place: &str, why: &str) -> Finding {
    Finding {
        text: format!("{place}: {why}"),
        hint: "correct the file; its last good objects stay until then".to_owned(),
        ..of(Code::ManifestMalformed)
    }
}

/// The finding about an object that another file already has.
pub(crate) fn duplicate(key: ObjectKey, place: &str, first: &str) -> Finding {
    Finding {
        object: Some(key),
        text: format!("{place}: the object stands in {first} too, which counts"),
        hint: "remove one of the two".to_owned(),
        ..of(Code::ManifestTwice)
    }
}

/// The finding about what cannot be read.
pub(crate) fn unreadable(place: &str, why: &str) -> Finding {
    Finding {
        text: format!("{place}: {why}"),
        hint: "make it readable; what was read from it last stays until then".to_owned(),
        ..of(Code::ManifestUnreadable)
    }
}

/// A finding of this code, about nothing yet.
fn of(code: Code) -> Finding {
    let severity = match code.severity() {
        Weight::Info => Severity::Info,
        Weight::Warning => Severity::Warning,
        Weight::Error => Severity::Error,
    };
    Finding {
        code: code.to_string(),
        severity: severity.into(),
        ..Finding::default()
    }
}
