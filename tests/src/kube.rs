//! A private Kubernetes control plane: etcd and kube-apiserver, as real as a test can have them.
//!
//! RBAC is on, anonymous requests are refused, service-account tokens are signed with RS256. There
//! are no controllers: nothing makes EndpointSlices, default ServiceAccounts or pods.

mod pki;
mod process;

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use tempfile::TempDir;

use crate::kube::process::{Process, Watchdog};
use crate::tools;

/// The issuer of the service-account tokens, as most real clusters have it.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// A running control plane; it ends with the value, and with the test process at the latest.
pub struct Kube {
    server: String,
    kubectl: PathBuf,
    // Dropped in this order: the watchdog first, so that it never aims at a reused process id.
    _watchdog: Watchdog,
    apiserver: Process,
    etcd: Process,
    folder: TempDir,
}

impl Kube {
    /// Starts one and returns once `/readyz` says ok; takes three seconds on an idle machine.
    pub fn start() -> Result<Self> {
        let mut last = anyhow!("never tried");
        // A port is free when asked for and may be taken when used: then try with another one.
        for _ in 0..5 {
            match Self::start_once() {
                Ok(kube) => return Ok(kube),
                Err(error) if format!("{error:#}").contains("address already in use") => {
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last.context("no free port in five tries"))
    }

    /// The one that all tests of this process share; use namespaces of your own in it.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Kube, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::start().map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|error| anyhow!("{error}"))
    }

    /// The address, `https://127.0.0.1:PORT`.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Process ids of kube-apiserver and etcd.
    pub fn ids(&self) -> [(&'static str, u32); 2] {
        [
            ("kube-apiserver", self.apiserver.id()),
            ("etcd", self.etcd.id()),
        ]
    }

    /// A kubeconfig whose user may do everything.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("admin.kubeconfig")
    }

    /// The certificate that signs the server's, as PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join(pki::CA)
    }

    /// Runs kubectl as the administrator and returns what it prints.
    pub fn kubectl(&self, args: &[&str], stdin: &str) -> Result<String> {
        let output = self.kubectl_output(&self.kubeconfig(), args, stdin)?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "`kubectl {}`: {}",
            args.join(" "),
            errors.trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs kubectl with any kubeconfig and returns everything, a refusal too.
    pub fn kubectl_output(&self, kubeconfig: &Path, args: &[&str], stdin: &str) -> Result<Output> {
        let mut child = Command::new(&self.kubectl)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--cache-dir")
            .arg(self.folder.path().join("cache"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("start kubectl")?;
        if let Some(mut pipe) = child.stdin.take() {
            // kubectl may end without reading it all; what it then says is the better error.
            drop(pipe.write_all(stdin.as_bytes()));
        }
        child.wait_with_output().context("wait for kubectl")
    }

    /// A fresh token of a ServiceAccount, which must exist, for one audience.
    pub fn token(&self, namespace: &str, account: &str, audience: &str) -> Result<String> {
        let args = [
            "create",
            "token",
            account,
            "--namespace",
            namespace,
            "--audience",
            audience,
        ];
        Ok(self.kubectl(&args, "")?.trim().to_owned())
    }

    /// A kubeconfig that speaks as a ServiceAccount: what it can do is what its Roles say.
    pub fn kubeconfig_of(&self, namespace: &str, account: &str) -> Result<PathBuf> {
        let token = self.token(namespace, account, ISSUER)?;
        let path = self
            .folder
            .path()
            .join(format!("{namespace}.{account}.kubeconfig"));
        let user = format!("token: {token}");
        fs::write(&path, kubeconfig(&self.server, &self.ca_file(), &user))
            .context("write a kubeconfig")?;
        Ok(path)
    }

    fn start_once() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("aviary-kube").tempdir()?;
        pki::write(folder.path()).context("make the certificates")?;
        let port = free_port()?;
        let etcd = Process::start("etcd", folder.path(), &etcd_args())?;
        let apiserver = Process::start("kube-apiserver", folder.path(), &apiserver_args(port))?;
        let watchdog = Watchdog::start(folder.path(), &[apiserver.id(), etcd.id()])?;
        let server = format!("https://127.0.0.1:{port}");
        let mut kube = Self {
            server,
            kubectl: tools::find("kubectl")?,
            _watchdog: watchdog,
            apiserver,
            etcd,
            folder,
        };
        kube.write_admin()?;
        kube.wait_until_ready()?;
        Ok(kube)
    }

    fn write_admin(&self) -> Result<()> {
        let at = |file: &str| self.folder.path().join(file).display().to_string();
        let user = format!(
            "client-certificate: {}\n    client-key: {}",
            at(pki::ADMIN_CERTIFICATE),
            at(pki::ADMIN_KEY),
        );
        fs::write(
            self.kubeconfig(),
            kubeconfig(&self.server, &self.ca_file(), &user),
        )
        .context("write the administrator's kubeconfig")
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let mut pause = Duration::from_millis(50);
        let mut answer = String::new();
        for _ in 0..240 {
            for process in [&mut self.etcd, &mut self.apiserver] {
                process.check_alive()?;
            }
            match self.kubectl(&["get", "--raw", "/readyz", "--request-timeout=5s"], "") {
                Ok(text) if text == "ok" => return Ok(()),
                Ok(text) => answer = text,
                Err(error) => answer = format!("{error:#}"),
            }
            wait(pause);
            pause = (pause * 2).min(Duration::from_millis(500));
        }
        bail!(
            "kube-apiserver did not get ready: {answer}\n{}",
            self.apiserver.last_words()
        )
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the only sign of readiness is an answer to a poll"
)]
fn wait(pause: Duration) {
    std::thread::sleep(pause);
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("bind a free port")?;
    Ok(listener.local_addr().context("read the bound port")?.port())
}

/// etcd listens on sockets in its own folder, so that it cannot clash with anything. It calls them
/// host and port, hence the odd names.
fn etcd_args() -> Vec<String> {
    let (client, peer) = ("unix://client:1", "unix://peer:2");
    [
        "--data-dir=etcd-data",
        "--unsafe-no-fsync",
        "--log-level=warn",
        &format!("--listen-client-urls={client}"),
        &format!("--advertise-client-urls={client}"),
        &format!("--listen-peer-urls={peer}"),
        &format!("--initial-advertise-peer-urls={peer}"),
        &format!("--initial-cluster=default={peer}"),
    ]
    .map(str::to_owned)
    .to_vec()
}

fn apiserver_args(port: u16) -> Vec<String> {
    [
        "--etcd-servers=unix://client:1",
        "--bind-address=127.0.0.1",
        &format!("--secure-port={port}"),
        &format!("--tls-cert-file={}", pki::SERVER_CERTIFICATE),
        &format!("--tls-private-key-file={}", pki::SERVER_KEY),
        &format!("--client-ca-file={}", pki::CA),
        "--cert-dir=certificates",
        "--anonymous-auth=false",
        "--authorization-mode=RBAC",
        &format!("--service-account-issuer={ISSUER}"),
        &format!("--service-account-key-file={}", pki::ACCOUNT_KEY),
        &format!("--service-account-signing-key-file={}", pki::ACCOUNT_KEY),
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",
        // Without a controller manager no namespace has a default ServiceAccount.
        "--disable-admission-plugins=ServiceAccount",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn kubeconfig(server: &str, ca: &Path, user: &str) -> String {
    let ca = ca.display();
    format!(
        "apiVersion: v1
kind: Config
current-context: test
clusters:
- name: test
  cluster:
    server: {server}
    certificate-authority: {ca}
users:
- name: test
  user:
    {user}
contexts:
- name: test
  context:
    cluster: test
    user: test
"
    )
}
