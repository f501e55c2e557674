//! The programs of a load.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use aviary_boot::Clock;
use aviary_proto::query::v1::query_service_client::QueryServiceClient;
use aviary_proto::query::v1::wait_converged_request::What;
use aviary_proto::query::v1::{Everything, WaitConvergedRequest};
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::transport::Endpoint;

use crate::cluster::CLUSTER;
use crate::corpus::scenarios;
use crate::load::Options;
use crate::load::objects::tenants;
use crate::load::source::{Source, now};
use crate::load::usage::Usage;
use crate::program::{Program, Variable};
use crate::sim::{Request, Sim, USER};

/// No round takes as long as this; it only keeps a broken run from hanging.
const GUARD: Duration = Duration::from_mins(20);
/// Between two looks at the Controller's log.
const LOOK: Duration = Duration::from_millis(1);
/// While thousands of writes are under way, to leave the machine to them.
const LOOK_SELDOM: Duration = Duration::from_millis(50);

/// What the chart says to the programs of their memory.
pub const ENVIRONMENT: (&str, &str) = ("MALLOC_ARENA_MAX", "1");

fn environment() -> [Variable; 1] {
    let (name, value) = ENVIRONMENT;
    [(name.to_owned(), value.to_owned())]
}

/// Controller, translator and agent, one of each.
pub(super) struct Stack {
    pub(super) sim: Sim,
    pub(super) clock: Clock,
    translator: Option<Program>,
    agent: Option<Program>,
    address: String,
    folder: TempDir,
    programs: PathBuf,
    /// The last request that was looked at.
    seen: u64,
}

impl Stack {
    /// A Controller. Nothing else runs yet.
    pub(super) async fn set(options: &Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("aviary-load").tempdir()?;
        let run = folder.path().join("run");
        fs::create_dir(&run)?;
        let (seed, settings) = (
            folder.path().join("seed.json"),
            folder.path().join("values.yaml"),
        );
        fs::write(&seed, roomy_seed(options.hosts)?.to_string())?;
        fs::write(&settings, settings_of_load().to_string())?;
        let program = options.programs.join("avi-sim").display().to_string();
        let delay = [format!("--delay-ms={}", options.delay_ms)];
        // Free a moment ago: the translator comes back to the same port, as behind a Service.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self {
            sim: Sim::start_as(&program, &run, &seed, &delay).await?,
            clock: Clock::system(),
            translator: None,
            agent: None,
            address: format!("127.0.0.1:{port}"),
            folder,
            programs: options.programs.clone(),
            seen: 0,
        })
    }

    /// Starts the translator; answers when, in microseconds since the epoch.
    pub(super) async fn start_translator(&mut self) -> Result<u64> {
        let at = |file: &str| self.folder.path().join(file).display().to_string();
        let args = [
            "run".to_owned(),
            format!("--settings={}", at("values.yaml")),
            format!("--store={}", at("store")),
            format!("--controller=http://{}", self.sim.address()),
            format!("--username={USER}"),
            format!("--password-file={}", at("run/password")),
            format!("--listen={}", self.address),
        ];
        let started = now(&self.clock)?;
        let program = self
            .programs
            .join("aviary-translator")
            .display()
            .to_string();
        let (program, _) =
            Program::listening_with(&program, &args, &self.run(), &environment()).await?;
        self.translator = Some(program);
        Ok(started)
    }

    /// Starts the agent.
    pub(super) fn start_agent(&mut self, source: &Source) -> Result<()> {
        let mut args = vec![
            "run".to_owned(),
            format!("--cluster={CLUSTER}"),
            format!("--translator=http://{}", self.address),
            "--all-namespaces".to_owned(),
            "--cluster-scope".to_owned(),
        ];
        args.extend(source.agent_args());
        let program = self.programs.join("aviary-agent").display().to_string();
        let agent = Program::start_with(&program, &args, &self.run(), &environment())?;
        self.agent = Some(agent);
        Ok(())
    }

    /// SIGTERM to the translator.
    pub(super) async fn stop_translator(&mut self) -> Result<()> {
        let program = self.translator.take().context("no translator runs")?;
        program.stop().await
    }

    /// SIGTERM to both.
    pub(super) async fn stop(&mut self) -> Result<()> {
        let agent = self.agent.take().context("no agent runs")?;
        agent.stop().await?;
        self.stop_translator().await
    }

    /// What the translator has used.
    pub(super) fn translator(&self) -> Result<Usage> {
        Usage::of(
            self.translator
                .as_ref()
                .context("no translator runs")?
                .id()?,
        )
    }

    /// What the agent has used.
    pub(super) fn agent(&self) -> Result<Usage> {
        Usage::of(self.agent.as_ref().context("no agent runs")?.id()?)
    }

    /// What the Controller has used.
    pub(super) fn controller(&self) -> Result<Usage> {
        Usage::of(self.sim.program().id()?)
    }

    /// Waits until all that was heard is carried out and told; answers when, in microseconds.
    pub(super) async fn converged(&self) -> Result<u64> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))?;
        let request = WaitConvergedRequest {
            what: Some(What::Everything(Everything {})),
        };
        let ask = async {
            let mut query = QueryServiceClient::new(endpoint.connect().await?)
                .max_decoding_message_size(usize::MAX);
            query.wait_converged(request).await?;
            anyhow::Ok(())
        };
        match tokio::time::timeout(GUARD, ask).await {
            Ok(done) => done.context("wait until everything is carried out")?,
            Err(_) => bail!("it does not converge\n{}", self.words()),
        }
        now(&self.clock)
    }

    /// The writes since the last look.
    pub(super) async fn writes(&mut self) -> Result<Vec<Request>> {
        let mut log = self.sim.log_after(self.seen).await?;
        self.seen = log.last().map_or(self.seen, |last| last.seq);
        log.retain(|request| request.is_write() && (200..300).contains(&request.status));
        Ok(log)
    }

    /// The writes until `enough` of them were seen.
    pub(super) async fn writes_until(
        &mut self,
        many: bool,
        mut enough: impl FnMut(&[Request]) -> bool,
    ) -> Result<Vec<Request>> {
        let pause = if many { LOOK_SELDOM } else { LOOK };
        let mut writes = Vec::new();
        let look = async {
            loop {
                writes.extend(self.writes().await?);
                if enough(&writes) {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(pause).await;
            }
        };
        let done = tokio::time::timeout(GUARD, look).await;
        match done {
            Ok(done) => done.map(|()| writes),
            Err(_) => bail!("what was to be written is not\n{}", self.words()),
        }
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn words(&self) -> String {
        let programs = [&self.translator, &self.agent];
        let words = programs
            .into_iter()
            .flatten()
            .map(|it| it.words().unwrap_or_default());
        words.collect()
    }
}

/// The corpus's Controller, with more addresses than it has, and the tenants of so many hosts.
pub(super) fn roomy_seed(hosts: usize) -> Result<Value> {
    let seed = fs::read_to_string(scenarios().join("controller.json"))?;
    let seed = seed.replace("10.10.15.250", "10.10.255.250");
    let mut seed: Value = serde_json::from_str(&seed)?;
    let networks = seed.get_mut("network").and_then(Value::as_array_mut);
    for network in networks.into_iter().flatten() {
        let first = network.pointer_mut("/configured_subnets/0/prefix");
        if let Some(Value::Object(prefix)) = first
            && prefix
                .get("ip_addr")
                .is_some_and(|it| it.to_string().contains("10.10.0.0"))
        {
            prefix.insert("mask".to_owned(), json!(16));
        }
    }
    let known = seed.get_mut("tenant").and_then(Value::as_array_mut);
    let more = tenants(hosts).map(|name| json!({"name": name, "uuid": format!("tenant-{name}")}));
    known.context("the seed has tenants")?.extend(more);
    Ok(seed)
}

fn settings_of_load() -> Value {
    json!({
        "AKOSettings": {"clusterName": CLUSTER, "namingScheme": "ako"},
        "NetworkSettings": {
            "vipNetworkList": [{"networkName": "lab-vip", "cidr": "10.10.0.0/16"}],
        },
    })
}
