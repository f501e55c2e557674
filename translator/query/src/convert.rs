//! Our words as the wire has them, and back.

use aviary_avi::{AviKey, AviKind};
use aviary_kinds::room_of;
use aviary_proto::types::v1 as wire;
use aviary_types::{
    ClusterName, DomainId, Finding, Kind, ObjectKey, ScopeKey, Severity, eco_format,
};
use jiff::Timestamp;

/// A kind.
pub fn kind(kind: Kind) -> wire::Kind {
    wire::Kind {
        group: kind.group.to_owned(),
        kind: kind.kind.to_owned(),
    }
}

/// The name of an object inside its cluster.
pub fn object_key(key: &ObjectKey) -> wire::ObjectKey {
    wire::ObjectKey {
        group: key.kind.group.to_owned(),
        kind: key.kind.kind.to_owned(),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
    }
}

/// The object that a name means; `None` if its kind has no room.
pub fn key_of(cluster: &ClusterName, key: &wire::ObjectKey) -> Option<ObjectKey> {
    let room = room_of(&key.group, &key.kind)?;
    Some(ObjectKey::new(
        cluster,
        room.kind,
        key.namespace.as_str(),
        key.name.as_str(),
    ))
}

/// A scope.
pub fn scope(scope: &ScopeKey) -> wire::Scope {
    wire::Scope {
        cluster: scope.cluster.to_string(),
        namespace: scope.namespace.to_string(),
    }
}

/// The scope that is meant.
pub fn scope_of(scope: &wire::Scope) -> ScopeKey {
    ScopeKey {
        cluster: scope.cluster.as_str().into(),
        namespace: scope.namespace.as_str().into(),
    }
}

/// A domain.
pub fn domain(domain: &DomainId) -> wire::Domain {
    wire::Domain {
        cluster: domain.cluster.to_string(),
        instance: domain.instance.as_deref().unwrap_or_default().to_owned(),
    }
}

/// The domain that is meant.
pub fn domain_of(domain: &wire::Domain) -> DomainId {
    let instance = (!domain.instance.is_empty()).then(|| domain.instance.as_str().into());
    DomainId {
        cluster: domain.cluster.as_str().into(),
        instance,
    }
}

/// An Avi object's name.
pub fn avi_ref(key: &AviKey) -> wire::AviObjectRef {
    wire::AviObjectRef {
        r#type: key.kind.path().to_owned(),
        tenant: key.tenant.to_string(),
        name: key.name.to_string(),
    }
}

/// The kind of an Avi object's name.
pub fn avi_kind(reference: &wire::AviObjectRef) -> Option<AviKind> {
    AviKind::of_path(&reference.r#type)
}

/// A finding.
pub fn finding(finding: &Finding) -> wire::Finding {
    wire::Finding {
        code: eco_format!("{}", finding.code).into(),
        severity: severity(finding.code.severity()).into(),
        cluster: finding.object.cluster.to_string(),
        object: Some(object_key(&finding.object)),
        text: finding.text.to_string(),
        hint: finding.hint.to_string(),
    }
}

/// How much a finding matters.
pub fn severity(severity: Severity) -> wire::Severity {
    match severity {
        Severity::Info => wire::Severity::Info,
        Severity::Warning => wire::Severity::Warning,
        Severity::Error => wire::Severity::Error,
    }
}

/// An instant.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

/// An RFC 3339 text as an instant.
pub fn instant(text: &str) -> Option<prost_types::Timestamp> {
    text.parse::<Timestamp>().ok().map(timestamp)
}
