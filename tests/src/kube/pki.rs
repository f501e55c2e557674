//! The keys and certificates of one private control plane, written as PEM files.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256,
};

pub(super) const CA: &str = "ca.pem";
pub(super) const SERVER_CERTIFICATE: &str = "server.pem";
pub(super) const SERVER_KEY: &str = "server.key";
pub(super) const ADMIN_CERTIFICATE: &str = "admin.pem";
pub(super) const ADMIN_KEY: &str = "admin.key";
pub(super) const ACCOUNT_KEY: &str = "service-accounts.key";

/// Writes them all into `folder`.
pub(super) fn write(folder: &Path) -> Result<()> {
    let save = |name: &str, text: String| {
        fs::write(folder.join(name), text).with_context(|| format!("write {name}"))
    };
    let (ca_params, ca_key) = (authority(), KeyPair::generate()?);
    save(CA, ca_params.self_signed(&ca_key)?.pem())?;
    let issuer = Issuer::from_params(&ca_params, &ca_key);

    let key = KeyPair::generate()?;
    save(
        SERVER_CERTIFICATE,
        server()?.signed_by(&key, &issuer)?.pem(),
    )?;
    save(SERVER_KEY, key.serialize_pem())?;

    let key = KeyPair::generate()?;
    save(
        ADMIN_CERTIFICATE,
        administrator().signed_by(&key, &issuer)?.pem(),
    )?;
    save(ADMIN_KEY, key.serialize_pem())?;

    // RSA, since that is what signs tokens in real clusters.
    save(
        ACCOUNT_KEY,
        KeyPair::generate_for(&PKCS_RSA_SHA256)?.serialize_pem(),
    )
}

fn authority() -> CertificateParams {
    let mut params = named("test-ca", None);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params
}

fn server() -> Result<CertificateParams> {
    let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn administrator() -> CertificateParams {
    let mut params = named("admin", Some("system:masters"));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn named(name: &str, group: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(group) = group {
        params
            .distinguished_name
            .push(DnType::OrganizationName, group);
    }
    params
}
