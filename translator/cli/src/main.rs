//! `aviary`: plan, demo, adopt, get, explain.

use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    version,
    about = "Configure Avi load balancers from Kubernetes objects"
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what objects come to on an Avi Controller, without touching one.
    Plan(aviary::plan::PlanArgs),
    /// Run everything in this process, on a folder of manifests and a simulated Controller.
    Demo(aviary::demo::DemoArgs),
    /// Show what taking over what others made would write, and approve it.
    Adopt(aviary::adopt::AdoptArgs),
    /// Show what a translator knows.
    Get(aviary::get::GetArgs),
    /// Tell where a field comes from, what an object comes to, or what a code means.
    Explain(aviary::explain::ExplainArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    aviary_boot::tls::install();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Exit status 2 means changes, so wrong use is 1; help and version are no errors.
            let status = if error.use_stderr() {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            };
            let _ = error.print();
            return status;
        }
    };
    let result = match args.command {
        Command::Plan(args) => aviary::plan::run(args).await,
        Command::Demo(args) => aviary::demo::run(args).await.map(|()| false),
        Command::Adopt(args) => aviary::adopt::run(args).await,
        Command::Get(args) => aviary::get::run(args).await.map(|()| false),
        Command::Explain(args) => aviary::explain::run(args).await.map(|()| false),
    };
    match result {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(2),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}
