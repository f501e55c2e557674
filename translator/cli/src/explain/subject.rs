//! What is to be explained, as people write it.

use anyhow::bail;
use aviary_avi::AviKind;
use aviary_proto::query::v1::SourceObject;
use aviary_proto::query::v1::explain_request;
use aviary_proto::types::v1::{AviObjectRef, ObjectKey};
use aviary_types::Code;

/// What a name means.
#[derive(Debug, PartialEq)]
pub(super) enum Subject {
    /// A code, explained without asking anybody.
    Code(Code),
    /// Something that a translator knows.
    Asked(Asked),
}

/// Something that a translator knows.
#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    /// A Kubernetes object.
    Source(ObjectKey),
    /// An Avi object.
    Object(AviObjectRef),
}

impl Subject {
    /// Reads `AVY-1104`, `pool/NAME`, `ingress/shop/web` or `namespace/shop`. Names of Avi objects
    /// may contain slashes.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        if let Some(number) = text.to_ascii_uppercase().strip_prefix("AVY-") {
            let mut codes = Code::ALL.iter().copied();
            return match codes.find(|code| code.number().to_string() == number) {
                Some(code) => Ok(Self::Code(code)),
                None => bail!("there is no code AVY-{number}"),
            };
        }
        let Some((kind, rest)) = text.split_once('/').filter(|(_, rest)| !rest.is_empty()) else {
            bail!("write KIND/NAMESPACE/NAME, KIND/NAME, AVITYPE/NAME or AVY-NNNN, not {text}");
        };
        if AviKind::of_path(kind).is_some() {
            return Ok(Self::Asked(Asked::Object(AviObjectRef {
                r#type: kind.to_owned(),
                name: rest.to_owned(),
                ..AviObjectRef::default()
            })));
        }
        let (namespace, name) = rest.split_once('/').unwrap_or(("", rest));
        Ok(Self::Asked(Asked::Source(ObjectKey {
            group: String::new(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })))
    }
}

impl Asked {
    /// The subject of a request, of this cluster or tenant.
    pub(super) fn within(self, cluster: &str, tenant: &str) -> explain_request::Subject {
        match self {
            Self::Source(key) => explain_request::Subject::Source(SourceObject {
                cluster: cluster.to_owned(),
                key: Some(key),
            }),
            Self::Object(reference) => explain_request::Subject::Object(AviObjectRef {
                tenant: tenant.to_owned(),
                ..reference
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Subject};
    use aviary_types::Code;

    fn read(text: &str) -> String {
        match Subject::parse(text) {
            Ok(Subject::Code(code)) => format!("code {code}"),
            Ok(Subject::Asked(Asked::Source(key))) => {
                format!("{} {}|{}", key.kind, key.namespace, key.name)
            }
            Ok(Subject::Asked(Asked::Object(it))) => format!("avi {} {}", it.r#type, it.name),
            Err(error) => format!("{error}"),
        }
    }

    #[test]
    fn names_are_read_as_people_write_them() {
        assert_eq!(read("avy-1104"), format!("code {}", Code::SecretMissing));
        assert_eq!(read("ingress/shop/web"), "ingress shop|web");
        assert_eq!(read("Namespace/shop"), "Namespace |shop");
        assert_eq!(read("pool/a--b/c"), "avi pool a--b/c");
        assert_eq!(read("AVY-9"), "there is no code AVY-9");
        for wrong in ["ingress", "ingress/", ""] {
            assert!(read(wrong).starts_with("write KIND/"), "{wrong}");
        }
    }
}
