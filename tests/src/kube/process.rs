//! A child process that does not outlive the test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::tools;

/// One installed program, running with its output in a file; killed when dropped.
pub(super) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    pub(super) fn start(name: &'static str, folder: &Path, args: &[String]) -> Result<Self> {
        let program = tools::find(name)?;
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).context("make a log file")?;
        let errors = file.try_clone().context("share a log file")?;
        let child = Command::new(program)
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        Ok(Self { name, child, log })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn check_alive(&mut self) -> Result<()> {
        match self
            .child
            .try_wait()
            .with_context(|| format!("look after {}", self.name))?
        {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}: {}", self.name, self.last_words()),
        }
    }

    /// The end of what it wrote.
    pub(super) fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A shell that kills processes and removes their folder once the test process is gone, however it
/// went: the end of its standard input tells it. A value in a `static` is never dropped, and kill -9
/// drops nothing.
pub(super) struct Watchdog(Child);

impl Watchdog {
    pub(super) fn start(folder: &Path, ids: &[u32]) -> Result<Self> {
        let script = "folder=$1; shift; read -r line; kill -9 \"$@\"; rm -rf \"$folder\"";
        let child = Command::new("sh")
            .args(["-c", script, "watchdog"])
            .arg(folder)
            .args(ids.iter().map(ToString::to_string))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start the watchdog")?;
        Ok(Self(child))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
