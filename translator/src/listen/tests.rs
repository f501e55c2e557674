//! Certificates that are renewed while it runs, and clients that hold handshakes open.

use super::{Guests, RELOAD, SHAKING_OF_ONE_MAX, neighbourhood, server, shake};
use crate::args::{Cli, Command, Run};
use aviary_boot::tls;
use clap::Parser;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// A certificate for `translator` in a folder.
fn renew(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["translator".to_owned()]).unwrap();
    std::fs::write(folder.join("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
}

fn args(folder: &Path) -> Run {
    let at = |file: &str| folder.join(file).display().to_string();
    let (cert, key) = (at("tls.crt"), at("tls.key"));
    let said = [
        "t",
        "run",
        "--listen=127.0.0.1:0",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ];
    let Command::Run(run) = Cli::parse_from(said).command;
    *run
}

/// Whether a client that trusts the certificate in the folder gets through.
async fn meets(folder: &Path, config: std::sync::Arc<rustls::ServerConfig>) -> bool {
    let (near, far) = tokio::io::duplex(16 * 1024);
    let (out, mut accepted) = mpsc::channel(1);
    let shaking = aviary_boot::spawn("shake", shake(far, config, out));
    let client = tls::client(Some(&folder.join("tls.crt")), None).unwrap();
    let name = "translator".try_into().unwrap();
    // Kept until the other end is through, too.
    let stream = TlsConnector::from(client).connect(name, near).await;
    assert_eq!(shaking.await.unwrap().is_ok(), stream.is_ok());
    assert_eq!(accepted.recv().await.is_some(), stream.is_ok());
    stream.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_is_used_without_a_restart_and_a_broken_one_is_not() {
    tls::install();
    let folder = tempfile::tempdir().unwrap();
    renew(folder.path());
    let mut current = server(&args(folder.path())).unwrap().unwrap();
    let first = current.borrow_and_update().clone();
    assert!(meets(folder.path(), first.clone()).await);
    renew(folder.path());
    assert!(!meets(folder.path(), first).await);
    current.changed().await.unwrap();
    let second = current.borrow_and_update().clone();
    assert!(meets(folder.path(), second.clone()).await);
    std::fs::write(folder.path().join("tls.key"), "no key").unwrap();
    tokio::time::sleep(RELOAD * 2).await;
    assert!(!current.has_changed().unwrap());
    assert!(meets(folder.path(), second).await);
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_cut_off() {
    tls::install();
    let folder = tempfile::tempdir().unwrap();
    renew(folder.path());
    let config = server(&args(folder.path())).unwrap().unwrap();
    let config = config.borrow().clone();
    let (_silent, far) = tokio::io::duplex(1024);
    let (out, mut accepted) = mpsc::channel(1);
    let began = Instant::now();
    assert!(shake(far, config, out).await.is_err());
    assert_eq!(began.elapsed().as_secs(), Duration::from_secs(10).as_secs());
    assert!(accepted.recv().await.is_none());
}

#[test]
fn no_address_takes_all_turns() {
    let guests = Guests::default();
    let at = |text: &str| neighbourhood(text.parse::<IpAddr>().unwrap());
    assert_eq!(at("2001:db8::1"), at("2001:db8::2"));
    assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
    assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
    let (one, other) = (at("10.0.0.1"), at("10.0.0.2"));
    let mut inside: Vec<_> = (0..SHAKING_OF_ONE_MAX)
        .map(|_| guests.enter(one).unwrap())
        .collect();
    assert!(guests.enter(one).is_none());
    assert!(guests.enter(other).is_some());
    inside.pop();
    assert!(guests.enter(one).is_some());
    inside.clear();
    assert!(guests.0.lock().unwrap().is_empty());
}
