//! aviary-translator.

use anyhow::Context;
use aviary_boot::telemetry::{self, Format, Options};
use aviary_boot::trace::Export;
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
    let export = Export::from_env(&environment, "aviary-translator")?;
    let layers = export.iter().map(Export::layer).collect();
    let level = telemetry::init(&options, layers).context("cannot set up logs")?;
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
