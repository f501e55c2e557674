//! SSLKeyAndCertificate: the certificate of a secure host.

use crate::common::Marker;
use crate::compare::{said, same_markers};
use crate::object::{AviObject, Ownership, answer_from_fields};
use crate::reference::Ref;
use aviary_types::{EcoString, Secret};
use serde::{Deserialize, Serialize};

/// Body of `/api/sslkeyandcertificate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SslKeyAndCertificate {
    /// Name.
    pub name: EcoString,
    /// The owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<EcoString>,
    /// Tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// The public part.
    pub certificate: SslCertificate,
    /// PEM of the private key; the Controller never answers it.
    pub key: Secret,
    /// `SSL_CERTIFICATE_TYPE_VIRTUALSERVICE` or `SSL_CERTIFICATE_TYPE_CA`
    #[serde(rename = "type")]
    pub kind: EcoString,
    /// Labels of ownership.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<Marker>,
}

impl AviObject for SslKeyAndCertificate {
    const TYPE: &'static str = "sslkeyandcertificate";
    const OWNERSHIP: Ownership = Ownership::CreatedBy;

    answer_from_fields!(name, tenant_ref, created_by, markers);

    fn refs(&self) -> Vec<&Ref> {
        Vec::new()
    }

    /// The key is never shown.
    fn as_answered(&self, observed: &Self) -> Self {
        Self {
            key: observed.key.clone(),
            ..self.clone()
        }
    }

    /// Certificates are compared by their DER, since the Controller may lay out the PEM anew. The
    /// key cannot be compared: the Controller never shows it.
    fn same(&self, observed: &Self) -> bool {
        self.created_by == observed.created_by
            && said(self.tenant_ref.as_ref(), observed.tenant_ref.as_ref())
            && self.kind() == observed.kind()
            && self.certificate.same(&observed.certificate)
            && same_markers(&self.markers, &observed.markers)
    }

    fn mask(&mut self) {
        self.key = Secret::new(Secret::MASK);
    }
}

impl SslKeyAndCertificate {
    fn kind(&self) -> &str {
        if self.kind.is_empty() {
            DEFAULT_TYPE
        } else {
            &self.kind
        }
    }
}

/// The type of a certificate that says none.
const DEFAULT_TYPE: &str = "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE";

/// The public part of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SslCertificate {
    /// PEM of the chain.
    pub certificate: EcoString,
}

impl SslCertificate {
    /// Whether both are the same chain. What is no PEM is compared as text.
    fn same(&self, observed: &Self) -> bool {
        let (mine, theirs) = (self.certificate.trim(), observed.certificate.trim());
        mine == theirs || {
            let chain = chain(mine);
            !chain.is_empty() && chain == self::chain(theirs)
        }
    }
}

/// The DER of each certificate of a PEM text, in order; empty if it is no PEM.
fn chain(text: &str) -> Vec<Vec<u8>> {
    let blocks = pem::parse_many(text).unwrap_or_default();
    let certificates = blocks
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE");
    certificates.map(pem::Pem::into_contents).collect()
}

#[cfg(test)]
mod tests {
    use super::SslKeyAndCertificate;
    use crate::object::AviObject;
    use crate::samples::check_same;
    use serde_json::json;

    #[test]
    fn what_we_send_counts() {
        check_same(
            "cert",
            &[
                ("/key", json!("<sensitive>"), true),
                ("/key", json!(null), true),
                ("/certificate/certificate", json!("OTHER"), false),
                ("/certificate", json!({"self_signed": true}), false),
                ("/type", json!(null), true),
                ("/type", json!("SSL_CERTIFICATE_TYPE_CA"), false),
            ],
        );
    }

    #[test]
    fn certificates_are_compared_by_their_der() {
        let cert = |text: &str| {
            let mut body = SslKeyAndCertificate::default();
            body.certificate.certificate = text.into();
            body
        };
        let block = |body: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        };
        let (one, other) = (block("AAECAwQF"), block("BAUGBwgJ"));
        let folded = block("AAEC\nAwQF").replace('\n', "\r\n");
        assert!(cert(&one).same(&cert(&folded)));
        assert!(cert(&one).same(&cert(&format!("subject=x\n{one}"))));
        assert!(!cert(&one).same(&cert(&other)));
        let chain = format!("{one}{other}");
        assert!(cert(&chain).same(&cert(&chain.replace("\n-----BEGIN", "\n\n-----BEGIN"))));
        assert!(!cert(&chain).same(&cert(&one)));
        assert!(!cert(&chain).same(&cert(&format!("{other}{one}"))));
        assert!(!cert("").same(&cert(&one)));
    }
}
