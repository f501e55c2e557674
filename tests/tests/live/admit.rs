//! Who may speak for what, and ask: TLS, and tokens that a real apiserver signs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use aviary_tests::kube::ISSUER;
use aviary_tests::tools;
use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::{CLUSTER, Cluster};
use crate::program::{Program, run, until};
use crate::scene::{Shop, named};
use crate::sim::{Sim, USER};
use crate::stack::{baseline, over};

/// The audience of tokens for the translator.
const AUDIENCE: &str = "aviary/lab";

/// A translator that asks everybody who they are.
pub(crate) struct Guarded {
    pub(crate) cluster: Cluster,
    pub(crate) sim: Sim,
    address: String,
    folder: TempDir,
    translator: Program,
}

impl Guarded {
    /// Agents of the cluster-wide kinds are `avi-system:wide`, people who ask `avi-system:reader`.
    async fn start() -> Result<Self> {
        Self::start_with(&json!({}), None).await
    }

    /// The same with more settings, and with an authority of client certificates.
    pub(crate) async fn start_with(settings: &Value, client_ca: Option<&str>) -> Result<Self> {
        let cluster = Cluster::shared().await?;
        let folder = tempfile::tempdir()?;
        let at = |file: &str| folder.path().join(file).display().to_string();
        let made = generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        fs::write(at("tls.crt"), made.cert.pem())?;
        fs::write(at("tls.key"), made.signing_key.serialize_pem())?;
        fs::write(at("keys.json"), keys(&cluster)?)?;
        let account = |name: &str| format!("system:serviceaccount:avi-system:{name}");
        let identities = json!([
            {"subject": account("wide"), "namespaces": [], "clusterScope": true},
            {"subject": account("reader"), "namespaces": [], "query": true},
        ]);
        fs::write(at("identities.yaml"), identities.to_string())?;
        fs::create_dir(at("run"))?;
        let run = folder.path().join("run");
        let sim = Sim::start(&run).await?;
        let mut args = vec![
            "run".to_owned(),
            format!("--settings={}", at("values.yaml")),
            format!("--identities={}", at("identities.yaml")),
            format!("--controller=http://{}", sim.address()),
            format!("--username={USER}"),
            format!("--password-file={}", at("run/password")),
            "--listen=127.0.0.1:0".to_owned(),
            format!("--tls-cert={}", at("tls.crt")),
            format!("--tls-key={}", at("tls.key")),
        ];
        if let Some(authority) = client_ca {
            fs::write(at("client-ca.pem"), authority)?;
            args.push(format!("--client-ca={}", at("client-ca.pem")));
        }
        write_settings(folder.path(), settings)?;
        let (program, address) = Program::listening("aviary-translator", &args, &run).await?;
        Ok(Self {
            cluster,
            sim,
            address,
            folder,
            translator: program,
        })
    }

    /// Rewrites the settings under the running translator: these over the usual ones.
    pub(crate) fn set_settings(&self, settings: &Value) -> Result<()> {
        write_settings(self.folder.path(), settings)
    }

    /// Everything that the translator has logged.
    pub(crate) fn words(&self) -> Result<String> {
        self.translator.words()
    }

    /// Asks the translator to look at its files.
    pub(crate) fn hang_up(&self) -> Result<()> {
        let id = self.translator.id()?.to_string();
        let status = Command::new("kill").args(["-HUP", &id]).status()?;
        ensure!(status.success(), "kill -HUP {id}");
        Ok(())
    }

    /// A token of a ServiceAccount, which is made if it does not exist.
    async fn token(&self, namespace: &str, account: &str, audience: &str) -> Result<String> {
        token_of(&self.cluster, (namespace, account), audience).await
    }

    /// A file of this translator.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An agent with this token, if any.
    fn agent(&self, token: Option<&str>, coverage: &str) -> Result<Program> {
        let who = token.map(|token| self.bearer(token)).transpose()?;
        self.agent_of(&self.cluster, who.as_slice(), coverage)
    }

    /// How an agent shows this token.
    pub(crate) fn bearer(&self, token: &str) -> Result<String> {
        let number = fs::read_dir(self.folder.path())?.count();
        let path = self.file(&format!("token-{number}"));
        fs::write(&path, token)?;
        Ok(format!("--token-file={}", path.display()))
    }

    /// An agent of a cluster that shows who it is by these flags.
    pub(crate) fn agent_of(
        &self,
        cluster: &Cluster,
        who: &[String],
        coverage: &str,
    ) -> Result<Program> {
        let mut args = vec![
            "run".to_owned(),
            format!("--cluster={}", cluster.name),
            format!("--translator=https://{}", self.address),
            format!("--ca-file={}", self.file("tls.crt").display()),
            format!("--kubeconfig={}", cluster.kube.kubeconfig().display()),
            coverage.to_owned(),
        ];
        args.extend_from_slice(who);
        Program::start("aviary-agent", &args, &self.file("run"))
    }

    /// What grpcurl says to a question with this token, if any.
    fn ask(&self, token: Option<&str>) -> Result<(bool, String)> {
        let mut command = Command::new(tools::find("grpcurl")?);
        command.arg("-cacert").arg(self.file("tls.crt"));
        if let Some(token) = token {
            command.args(["-rpc-header", &format!("authorization: Bearer {token}")]);
        }
        let method = "aviary.query.v1.QueryService/ListAgents";
        let output = command.args([&*self.address, method]).output();
        let output = output.context("start grpcurl")?;
        let said = [output.stdout, output.stderr].concat();
        Ok((
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        ))
    }
}

impl Guarded {
    /// What the command line says to a question with this token.
    async fn aviary(&self, token: &str, what: &[&str]) -> Result<(Option<i32>, String)> {
        let file = self.file("asking");
        fs::write(&file, token)?;
        let variable = |name: &str, value: String| (name.to_owned(), value);
        let environment = [
            variable("AVIARY_TRANSLATOR", format!("https://{}", self.address)),
            variable("AVIARY_CA_FILE", self.file("tls.crt").display().to_string()),
            variable("AVIARY_TOKEN_FILE", file.display().to_string()),
        ];
        let output = run("aviary", what, &self.file("run"), &environment).await?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        ensure!(!said.contains(token), "it tells the token");
        Ok((output.status.code(), said))
    }
}

/// The keys that a cluster's tokens are signed with.
pub(crate) fn keys(cluster: &Cluster) -> Result<String> {
    let args = ["get", "--raw", "/openid/v1/jwks"];
    cluster.kube.kubectl(&args, "")
}

/// A token of a ServiceAccount of a cluster, which is made if it does not exist.
pub(crate) async fn token_of(
    cluster: &Cluster,
    (namespace, account): (&str, &str),
    audience: &str,
) -> Result<String> {
    for object in [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": account, "namespace": namespace}}),
    ] {
        cluster.apply(&object).await?;
    }
    cluster.kube.token(namespace, account, audience)
}

/// The home cluster's own keys, and what is laid over the corpus's settings.
fn write_settings(folder: &Path, settings: &Value) -> Result<()> {
    let keys = folder.join("keys.json").display().to_string();
    let home = json!({"name": CLUSTER, "issuer": ISSUER, "jwks": keys});
    let mut settings = over(&baseline()?, settings);
    let further = settings["clusters"].as_array().cloned();
    let rows: Vec<Value> = [home]
        .into_iter()
        .chain(further.into_iter().flatten())
        .collect();
    settings["clusters"] = json!(rows);
    fs::write(folder.join("values.yaml"), settings.to_string())?;
    Ok(())
}

/// Waits until an agent is told that it is not admitted.
pub(crate) async fn refused(agent: &Program, why: &str) -> Result<()> {
    until(&format!("an agent is refused with `{why}`"), async || {
        Ok(agent.words()?.contains(why).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admit_real_tokens_speak_for_their_namespace_and_no_other() -> Result<()> {
    let guarded = Guarded::start().await?;
    for object in Shop::new("admit-own")?.objects {
        guarded.cluster.apply(&object).await?;
    }
    let own = guarded.token("admit-own", "agent", AUDIENCE).await?;
    let other = guarded.token("admit-other", "agent", AUDIENCE).await?;
    let elsewhere = guarded
        .token("admit-own", "agent", "aviary/elsewhere")
        .await?;
    let namespace = "--namespace=admit-own";
    refused(&guarded.agent(None, namespace)?, "neither a token nor").await?;
    refused(
        &guarded.agent(Some("no.token.atall"), namespace)?,
        "the token cannot be read",
    )
    .await?;
    refused(&guarded.agent(Some(&elsewhere), namespace)?, "does not fit").await?;
    refused(
        &guarded.agent(Some(&other), namespace)?,
        "may not speak for",
    )
    .await?;
    refused(
        &guarded.agent(Some(&own), "--cluster-scope")?,
        "may not speak for",
    )
    .await?;
    refused(
        &guarded.agent(Some(&own), "--all-namespaces")?,
        "may not speak for",
    )
    .await?;

    let wide = guarded.token("avi-system", "wide", AUDIENCE).await?;
    let _wide = guarded.agent(Some(&wide), "--cluster-scope")?;
    let _own = guarded.agent(Some(&own), namespace)?;
    until("what the admitted agents tell is served", async || {
        let dump = guarded.sim.dump().await?;
        Ok(named(&dump, "virtualservice", "lab--pay.admit-own.avi.lab")
            .ok()
            .map(drop))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admit_questions_need_a_permission_of_their_own() -> Result<()> {
    let guarded = Guarded::start().await?;
    let reader = guarded.token("avi-system", "reader", AUDIENCE).await?;
    let agent = guarded.token("admit-asks", "agent", AUDIENCE).await?;
    for (token, code) in [
        (None, "Unauthenticated"),
        (Some("no.token.atall"), "Unauthenticated"),
        (Some(&*agent), "PermissionDenied"),
    ] {
        let (answered, said) = guarded.ask(token)?;
        ensure!(!answered && said.contains(code), "no {code}: {said}");
    }
    let (answered, said) = guarded.ask(Some(&reader))?;
    ensure!(answered, "{said}");
    let (status, said) = guarded.aviary(&reader, &["get", "agents"]).await?;
    ensure!(status == Some(0), "{said}");
    let (status, said) = guarded.aviary(&agent, &["adopt"]).await?;
    ensure!(status == Some(1) && said.contains("permission"), "{said}");
    let (_, said) = guarded.aviary(&reader, &["adopt"]).await?;
    ensure!(said.contains("lab on "), "{said}");
    Ok(())
}
