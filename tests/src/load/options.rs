//! What is said on the command line.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::load::{Kind, SourceKind};
use crate::tools::root;

/// How the program is called.
pub const USAGE: &str = "load [--hosts N] [--kind insecure|secure|l4] [--delay-ms D] \
    [--source manifests|apiserver] [--repeats N] [--burst N] [--profile release|dev] [--json FILE] \
    [--controller-alone]";

/// What is played.
#[derive(Debug, Clone)]
pub struct Options {
    /// Hosts, or Services of type LoadBalancer, at the boot.
    pub hosts: usize,
    /// What they are.
    pub kind: Kind,
    /// What each call to the Controller takes, beside its own work.
    pub delay_ms: u64,
    /// Where the objects are.
    pub source: SourceKind,
    /// How often each single change is repeated.
    pub repeats: usize,
    /// Endpoint changes at once.
    pub burst: usize,
    /// Whether the Controller alone is played, with so many pools as there are hosts.
    pub controller_alone: bool,
    /// Where the programs are.
    pub programs: PathBuf,
    /// Where the figures go, as JSON.
    pub json: Option<PathBuf>,
}

impl Options {
    /// Programs of the release profile, a thousand secure hosts in manifests.
    pub fn usual() -> Self {
        Self {
            hosts: 1_000,
            kind: Kind::Secure,
            delay_ms: 0,
            source: SourceKind::Manifests,
            repeats: 100,
            burst: 300,
            controller_alone: false,
            programs: target("release"),
            json: None,
        }
    }

    /// Reads a command line.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut options = Self::usual();
        let mut words = words.into_iter();
        while let Some(flag) = words.next() {
            if flag == "--controller-alone" {
                options.controller_alone = true;
                continue;
            }
            let value = words
                .next()
                .with_context(|| format!("{flag} needs a value"))?;
            options
                .set(&flag, &value)
                .with_context(|| format!("{flag} {value}: {USAGE}"))?;
        }
        ensure!(options.hosts > 1, "--hosts: at least two");
        Ok(options)
    }

    fn set(&mut self, flag: &str, value: &str) -> Result<()> {
        match flag {
            "--hosts" => self.hosts = value.parse()?,
            "--kind" => self.kind = value.parse()?,
            "--delay-ms" => self.delay_ms = value.parse()?,
            "--source" => self.source = value.parse()?,
            "--repeats" => self.repeats = value.parse()?,
            "--burst" => self.burst = value.parse()?,
            "--profile" => self.programs = target(if value == "dev" { "debug" } else { value }),
            "--json" => self.json = Some(value.into()),
            _ => bail!("not a flag"),
        }
        Ok(())
    }
}

fn target(profile: &str) -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR");
    let folder = folder.map_or_else(|| root().join("target"), |folder| root().join(folder));
    folder.join(profile)
}
