//! `aviary demo`: everything in one process over loopback sockets, on a folder of manifests.

mod show;
mod stage;

use crate::get;
use aviary_boot::{Shutdown, shutdown, telemetry};
use clap::Args;
use stage::Stage;
use std::path::PathBuf;

/// Arguments of `aviary demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder with `values.yaml`, the manifests of the first cluster below `shop`, and those of each
    /// further one below its name.
    #[arg(long, value_name = "DIR", default_value = "examples")]
    examples: PathBuf,
    /// Where queries are answered; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: std::net::SocketAddr,
    /// Where statuses, annotations and Events are written as files.
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    status_dir: PathBuf,
    /// End once everything is configured.
    #[arg(long)]
    once: bool,
}

/// Runs until Ctrl-C, or until everything is configured once.
///
/// # Errors
/// When files, settings or sockets are not usable.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    aviary_boot::tls::install();
    let logs = telemetry::Options {
        directives: "warn".into(),
        format: telemetry::Format::Text,
    };
    let _level = telemetry::init(&logs, Vec::new())?;
    let (trigger, stopped) = shutdown::channel();
    let mut stage = Stage::set(&args, &stopped).await?;
    let outcome = watch(&args, &mut stage).await;
    trigger.stop();
    stage.strike().await;
    outcome
}

/// Prints what is served: when all of a cluster is configured, and then after each change. The next
/// cluster joins when the one before is there.
async fn watch(args: &DemoArgs, stage: &mut Stage) -> anyhow::Result<()> {
    let mut interrupted: Shutdown = aviary_boot::shutdown::on_signals()?;
    let mut shown = String::new();
    let mut is_complete = false;
    loop {
        let snapshot = tokio::select! {
            biased;
            () = interrupted.requested() => return Ok(()),
            snapshot = stage.settled(&shown) => snapshot?,
        };
        shown = show::services(&snapshot);
        show::print(&shown)?;
        show::print(&get::conflicts(stage.translator()).await?)?;
        if !is_complete {
            match stage.join(args)? {
                Some(cluster) => show::print(&format!("\nCluster {cluster} joins:\n\n"))?,
                None => is_complete = true,
            }
            if is_complete {
                show::print(&show::hints(args, stage))?;
            }
        }
        if args.once && is_complete {
            return Ok(());
        }
    }
}
