//! The agent's program.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use aviary_agent::args::{Cli, Command, Run};
use aviary_agent::{Agent, health};
use aviary_boot::telemetry::{self, Options};
use aviary_boot::{Clock, shutdown, tls};
use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tls::install();
    match Cli::parse().command {
        Command::Run(run) => start(&run).await,
    }
}

async fn start(run: &Run) -> anyhow::Result<()> {
    let options = Options {
        directives: run.log.clone(),
        format: run.format(),
    };
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let (_level, export) = telemetry::start(&options, &environment, "aviary-agent")?;
    let clock = Clock::system();
    let shutdown = shutdown::on_signals().context("could not listen for signals")?;
    let source = run.source(&clock).await?;
    let connector = Arc::new(run.connector()?);
    tracing::info!(
        cluster = run.cluster,
        translator = run.translator,
        "agent started"
    );
    let agent = Agent::new(run.config(&clock), source, connector);
    if let Some(address) = run.health_listen {
        health::serve(address, agent.streams(), shutdown.clone()).await?;
    }
    agent.run(shutdown).await;
    if let Some(export) = export {
        export.shutdown().await;
    }
    Ok(())
}
