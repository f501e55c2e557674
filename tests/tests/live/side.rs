//! Two instances and two clusters side by side on one Controller, each cluster with an apiserver and
//! agents of its own: every one of them makes, step by step, what AKO makes when it is alone there.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use aviary::plan::{State, read_scenario};
use aviary_proto::query::v1::{ClaimState, ListClaimsRequest};
use aviary_tests::corpus::{name_of, scenarios};
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::cluster::{CLUSTER, Cluster, text_of};
use crate::corpus::{Sheet, carry_out, touched};
use crate::normal::{compare_some, normalise};
use crate::program::Program;
use crate::stack::{Stack, baseline, over};

/// The second cluster. AKO was captured in a cluster called `lab`, and two of one Controller cannot
/// have one name: before the comparison this name is read as that one, in every text. The name of
/// the one begins with that of the other, which must not matter to either.
const EAST: &str = "lab-east";

/// Who plays what: cluster, scenario, and how its objects say whose they are.
const PARTS: [(&str, &str, &str); 3] = [
    (CLUSTER, "multi/01", "ako-lab"),
    (CLUSTER, "multi/09", "ako-lab-avi-system"),
    (EAST, "multi/09", "ako-lab-east-avi-system"),
];

/// Who takes a step in each round; those of one round take theirs at the same time.
const ROUNDS: [[bool; 3]; 4] = [
    [true, true, true],
    [true, false, true],
    [true, true, false],
    [true, false, false],
];

/// The host of multi/09, which both clusters have.
const HOST: &str = "shop.multi09.avi.lab";

/// One instance with its scenario.
struct Part {
    cluster: Cluster,
    user: &'static str,
    scenario: String,
    namespaces: Vec<String>,
    /// The states that are still to be reached, the next one last.
    states: Vec<State>,
    /// The state that was reached.
    at: String,
}

impl Part {
    fn new(cluster: &Cluster, (id, user): (&str, &'static str)) -> Result<Self> {
        let scenario = name_of(id)?;
        let mut states = read_scenario(&scenarios().join(&scenario))?.states;
        states.reverse();
        Ok(Self {
            cluster: cluster.clone(),
            user,
            namespaces: Sheet::of(&scenario)?.namespaces,
            scenario,
            states,
            at: String::new(),
        })
    }

    async fn step(&mut self, stack: &Stack) -> Result<()> {
        let State { name, steps } = self.states.pop().context("no state is left")?;
        // What all scenarios begin with stands already.
        for step in steps.into_iter().filter(|_| name != "00-boot") {
            let done = carry_out(&self.cluster, stack, step).await;
            done.with_context(|| format!("{} {name}", self.user))?;
        }
        self.at = name;
        Ok(())
    }

    /// Writes down what is there of this instance now; `tree` is a folder for each cluster.
    async fn write(&self, avi: &Value, tree: &Path) -> Result<()> {
        let place = tree.join(self.cluster.name).join(&self.scenario);
        fs::create_dir_all(&place)?;
        let statuses = self.cluster.statuses(&self.namespaces).await?;
        let state = json!({"avi": owned(avi, self.user), "status": statuses}).to_string();
        let file = place.join(format!("{}.json", self.at));
        fs::write(file, state.replace(EAST, CLUSTER))?;
        Ok(())
    }
}

/// What belongs to this user. The group of Service Engines is everybody's, routes are the primary
/// instance's, an address belongs to the virtual service of its name. What is nobody's is counted
/// with everybody's, so that it is seen.
fn owned(avi: &Value, user: &str) -> Value {
    let owner = |kind: &str, object: &Value| -> Option<String> {
        let same = |other: &&Value| {
            ["name", "tenant_ref"]
                .iter()
                .all(|field| other[field] == object[field])
        };
        match kind {
            "vrfcontext" => Some("ako-lab".to_owned()),
            "vsvip" => {
                let mut services = avi["virtualservice"].as_array()?.iter();
                Some(text_of(services.find(same)?, "created_by").to_owned())
            }
            _ => object["created_by"].as_str().map(str::to_owned),
        }
    };
    let kinds = avi.as_object().into_iter().flatten();
    let kinds = kinds.map(|(kind, objects)| {
        let objects = objects.as_array().into_iter().flatten();
        let ours = objects.filter(|object| owner(kind, object).is_none_or(|it| it == user));
        (kind.clone(), ours.cloned().collect::<Value>())
    });
    Value::Object(kinds.collect())
}

/// Cluster `lab` has a primary instance in namespace `first`, and one that is not primary where AKO
/// lived when it was captured; the second cluster has the latter alone.
fn settings() -> Result<Value> {
    let second = json!({
        "primaryInstance": false,
        "namespaceSelector": {"labelKey": "ako-of", "labelValue": "second"},
    });
    let first = json!({
        "primaryInstance": true,
        "namespaceSelector": {"labelKey": "", "labelValue": ""},
        "blockedNamespaceList": ["multi09", "multi09-x"],
    });
    let rows = json!({
        "AKOSettings": second,
        "instances": [{"namespace": "first", "values": {"AKOSettings": first}}],
        "clusters": [{"name": EAST, "values": {"AKOSettings": {"primaryInstance": false}}}],
    });
    Ok(over(&baseline()?, &rows))
}

async fn agents(stack: &Stack, parts: &[Part]) -> Result<Vec<Program>> {
    let mut agents = Vec::new();
    for name in [CLUSTER, EAST] {
        let mine = parts.iter().filter(|part| part.cluster.name == name);
        let admin = |part: &Part| part.cluster.kube.kubeconfig();
        let mut namespaces = Vec::new();
        for part in mine {
            for namespace in &part.namespaces {
                let coverage = ["--namespace", namespace];
                agents.push(stack.agent_of(name, &admin(part), &coverage)?);
            }
            if namespaces.is_empty() {
                agents.push(stack.agent_of(name, &admin(part), &["--cluster-scope"])?);
            }
            namespaces.extend(part.namespaces.iter().cloned());
        }
        stack.heard_of(name, &namespaces).await?;
    }
    Ok(agents)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_instances_and_clusters_side_by_side_are_at_every_step_as_each_alone() -> Result<()> {
    let stack = Stack::start(&settings()?).await?;
    let found = stack.sim.dump().await?;
    let clusters = [
        Cluster::shared().await?,
        Cluster::another().await?.called(EAST),
    ];
    let mut parts = Vec::new();
    for (name, id, user) in PARTS {
        let cluster = clusters.iter().find(|it| it.name == name);
        parts.push(Part::new(cluster.context("a cluster")?, (id, user))?);
    }
    let _agents = agents(&stack, &parts).await?;
    let folder = tempfile::tempdir()?;
    // Each state as it was when its step was done, and as it was before the next.
    let tree = |which: &str| folder.path().join("raw").join(which);
    for round in ROUNDS {
        let moving = parts.iter_mut().zip(round).filter(|(_, moves)| *moves);
        try_join_all(moving.map(|(part, _)| part.step(&stack))).await?;
        stack.converged().await?;
        let avi = touched(&stack.sim.dump().await?, &found);
        for (part, moved) in parts.iter().zip(round) {
            part.write(&avi, &tree("last")).await?;
            if moved {
                part.write(&avi, &tree("first")).await?;
            }
        }
    }
    ensure!(
        parts.iter().all(|part| part.states.is_empty()),
        "not at the end"
    );
    normalise(folder.path(), "raw", "got")?;
    for name in [CLUSTER, EAST] {
        let mine = parts.iter().filter(|part| part.cluster.name == name);
        let names: Vec<String> = mine.map(|part| part.scenario.clone()).collect();
        for which in ["first", "last"] {
            let got = folder.path().join("got").join(which).join(name);
            compare_some(&names, &got).with_context(|| format!("{name}, {which}"))?;
        }
    }
    // Both serve the host that both have, and that is shown.
    let contested = ListClaimsRequest {
        contested_only: true,
        ..ListClaimsRequest::default()
    };
    let claims = stack
        .query()?
        .list_claims(contested)
        .await?
        .into_inner()
        .claims;
    let told = claims
        .iter()
        .map(|it| (it.host.as_str(), it.state(), it.overlap));
    let both = [(HOST, ClaimState::Held, true); 2];
    ensure!(told.eq(both), "{claims:?}");
    Ok(())
}
