//! A simulated Controller, an executor, and plans by hand.

use aviary_avi::common::Marker;
use aviary_avi::pool::Pool;
use aviary_avi::pool_group::{PoolGroup, PoolGroupMember};
use aviary_avi::vs_vip::VsVip;
use aviary_avi::{AviKey, Body, Observed, Ref};
use aviary_execute::{AlwaysMay, Executor, Fence, Journal, NoJournal, Outcome, Report, Submission};
use aviary_plan::{Method, Op, OpKey, Plan, Reason};
use aviary_session::{Config, Credentials, Proof, Scope, Session, Tenants, transport};
use aviary_sim::{FaultRule, LogEntry, Options, Simulator};
use aviary_types::{DomainId, Secret, TenantName};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

pub(crate) struct Lab {
    pub(crate) simulator: Simulator,
    pub(crate) session: Session,
    pub(crate) executor: Executor,
    pub(crate) observed: Observed,
}

pub(crate) fn lab() -> Lab {
    lab_over(Options::default(), Arc::new(AlwaysMay), Arc::new(NoJournal))
}

/// Where each request takes a tenth of a second.
pub(crate) fn slow_lab() -> Lab {
    let options = Options {
        delay: Duration::from_millis(100),
        ..Options::default()
    };
    lab_over(options, Arc::new(AlwaysMay), Arc::new(NoJournal))
}

pub(crate) fn lab_over(options: Options, fence: Arc<dyn Fence>, journal: Arc<dyn Journal>) -> Lab {
    let simulator = Simulator::new(options).unwrap();
    let credentials = Credentials {
        username: "ako".into(),
        proof: Proof::Password(Secret::new("secret")),
    };
    let config = Config {
        seed: 7,
        ..Config::new("http://controller".parse().unwrap())
    };
    let way = transport::of(simulator.clone());
    let session = Session::new(config, way, Arc::new(credentials));
    Lab {
        executor: Executor::new(session.clone(), fence, journal),
        simulator,
        session,
        observed: Observed::default(),
    }
}

impl Lab {
    pub(crate) async fn run(&mut self, ops: Vec<Op>) -> Report {
        self.executor
            .run_to_end(plan(ops), &mut self.observed)
            .await
    }

    /// Runs what must succeed, and forgets the log of it.
    pub(crate) async fn given(&mut self, bodies: &[Body]) {
        let report = self.run(bodies.iter().map(create).collect()).await;
        assert!(report.is_clean(), "{report:?}");
        self.simulator.clear_log();
    }

    pub(crate) async fn reread(&mut self) {
        let scope = Scope {
            domains: vec![domain()],
            tenants: Tenants::All,
            cloud: "Default-Cloud".into(),
            vrfs: vec!["global".into()],
            se_groups: Vec::new(),
        };
        self.observed = self.session.observe(&scope).await.unwrap().observed;
        self.simulator.clear_log();
    }

    pub(crate) fn submission(&self, ops: Vec<Op>) -> Submission {
        Submission {
            traces: aviary_execute::Traces::new(),
            ops: ops.into_iter().map(Arc::new).collect(),
            observed: self.observed.clone(),
            read_at: Instant::now(),
            seen: 0,
        }
    }

    /// `POST pool c1--a` and so on, of the requests that were answered with success.
    pub(crate) fn writes(&self) -> Vec<String> {
        let log = self.simulator.log();
        let writes = log.iter().filter(|entry| entry.is_write());
        writes.map(line).collect()
    }

    /// All requests of a method and type, answered or not.
    pub(crate) fn sent(&self, method: &str, kind: &str) -> Vec<LogEntry> {
        let mut log = self.simulator.log();
        log.retain(|entry| entry.method == method && entry.kind == kind);
        log
    }

    pub(crate) fn fault(&self, rule: FaultRule) {
        self.simulator.set_faults(vec![rule]);
    }

    /// The names of a type on the Controller.
    pub(crate) fn has(&self, kind: &str) -> Vec<String> {
        let dump = self.simulator.dump();
        let objects = dump.get(kind).and_then(|it| it.as_array()).cloned();
        let names = objects.unwrap_or_default().into_iter();
        names
            .map(|it| it["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

pub(crate) fn line(entry: &LogEntry) -> String {
    format!("{} {} {}", entry.method, entry.kind, entry.name)
}

pub(crate) fn rule(method: &str, kind: &str) -> FaultRule {
    FaultRule {
        method: Some(method.into()),
        kind: Some(kind.into()),
        ..FaultRule::default()
    }
}

pub(crate) fn domain() -> DomainId {
    DomainId::primary(&"c1".into())
}

pub(crate) fn pool(name: &str) -> Body {
    pool_with(name, None)
}

pub(crate) fn pool_with(name: &str, metadata: Option<&str>) -> Body {
    Pool {
        name: format!("c1--{name}").into(),
        created_by: Some(domain().user()),
        tenant_ref: Some(Ref::tenant("admin")),
        cloud_ref: Some(Ref::plain("cloud", "Default-Cloud")),
        vrf_ref: Some(Ref::plain("vrfcontext", "global")),
        tier1_lr: metadata.map(Into::into),
        markers: vec![Marker::cluster(&domain())],
        ..Pool::default()
    }
    .into()
}

pub(crate) fn group(name: &str, pools: &[&str]) -> Body {
    let member = |pool: &&str| PoolGroupMember {
        pool_ref: Ref::plain("pool", format!("c1--{pool}")),
        ..PoolGroupMember::default()
    };
    PoolGroup {
        name: format!("c1--{name}").into(),
        created_by: Some(domain().user()),
        tenant_ref: Some(Ref::tenant("admin")),
        cloud_ref: Some(Ref::plain("cloud", "Default-Cloud")),
        members: pools.iter().map(member).collect(),
        markers: vec![Marker::cluster(&domain())],
        ..PoolGroup::default()
    }
    .into()
}

pub(crate) fn vip(name: &str, hosts: &[&str]) -> Body {
    let info = |host: &&str| aviary_avi::vs_vip::DnsInfo {
        fqdn: (*host).into(),
    };
    VsVip {
        name: format!("c1--{name}").into(),
        tenant_ref: Some(Ref::tenant("admin")),
        cloud_ref: Some(Ref::plain("cloud", "Default-Cloud")),
        dns_info: hosts.iter().map(info).collect(),
        markers: vec![Marker::cluster(&domain())],
        ..VsVip::default()
    }
    .into()
}

pub(crate) fn key(body: &Body) -> AviKey {
    AviKey::of(body, &TenantName::from("admin"))
}

fn op(method: Method, body: &Body) -> Op {
    Op {
        key: OpKey {
            object: key(body),
            stage: 0,
        },
        method,
        domain: domain(),
        body: (method != Method::Delete).then(|| Arc::new(body.clone())),
        after: Vec::new(),
        reason: Reason::Differs,
        breaks: None,
        whose: None,
        urgent: false,
        provenance: Arc::default(),
    }
}

pub(crate) fn create(body: &Body) -> Op {
    op(Method::Create, body)
}

pub(crate) fn update(body: &Body) -> Op {
    op(Method::Update, body)
}

pub(crate) fn delete(body: &Body) -> Op {
    op(Method::Delete, body)
}

/// The operation, after others.
pub(crate) fn after(op: Op, others: &[&Op]) -> Op {
    let after = others.iter().map(|other| other.key.clone()).collect();
    Op { after, ..op }
}

pub(crate) fn plan(ops: Vec<Op>) -> Plan {
    Plan {
        ops,
        ..Plan::default()
    }
}

pub(crate) fn named(outcomes: &[Outcome]) -> Vec<&str> {
    outcomes
        .iter()
        .map(|it| it.op.key.object.name.as_str())
        .collect()
}
