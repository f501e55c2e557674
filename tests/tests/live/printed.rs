//! What is printed for people to type works as it is printed: docs/grpcurl.md, and the demo's hints.

use std::fs;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use aviary_tests::tools;
use tempfile::TempDir;

use crate::program::Program;

/// The address that the page uses; the demo of the test takes a free one.
const ADDRESS: &str = "127.0.0.1:9440";
/// What a watch ends with whose time is over: 64 and gRPC's DEADLINE_EXCEEDED.
const WATCHED: i32 = 64 + 4;
/// What a wrong question ends with: 64 and gRPC's INVALID_ARGUMENT or NOT_FOUND.
const WRONG: [i32; 2] = [64 + 3, 64 + 5];

/// A running demo, and what it printed.
struct Demo {
    program: Program,
    folder: TempDir,
    printed: String,
}

impl Demo {
    async fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("aviary-demo").tempdir()?;
        let args = [
            "demo".to_owned(),
            format!("--examples={}", tools::root().join("examples").display()),
            format!("--status-dir={}", folder.path().join("status").display()),
        ];
        let run = folder.path().join("run");
        fs::create_dir(&run)?;
        let program = Program::start("aviary", &args, &run)?;
        let printed = program.prints("Ctrl-C ends it.").await?;
        Ok(Self {
            program,
            folder,
            printed,
        })
    }

    /// Where it listens, `HOST:PORT`.
    fn address(&self) -> Result<&str> {
        let line = self.printed.lines().find(|line| line.contains("grpcurl"));
        let mut words = line.context("no hint with grpcurl")?.split_whitespace();
        words.nth(2).context("no address")
    }

    /// Runs something as a shell does, with the installed tools at hand.
    fn shell(&self, script: &str) -> Result<Output> {
        let grpcurl = tools::find("grpcurl")?;
        let tools = grpcurl.parent().context("tools are in a folder")?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = format!("{}:{}", tools.display(), path.display());
        let mut bash = Command::new("bash");
        bash.args(["-eu", "-o", "pipefail", "-c", script])
            .current_dir(self.folder.path().join("run"))
            .env("PATH", path);
        bash.output().context("start bash")
    }
}

fn said(output: &Output) -> String {
    let (out, errors) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(errors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_the_hints_of_the_demo_work_as_they_are_printed() -> Result<()> {
    let demo = Demo::start().await?;
    let commands: Vec<&str> = demo
        .printed
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    for start in ["grpcurl", "curl"] {
        let known = commands.iter().any(|it| it.starts_with(start));
        ensure!(known, "no {start} in {}", demo.printed);
    }
    for command in commands {
        let output = demo.shell(command)?;
        let printed = said(&output);
        ensure!(output.status.success(), "{command}: {printed}");
        ensure!(!output.stdout.is_empty(), "{command} printed nothing");
    }
    demo.program.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_every_command_of_the_grpcurl_page_works_as_it_is_printed() -> Result<()> {
    let demo = Demo::start().await?;
    let page = fs::read_to_string(tools::root().join("docs/grpcurl.md"))?;
    let start = format!("ADDR={ADDRESS}");
    let here = format!("ADDR={}", demo.address()?);
    let mut asked = String::new();
    for block in page.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        if block.trim() == start {
            continue;
        }
        let output = demo.shell(&format!("{here}\n{block}"))?;
        let (code, printed) = (output.status.code(), said(&output));
        if block.contains("/Watch") {
            ensure!(code == Some(WATCHED), "{block}{code:?}: {printed}");
            ensure!(!output.stdout.is_empty(), "{block} told nothing");
        } else if block.contains("5000") || block.contains("none") {
            let wrong = code.is_some_and(|code| WRONG.contains(&code));
            ensure!(wrong && printed.contains("Details"), "{block}: {printed}");
        } else {
            ensure!(code == Some(0), "{block}: {printed}");
            ensure!(!output.stdout.is_empty(), "{block} told nothing");
        }
        asked.push_str(block);
    }
    ensure!(page.contains(&start), "the page names another address");
    let script = format!("{here}\ngrpcurl -plaintext \"$ADDR\" list aviary.query.v1.QueryService");
    let listed = said(&demo.shell(&script)?);
    for method in listed.lines() {
        let name = method.rsplit('.').next().unwrap_or_default();
        let shown = asked.contains(&format!("QueryService/{name}"));
        ensure!(shown, "docs/grpcurl.md does not show {method}");
    }
    demo.program.stop().await
}
