//! The store's promises: whole scopes only, nothing lost by ignorance, changes named exactly.

mod properties;

use crate::{Applied, Facts, Store};
use aviary_kinds::{Extent, ROOMS, RawObject, ingress, namespace, rooms_of, secret, service};
use aviary_types::{ClusterName, Kind, ObjectKey, ScopeKey, kind};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn scope(namespace: &str) -> ScopeKey {
    ScopeKey {
        cluster: "c1".into(),
        namespace: namespace.into(),
    }
}

fn key(kind: Kind, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::new(&ClusterName::new("c1"), kind, namespace, name)
}

fn raw(key: ObjectKey, version: &str, json: Value) -> RawObject {
    RawObject {
        key,
        uid: "u".into(),
        resource_version: version.into(),
        created: "2025-01-01T00:00:00Z".into(),
        json,
        contents: false,
    }
}

fn service(namespace: &str, name: &str, port: u16) -> RawObject {
    let key = key(service::KIND, namespace, name);
    raw(
        key,
        &port.to_string(),
        json!({"spec": {"ports": [{"port": port}]}}),
    )
}

fn broken(namespace: &str, name: &str) -> RawObject {
    raw(
        key(service::KIND, namespace, name),
        "bad",
        json!({"spec": 7}),
    )
}

fn names(facts: &Facts) -> Vec<String> {
    facts.objects().map(|entry| entry.key.to_string()).collect()
}

/// Hears a scope in full, with these Services and nothing else.
fn hear(store: &mut Store, scope: &ScopeKey, services: &[&str]) {
    for room in rooms_of(scope) {
        let present = if room.kind == service::KIND {
            services
        } else {
            &[]
        };
        let present: BTreeSet<_> = present.iter().map(|name| (*name).into()).collect();
        store.complete(scope, room.kind, &present);
    }
}

fn heard_store() -> Store {
    let mut store = Store::default();
    store.apply(service("a", "one", 1));
    store.apply(service("a", "two", 2));
    hear(&mut store, &scope("a"), &["one", "two"]);
    store
}

#[test]
fn a_scope_is_published_once_all_its_kinds_were_heard() {
    let mut store = Store::default();
    store.apply(service("a", "one", 1));
    let kinds = ROOMS
        .iter()
        .filter(|room| room.extent == Extent::Namespaced);
    let present = BTreeSet::from(["one".into()]);
    for room in kinds {
        let facts = store.snapshot();
        assert!(names(&facts).is_empty() && !facts.is_published(&scope("a")));
        assert!(facts.lookup(&index_of("a", "one")).is_empty());
        store.complete(&scope("a"), room.kind, &present);
    }
    let facts = store.snapshot();
    assert_eq!(names(&facts), ["Service a/one"]);
    assert_eq!(facts.changes.scopes, BTreeSet::from([scope("a")]));
    assert!(
        facts
            .changes
            .objects
            .contains(&key(service::KIND, "a", "one"))
    );
}

fn index_of(namespace: &str, name: &str) -> aviary_kinds::IndexKey {
    aviary_kinds::IndexKey::new(
        &"c1".into(),
        "ingress.namespace",
        format!("{namespace}-{name}"),
    )
}

#[test]
fn after_that_every_change_counts_at_once() {
    let mut store = heard_store();
    store.snapshot();
    store.apply(service("a", "three", 3));
    let facts = store.snapshot();
    let new = BTreeSet::from([key(service::KIND, "a", "three")]);
    assert_eq!(
        (&facts.changes.objects, &facts.changes.versions),
        (&new, &new)
    );
    assert!(facts.changes.scopes.is_empty());
}

#[test]
fn a_partial_snapshot_deletes_nothing() {
    let mut store = heard_store();
    store.freeze(
        &scope("a"),
        "2025-01-01T00:00:00Z".into(),
        "agent away".into(),
    );
    // The next stream tells of one object and is cut before its list is complete.
    store.apply(service("a", "one", 1));
    let facts = store.snapshot();
    assert_eq!(names(&facts), ["Service a/one", "Service a/two"]);
    let state = facts.scope(&scope("a")).unwrap();
    assert_eq!(state.frozen.as_ref().unwrap().why, "agent away");
}

#[test]
fn a_complete_list_deletes_what_it_lacks_of_that_kind_alone() {
    let mut store = heard_store();
    store.apply(raw(
        key(secret::KIND, "a", "kept"),
        "1",
        json!({"metadata": {}}),
    ));
    store.snapshot();
    store.complete(&scope("a"), service::KIND, &BTreeSet::from(["two".into()]));
    let facts = store.snapshot();
    assert_eq!(names(&facts), ["Secret a/kept", "Service a/two"]);
    assert_eq!(
        facts.changes.objects,
        BTreeSet::from([key(service::KIND, "a", "one")])
    );
}

#[test]
fn a_frozen_scope_thaws_once_it_was_heard_in_full_again() {
    let mut store = heard_store();
    store.freeze(&scope("a"), "t1".into(), "first".into());
    store.freeze(&scope("a"), "t2".into(), "second".into());
    let frozen = |store: &Store| store.peek().scope(&scope("a")).unwrap().frozen.clone();
    assert_eq!(frozen(&store).unwrap().since, "t1");
    store.complete(&scope("a"), ingress::KIND, &BTreeSet::new());
    assert!(frozen(&store).is_some());
    hear(&mut store, &scope("a"), &["one"]);
    assert!(frozen(&store).is_none());
    assert_eq!(names(store.peek()), ["Service a/one"]);
    store.freeze(&scope("a"), "t3".into(), "third".into());
    store.thaw(&scope("a"));
    assert!(frozen(&store).is_none() && store.peek().is_published(&scope("a")));
}

#[test]
fn retained_facts_are_in_force_before_anybody_tells() {
    let mut store = Store::default();
    store.apply(service("a", "one", 1));
    store.retain(&scope("a"), "t".into());
    let facts = store.snapshot();
    assert_eq!(names(&facts), ["Service a/one"]);
    assert!(facts.scope(&scope("a")).unwrap().frozen.is_some());
    // Told in full, the scope loses what is gone meanwhile.
    hear(&mut store, &scope("a"), &[]);
    assert!(names(&store.snapshot()).is_empty());
}

#[test]
fn a_released_scope_accounts_for_nothing_until_it_is_heard_again() {
    let mut store = heard_store();
    store.apply(broken("a", "bad"));
    store.snapshot();
    store.release(&scope("a"));
    let facts = store.snapshot();
    assert!(names(&facts).is_empty() && facts.rejected().is_empty());
    assert!(facts.is_known(&scope("a")) && !facts.is_published(&scope("a")));
    assert_eq!(facts.changes.scopes, BTreeSet::from([scope("a")]));
    assert_eq!(facts.digest, Store::default().snapshot().digest);
    store.apply(service("a", "one", 1));
    assert!(
        names(store.peek()).is_empty(),
        "half a namespace is not translated"
    );
    hear(&mut store, &scope("a"), &["one"]);
    assert!(!store.peek().scope(&scope("a")).unwrap().released);
    assert_eq!(names(store.peek()), ["Service a/one"]);
}

#[test]
fn an_unusable_object_keeps_its_last_accepted_version() {
    for published in [true, false] {
        let mut store = Store::default();
        if published {
            hear(&mut store, &scope("a"), &[]);
        }
        assert_eq!(store.apply(service("a", "one", 80)), Applied::Accepted);
        store.snapshot();
        assert!(matches!(
            store.apply(broken("a", "one")),
            Applied::Rejected(_)
        ));
        hear(&mut store, &scope("a"), &["one"]);
        let facts = store.snapshot();
        let one = key(service::KIND, "a", "one");
        assert_eq!(facts.get(&one).unwrap().resource_version, "80");
        assert_eq!(facts.findings_of(&one).unwrap().len(), 1);
        assert!(facts.rejected().is_empty());
        assert!(facts.changes.versions.contains(&one), "its user is told");
        store.apply(service("a", "one", 81));
        let facts = store.snapshot();
        assert_eq!(facts.get(&one).unwrap().resource_version, "81");
        assert!(facts.findings_of(&one).is_none());
    }
}

#[test]
fn what_was_never_accepted_is_known_to_be_unknown() {
    let mut store = heard_store();
    store.snapshot();
    let bad = key(service::KIND, "a", "bad");
    store.apply(broken("a", "bad"));
    let facts = store.snapshot();
    assert!(facts.get(&bad).is_none() && facts.rejected().contains_key(&bad));
    assert_eq!(facts.changes.objects, BTreeSet::from([bad.clone()]));
    store.apply(broken("a", "bad"));
    assert!(!store.is_dirty(), "saying the same again is no change");
    store.delete(&bad);
    let facts = store.snapshot();
    assert!(facts.rejected().is_empty() && facts.findings_of(&bad).is_none());
    assert_eq!(facts.changes.objects, BTreeSet::from([bad]));
}

#[test]
fn kinds_without_a_room_are_refused() {
    let kind = kind!("x", "Thing");
    let mut store = heard_store();
    store.snapshot();
    assert_eq!(
        store.apply(raw(key(kind, "a", "t"), "1", json!({}))),
        Applied::UnknownKind
    );
    for stray in [key(service::KIND, "", "s"), key(namespace::KIND, "a", "a")] {
        assert_eq!(
            store.apply(raw(stray, "1", json!({}))),
            Applied::UnknownKind
        );
    }
    assert!(!store.is_dirty());
}

#[test]
fn a_new_version_without_meaning_is_no_change_of_facts() {
    let mut store = heard_store();
    let before = store.snapshot();
    let mut same = service("a", "one", 1);
    same.resource_version = "2".into();
    store.apply(same);
    let facts = store.snapshot();
    let one = key(service::KIND, "a", "one");
    assert!(facts.changes.objects.is_empty() && facts.changes.index.is_empty());
    assert_eq!(facts.changes.versions, BTreeSet::from([one.clone()]));
    assert_eq!(facts.digest, before.digest);
    assert_eq!(facts.get(&one).unwrap().resource_version, "2");
}

#[test]
fn metadata_keeps_the_contents_of_a_secret() {
    let mut store = Store::default();
    hear(&mut store, &scope("a"), &[]);
    let told = |contents, json| RawObject {
        contents,
        ..raw(key(secret::KIND, "a", "s"), "1", json)
    };
    store.apply(told(
        true,
        json!({"data": {"tls.crt": "eA==", "tls.key": "eQ=="}}),
    ));
    let heard = store.snapshot().digest;
    store.apply(told(false, json!({"metadata": {}})));
    assert_eq!(store.snapshot().digest, heard);
    store.delete(&key(secret::KIND, "a", "s"));
    store.apply(told(false, json!({"metadata": {}})));
    assert_ne!(
        store.snapshot().digest,
        heard,
        "another Secret of that name was not heard"
    );
}

#[test]
fn null_fields_are_absent_ones() {
    let mut store = Store::default();
    hear(&mut store, &scope(""), &[]);
    let labels = json!({"metadata": {"labels": null, "annotations": {"x": null}}});
    assert_eq!(
        store.apply(raw(key(namespace::KIND, "", "a"), "1", labels)),
        Applied::Accepted
    );
}

#[test]
fn generations_follow_each_other() {
    let mut store = heard_store();
    let first = store.snapshot();
    assert!(!store.is_dirty());
    store.delete(&key(service::KIND, "a", "one"));
    assert!(store.is_dirty());
    let second = store.snapshot();
    assert_eq!(second.changes.since, first.generation);
    assert_eq!(second.generation, first.generation.next());
    assert_eq!(names(&first).len(), 2, "earlier facts stay as they were");
}
