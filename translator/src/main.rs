//! aviary-translator.

use anyhow::Context;
use aviary_boot::telemetry::{self, Format, Options};
use aviary_translator::args::{Cli, Command};
use clap::Parser;
use std::collections::BTreeMap;
use std::sync::Arc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    aviary_boot::tls::install();
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let Cli {
        command: Command::Run(mut args),
    } = Cli::parse();
    let format = if args.log_json {
        Format::Json
    } else {
        Format::Text
    };
    let options = Options {
        directives: args.log.clone(),
        format,
    };
    let started = telemetry::start(&options, &environment, "aviary-translator");
    let (level, export) = started.context("cannot set up logs")?;
    let set = move |directives: &str| {
        level
            .set(directives)
            .map_err(|error| aviary_boot::chain(&error).to_string())
    };
    args.fill_from_ako(&environment);
    let shutdown = aviary_boot::shutdown::on_signals().context("cannot wait for signals")?;
    let ran = aviary_translator::run(*args, &environment, Arc::new(set), shutdown).await;
    if let Some(export) = export {
        export.shutdown().await;
    }
    Ok(ran?)
}
