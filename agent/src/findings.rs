//! What an agent finds wrong with its source.

use aviary_proto::types::v1::{Finding, ObjectKey, Severity};

/// A manifest that is no YAML, or no Kubernetes object.
pub(crate) const MALFORMED: &str = "AVY-1501";
/// An object that stands in more than one manifest.
pub(crate) const DUPLICATE: &str = "AVY-1502";
/// A folder or file of manifests that cannot be read.
pub(crate) const UNREADABLE: &str = "AVY-1503";

/// An object that is too large to be sent.
pub(crate) const TOO_LARGE: &str = "AVY-1504";

/// The finding about an object that is too large.
pub(crate) fn too_large(cluster: &str, key: ObjectKey, bytes: u64, bytes_max: usize) -> Finding {
    Finding {
        code: TOO_LARGE.to_owned(),
        severity: Severity::Error.into(),
        cluster: cluster.to_owned(),
        object: Some(key),
        text: format!("the object has {bytes} bytes after trimming, more than {bytes_max}"),
        hint: "make it smaller; the version before stays in force until then".to_owned(),
    }
}

/// The finding about a file that does not parse.
pub(crate) fn malformed(place: &str, why: &str) -> Finding {
    Finding {
        code: MALFORMED.to_owned(),
        severity: Severity::Error.into(),
        text: format!("{place}: {why}"),
        hint: "correct the file; its last good objects stay until then".to_owned(),
        ..Finding::default()
    }
}

/// The finding about an object that another file already has.
pub(crate) fn duplicate(key: ObjectKey, place: &str, first: &str) -> Finding {
    Finding {
        code: DUPLICATE.to_owned(),
        severity: Severity::Warning.into(),
        object: Some(key),
        text: format!("{place}: the object stands in {first} too, which counts"),
        hint: "remove one of the two".to_owned(),
        ..Finding::default()
    }
}

/// The finding about what cannot be read.
pub(crate) fn unreadable(place: &str, why: &str) -> Finding {
    Finding {
        code: UNREADABLE.to_owned(),
        severity: Severity::Error.into(),
        text: format!("{place}: {why}"),
        hint: "make it readable; what was read from it last stays until then".to_owned(),
        ..Finding::default()
    }
}
