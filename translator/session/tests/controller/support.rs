//! A simulated Controller and a session with it.

use aviary_avi::common::Marker;
use aviary_avi::pool::Pool;
use aviary_avi::{AviKey, Body, Ref};
use aviary_session::{
    Config, CredentialSource, Credentials, Proof, Scope, Session, SourceError, Tenants, transport,
};
use aviary_sim::{FaultRule, LogEntry, Options, Seed, Simulator};
use aviary_types::{DomainId, EcoString, Secret, TenantName};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

pub(crate) const PASSWORD: &str = "hunter2-very-secret";

/// Credentials that a test can change.
#[derive(Default)]
pub(crate) struct Changing(Mutex<Option<Credentials>>);

impl Changing {
    pub(crate) fn set(&self, proof: Proof) {
        *self.0.lock().unwrap() = Some(Credentials {
            username: "ako".into(),
            proof,
        });
    }
}

impl CredentialSource for Changing {
    fn read(&self) -> Result<Credentials, SourceError> {
        let now = self.0.lock().unwrap().clone();
        now.ok_or_else(|| SourceError("there are none yet".into()))
    }
}

/// A Controller where `ako` may log in with the right password only.
pub(crate) struct Lab {
    pub(crate) simulator: Simulator,
    pub(crate) credentials: Arc<Changing>,
    pub(crate) session: Session,
}

pub(crate) fn lab() -> Lab {
    lab_with(|_| {})
}

pub(crate) fn lab_with(change: impl FnOnce(&mut Config)) -> Lab {
    made(Seed::default(), change)
}

/// A Controller that begins with other objects.
pub(crate) fn lab_of(change: impl FnOnce(&mut Value)) -> Lab {
    let mut objects = lab().simulator.dump();
    change(&mut objects);
    made(Seed::Objects(objects), |_| {})
}

fn made(seed: Seed, change: impl FnOnce(&mut Config)) -> Lab {
    let users = BTreeMap::from([("ako".to_owned(), PASSWORD.to_owned())]);
    let simulator = Simulator::new(Options {
        seed,
        credentials: aviary_sim::Credentials::Users(users),
        ..Options::default()
    });
    let simulator = simulator.unwrap();
    let credentials = Arc::new(Changing::default());
    credentials.set(Proof::Password(Secret::new(PASSWORD)));
    let mut config = Config::new("http://controller".parse().unwrap());
    change(&mut config);
    let way = transport::of(simulator.clone());
    Lab {
        session: Session::new(config, way, credentials.clone()),
        simulator,
        credentials,
    }
}

impl Lab {
    /// The logged requests of a method and type.
    pub(crate) fn logged(&self, method: &str, kind: &str) -> Vec<LogEntry> {
        let mut log = self.simulator.log();
        log.retain(|entry| entry.method == method && entry.kind == kind);
        log
    }

    pub(crate) fn fault(&self, rule: FaultRule) {
        self.simulator.set_faults(vec![rule]);
    }
}

pub(crate) fn rule(method: &str, kind: &str) -> FaultRule {
    FaultRule {
        method: Some(method.into()),
        kind: Some(kind.into()),
        ..FaultRule::default()
    }
}

pub(crate) fn pool(name: &str, cluster: &str) -> Body {
    Pool {
        name: name.into(),
        created_by: Some(format!("ako-{cluster}").into()),
        tenant_ref: Some(Ref::tenant("admin")),
        cloud_ref: Some(Ref::plain("cloud", "Default-Cloud")),
        vrf_ref: Some(Ref::plain("vrfcontext", "global")),
        markers: vec![Marker::one("clustername", cluster)],
        ..Pool::default()
    }
    .into()
}

pub(crate) fn key(body: &Body) -> AviKey {
    AviKey::of(body, &TenantName::from("admin"))
}

pub(crate) fn scope(cluster: &str) -> Scope {
    Scope {
        domains: vec![DomainId::primary(&cluster.into())],
        tenants: Tenants::All,
        cloud: "Default-Cloud".into(),
        vrfs: vec!["global".into()],
        se_groups: vec!["Default-Group".into()],
    }
}

/// Makes an object and answers its uuid.
pub(crate) async fn make(lab: &Lab, body: &Body) -> EcoString {
    let written = lab.session.create(&key(body), body, &|_| true).await;
    written.unwrap().object.uuid
}
