//! Follows the files with settings and identities. What cannot be read or is not valid changes
//! nothing.

use crate::args::Run;
use crate::clusters;
use crate::run::{Error, settings};
use aviary_runtime::Reconfigure;
use aviary_settings::Settings;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// How often the files are looked at. A ConfigMap takes up to a minute to arrive anyway.
const EVERY: Duration = Duration::from_secs(5);

/// Hands changes on for as long as somebody takes them.
pub(crate) async fn follow(
    args: Run,
    environment: BTreeMap<String, String>,
    mut known: Settings,
    reconfigure: Reconfigure,
) {
    let files: Vec<PathBuf> = args
        .settings
        .iter()
        .chain(&args.identities)
        .cloned()
        .collect();
    let mut ticks = tokio::time::interval(EVERY);
    let mut stamps = modified(&files);
    loop {
        ticks.tick().await;
        let now = modified(&files);
        if now == stamps {
            continue;
        }
        stamps = now;
        if let Err(error) = take(&args, &environment, &mut known, &reconfigure).await {
            let error = aviary_boot::chain(&error);
            tracing::error!(%error, "what was in force before stays so");
        }
    }
}

async fn take(
    args: &Run,
    environment: &BTreeMap<String, String>,
    known: &mut Settings,
    reconfigure: &Reconfigure,
) -> Result<(), Error> {
    let settings = settings(args, environment)?;
    let mut rules = clusters::rules(args, &settings)?;
    for cluster in settings.all_clusters() {
        let rules = rules.remove(cluster.name.as_str()).unwrap_or_default();
        reconfigure.set_rules(&cluster.name, rules);
    }
    if settings != *known && reconfigure.configure(settings.clone()).await {
        *known = settings;
    }
    Ok(())
}

fn modified(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    let stamp = |path: &PathBuf| std::fs::metadata(path).and_then(|it| it.modified()).ok();
    files.iter().map(stamp).collect()
}
