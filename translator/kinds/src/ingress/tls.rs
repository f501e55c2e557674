//! How an Ingress secures a host, and with which certificate.

use super::Ingress;
use super::effect::{HostDraft, HostHold, Security};
use crate::secret::{self, Alternate, Certificate, Lookup};
use crate::view::View;
use aviary_types::{Code, EcoString, Finding, ObjectKey, Place, Role, eco_format, number};
use std::sync::Arc;

/// Whether and how the Ingress secures the host: by passing TLS on, by the default certificate, else
/// by the last TLS entry that names it.
pub(super) fn secure(
    view: &dyn View,
    (object, ingress): (&Arc<ObjectKey>, &Ingress),
    draft: &mut HostDraft,
    findings: &mut Vec<Finding>,
) -> Security {
    if ingress.passthrough {
        return Security::Passthrough;
    }
    let Some((key, named)) = secret_of(view, (object, ingress), draft) else {
        return Security::Insecure;
    };
    let (code, text) = match secret::certificate(view, &key) {
        Lookup::Found(certificate) => {
            adopt(named, draft, *certificate, findings);
            return Security::Secure;
        }
        Lookup::Unheard => {
            draft.hold = Some(HostHold::SecretUnheard(key));
            return Security::Secure;
        }
        Lookup::Missing if key.name.is_empty() => (
            Code::SecretMissing,
            eco_format!("the TLS entry of host {} names no Secret", draft.host),
        ),
        Lookup::Missing => (
            Code::SecretMissing,
            eco_format!(
                "{} of host {} does not exist",
                called(object, &key),
                draft.host
            ),
        ),
        Lookup::Invalid(why) => (
            Code::SecretInvalid,
            eco_format!("{} of host {}: {why}", called(object, &key), draft.host),
        ),
    };
    let namespace = &key.namespace;
    let hint =
        eco_format!("create the Secret with kubectl create secret tls in namespace {namespace}");
    findings.push(Finding::new(object, code, text, hint));
    Security::NoCertificate
}

/// The Secret that secures the host, and where the Ingress asks for it.
fn secret_of(
    view: &dyn View,
    (object, ingress): (&Arc<ObjectKey>, &Ingress),
    draft: &HostDraft,
) -> Option<(ObjectKey, Place)> {
    if ingress.default_tls {
        let place = Place::new(object, "metadata.annotations['ako.vmware.com/enable-tls']");
        return Some((secret::of_instance(view.env()), place));
    }
    let mut entries = ingress.tls.iter().enumerate().rev();
    let (at, tls) = entries.find(|(_, tls)| tls.hosts.contains(&draft.host))?;
    let key = ObjectKey {
        kind: secret::KIND,
        name: tls.secret.clone(),
        ..ObjectKey::clone(object)
    };
    Some((key, Place::at(object, "spec.tls[{0}]", [number(at), 0])))
}

/// The Secret, with its namespace if it is another's.
fn called(object: &ObjectKey, secret: &ObjectKey) -> EcoString {
    if secret.namespace == object.namespace {
        eco_format!("Secret {}", secret.name)
    } else {
        eco_format!("{secret}")
    }
}

/// The oldest contribution's certificate is served; who brings another one is told.
fn adopt(
    named: Place,
    draft: &mut HostDraft,
    certificate: Certificate,
    findings: &mut Vec<Finding>,
) {
    if certificate.alternate == Alternate::Incomplete {
        findings.push(Finding::new(
            &named.object,
            Code::SecretIncomplete,
            eco_format!(
                "{} has only one of alt.crt and alt.key; its second certificate is not served",
                called(&named.object, &certificate.source)
            ),
            "give both, or neither",
        ));
    }
    match &draft.certificate {
        None => {
            let secret = Place::new(&Arc::new(certificate.source.clone()), "");
            draft.certificate_at = vec![
                (Role::Tls, named.into()),
                (Role::Certificate, secret.into()),
            ];
            draft.certificate = Some(certificate);
        }
        Some(served) if !served.serves_as(&certificate) => findings.push(Finding::new(
            &named.object,
            Code::DifferingSecrets,
            eco_format!(
                "host {} is served with the certificate of an older Ingress",
                draft.host
            ),
            "use the same certificate in all namespaces that share the host",
        )),
        Some(_) => {}
    }
}
