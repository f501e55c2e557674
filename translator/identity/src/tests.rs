//! Who may speak for what, as tables.

use super::{Caller, ClusterRules, Denied, Gate, KeySource, read_rules};
use aviary_boot::Clock;
use aviary_proto::types::v1::Coverage;
use aviary_types::ClusterName;
use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rustls_pki_types::CertificateDer;
use serde_json::{Value, json};

const NOW: i64 = 1_790_000_000;
const ISSUER: &str = "https://kubernetes.default.svc";
const AGENT: &str = "system:serviceaccount:shop:aviary-agent";

const ROWS: &str = "
- {subject: 'system:serviceaccount:avi-system:wide', namespaces: all, clusterScope: true}
- {subject: 'system:serviceaccount:shop:both', namespaces: [pay]}
- {subject: 'spiffe://lab/agent', namespaces: [shop]}
- {subject: 'old-agent', namespaces: [shop], clusterScope: true}
- {subject: 'alice', query: true}
- {subject: 'bob', admin: true}
- {cluster: green, subject: 'spiffe://lab/agent', namespaces: all}
";

struct Issuer {
    key: EncodingKey,
    set: String,
}

fn issuer(id: &str) -> Issuer {
    let pair = rcgen::KeyPair::generate().unwrap();
    let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
    jwk.common.key_id = Some(id.to_owned());
    let set = serde_json::to_string(&JwkSet { keys: vec![jwk] }).unwrap();
    Issuer { key, set }
}

impl Issuer {
    fn token(&self, id: &str, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(id.to_owned());
        encode(&header, claims, &self.key).unwrap()
    }
}

fn claims(subject: &str) -> Value {
    json!({
        "sub": subject, "iss": ISSUER, "aud": ["aviary/blue"],
        "exp": NOW + 3600, "nbf": NOW - 10,
    })
}

fn gate(issuer: &Issuer) -> Gate {
    let blue = ClusterName::from("blue");
    let mut rows = read_rules(ROWS, &blue).unwrap();
    let keys = || {
        (
            Some(ISSUER.to_owned()),
            Some(KeySource::Fixed(issuer.set.clone())),
        )
    };
    let rules = |rows: &mut std::collections::BTreeMap<ClusterName, ClusterRules>, name: &str| {
        rows.remove(&ClusterName::from(name)).unwrap_or_default()
    };
    Gate::new(Clock::virtual_from(Timestamp::from_second(NOW).unwrap()))
        .with(blue.clone(), keys(), rules(&mut rows, "blue"))
        .with("green".into(), (None, None), rules(&mut rows, "green"))
}

fn coverage(namespaces: &[&str], all: bool, wide: bool) -> Coverage {
    Coverage {
        all_namespaces: all,
        namespaces: namespaces.iter().map(ToString::to_string).collect(),
        cluster_scope: wide,
    }
}

async fn check(caller: &Caller, gate: &Gate, asked: &Coverage, want: Result<&str, &str>) {
    let got = gate.admit(caller, "blue", asked).await;
    match (got, want) {
        (Ok(grant), Ok(subject)) => assert_eq!(grant.subject, subject),
        (Err(error), Err(part)) => {
            assert!(
                error.to_string().contains(part),
                "{error} does not say {part}"
            );
        }
        (got, want) => panic!("{got:?}, not {want:?}, for {asked:?}"),
    }
}

#[tokio::test]
async fn an_account_speaks_for_its_namespace_and_more_by_a_row() {
    let issuer = issuer("k1");
    let gate = gate(&issuer);
    let by = |subject: &str| Caller::remote(vec![], Some(&issuer.token("k1", &claims(subject))));
    let wide = "system:serviceaccount:avi-system:wide";
    let both = "system:serviceaccount:shop:both";
    let cases = [
        (AGENT, coverage(&["shop"], false, false), Ok(AGENT)),
        (
            AGENT,
            coverage(&["shop", "pay"], false, false),
            Err("namespace pay"),
        ),
        (AGENT, coverage(&["shop"], false, true), Err("cluster-wide")),
        (AGENT, coverage(&[], true, false), Err("all namespaces")),
        (both, coverage(&["shop", "pay"], false, false), Ok(both)),
        (wide, coverage(&[], true, true), Ok(wide)),
        (wide, coverage(&["any"], false, false), Ok(wide)),
        (
            "alice",
            coverage(&["shop"], false, false),
            Err("namespace shop"),
        ),
    ];
    for (subject, asked, want) in cases {
        check(&by(subject), &gate, &asked, want).await;
    }
}

#[tokio::test]
async fn a_token_must_fit_in_every_part() {
    let (good, foreign) = (issuer("k1"), issuer("k1"));
    let gate = gate(&good);
    let own = coverage(&["shop"], false, false);
    let changed = |name: &str, value: Value| {
        let mut claims = claims(AGENT);
        claims[name] = value;
        good.token("k1", &claims)
    };
    let cases = [
        (changed("aud", json!(["aviary/green"])), "InvalidAudience"),
        (changed("iss", json!("https://elsewhere")), "InvalidIssuer"),
        (changed("exp", json!(NOW)), "not valid now"),
        (changed("nbf", json!(NOW + 120)), "not valid now"),
        (foreign.token("k1", &claims(AGENT)), "InvalidSignature"),
        (
            foreign.token("k2", &claims(AGENT)),
            "not one of the cluster's",
        ),
        ("no.token.this".to_owned(), "cannot be read"),
    ];
    for (token, why) in cases {
        check(&Caller::remote(vec![], Some(&token)), &gate, &own, Err(why)).await;
    }
    let secret = EncodingKey::from_secret(b"guess");
    let symmetric = encode(&Header::new(Algorithm::HS256), &claims(AGENT), &secret).unwrap();
    check(
        &Caller::remote(vec![], Some(&symmetric)),
        &gate,
        &own,
        Err("cannot be read"),
    )
    .await;
    check(&Caller::remote(vec![], None), &gate, &own, Err("neither")).await;
}

#[tokio::test]
async fn a_token_of_one_cluster_is_none_in_another() {
    let issuer = issuer("k1");
    let gate = gate(&issuer);
    let caller = Caller::remote(vec![], Some(&issuer.token("k1", &claims(AGENT))));
    let own = coverage(&["shop"], false, false);
    let green = gate.admit(&caller, "green", &own).await.unwrap_err();
    assert!(matches!(green, Denied::NoKeys(_)));
    let red = gate.admit(&caller, "red", &own).await.unwrap_err();
    assert!(matches!(red, Denied::UnknownCluster(_)) && !red.is_unknown());
}

fn certificate(common: &str, uri: Option<&str>) -> CertificateDer<'static> {
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, common);
    if let Some(uri) = uri {
        params
            .subject_alt_names
            .push(rcgen::SanType::URI(uri.try_into().unwrap()));
    }
    let key = rcgen::KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().clone()
}

#[tokio::test]
async fn a_certificate_speaks_by_its_uri_or_its_common_name() {
    let gate = gate(&issuer("k1"));
    let shop = coverage(&["shop"], false, false);
    let spiffe = Caller::remote(vec![certificate("x", Some("spiffe://lab/agent"))], None);
    let named = Caller::remote(vec![certificate("old-agent", None)], None);
    let stranger = Caller::remote(vec![certificate(AGENT, None)], None);
    check(&spiffe, &gate, &shop, Ok("spiffe://lab/agent")).await;
    check(
        &spiffe,
        &gate,
        &coverage(&[], true, false),
        Err("all namespaces"),
    )
    .await;
    assert!(
        gate.admit(&spiffe, "green", &coverage(&[], true, false))
            .await
            .is_ok()
    );
    check(
        &named,
        &gate,
        &coverage(&["shop"], false, true),
        Ok("old-agent"),
    )
    .await;
    // The name of an account in a certificate is only a name: a row must say what it may.
    check(&stranger, &gate, &shop, Err("namespace shop")).await;
}

#[tokio::test]
async fn questions_and_orders_have_rows_of_their_own() {
    let gate = gate(&issuer("k1"));
    let by = |name: &str| Caller::remote(vec![certificate(name, None)], None);
    assert!(gate.may_query(&by("alice")).await.is_ok());
    assert!(gate.may_order(&by("alice")).await.is_err());
    assert!(gate.may_query(&by("bob")).await.is_ok());
    assert!(gate.may_order(&by("bob")).await.is_ok());
    assert!(gate.may_query(&by("old-agent")).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn keys_are_read_again_when_a_token_names_a_new_one() {
    let (first, second) = (issuer("k1"), issuer("k2"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    std::fs::write(&path, &first.set).unwrap();
    let keys = (Some(ISSUER.to_owned()), Some(KeySource::File(path.clone())));
    let clock = Clock::virtual_from(Timestamp::from_second(NOW).unwrap());
    let gate = Gate::new(clock).with("blue".into(), keys, ClusterRules::default());
    let own = coverage(&["shop"], false, false);
    let by =
        |issuer: &Issuer, id: &str| Caller::remote(vec![], Some(&issuer.token(id, &claims(AGENT))));
    check(&by(&first, "k1"), &gate, &own, Ok(AGENT)).await;
    std::fs::write(&path, &second.set).unwrap();
    // Not more often than every ten seconds, whatever is shown.
    check(
        &by(&second, "k2"),
        &gate,
        &own,
        Err("not one of the cluster's"),
    )
    .await;
    tokio::time::advance(std::time::Duration::from_secs(11)).await;
    check(&by(&second, "k2"), &gate, &own, Ok(AGENT)).await;
    std::fs::remove_file(&path).unwrap();
    tokio::time::advance(std::time::Duration::from_mins(10)).await;
    check(&by(&second, "k2"), &gate, &own, Ok(AGENT)).await;
}

#[tokio::test(start_paused = true)]
async fn other_rules_count_from_the_next_admission() {
    let issuer = issuer("k1");
    let gate = gate(&issuer);
    let caller = Caller::remote(vec![certificate("newcomer", None)], None);
    let shop = coverage(&["shop"], false, false);
    check(&caller, &gate, &shop, Err("namespace shop")).await;
    let blue = ClusterName::from("blue");
    let mut rows = read_rules("- {subject: newcomer, namespaces: [shop]}", &blue).unwrap();
    gate.set_rules(&blue, rows.remove(&blue).unwrap());
    check(&caller, &gate, &shop, Ok("newcomer")).await;
}

#[test]
fn rows_that_are_none_are_told_without_their_text() {
    let home = ClusterName::from("blue");
    assert!(read_rules("", &home).unwrap().is_empty());
    assert!(read_rules("[]", &home).unwrap().is_empty());
    for (text, part) in [
        (
            "- {subject: a, namespaces: some}",
            "neither a list nor `all`",
        ),
        ("- {subject: a, clusterscope: true}", "line 1"),
        ("subject: a", "not as a row"),
    ] {
        let error = read_rules(text, &home).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_caller_shows_no_token() {
    let caller = Caller::remote(vec![], Some("hunter2"));
    assert!(!format!("{caller:?}").contains("hunter2"));
}
