use super::{Alternate, Certificate, Contents, KeyPair, Lookup, certificate};
use crate::Fact;
use crate::world::{World, codes, parse};
use aviary_types::{Code, ObjectKey, Secret as Hidden};

fn contents(yaml: &str) -> Contents {
    match parse(yaml).fact {
        Some(Fact::Secret(secret)) => secret.contents,
        other => panic!("no Secret: {other:?}"),
    }
}

#[test]
fn contents_are_heard_or_not() {
    let heard = |certificate: Option<&str>, key: Option<&str>| Contents::Heard {
        certificate: certificate.map(Into::into),
        key: key.map(|key| Hidden::new(key.to_owned())),
        alternate: Alternate::None,
    };
    let check = |yaml: &str, want: Contents| assert_eq!(contents(yaml), want, "{yaml}");
    check("{kind: Secret, metadata: {}}", Contents::Unheard);
    let both = "{kind: Secret, data: {tls.crt: Y2VydA==, tls.key: a2V5}}";
    check(both, heard(Some("cert"), Some("key")));
    check("{kind: Secret, data: {}}", heard(None, None));
    check(
        "{kind: Secret, data: {tls.crt: Y2VydA==}}",
        heard(Some("cert"), None),
    );
    // Neither base64 nor text counts as nothing; so does what is empty.
    check(
        "{kind: Secret, data: {tls.crt: \"?\", tls.key: \"/w==\"}}",
        heard(None, None),
    );
    check(
        "{kind: Secret, data: {tls.crt: \"\", tls.key: null}}",
        heard(None, None),
    );
}

#[test]
fn what_has_another_shape_is_told_without_a_word_of_it() {
    for bad in [
        "{kind: Secret, data: geheim}",
        "{kind: Secret, data: {tls.key: [geheim]}}",
        "{kind: Secret, data: {tls.key: {geheim: geheim}}}",
    ] {
        let parsed = parse(bad);
        assert_eq!(codes(&parsed.findings), [Code::Unreadable]);
        assert!(!format!("{:?}", parsed.findings).contains("geheim"));
    }
    let fact = parse("{kind: Secret, data: {tls.key: Z2VoZWlt}}")
        .fact
        .unwrap();
    assert!(!format!("{fact:?}").contains("geheim"));
}

/// Model, section 15.5.
#[test]
fn where_a_reference_leads() {
    let world = World::of(
        "{kind: Secret, metadata: {namespace: a, name: good}, data: {tls.crt: Y2VydA==, tls.key: a2V5}}
---
{kind: Secret, metadata: {namespace: a, name: keyless}, data: {tls.crt: Y2VydA==}}
---
{kind: Secret, metadata: {namespace: a, name: bare}, data: {tls.key: a2V5}}
---
{kind: Secret, metadata: {namespace: a, name: unheard}}",
    );
    let look = |namespace: &str, name: &str| {
        let key = ObjectKey::new(&crate::world::cluster(), super::KIND, namespace, name);
        certificate(&world, &key)
    };
    let good = Certificate {
        source: ObjectKey::new(&crate::world::cluster(), super::KIND, "a", "good"),
        main: pair("cert", "key"),
        alternate: Alternate::None,
    };
    assert_eq!(look("a", "good"), Lookup::Found(Box::new(good)));
    assert!(matches!(look("a", "keyless"), Lookup::Invalid(why) if why.starts_with("tls.key")));
    assert!(matches!(look("a", "bare"), Lookup::Invalid(why) if why.starts_with("tls.crt")));
    assert_eq!(look("a", "unheard"), Lookup::Unheard);
    assert_eq!(look("a", "missing"), Lookup::Missing);
    assert_eq!(look("b", "good"), Lookup::Missing);
}

fn pair(chain: &str, key: &str) -> KeyPair {
    KeyPair {
        chain: chain.into(),
        key: Hidden::new(key),
    }
}

/// Model, section 11.
#[test]
fn a_second_certificate_needs_both_its_parts() {
    let check = |data: &str, want: Alternate| {
        let yaml = format!("{{kind: Secret, data: {{tls.crt: Y2VydA==, tls.key: a2V5, {data}}}}}");
        match contents(&yaml) {
            Contents::Heard { alternate, .. } => assert_eq!(alternate, want, "{data}"),
            Contents::Unheard => panic!("{data} is not heard"),
        }
    };
    check("x: eA==", Alternate::None);
    check("alt.crt: Y2VydA==", Alternate::Incomplete);
    check("alt.crt: Y2VydA==, alt.key: \"?\"", Alternate::Incomplete);
    let both = "alt.crt: Y2VydA==, alt.key: a2V5";
    check(both, Alternate::Pair(pair("cert", "key")));
}
