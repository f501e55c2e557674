//! Streams live as long as the identity that opened them.

use crate::agent::{Agent, Cluster, identity};
use crate::lab::{Plan, named, simulator, start};
use aviary_runtime::incoming::Peer;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const ISSUER: &str = "https://kubernetes.default.svc";
/// When the clock of the lab begins.
const START: i64 = 1_790_000_000;

#[tokio::test(start_paused = true)]
async fn a_stream_ends_a_minute_after_its_token() {
    let pair = rcgen::KeyPair::generate().unwrap();
    let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
    let jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
    let set = serde_json::to_string(&JwkSet { keys: vec![jwk] }).unwrap();
    let claims = json!({
        "sub": "system:serviceaccount:shop:agent", "iss": ISSUER,
        "aud": ["aviary/blue"], "exp": START + 600,
    });
    let token = encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap();
    let plan = Plan {
        keys: Some((ISSUER.into(), set)),
        ..Plan::default()
    };
    let translator = start(&simulator(), plan).await;
    let began = Instant::now();
    let remote = || translator.channel_of(Peer::Remote(Arc::default()));
    let join = |coverage, token| {
        Agent::with_token(Cluster::default(), identity(coverage), remote(), token)
    };
    let why = join(named(&["pay"], false), Some(&token)).ended().await;
    assert!(why.contains("may not speak for namespace pay"), "{why}");
    let why = join(named(&["shop"], false), None).ended().await;
    assert!(why.contains("neither a token"), "{why}");
    let why = join(named(&["shop"], false), Some(&token)).ended().await;
    assert!(why.contains("has expired"), "{why}");
    let lived = began.elapsed();
    assert!(
        lived >= Duration::from_mins(11) && lived < Duration::from_secs(662),
        "{lived:?}"
    );
}
