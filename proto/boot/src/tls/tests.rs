use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

struct Files {
    _folder: tempfile::TempDir,
    identity: IdentityFiles,
}

fn files() -> Files {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["translator".to_owned()]).unwrap();
    let identity = IdentityFiles {
        cert: folder.path().join("tls.crt"),
        key: folder.path().join("tls.key"),
    };
    std::fs::write(&identity.cert, made.cert.pem()).unwrap();
    std::fs::write(&identity.key, made.signing_key.serialize_pem()).unwrap();
    Files {
        _folder: folder,
        identity,
    }
}

#[tokio::test]
async fn client_and_server_meet() {
    install();
    let files = files();
    let server = server(&files.identity, None, &[b"h2"]).unwrap();
    let client = client(Some(&files.identity.cert), None).unwrap();
    let (near, far) = tokio::io::duplex(4096);
    let accept = crate::spawn("accept", async move {
        let mut stream = TlsAcceptor::from(server).accept(far).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let name = ServerName::try_from("translator").unwrap();
    let mut stream = TlsConnector::from(client)
        .connect(name, near)
        .await
        .unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    accept.await.unwrap();
    assert_eq!(heard, "hello");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
}

#[test]
fn a_broken_file_leaves_the_last_configuration() {
    install();
    let files = files();
    let identity = files.identity.clone();
    let reloading = Reloading::new(|| server(&identity, None, &[])).unwrap();
    let before = reloading.current();
    std::fs::write(&identity.key, "not a key").unwrap();
    let error = reloading.reload().unwrap_err();
    assert!(error.to_string().contains("private key"), "{error}");
    assert!(Arc::ptr_eq(&before, &reloading.current()));
}
