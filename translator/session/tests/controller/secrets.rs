//! Nothing secret reaches a log, however finely it is set, or an error.

use crate::support::{PASSWORD, key, lab, rule};
use aviary_avi::ssl_cert::SslKeyAndCertificate;
use aviary_avi::{Body, Ref};
use aviary_sim::FaultRule;
use aviary_types::Secret;
use serde_json::json;
use std::sync::{Arc, Mutex};

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----\n";

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn certificate() -> Body {
    SslKeyAndCertificate {
        name: "c1--cert".into(),
        tenant_ref: Some(Ref::tenant("admin")),
        key: Secret::new(KEY),
        kind: "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE".into(),
        ..SslKeyAndCertificate::default()
    }
    .into()
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_logged_or_told() {
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let lab = lab();
    let body = certificate();
    let echo = format!("Bad pb: name: \"c1--cert\" key: \"{KEY}\"");
    lab.simulator.set_faults(vec![
        FaultRule {
            status: Some(500),
            body: Some(json!({"error": echo})),
            count: Some(1),
            ..rule("POST", "sslkeyandcertificate")
        },
        FaultRule {
            status: Some(401),
            body: Some(json!({"error": format!("Invalid credentials {PASSWORD}")})),
            count: Some(1),
            after: 1,
            ..rule("POST", "login")
        },
    ]);
    let error = lab
        .session
        .create(&key(&body), &body, &|_| true)
        .await
        .unwrap_err();
    let mut told = format!("{error} {error:?} {}", error.message());
    lab.simulator.expire_sessions();
    let error = lab.session.find(&key(&body)).await.unwrap_err();
    told = format!("{told} {error} {error:?} {:?}", lab.session);
    told.push_str(&String::from_utf8_lossy(&sink.0.lock().unwrap()));
    assert!(told.contains("refused the login"), "something was logged");
    for secret in [PASSWORD, "MIIEvQ", "avi-sessionid=", "csrftoken="] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}
