//! A small world for the tests of the rooms: objects from YAML, seen as effects see them.

use crate::{Entry, Env, Fact, IndexKey, Parsed, RawObject, View, room_of};
use aviary_avi::ds_set::KnownScripts;
use aviary_avi::{Inventory, Named, Standing};
use aviary_settings::Scheme;
use aviary_types::{ClusterName, Code, EcoString, Finding, Namespace, ObjectKey};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The cluster of every test.
pub(crate) fn cluster() -> ClusterName {
    "c1".into()
}

/// The documents of a YAML text.
fn documents(yaml: &str) -> Vec<Value> {
    yaml.split("\n---\n")
        .map(|text| serde_saphyr::from_str(text).unwrap())
        .collect()
}

/// An object as an agent sends it. Its creation time is that of the annotation-like field `created`,
/// in minutes.
pub(crate) fn raw(json: Value) -> RawObject {
    let text = |path: &str| {
        let value = json.pointer(path).and_then(Value::as_str);
        EcoString::from(value.unwrap_or_default())
    };
    let kind = text("/kind");
    let group = match kind.as_str() {
        "Ingress" | "IngressClass" => "networking.k8s.io",
        "EndpointSlice" => "discovery.k8s.io",
        "AviInfraSetting" => "ako.vmware.com",
        "BlockAffinity" => "crd.projectcalico.org",
        "CiliumNode" => "cilium.io",
        "HostSubnet" => "network.openshift.io",
        _ => "",
    };
    let room = room_of(group, &kind).unwrap();
    let namespace = text("/metadata/namespace");
    let created = json["created"].as_u64().unwrap_or_default();
    RawObject {
        key: ObjectKey::new(&cluster(), room.kind, namespace, text("/metadata/name")),
        uid: "u".into(),
        resource_version: "1".into(),
        created: format!("2025-01-01T00:{created:02}:00Z").into(),
        contents: json.get("data").is_some(),
        json,
    }
}

pub(crate) fn parse(yaml: &str) -> Parsed<Fact> {
    let [json] = &documents(yaml)[..] else {
        panic!("not one document")
    };
    Fact::parse(&raw(json.clone())).unwrap()
}

/// Codes with texts and hints, in short: every finding says all three. Few of these worlds have
/// endpoints: that nothing stands behind a Service is left out.
pub(crate) fn told(findings: &[Finding]) -> Vec<(Code, String)> {
    for finding in findings {
        let text = &finding.text;
        assert!(!text.is_empty() && !text.ends_with('.'), "{finding}");
        assert!(
            !finding.hint.is_empty() && !finding.hint.ends_with('.'),
            "{finding}"
        );
    }
    let findings = findings.iter();
    findings
        .filter(|finding| finding.code != Code::NoServers)
        .map(|finding| (finding.code, finding.text.to_string()))
        .collect()
}

/// Codes alone.
pub(crate) fn codes(findings: &[Finding]) -> Vec<Code> {
    told(findings).into_iter().map(|(code, _)| code).collect()
}

/// Objects, and the settings of the one domain that sees them.
pub(crate) struct World {
    env: Env,
    objects: BTreeMap<ObjectKey, Arc<Entry>>,
}

impl World {
    /// A world of these objects under default settings.
    pub(crate) fn of(yaml: &str) -> Self {
        let mut world = Self {
            env: env("{}"),
            objects: BTreeMap::new(),
        };
        for json in documents(yaml) {
            world.put(json);
        }
        world
    }

    /// The same world with these objects beside its own.
    pub(crate) fn and(mut self, yaml: &str) -> Self {
        for json in documents(yaml) {
            self.put(json);
        }
        self
    }

    /// The same world under these settings.
    pub(crate) fn under(mut self, settings: &str) -> Self {
        self.env = env(settings);
        self
    }

    /// The same world with another environment.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Env)) -> Self {
        change(&mut self.env);
        self
    }

    fn put(&mut self, json: Value) {
        let raw = raw(json);
        let Parsed { fact, findings } = Fact::parse(&raw).unwrap();
        let Some(fact) = fact else {
            panic!("{findings:?}")
        };
        let entry = Entry {
            digest: fact.digest(),
            key: raw.key.clone(),
            uid: raw.uid,
            resource_version: raw.resource_version,
            created: raw.created,
            fact,
        };
        self.objects.insert(raw.key, Arc::new(entry));
    }

    /// The key of the object of this kind and name.
    pub(crate) fn key(&self, kind: &str, name: &str) -> ObjectKey {
        let mut keys = self.objects.keys();
        keys.find(|key| key.kind.kind == kind && key.name == name)
            .unwrap()
            .clone()
    }
}

impl View for World {
    fn env(&self) -> &Env {
        &self.env
    }

    fn get(&self, key: &ObjectKey) -> Option<Arc<Entry>> {
        self.objects.get(key).cloned()
    }

    fn lookup(&self, index: IndexKey) -> Vec<Arc<Entry>> {
        let entries = self.objects.values();
        let found = entries.filter(|entry| entry.fact.index(&entry.key).contains(&index));
        found.cloned().collect()
    }

    /// Everything is, but what is called so.
    fn is_heard(&self, namespace: &Namespace) -> bool {
        namespace.as_str() != "unheard"
    }

    fn standing(&self, named: &Named) -> Option<Standing> {
        self.env.census.named.get(named).cloned()
    }
}

/// The environment of settings, on a cloud with the DNS domains `avi.lab` and `x`.
pub(crate) fn env(settings: &str) -> Env {
    let mut tree: Value = serde_saphyr::from_str(settings).unwrap();
    tree["AKOSettings"]["clusterName"] = "c1".into();
    let parsed = aviary_settings::parse(&tree.to_string()).settings.unwrap();
    let settings = parsed.instances().next().unwrap().clone();
    Env {
        domain: settings.domain(),
        settings: Arc::new(settings),
        inventory: Arc::new(Inventory {
            cloud_type: "CLOUD_NONE".into(),
            dns_domains: vec!["avi.lab".into(), "x".into()],
            ..Inventory::default()
        }),
        scheme: Scheme::Ako,
        scripts: KnownScripts::default(),
        census: Arc::default(),
    }
}

#[test]
fn the_sample_of_every_room_is_read() {
    let rooms = [
        include_str!("avi_infra_setting.rs"),
        include_str!("block_affinity.rs"),
        include_str!("cilium_node.rs"),
        include_str!("host_subnet.rs"),
        include_str!("endpoint_slice.rs"),
        include_str!("ingress.rs"),
        include_str!("ingress_class.rs"),
        include_str!("namespace.rs"),
        include_str!("node.rs"),
        include_str!("pod.rs"),
        include_str!("secret.rs"),
        include_str!("service.rs"),
    ];
    assert_eq!(rooms.len(), crate::ROOMS.len());
    for source in rooms {
        let lines = source.lines().filter_map(|line| line.strip_prefix("//!"));
        let lines: Vec<&str> = lines
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        let from = lines.iter().position(|line| *line == "```yaml").unwrap();
        let to = lines.iter().position(|line| *line == "```").unwrap();
        let sample = lines[from + 1..to].join("\n");
        let Parsed { fact, findings } = parse(&sample);
        assert!(
            fact.is_some() && findings.is_empty(),
            "{sample}: {findings:?}"
        );
    }
}
