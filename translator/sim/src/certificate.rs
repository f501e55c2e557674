//! Facts of a certificate, as the Controller reads them out of the PEM.

use serde_json::{Map, Value, json};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

/// Adds the facts; a text that is no certificate is left as it is.
pub(crate) fn add_facts(certificate: &mut Map<String, Value>) {
    let Some(text) = certificate.get("certificate").and_then(Value::as_str) else {
        return;
    };
    let Some(facts) = facts(text) else { return };
    for (field, value) in facts {
        certificate.entry(field).or_insert(value);
    }
}

fn facts(text: &str) -> Option<Map<String, Value>> {
    let block = pem::parse(text).ok()?;
    let (_, parsed) = X509Certificate::from_der(block.contents()).ok()?;
    let validity = parsed.validity();
    let facts = json!({
        "expiry_status": "SSL_CERTIFICATE_GOOD",
        "issuer": name(parsed.issuer()),
        "not_after": validity.not_after.to_string(),
        "not_before": validity.not_before.to_string(),
        "public_key": pem::encode(&pem::Pem::new("PUBLIC KEY", parsed.public_key().raw)),
        "self_signed": parsed.issuer() == parsed.subject(),
        "serial_number": parsed.tbs_certificate.serial.to_string(),
        "signature_algorithm": parsed.signature_algorithm.algorithm.to_id_string(),
        "subject": name(parsed.subject()),
        "version": (parsed.version().0 + 1).to_string(),
    });
    match facts {
        Value::Object(facts) => Some(facts),
        _ => None,
    }
}

fn name(name: &X509Name<'_>) -> Value {
    let common = name
        .iter_common_name()
        .next()
        .and_then(|entry| entry.as_str().ok());
    let organization = name
        .iter_organization()
        .next()
        .and_then(|entry| entry.as_str().ok());
    let mut facts = json!({ "distinguished_name": name.to_string() });
    if let Some(fields) = facts.as_object_mut() {
        if let Some(common) = common {
            fields.insert("common_name".to_owned(), json!(common));
        }
        if let Some(organization) = organization {
            fields.insert("organization".to_owned(), json!(organization));
        }
    }
    facts
}
