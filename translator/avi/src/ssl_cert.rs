//! SSLKeyAndCertificate: the certificate of a secure host.

use crate::common::Marker;
use crate::object::{AviObject, Ownership};
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

    fn name(&self) -> &EcoString {
        &self.name
    }

    fn tenant_ref(&self) -> Option<&Ref> {
        self.tenant_ref.as_ref()
    }

    fn created_by(&self) -> Option<&EcoString> {
        self.created_by.as_ref()
    }

    fn markers(&self) -> &[Marker] {
        &self.markers
    }

    fn refs(&self) -> Vec<&Ref> {
        Vec::new()
    }

    fn same(&self, observed: &Self) -> bool {
        self == observed
    }

    fn mask(&mut self) {
        self.key = Secret::new(Secret::MASK);
    }
}

/// The public part of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SslCertificate {
    /// PEM of the chain.
    pub certificate: EcoString,
}
