//! Where things lie, and how a program is run.

use std::env::{current_dir, var_os};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The checkout and its target folder.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds the checkout from this crate's own folder.
    pub(crate) fn find() -> Result<Self> {
        let here = var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here
            .ancestors()
            .nth(2)
            .context("tests/xtask lies two folders deep")?;
        let target = match var_os("CARGO_TARGET_DIR") {
            Some(folder) => current_dir()
                .context("read the current folder")?
                .join(folder),
            None => root.join("target"),
        };
        Ok(Self {
            root: root.to_path_buf(),
            target,
        })
    }

    /// Where everything that a recipe installs lives.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// Cargo at the root; the same one that started us.
    pub(crate) fn cargo(&self, words: &[&str]) -> Command {
        let cargo = var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.program(cargo);
        command.args(words);
        command
    }

    /// Any program, started at the root.
    pub(crate) fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }
}

/// Runs to the end with the terminal attached; a non-zero exit is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = describe(command);
    eprintln!("==> {line}");
    let status = command
        .status()
        .with_context(|| format!("start `{line}`"))?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(())
}

/// Runs with the output kept; it is shown only if the program fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<Vec<u8>> {
    let line = describe(command);
    let output = command
        .output()
        .with_context(|| format!("start `{line}`"))?;
    ensure!(
        output.status.success(),
        "`{line}` ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Ok(output.stdout)
}

fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    for word in command.get_args() {
        line.push(' ');
        line.push_str(&word.to_string_lossy());
    }
    line
}
