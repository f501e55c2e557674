use crate::service::KIND;
use crate::world::{cluster, env};
use aviary_types::{EcoString, Host, ObjectKey};
use std::sync::Arc;

/// Model, section 15.2: a plain suffix test.
#[test]
fn hosts_of_the_clouds_domains_are_served() {
    let check = |host: &str, want: bool| {
        assert_eq!(
            env("{}").serves_domain_of(&Host::from(host)),
            want,
            "{host}"
        );
    };
    check("shop.avi.lab", true);
    check("avi.lab", true);
    check("notavi.lab", true);
    check("shop.avi.lab.org", false);
    check("", false);
    let mut bare = env("{}");
    bare.inventory = Arc::default();
    assert!(bare.serves_domain_of(&Host::from("anything")));
}

/// Model, section 16.
#[test]
fn names_of_load_balancers() {
    let check = |settings: &str, (namespace, name): (&str, &str), want: &str| {
        let key = ObjectKey::new(&cluster(), KIND, namespace, name);
        assert_eq!(
            env(settings).l4_fqdn(&key, None).as_deref(),
            Some(want),
            "{settings} {namespace}/{name}"
        );
    };
    let flat = "{L4Settings: {autoFQDN: flat}}";
    check("{}", ("shop", "web"), "web.shop.avi.lab");
    check(flat, ("shop", "web"), "web-shop.avi.lab");
    // A label begins with a letter.
    check("{}", ("1st", "2nd"), "s2nd.n1st.avi.lab");
    check(flat, ("1st", "2nd"), "s2nd-n1st.avi.lab");
    // The configured domain, if the cloud has it, else the first.
    check(
        "{NetworkSettings: {defaultDomain: x}}",
        ("shop", "web"),
        "web.shop.x",
    );
    check(
        "{NetworkSettings: {defaultDomain: other.org}}",
        ("shop", "web"),
        "web.shop.avi.lab",
    );
}

#[test]
fn flat_names_are_cut_to_one_label() {
    let flat = env("{L4Settings: {autoFQDN: flat}}");
    let check = |namespace: usize, name: usize, want: (usize, usize)| {
        let (namespace, name) = ("n".repeat(namespace), "s".repeat(name));
        let key = ObjectKey::new(&cluster(), KIND, namespace, name);
        let fqdn = flat.l4_fqdn(&key, None).unwrap();
        let label = fqdn.strip_suffix(".avi.lab").unwrap();
        let (service, namespace) = label.split_once('-').unwrap();
        assert_eq!((service.len(), namespace.len()), want, "{fqdn}");
        assert!(label.len() <= 63);
    };
    check(10, 52, (52, 10));
    check(10, 53, (52, 10));
    check(10, 63, (52, 10));
    check(62, 63, (0, 62));
    // A namespace of full length is cut first.
    check(63, 63, (14, 48));
    check(63, 5, (5, 48));
}

#[test]
fn a_name_that_is_asked_for_is_taken_as_it_is() {
    let key = ObjectKey::new(&cluster(), KIND, "shop", "web");
    let asked = EcoString::from("any.thing");
    assert_eq!(env("{}").l4_fqdn(&key, Some(&asked)), Some(asked.clone()));
    let off = env("{L4Settings: {autoFQDN: disabled}}");
    assert_eq!(off.l4_fqdn(&key, Some(&asked)), None);
    let mut bare = env("{}");
    bare.inventory = Arc::default();
    assert_eq!(bare.l4_fqdn(&key, None), None);
    assert_eq!(bare.l4_fqdn(&key, Some(&asked)), Some(asked));
}

/// Model, section 2.
#[test]
fn names_of_shards() {
    let check = |settings: &str, tenant: &str, want: Option<&str>| {
        let found = env(settings).shard_fqdn("c1--Shared-L7-0", tenant);
        assert_eq!(found.as_deref(), want, "{settings} {tenant}");
    };
    check("{}", "admin", Some("c1--Shared-L7-0.admin.avi.lab"));
    check("{}", "a b__c--d-", Some("c1--Shared-L7-0.a-b-c-d.avi.lab"));
    let flat = "{L4Settings: {autoFQDN: flat}}";
    check(flat, "admin", Some("c1--Shared-L7-0-admin.avi.lab"));
    check("{L4Settings: {autoFQDN: disabled}}", "admin", None);
}

#[test]
fn what_translation_reads_is_in_the_digest() {
    let base = env("{}");
    let mut other = env("{}");
    assert_eq!(base.digest(), other.digest());
    Arc::make_mut(&mut other.inventory)
        .dns_domains
        .push("more.x".into());
    assert_ne!(base.digest(), other.digest());
    assert_ne!(
        base.digest(),
        env("{L7Settings: {shardVSSize: SMALL}}").digest()
    );
    let mut other = env("{}");
    other.scheme = aviary_settings::Scheme::Documented;
    assert_ne!(base.digest(), other.digest());
}
