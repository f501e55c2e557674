//! Follows the settings file. What cannot be read or is not valid changes nothing.

use aviary_runtime::Reconfigure;
use aviary_settings::Settings;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// How often the file is looked at. A ConfigMap takes up to a minute to arrive anyway.
const EVERY: Duration = Duration::from_secs(5);

/// Hands changed settings on for as long as somebody takes them.
pub(crate) async fn follow(
    path: PathBuf,
    mut known: Settings,
    read: impl Fn() -> Result<Settings, String>,
    reconfigure: Reconfigure,
) {
    let mut ticks = tokio::time::interval(EVERY);
    let mut stamp = modified(&path);
    loop {
        ticks.tick().await;
        let now = modified(&path);
        if now == stamp {
            continue;
        }
        stamp = now;
        match read() {
            Ok(settings) if settings == known => {}
            Ok(settings) => {
                known.clone_from(&settings);
                if !reconfigure.configure(settings).await {
                    return;
                }
            }
            Err(why) => {
                tracing::error!(path = %path.display(), why, "the settings before stay in force");
            }
        }
    }
}

fn modified(path: &PathBuf) -> Option<SystemTime> {
    std::fs::metadata(path)
        .and_then(|found| found.modified())
        .ok()
}
