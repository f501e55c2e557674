//! Which crate may depend on which: the picture in ARCHITECTURE.md, as a table.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use aviary_tests::tools::root;
use serde_json::Value;

use crate::sources;

struct Crate {
    name: &'static str,
    folder: &'static str,
    /// No IO, clock, randomness, environment, threads or async.
    pure: bool,
    may: &'static [&'static str],
}

const fn pure(name: &'static str, folder: &'static str, may: &'static [&'static str]) -> Crate {
    Crate {
        name,
        folder,
        pure: true,
        may,
    }
}

const fn io(name: &'static str, folder: &'static str, may: &'static [&'static str]) -> Crate {
    Crate {
        name,
        folder,
        pure: false,
        may,
    }
}

/// A new edge needs an ADR.
const LAW: &[Crate] = &[
    pure("aviary-types", "translator/types", &[]),
    pure("aviary-avi", "translator/avi", &["types"]),
    pure("aviary-settings", "translator/settings", &["types"]),
    pure("aviary-serve", "translator/serve", &["types", "avi"]),
    pure(
        "aviary-kinds",
        "translator/kinds",
        &["types", "avi", "settings"],
    ),
    pure(
        "aviary-store",
        "translator/store",
        &["types", "avi", "kinds"],
    ),
    pure("aviary-plan", "translator/plan", &["types", "avi", "serve"]),
    pure(
        "aviary-graph",
        "translator/graph",
        &["types", "avi", "settings", "kinds", "store"],
    ),
    pure("aviary-link", "proto/link", &["proto"]),
    io("aviary-proto", "proto", &[]),
    io("aviary-boot", "proto/boot", &[]),
    io(
        "aviary-session",
        "translator/session",
        &["types", "avi", "boot"],
    ),
    io(
        "aviary-identity",
        "translator/identity",
        &["types", "settings", "session", "proto", "boot"],
    ),
    io(
        "aviary-disk",
        "translator/disk",
        &["types", "avi", "kinds", "plan", "link"],
    ),
    io(
        "aviary-execute",
        "translator/execute",
        &["types", "avi", "plan", "session", "boot"],
    ),
    io(
        "aviary-query",
        "translator/query",
        &[
            "types", "avi", "settings", "kinds", "store", "plan", "graph", "link", "session",
            "identity", "proto", "boot",
        ],
    ),
    io("aviary-sim", "translator/sim", &["boot"]),
    io("aviary-agent", "agent", &["types", "proto", "link", "boot"]),
    io(
        "aviary-runtime",
        "translator/runtime",
        &[
            "types", "avi", "settings", "serve", "kinds", "store", "plan", "graph", "link",
            "session", "identity", "execute", "disk", "query", "proto", "boot",
        ],
    ),
    io(
        "aviary-translator",
        "translator",
        &["runtime", "session", "settings", "boot"],
    ),
    io(
        "aviary",
        "translator/cli",
        &[
            "types",
            "avi",
            "settings",
            "serve",
            "kinds",
            "store",
            "plan",
            "graph",
            "link",
            "agent",
            "translator",
            "sim",
            "runtime",
            "proto",
            "boot",
        ],
    ),
];

/// These see everything, and nothing sees them.
const OUTSIDE: &[&str] = &["aviary-bench", "aviary-tests", "xtask"];

/// Third-party crates that do IO, wait, or roll dice. Found anywhere below a pure crate, they are one
/// call away from it.
const NOT_PURE: &[&str] = &[
    "anyhow",
    "axum",
    "backon",
    "governor",
    "h2",
    "hyper",
    "kube",
    "kube-client",
    "kube-core",
    "mio",
    "notify",
    "rand",
    "redb",
    "reqwest",
    "rustls",
    "socket2",
    "tokio",
    "tokio-util",
    "tonic",
    "tower",
];

/// Crates that one place alone may use.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("kube", &["aviary-agent", "aviary-runtime"]),
    ("redb", &["aviary-disk"]),
    (
        "clap",
        &["aviary", "aviary-agent", "aviary-sim", "aviary-translator"],
    ),
];

#[test]
fn every_edge_between_crates_is_in_the_law() -> Result<()> {
    let packages = packages()?;
    let ours: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    for package in packages
        .iter()
        .filter(|found| !OUTSIDE.contains(&found.name.as_str()))
    {
        let law = LAW.iter().find(|law| law.name == package.name);
        let law = law.with_context(|| format!("{} is not in the law", package.name))?;
        for edge in package
            .edges
            .iter()
            .filter(|edge| ours.contains(edge.to.as_str()))
        {
            let short = edge.to.trim_start_matches("aviary-");
            let allowed = if edge.dev {
                // Tests of a crate may look around, but not at what stands above everything.
                !OUTSIDE.contains(&edge.to.as_str()) && edge.to != "aviary"
            } else {
                law.may.contains(&short)
            };
            ensure!(
                allowed,
                "{} depends on {}: not in the law",
                package.name,
                edge.to
            );
        }
    }
    Ok(())
}

#[test]
fn what_talks_lives_in_few_crates() -> Result<()> {
    for package in packages()?
        .iter()
        .filter(|found| !OUTSIDE.contains(&found.name.as_str()))
    {
        for edge in package.edges.iter().filter(|edge| !edge.dev) {
            let rule = ONLY_IN.iter().find(|(name, _)| *name == edge.to);
            let allowed = rule.is_none_or(|(_, homes)| homes.contains(&package.name.as_str()));
            ensure!(allowed, "{} depends on {}", package.name, edge.to);
        }
    }
    Ok(())
}

#[test]
fn pure_crates_have_nothing_below_them_that_does_io() -> Result<()> {
    for law in LAW.iter().filter(|law| law.pure) {
        let args = [
            "tree",
            "--offline",
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--package",
        ];
        let tree = cargo(&[&args[..], &[law.name]].concat())?;
        let below = tree.lines().filter_map(|line| line.split(' ').next());
        let found: BTreeSet<&str> = below.filter(|name| NOT_PURE.contains(name)).collect();
        ensure!(
            found.is_empty(),
            "{} is pure, but has below it {found:?}",
            law.name
        );
    }
    Ok(())
}

#[test]
fn pure_crates_call_nothing_that_does_io() -> Result<()> {
    const CALLS: &[&str] = &[
        "std::fs",
        "TcpListener",
        "TcpStream",
        "ToSocketAddrs",
        "UdpSocket",
        "UnixStream",
        "std::env",
        "std::thread",
        "std::process",
        "std::io::std",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "async fn",
        ".await",
    ];
    let mut found = Vec::new();
    for source in sources::product()? {
        let home = LAW.iter().filter(|law| law.pure);
        let mut home = home.filter(|law| source.path.starts_with(&format!("{}/src/", law.folder)));
        let Some(law) = home.next() else { continue };
        for (number, line) in source.code().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if let Some(call) = CALLS.iter().find(|call| code.contains(**call)) {
                found.push(format!(
                    "{}:{}: {call} in {}",
                    source.path,
                    number + 1,
                    law.name
                ));
            }
        }
    }
    ensure!(
        found.is_empty(),
        "pure crates do no IO:\n{}",
        found.join("\n")
    );
    Ok(())
}

struct Package {
    name: String,
    edges: Vec<Edge>,
}

struct Edge {
    to: String,
    dev: bool,
}

fn packages() -> Result<Vec<Package>> {
    let text = cargo(&[
        "metadata",
        "--offline",
        "--no-deps",
        "--format-version",
        "1",
    ])?;
    let metadata: Value = serde_json::from_str(&text).context("read cargo's metadata")?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("no packages")?;
    packages.iter().map(package).collect()
}

fn package(value: &Value) -> Result<Package> {
    let name = text(value, "name")?;
    let edges = value
        .get("dependencies")
        .and_then(Value::as_array)
        .context("no dependencies")?;
    let edge = |value: &Value| {
        let dev = value.get("kind").and_then(Value::as_str) == Some("dev");
        Ok(Edge {
            to: text(value, "name")?,
            dev,
        })
    };
    Ok(Package {
        name,
        edges: edges.iter().map(edge).collect::<Result<_>>()?,
    })
}

fn text(value: &Value, key: &str) -> Result<String> {
    let text = value.get(key).and_then(Value::as_str);
    Ok(text
        .with_context(|| format!("cargo's metadata has no {key}"))?
        .to_owned())
}

fn cargo(args: &[&str]) -> Result<String> {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .current_dir(root())
        .output()
        .with_context(|| format!("run cargo {}", args.join(" ")))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "cargo {}: {errors}",
        args.join(" ")
    );
    Ok(String::from_utf8(output.stdout)?)
}
