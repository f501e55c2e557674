//! Facts that are told, and a Controller that does what it is told.

use aviary_avi::{AviKey, AviKind, Inventory, Observed, ObservedObject};
use aviary_kinds::{RawObject, room_of, rooms_of};
use aviary_plan::{Op, Plan};
use aviary_runtime::lane::Lane;
use aviary_settings::InstanceSettings;
use aviary_store::Store;
use aviary_types::{ClusterName, EcoString, ObjectKey, ScopeKey};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) const SETTINGS: &str = "
AKOSettings: {clusterName: c1, namingScheme: documented}
L7Settings: {shardVSSize: LARGE}
";

/// A lane with the store that feeds it.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) lane: Lane,
    pub(crate) objects: BTreeMap<ObjectKey, RawObject>,
}

pub(crate) fn instances(settings: &str) -> Vec<InstanceSettings> {
    let parsed = aviary_settings::parse(settings).settings.unwrap();
    parsed.instances().cloned().collect()
}

/// A lane that has read a Controller.
pub(crate) fn lane(observed: Observed) -> Lane {
    lane_of(SETTINGS, observed)
}

/// The same under these settings.
pub(crate) fn lane_of(settings: &str, observed: Observed) -> Lane {
    let mut lane = discovered(settings);
    lane.observe(observed);
    lane
}

/// A lane that knows its clouds, and not yet what the Controller has.
pub(crate) fn discovered(settings: &str) -> Lane {
    let mut lane = Lane::new(instances(settings));
    for domain in lane.domains() {
        let inventory = Inventory {
            cloud_type: "CLOUD_NONE".into(),
            dns_domains: vec!["x".into()],
            vrf: "global".into(),
            ..Inventory::default()
        };
        lane.discover(&domain, inventory);
    }
    lane
}

impl World {
    /// A world with these objects, all heard, and nothing on the Controller.
    pub(crate) fn of(objects: impl IntoIterator<Item = RawObject>) -> Self {
        let mut world = Self {
            store: Store::default(),
            lane: lane(Observed::default()),
            objects: BTreeMap::new(),
        };
        for object in objects {
            world.put(object);
        }
        world.hear_all();
        world
    }

    pub(crate) fn put(&mut self, object: RawObject) {
        self.objects.insert(object.key.clone(), object.clone());
        self.store.apply(object);
    }

    pub(crate) fn delete(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
        self.store.delete(key);
    }

    pub(crate) fn hear(&mut self, namespace: &str) {
        self.hear_scope(&scope(namespace));
    }

    fn hear_scope(&mut self, scope: &ScopeKey) {
        for room in rooms_of(scope) {
            let of_kind = |key: &&ObjectKey| key.kind == room.kind && key.scope() == *scope;
            let names = self.objects.keys().filter(of_kind);
            let names: BTreeSet<EcoString> = names.map(|key| key.name.clone()).collect();
            self.store.complete(scope, room.kind, &names);
        }
    }

    pub(crate) fn hear_all(&mut self) {
        let mut scopes: BTreeSet<ScopeKey> = self.objects.keys().map(ObjectKey::scope).collect();
        scopes.insert(scope(""));
        for scope in scopes {
            self.hear_scope(&scope);
        }
    }

    /// Translates and compares.
    pub(crate) fn plan(&mut self) -> Plan {
        self.lane.build(&self.store.snapshot());
        self.lane.plan(&BTreeSet::<AviKey>::new())
    }

    /// Does what a plan says.
    pub(crate) fn apply(&mut self, plan: &Plan) {
        for op in &plan.ops {
            done(&mut self.lane, op);
        }
    }

    /// Plans and does until nothing is left; answers all operations, in short.
    pub(crate) fn settle(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        for _ in 0..10 {
            let plan = self.plan();
            check_sound(&plan);
            if plan.ops.is_empty() {
                return all;
            }
            all.extend(short(&plan));
            self.apply(&plan);
        }
        panic!("not at rest: {:?}", &all[all.len() - 5..]);
    }

    pub(crate) fn observed(&self) -> &Observed {
        self.lane.observed().unwrap()
    }
}

/// Nothing of a plan was refused for a bug of ours.
pub(crate) fn check_sound(plan: &Plan) {
    let refused = plan
        .holds
        .iter()
        .find(|hold| hold.why.starts_with("refused"));
    assert!(refused.is_none(), "{refused:?}");
}

pub(crate) fn scope(namespace: &str) -> ScopeKey {
    ScopeKey {
        cluster: "c1".into(),
        namespace: namespace.into(),
    }
}

/// The Controller does an operation.
pub(crate) fn done(lane: &mut Lane, op: &Op) {
    let key = &op.key.object;
    let now = op.body.clone().map(|body| ObservedObject {
        key: key.clone(),
        uuid: format!("{}-{}", key.kind, key.name).into(),
        last_modified: "1".into(),
        body,
        raw: None,
    });
    lane.written(key, now.map(Arc::new));
}

/// `delete pool c1--x`, without what belongs to the provider.
pub(crate) fn short(plan: &Plan) -> Vec<String> {
    let line = |op: &Op| {
        let method = format!("{:?}", op.method).to_lowercase();
        format!("{method} {} {}", op.key.object.kind, op.key.object.name)
    };
    plan.ops.iter().map(line).collect()
}

pub(crate) fn names(observed: &Observed, kind: AviKind) -> Vec<&str> {
    let keys = observed.objects.keys().filter(|key| key.kind == kind);
    keys.map(|key: &AviKey| key.name.as_str()).collect()
}

/// An object from its JSON: `kind`, `ns`, `name`, `created` and whatever else it has.
pub(crate) fn object(json: Value) -> RawObject {
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let kind = text("kind");
    let group = match kind.as_str() {
        "Ingress" | "IngressClass" => "networking.k8s.io",
        "EndpointSlice" => "discovery.k8s.io",
        _ => "",
    };
    let room = room_of(group, &kind).unwrap();
    let cluster = ClusterName::new("c1");
    RawObject {
        key: ObjectKey::new(&cluster, room.kind, text("ns"), text("name")),
        uid: text("name").into(),
        resource_version: "1".into(),
        created: format!(
            "2025-01-01T00:{:02}:00Z",
            json["created"].as_u64().unwrap_or(0)
        )
        .into(),
        contents: json["data"].is_object(),
        json,
    }
}

pub(crate) fn namespace(name: &str) -> RawObject {
    object(json!({"kind": "Namespace", "name": name}))
}

pub(crate) fn class() -> RawObject {
    object(json!({
        "kind": "IngressClass", "name": "avi", "spec": {"controller": "ako.vmware.com/avi-lb"},
    }))
}

pub(crate) fn secret(ns: &str) -> RawObject {
    let data = json!({"tls.crt": "Y2VydA==", "tls.key": "a2V5"});
    object(json!({"kind": "Secret", "ns": ns, "name": "tls", "data": data}))
}

/// Namespace `a` and what its Ingresses need.
pub(crate) fn base() -> Vec<RawObject> {
    vec![namespace("a"), class(), secret("a"), service("a", "web")]
}

/// An Ingress of one host with path `/`; with `tls` secured by Secret `tls`.
pub(crate) fn ingress(ns: &str, name: &str, host: &str, tls: bool) -> RawObject {
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    let entries = if tls {
        json!([{"hosts": [host], "secretName": "tls"}])
    } else {
        json!([])
    };
    object(json!({
        "kind": "Ingress", "ns": ns, "name": name,
        "spec": {
            "ingressClassName": "avi", "tls": entries,
            "rules": [{"host": host, "http": {"paths": [path]}}],
        },
    }))
}

pub(crate) fn service(ns: &str, name: &str) -> RawObject {
    object(json!({
        "kind": "Service", "ns": ns, "name": name,
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }))
}

pub(crate) fn slice(ns: &str, service: &str, addresses: &[&str]) -> RawObject {
    let endpoint = |address: &&str| json!({"addresses": [address], "conditions": {"ready": true}});
    let endpoints: Vec<Value> = addresses.iter().map(endpoint).collect();
    object(json!({
        "kind": "EndpointSlice", "ns": ns, "name": format!("{service}-1"),
        "metadata": {"labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}], "endpoints": endpoints,
    }))
}

/// A Controller with the provider's objects, and what is given.
pub(crate) fn with_provider(observed: &mut Observed) {
    for (kind, name) in [
        (AviKind::VrfContext, "global"),
        (AviKind::ServiceEngineGroup, "Default-Group"),
    ] {
        let json = json!({
            "name": name, "tenant_ref": "/api/tenant/?name=admin",
            "cloud_ref": "/api/cloud?name=Default-Cloud",
        });
        let body = kind.read(&json).unwrap();
        observed.insert(ObservedObject {
            key: AviKey::of(&body, &"admin".into()),
            uuid: name.into(),
            last_modified: "1".into(),
            body: Arc::new(body),
            raw: None,
        });
    }
}
