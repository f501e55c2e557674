//! Installs the pinned programs that tests and checks call, all under `target/tools`.
//!
//! A marker file with the version says what is there; nothing is installed twice.

use std::env::var_os;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::shell::{Workspace, run_quietly};

/// What the live tests start; built from one Go module, `tests/tools`.
const KUBERNETES: &[&str] = &["etcd", "kube-apiserver", "kubectl"];

struct Tool {
    name: &'static str,
    version: &'static str,
    /// Paths below `target/tools` that must exist for the marker to be believed.
    files: &'static [&'static str],
    install: fn(&Workspace, &Tool) -> Result<()>,
}

/// One chain per thread: what shares a cache or a lock is installed one after the other.
const CHAINS: &[&[Tool]] = &[
    &[
        Tool {
            name: "grpcurl",
            version: "1.9.4",
            files: &["bin/grpcurl"],
            install: |ws, tool| go_install(ws, "github.com/fullstorydev/grpcurl/cmd/grpcurl", tool),
        },
        Tool {
            name: "helm",
            version: "4.3.1",
            files: &["bin/helm"],
            install: |ws, tool| go_install(ws, "helm.sh/helm/v4/cmd/helm", tool),
        },
        Tool {
            name: "k8s",
            version: "1.35.4",
            files: &["k8s/etcd", "k8s/kube-apiserver", "k8s/kubectl"],
            install: build_kubernetes,
        },
    ],
    &[
        Tool {
            name: "buf",
            version: "1.75.0",
            files: &["buf/bin/buf"],
            install: |ws, tool| pip_install(ws, &["buf-bin"], tool),
        },
        Tool {
            name: "avisdk",
            version: "32.1.4",
            files: &["avisdk/bin/python"],
            install: |ws, tool| pip_install(ws, &["avisdk", "requests"], tool),
        },
    ],
    &[Tool {
        name: "cargo-deny",
        version: "0.20.2",
        files: &["bin/cargo-deny"],
        install: cargo_install,
    }],
];

/// Installs what is missing.
pub(crate) fn install(ws: &Workspace) -> Result<()> {
    fs::create_dir_all(ws.tools().join(".installed")).context("make target/tools")?;
    let failed: Vec<String> = thread::scope(|scope| {
        let chains: Vec<_> = CHAINS
            .iter()
            .map(|chain| scope.spawn(move || install_chain(ws, chain)))
            .collect();
        chains
            .into_iter()
            .filter_map(|chain| match chain.join() {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(format!("{error:#}")),
                Err(_) => Some("an installer thread panicked".to_owned()),
            })
            .collect()
    });
    if failed.is_empty() {
        Ok(())
    } else {
        bail!("{}", failed.join("\n"))
    }
}

/// Prints what is there and returns the names of what is not.
pub(crate) fn doctor(ws: &Workspace) -> Vec<&'static str> {
    let mut missing = Vec::new();
    for (program, word, purpose) in HOST_PROGRAMS {
        let found = run_quietly(ws.program(program).arg(word)).ok();
        if found.is_none() {
            missing.push(program);
        }
        let shown = found.map_or_else(
            || format!("MISSING (for {purpose})"),
            |text| String::from_utf8_lossy(&text).trim().to_owned(),
        );
        println!("{program:12} {shown}");
    }
    for tool in CHAINS.iter().copied().flatten() {
        let here = is_installed(ws, tool);
        let state = if here {
            "installed"
        } else {
            "MISSING (cargo xtask tools installs it)"
        };
        println!("{:12} {} {state}", tool.name, tool.version);
        if !here {
            missing.push(tool.name);
        }
    }
    missing
}

/// What must be on the machine already: program, the word that makes it tell its version, use.
const HOST_PROGRAMS: [(&str, &str, &str); 3] = [
    ("cargo", "--version", "everything"),
    ("go", "version", "grpcurl, helm, Kubernetes"),
    ("python3", "--version", "buf, avisdk"),
];

/// A command that is told where the tools lie.
pub(crate) fn told<'a>(command: &'a mut Command, ws: &Workspace) -> &'a mut Command {
    command
        .env("AVIARY_TOOLS", ws.tools())
        .env("KUBEBUILDER_ASSETS", kubernetes(ws))
}

/// The folder with etcd, kube-apiserver and kubectl: `KUBEBUILDER_ASSETS` if it has them, else ours.
pub(crate) fn kubernetes(ws: &Workspace) -> PathBuf {
    given_kubernetes().unwrap_or_else(|| ws.tools().join("k8s"))
}

fn given_kubernetes() -> Option<PathBuf> {
    let folder = PathBuf::from(var_os("KUBEBUILDER_ASSETS")?);
    KUBERNETES
        .iter()
        .all(|name| folder.join(name).is_file())
        .then_some(folder)
}

fn install_chain(ws: &Workspace, chain: &[Tool]) -> Result<()> {
    for tool in chain {
        if is_installed(ws, tool) {
            continue;
        }
        eprintln!("==> installing {} {}", tool.name, tool.version);
        let start = started();
        // One second try: a registry may hiccup, and half-done work is kept in its cache.
        (tool.install)(ws, tool)
            .or_else(|_| (tool.install)(ws, tool))
            .with_context(|| format!("install {} {}", tool.name, tool.version))?;
        fs::write(marker(ws, tool), tool.version).context("write the marker of a tool")?;
        eprintln!(
            "==> installed {} in {} s",
            tool.name,
            start.elapsed().as_secs()
        );
    }
    Ok(())
}

fn is_installed(ws: &Workspace, tool: &Tool) -> bool {
    if tool.name == "k8s" && given_kubernetes().is_some() {
        return true;
    }
    fs::read_to_string(marker(ws, tool)).is_ok_and(|version| version.trim() == tool.version)
        && tool
            .files
            .iter()
            .all(|file| ws.tools().join(file).is_file())
}

fn marker(ws: &Workspace, tool: &Tool) -> PathBuf {
    ws.tools().join(".installed").join(tool.name)
}

fn go(ws: &Workspace) -> Command {
    let mut command = ws.program("go");
    command.env("GOBIN", ws.tools().join("bin"));
    command
}

fn go_install(ws: &Workspace, package: &str, tool: &Tool) -> Result<()> {
    run_quietly(go(ws).args(["install", &format!("{package}@v{}", tool.version)])).map(drop)
}

/// The first package in the tool's version, the others in any, in a virtual environment of its own.
fn pip_install(ws: &Workspace, packages: &[&str], tool: &Tool) -> Result<()> {
    let venv = ws.tools().join(tool.name);
    run_quietly(
        ws.program("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )?;
    let mut command = ws.program(venv.join("bin/pip"));
    command.args(["install", "--quiet"]);
    let (first, others) = packages.split_first().context("a tool without packages")?;
    command
        .arg(format!("{first}=={}", tool.version))
        .args(others);
    run_quietly(&mut command).map(drop)
}

fn cargo_install(ws: &Workspace, tool: &Tool) -> Result<()> {
    let wanted = format!("{}@{}", tool.name, tool.version);
    let mut command = ws.cargo(&["install", "--locked", "--debug", "--root"]);
    command.arg(ws.tools()).arg(wanted);
    // A debug build: it runs for seconds once per CI run, and compiles in half the time.
    command
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("CARGO_TARGET_DIR");
    run_quietly(&mut command).map(drop)
}

fn build_kubernetes(ws: &Workspace, tool: &Tool) -> Result<()> {
    let folder = ws.tools().join("k8s");
    fs::create_dir_all(&folder).context("make target/tools/k8s")?;
    let version = kubernetes_version_flags(tool.version);
    build_go(
        ws,
        "go.etcd.io/etcd/server/v3",
        "-s -w",
        &folder.join("etcd"),
    )?;
    for name in ["kube-apiserver", "kubectl"] {
        let package = format!("k8s.io/kubernetes/cmd/{name}");
        build_go(ws, &package, &version, &folder.join(name))?;
    }
    Ok(())
}

fn build_go(ws: &Workspace, package: &str, flags: &str, to: &Path) -> Result<()> {
    let mut command = go(ws);
    command.current_dir(ws.root.join("tests/tools"));
    command
        .args([
            "build",
            "-buildvcs=false",
            "-trimpath",
            "-ldflags",
            flags,
            "-o",
        ])
        .arg(to)
        .arg(package);
    run_quietly(&mut command).map(drop)
}

/// The linker writes the version in; the discovery answer and kubectl's skew check read it.
fn kubernetes_version_flags(version: &str) -> String {
    let mut numbers = version.split('.');
    let (major, minor) = (numbers.next().unwrap_or("1"), numbers.next().unwrap_or("0"));
    let at = "k8s.io/component-base/version";
    format!("-s -w -X {at}.gitVersion=v{version} -X {at}.gitMajor={major} -X {at}.gitMinor={minor}")
}

#[expect(
    clippy::disallowed_methods,
    reason = "tells a person how long an installation took"
)]
fn started() -> Instant {
    Instant::now()
}
