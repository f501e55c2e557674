//! One translator with its Controller and its agents, all of them processes of their own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use aviary_proto::admin::v1::admin_service_client::AdminServiceClient;
use aviary_proto::admin::v1::pause_target::Target;
use aviary_proto::admin::v1::{PauseRequest, PauseTarget, ResumeRequest};
use aviary_proto::query::v1::query_service_client::QueryServiceClient;
use aviary_proto::query::v1::wait_converged_request::What;
use aviary_proto::query::v1::{
    Everything, GetSettingsRequest, GetSettingsResponse, ListScopesRequest, ObjectVersion,
    ScopeFreshness, WaitConvergedRequest,
};
use aviary_proto::types::v1::Domain;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::cluster::CLUSTER;
use crate::program::{Program, Variable, until, within};
use crate::relay::Relay;
use crate::sim::{Sim, USER};

/// The running translator.
struct Running {
    program: Program,
    address: String,
    query: Query,
}

/// What stood at the end of a stack.
pub(crate) struct Past {
    /// The Controller's objects, as avi-sim dumps them.
    pub(crate) objects: Value,
    /// The translator's store; none for a first start.
    pub(crate) store: Option<TempDir>,
}

/// The query client.
pub(crate) type Query = QueryServiceClient<Channel>;

/// Controller, translator and agents. Programs come and go, the addresses and files stay.
pub(crate) struct Stack {
    pub(crate) sim: Sim,
    relay: Relay,
    translator: Option<Running>,
    folder: TempDir,
    has_store: bool,
    log: &'static str,
    /// What stands in the environment of translator and agents beside.
    environment: Vec<Variable>,
}

/// What is logged in the most talkative of all setups: everything of ours.
const VERBOSE: &str = "info,aviary_agent=trace,aviary_boot=trace,aviary_link=trace,\
    aviary_runtime=trace,aviary_execute=trace,aviary_query=trace,aviary_session=trace,\
    aviary_translator=trace";

impl Stack {
    /// A Controller, and a translator with these settings. Nobody watches the cluster yet.
    pub(crate) async fn start(settings: &Value) -> Result<Self> {
        let mut stack = Self::without_translator(settings).await?;
        stack.start_translator().await?;
        Ok(stack)
    }

    /// The same, with a store that survives the translator.
    pub(crate) async fn start_with_store(settings: &Value) -> Result<Self> {
        let mut stack = Self::without_translator(settings).await?;
        stack.has_store = true;
        stack.start_translator().await?;
        Ok(stack)
    }

    /// The same, and it logs all that it can.
    pub(crate) async fn start_verbose(settings: &Value) -> Result<Self> {
        let mut stack = Self::without_translator(settings).await?;
        stack.has_store = true;
        stack.log = VERBOSE;
        stack.start_translator().await?;
        Ok(stack)
    }

    /// The same, and what it and its agents find in their environment stands here.
    pub(crate) async fn start_traced(settings: &Value, environment: Vec<Variable>) -> Result<Self> {
        let mut stack = Self::without_translator(settings).await?;
        stack.environment = environment;
        stack.log = VERBOSE;
        stack.start_translator().await?;
        Ok(stack)
    }

    /// Rewrites the settings file under the running translator.
    pub(crate) fn set_settings(&self, settings: &Value) -> Result<()> {
        let file = self.folder.path().join("values.yaml");
        fs::write(file, settings.to_string()).context("rewrite the settings")
    }

    /// Takes up where another one ended: a Controller with these objects, and a copy of its store.
    /// The translator is not started.
    pub(crate) async fn resume(settings: &Value, from: &Past) -> Result<Self> {
        let folder = Self::furnish(settings)?;
        let seed = folder.path().join("seed.json");
        fs::write(&seed, from.objects.to_string())?;
        let run = folder.path().join("run");
        if let Some(store) = &from.store {
            copy(store.path(), &folder.path().join("store"))?;
        }
        Ok(Self {
            sim: Sim::start_with(&run, &seed).await?,
            relay: Relay::start().await?,
            translator: None,
            folder,
            has_store: true,
            log: "info",
            environment: Vec::new(),
        })
    }

    /// What stands now, to be taken up by others. The translator must have ended.
    pub(crate) async fn past(&self) -> Result<Past> {
        let store = tempfile::tempdir()?;
        copy(&self.store(), store.path())?;
        Ok(Past {
            objects: self.sim.dump().await?,
            store: Some(store),
        })
    }

    async fn without_translator(settings: &Value) -> Result<Self> {
        let folder = Self::furnish(settings)?;
        Ok(Self {
            sim: Sim::start(&folder.path().join("run")).await?,
            relay: Relay::start().await?,
            translator: None,
            folder,
            has_store: false,
            log: "info",
            environment: Vec::new(),
        })
    }

    fn furnish(settings: &Value) -> Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("aviary-live").tempdir()?;
        fs::create_dir(folder.path().join("run"))?;
        fs::write(folder.path().join("values.yaml"), settings.to_string())?;
        Ok(folder)
    }

    /// Everything that the translator kept is lost. It must have ended.
    pub(crate) fn forget_store(&self) -> Result<()> {
        fs::remove_dir_all(self.store()).context("remove the store")
    }

    /// The file with the settings.
    pub(crate) fn settings_file(&self) -> PathBuf {
        self.folder.path().join("values.yaml")
    }

    /// The translator's process.
    pub(crate) fn process(&self) -> Result<u32> {
        self.running()?.program.id()
    }

    /// Waits until the settings are told so, and all that follows from them is carried out.
    pub(crate) async fn settings(
        &self,
        what: &str,
        is_so: impl Fn(&GetSettingsResponse) -> bool,
    ) -> Result<GetSettingsResponse> {
        let told = until(what, async || {
            let told = self.query()?.get_settings(GetSettingsRequest {}).await?;
            Ok(Some(told.into_inner()).filter(&is_so))
        })
        .await?;
        self.converged().await?;
        Ok(told)
    }

    /// Where the programs run and leave what they say.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// What the translator keeps on disk.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Everything that the running translator has logged.
    pub(crate) fn words(&self) -> Result<String> {
        self.running()?.program.words()
    }

    /// Starts the translator, for the first time or again.
    pub(crate) async fn start_translator(&mut self) -> Result<()> {
        self.start_with(&[]).await
    }

    async fn start_with(&mut self, further: &[&str]) -> Result<()> {
        let run = self.folder();
        let at = |file: &str| self.folder.path().join(file).display().to_string();
        let mut args = vec![
            "run".to_owned(),
            format!("--settings={}", at("values.yaml")),
            format!("--controller=http://{}", self.sim.address()),
            format!("--username={USER}"),
            format!("--password-file={}", run.join("password").display()),
            "--listen=127.0.0.1:0".to_owned(),
            format!("--log={}", self.log),
        ];
        if self.has_store {
            args.push(format!("--store={}", at("store")));
        }
        args.extend(further.iter().map(|it| (*it).to_owned()));
        let environment = &self.environment;
        let (program, address) =
            Program::listening_with("aviary-translator", &args, &run, environment).await?;
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
        self.relay.aim(Some(address.clone()));
        self.translator = Some(Running {
            program,
            address,
            query: QueryServiceClient::new(endpoint.connect_lazy()),
        });
        Ok(())
    }

    /// Starts a translator that writes nothing.
    pub(crate) async fn start_observing(&mut self) -> Result<()> {
        self.start_with(&["--observe"]).await
    }

    /// kill -9.
    pub(crate) async fn kill_translator(&mut self) -> Result<()> {
        let running = self.translator.take().context("no translator runs")?;
        self.relay.aim(None);
        running.program.kill().await
    }

    /// SIGTERM.
    pub(crate) async fn stop_translator(&mut self) -> Result<()> {
        let running = self.translator.take().context("no translator runs")?;
        self.relay.aim(None);
        running.program.stop().await
    }

    /// Whether a translator runs.
    pub(crate) fn is_running(&self) -> bool {
        self.translator.is_some()
    }

    /// The translator's own address, `HOST:PORT`.
    pub(crate) fn address(&self) -> Result<&str> {
        Ok(&self.running()?.address)
    }

    /// Starts an agent; `coverage` are its arguments that say what it watches.
    pub(crate) fn agent(&self, kubeconfig: &Path, coverage: &[&str]) -> Result<Program> {
        self.agent_of(CLUSTER, kubeconfig, coverage)
    }

    /// Starts an agent of a cluster of this name.
    pub(crate) fn agent_of(
        &self,
        cluster: &str,
        kubeconfig: &Path,
        coverage: &[&str],
    ) -> Result<Program> {
        let args = self.agent_args(cluster, kubeconfig, coverage);
        Program::start_with("aviary-agent", &args, &self.folder(), &self.environment)
    }

    /// Starts an agent that watches a folder of manifests.
    pub(crate) fn manifests_agent(&self, folder: &Path, coverage: &[&str]) -> Result<Program> {
        let mut args = vec![
            "run".to_owned(),
            format!("--cluster={CLUSTER}"),
            format!("--translator=http://{}", self.relay.address()),
            format!("--manifests={}", folder.display()),
        ];
        args.extend(coverage.iter().map(|word| (*word).to_owned()));
        Program::start("aviary-agent", &args, &self.folder())
    }

    /// The same, and it answers questions about its health; answers where.
    pub(crate) async fn agent_with_health(
        &self,
        kubeconfig: &Path,
        coverage: &[&str],
    ) -> Result<(Program, String)> {
        let mut args = self.agent_args(CLUSTER, kubeconfig, coverage);
        args.push("--health-listen=127.0.0.1:0".to_owned());
        let environment = &self.environment;
        Program::listening_with("aviary-agent", &args, &self.folder(), environment).await
    }

    fn agent_args(&self, cluster: &str, kubeconfig: &Path, coverage: &[&str]) -> Vec<String> {
        let mut args = vec![
            "run".to_owned(),
            format!("--cluster={cluster}"),
            format!("--translator=http://{}", self.relay.address()),
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--log={}", self.log),
        ];
        args.extend(coverage.iter().map(|word| (*word).to_owned()));
        args
    }

    /// An agent for each namespace.
    pub(crate) fn namespace_agents(
        &self,
        kubeconfig: &Path,
        namespaces: &[String],
    ) -> Result<Vec<Program>> {
        let start = |name: &String| self.agent(kubeconfig, &["--namespace", name]);
        namespaces.iter().map(start).collect()
    }

    /// The agent of the cluster-wide kinds.
    pub(crate) fn cluster_agent(&self, kubeconfig: &Path) -> Result<Program> {
        self.agent(kubeconfig, &["--cluster-scope"])
    }

    /// A client of the query service.
    pub(crate) fn query(&self) -> Result<Query> {
        Ok(self.running()?.query.clone())
    }

    fn running(&self) -> Result<&Running> {
        self.translator.as_ref().context("no translator runs")
    }

    /// One scope as the translator sees it, if it has heard of it.
    pub(crate) async fn scope(&self, namespace: &str) -> Result<Option<ScopeFreshness>> {
        self.scope_of(CLUSTER, namespace).await
    }

    async fn scope_of(&self, cluster: &str, namespace: &str) -> Result<Option<ScopeFreshness>> {
        let request = ListScopesRequest {
            cluster: cluster.to_owned(),
            page_size: 1_000,
            ..ListScopesRequest::default()
        };
        let scopes = self
            .query()?
            .list_scopes(request)
            .await?
            .into_inner()
            .scopes;
        let is_it = |scope: &ScopeFreshness| {
            scope
                .scope
                .as_ref()
                .is_some_and(|scope| scope.namespace == namespace)
        };
        Ok(scopes.into_iter().find(is_it))
    }

    /// Waits until agents have told everything of these namespaces, and of the cluster.
    pub(crate) async fn heard(&self, namespaces: &[String]) -> Result<()> {
        self.heard_of(CLUSTER, namespaces).await
    }

    /// The same of a cluster of this name.
    pub(crate) async fn heard_of(&self, cluster: &str, namespaces: &[String]) -> Result<()> {
        for namespace in namespaces.iter().map(String::as_str).chain([""]) {
            until(
                &format!("all of namespace `{namespace}` of {cluster} is heard"),
                async || {
                    let scope = self.scope_of(cluster, namespace).await?;
                    Ok(scope.filter(|scope| scope.complete && !scope.session.is_empty()))
                },
            )
            .await?;
        }
        self.converged().await
    }

    /// Waits until everything heard so far is carried out, and told.
    pub(crate) async fn converged(&self) -> Result<()> {
        self.wait(What::Everything(Everything {})).await
    }

    /// Waits until these versions are heard and carried out, and everything else heard.
    pub(crate) async fn carried_out(&self, versions: Vec<ObjectVersion>) -> Result<()> {
        for version in versions {
            self.wait(What::Object(version)).await?;
        }
        self.converged().await
    }

    async fn wait(&self, what: What) -> Result<()> {
        let words = format!("the Controller shows {what:?}");
        let request = WaitConvergedRequest { what: Some(what) };
        let mut query = self.query()?;
        let answer = within(&words, async { Ok(query.wait_converged(request).await?) }).await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => Err(error.context(self.last_words())),
        }
    }

    /// How many objects of a kind are held in a namespace.
    pub(crate) async fn held(&self, kind: &str, namespace: &str) -> Result<u64> {
        let scope = self.scope(namespace).await?.unwrap_or_default();
        let of_kind = |it: &&aviary_proto::query::v1::KindFreshness| {
            it.kind.as_ref().is_some_and(|it| it.kind == kind)
        };
        Ok(scope.kinds.iter().find(of_kind).map_or(0, |it| it.objects))
    }

    /// Waits until so many objects of a kind are held: that is how a deletion is seen.
    pub(crate) async fn holds(&self, kind: &str, namespace: &str, count: u64) -> Result<()> {
        until(&format!("{count} objects of {kind} are held"), async || {
            let held = self.held(kind, namespace).await?;
            Ok((held == count).then_some(()))
        })
        .await?;
        self.converged().await
    }

    /// Waits until at least so many objects of a kind are held, though nothing may be written.
    pub(crate) async fn hears(&self, kind: &str, namespace: &str, count: usize) -> Result<()> {
        until(
            &format!("{count} objects of {kind} are heard"),
            async || {
                let held = self.held(kind, namespace).await?;
                Ok((held >= count as u64).then_some(()))
            },
        )
        .await
    }

    /// Nothing is written until `unpause`.
    pub(crate) async fn pause(&self) -> Result<()> {
        let request = PauseRequest {
            target: Some(everything()),
            ..PauseRequest::default()
        };
        self.admin().await?.pause(request).await?;
        Ok(())
    }

    /// Writes go on.
    pub(crate) async fn unpause(&self) -> Result<()> {
        let target = Some(everything());
        self.admin().await?.resume(ResumeRequest { target }).await?;
        Ok(())
    }

    async fn admin(&self) -> Result<AdminServiceClient<Channel>> {
        let address = format!("http://{}", self.address()?);
        Ok(AdminServiceClient::connect(address).await?)
    }

    /// Runs something that must not change anything on the Controller.
    pub(crate) async fn silent(&self, what: impl Future<Output = Result<()>>) -> Result<()> {
        let before = self.sim.dump().await?;
        self.sim.clear_log().await?;
        what.await?;
        let writes = self.sim.writes().await?;
        ensure!(writes.is_empty(), "written though converged: {writes:?}");
        ensure!(before == self.sim.dump().await?, "the Controller changed");
        Ok(())
    }

    fn last_words(&self) -> String {
        let words = self.words().unwrap_or_default();
        let lines: Vec<&str> = words.lines().collect();
        let start = lines.len().saturating_sub(30);
        format!(
            "the translator's last words:\n{}",
            lines[start..].join("\n")
        )
    }
}

/// What the cluster's primary instance owns.
fn everything() -> PauseTarget {
    let domain = Domain {
        cluster: CLUSTER.to_owned(),
        ..Domain::default()
    };
    PauseTarget {
        target: Some(Target::Domain(domain)),
    }
}

/// The settings of the corpus's baseline, in AKO's names.
pub(crate) fn baseline() -> Result<Value> {
    let path = aviary_tests::corpus::scenarios().join("baseline.yaml");
    serde_saphyr::from_str(&fs::read_to_string(path)?).context("read the baseline's settings")
}

/// One settings tree over another.
pub(crate) fn over(base: &Value, upper: &Value) -> Value {
    match (base, upper) {
        (Value::Object(base), Value::Object(upper)) => {
            let mut merged = base.clone();
            for (key, value) in upper {
                let below = merged.get(key).cloned().unwrap_or(json!(null));
                merged.insert(key.clone(), over(&below, value));
            }
            merged.into()
        }
        (below, Value::Null) => below.clone(),
        _ => upper.clone(),
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).context("list the store")? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name())).context("copy the store")?;
    }
    Ok(())
}
