//! What a process has used, as the operating system counts it.

use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;

/// Linux counts CPU time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time and memory of one process since its start.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Usage {
    /// Seconds in user mode.
    pub user_seconds: f64,
    /// Seconds in the kernel.
    pub system_seconds: f64,
    /// Most memory it ever had resident, MiB.
    pub rss_peak_mib: f64,
    /// Memory resident now, MiB.
    pub rss_mib: f64,
}

impl Usage {
    /// Reads it.
    pub(super) fn of(id: u32) -> Result<Self> {
        let stat = read(id, "stat")?;
        // The program's name may hold blanks; it ends with the last parenthesis.
        let (_, fields) = stat.rsplit_once(')').context("the name in stat")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |at: usize| -> Result<f64> {
            let field = fields.get(at).context("a field of stat")?;
            Ok(field.parse::<f64>()? / TICKS_PER_SECOND)
        };
        let status = read(id, "status")?;
        let mib = |name: &str| -> Result<f64> {
            let line = status.lines().find(|line| line.starts_with(name));
            let word = line.and_then(|line| line.split_whitespace().nth(1));
            Ok(word.with_context(|| format!("no {name}"))?.parse::<f64>()? / 1_024.0)
        };
        Ok(Self {
            user_seconds: ticks(11)?,
            system_seconds: ticks(12)?,
            rss_peak_mib: mib("VmHWM:")?,
            rss_mib: mib("VmRSS:")?,
        })
    }

    /// Processor time in all.
    pub fn cpu_seconds(&self) -> f64 {
        self.user_seconds + self.system_seconds
    }
}

fn read(id: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{id}/{file}");
    fs::read_to_string(&path).with_context(|| format!("read {path}"))
}
