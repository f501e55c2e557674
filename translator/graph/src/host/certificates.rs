//! The certificates of a secure host: its own, or the default one that hosts share.

use super::secure::Child;
use crate::maker::Maker;
use crate::parts::Parts;
use crate::rules::{
    ALTERNATE_CERTIFICATE, CERTIFICATE, DEFAULT_ALTERNATE_CERTIFICATE, DEFAULT_CERTIFICATE,
};
use aviary_avi::names::distinct;
use aviary_avi::ssl_cert::{SslCertificate, SslKeyAndCertificate};
use aviary_avi::{AviKind, Marker, Presence, Ref};
use aviary_kinds::secret::{Alternate, Certificate, DEFAULT_NAME, KeyPair, of_instance};
use aviary_types::{EcoString, Host, ObjectKey, Place, Provenance, Role, eco_format};
use std::sync::Arc;

/// Makes the certificate, and the second one if the Secret has it. Answers the references to them.
pub(super) fn render(
    maker: &Maker<'_>,
    child: &Child<'_>,
    certificate: &Certificate,
    parts: &mut Parts,
) -> Vec<Ref> {
    let is_default = certificate.source == of_instance(maker.env);
    let mut pairs = vec![(&certificate.main, false)];
    if let Alternate::Pair(pair) = &certificate.alternate {
        pairs.push((pair, true));
    }
    let mut refs = Vec::new();
    for (pair, alternate) in pairs {
        let name = if is_default {
            default_name(maker, alternate)
        } else {
            own_name(maker, child.host, alternate)
        };
        refs.push(Ref::slash("sslkeyandcertificate", name.clone()));
        let of_host = (!is_default).then(|| Marker::one("Host", child.host.text().clone()));
        let infra = maker.infra_marker().filter(|_| !is_default);
        let markers = of_host.into_iter().chain(infra).collect();
        let body = body(maker, name, pair, markers);
        if is_default {
            let from = of_default(&certificate.source, alternate);
            let body = maker.object(body, from, Presence::Always);
            parts.common.push(body);
        } else {
            let table = if alternate {
                &ALTERNATE_CERTIFICATE
            } else {
                &CERTIFICATE
            };
            let body = maker.object(body, child.from(table), Presence::Always);
            parts.objects.push(body);
        }
    }
    refs
}

/// The same for all hosts that ask for it, so that one more of them changes nothing.
fn of_default(secret: &ObjectKey, alternate: bool) -> Provenance {
    let secret = Arc::new(secret.clone());
    let table = if alternate {
        &DEFAULT_ALTERNATE_CERTIFICATE
    } else {
        &DEFAULT_CERTIFICATE
    };
    let from = Provenance::new(table, Arc::from([secret.clone()]));
    from.with(Role::Certificate, Place::new(&secret, ""))
}

/// The certificate of a host is called as its child.
fn own_name(maker: &Maker<'_>, host: &Host, alternate: bool) -> EcoString {
    if alternate {
        let name = maker.names.alternate_cert(host.as_str());
        free(maker, name, &eco_format!("{} {host}", maker.env.domain))
    } else {
        maker.child(host)
    }
}

/// All hosts of a domain have the default certificate together; another domain of the tenant has one
/// of its own.
fn default_name(maker: &Maker<'_>, alternate: bool) -> EcoString {
    let name = if alternate {
        maker.names.default_alternate_cert(DEFAULT_NAME)
    } else {
        maker.names.default_cert(DEFAULT_NAME)
    };
    free(maker, name, &eco_format!("{}", maker.env.domain))
}

fn free(maker: &Maker<'_>, name: EcoString, identity: &str) -> EcoString {
    if maker.is_lost(&[AviKind::SslKeyAndCertificate], &name) {
        distinct(&name, identity)
    } else {
        name
    }
}

fn body(
    maker: &Maker<'_>,
    name: EcoString,
    pair: &KeyPair,
    markers: Vec<Marker>,
) -> SslKeyAndCertificate {
    SslKeyAndCertificate {
        name,
        created_by: Some(maker.created_by()),
        tenant_ref: Some(maker.tenant_ref()),
        certificate: SslCertificate {
            certificate: pair.chain.clone(),
        },
        key: pair.key.clone(),
        kind: "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE".into(),
        markers: maker.markers(markers),
    }
}
