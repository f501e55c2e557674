//! The transport of production, over a real socket with TLS.

use crate::support::{key, lab, pool};
use aviary_session::https::{self, Trust};
use aviary_session::{Class, Config, Proof, Session};
use aviary_sim::server_config;
use aviary_types::Secret;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// An authority, a certificate of it for this machine, and its key, as files.
fn certificates(folder: &TempDir) -> [PathBuf; 3] {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let pair = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&pair, &authority).unwrap();
    let texts = [authority.pem(), server.pem(), pair.serialize_pem()];
    let names = ["ca.pem", "cert.pem", "key.pem"];
    std::array::from_fn(|n| {
        let path = folder.path().join(names[n]);
        std::fs::write(&path, &texts[n]).unwrap();
        path
    })
}

#[tokio::test]
async fn the_certificate_is_verified_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let [ca, cert, server_key] = certificates(&folder);
    let lab = lab();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    let simulator = lab.simulator.clone();
    let tls = server_config(&cert, &server_key).unwrap();
    let server = tokio::spawn(async move { simulator.serve_tls(listener, tls).await });
    let session = |trust: &Trust| {
        let config = Config {
            tries: 1,
            ..Config::new(base.parse().unwrap())
        };
        let way = https::connect(trust).unwrap();
        Session::new(config, way, lab.credentials.clone())
    };
    let body = pool("c1--p", "c1");
    let by_ca = Trust {
        ca_file: Some(ca),
        insecure: false,
    };
    let made = session(&by_ca).create(&key(&body), &body, &|_| true).await;
    made.unwrap();
    let unknown = session(&Trust::default()).find(&key(&body)).await;
    assert_eq!(unknown.unwrap_err().class(), Class::Retry);
    let insecure = Trust {
        ca_file: None,
        insecure: true,
    };
    assert!(
        session(&insecure)
            .find(&key(&body))
            .await
            .unwrap()
            .is_some()
    );
    server.abort();
}

#[test]
fn a_ca_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let trust = Trust {
        ca_file: Some(path.clone()),
        insecure: false,
    };
    let error = https::connect(&trust).unwrap_err();
    assert!(matches!(error, https::Error::CaFile { .. }), "{error}");
    std::fs::write(&path, "no certificate").unwrap();
    let error = https::connect(&trust).unwrap_err();
    assert!(matches!(error, https::Error::CaEmpty { .. }), "{error}");
}

/// A Controller on a socket of its own, with the certificate in a folder.
struct Served {
    base: String,
    task: tokio::task::JoinHandle<()>,
}

async fn serve(simulator: &aviary_sim::Simulator, at: &str, files: &[PathBuf; 3]) -> Served {
    let listener = TcpListener::bind(at).await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    let (simulator, tls) = (
        simulator.clone(),
        server_config(&files[1], &files[2]).unwrap(),
    );
    let task = tokio::spawn(async move { simulator.serve_tls(listener, tls).await.unwrap() });
    Served { base, task }
}

#[tokio::test]
async fn another_authority_and_another_password_count_without_a_new_session() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = certificates(&first);
    let lab = lab();
    let served = serve(&lab.simulator, "127.0.0.1:0", &files).await;
    let config = Config {
        tries: 1,
        ..Config::new(served.base.parse().unwrap())
    };
    let way = https::connect(&Trust {
        ca_file: Some(files[0].clone()),
        insecure: false,
    });
    let session = Session::new(config, way.unwrap(), lab.credentials.clone());
    let body = pool("c1--p", "c1");
    session.create(&key(&body), &body, &|_| true).await.unwrap();
    // The Controller comes back with another authority, and another password.
    served.task.abort();
    assert!(served.task.await.unwrap_err().is_cancelled());
    let renewed = certificates(&second);
    let users = [("ako".to_owned(), "another one".to_owned())].into();
    lab.simulator
        .set_credentials(aviary_sim::Credentials::Users(users));
    lab.simulator.expire_sessions();
    let address = served.base.strip_prefix("https://").unwrap();
    let served = serve(&lab.simulator, address, &renewed).await;
    let before = lab.simulator.log().len();
    session.find(&key(&body)).await.unwrap_err();
    assert_eq!(
        lab.simulator.log().len(),
        before,
        "nothing is told to a stranger"
    );
    std::fs::write(&files[0], "no certificate").unwrap();
    session.find(&key(&body)).await.unwrap_err();
    assert_eq!(
        lab.simulator.log().len(),
        before,
        "a broken file trusts nobody new"
    );
    std::fs::copy(&renewed[0], &files[0]).unwrap();
    lab.credentials
        .set(Proof::Password(Secret::new("another one")));
    assert!(session.find(&key(&body)).await.unwrap().is_some());
    let log = lab.simulator.log().split_off(before);
    let seen: Vec<_> = log.iter().map(|it| (it.kind.as_str(), it.status)).collect();
    let expected = [
        ("pool", 401),
        ("login", 200),
        ("initial-data", 200),
        ("pool", 200),
    ];
    assert_eq!(seen, expected);
    served.task.abort();
}
