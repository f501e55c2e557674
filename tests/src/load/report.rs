//! What was measured, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::load::figures::Spread;
use crate::load::usage::Usage;

/// All figures of a run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Hosts at the boot.
    pub hosts: usize,
    /// What they are.
    pub kind: String,
    /// Where the objects were.
    pub source: String,
    /// Added to each call to the Controller.
    pub delay_ms: u64,
    /// The agent, connected, before there were any objects.
    pub agent_idle: Usage,
    /// From nothing to everything.
    pub boot: Boot,
    /// One endpoint change at a time.
    pub endpoint: Change,
    /// One new Ingress at a time.
    pub ingress: Change,
    /// One new Ingress with TLS at a time.
    pub secure_ingress: Change,
    /// Many endpoint changes at once.
    pub burst: Burst,
    /// The translator comes back to what stands.
    pub restart: Restart,
    /// One endpoint change at a time, from the moment a boot has written its last object.
    pub after_boot: Spread,
    /// Use of the translator that saw the boot and the changes.
    pub translator: Usage,
    /// The same of the agent.
    pub agent: Usage,
}

/// A boot.
#[derive(Debug, Default, Serialize)]
pub struct Boot {
    /// From the start of the translator to the answer of the last write.
    pub last_write_seconds: f64,
    /// To the last status.
    pub last_status_seconds: f64,
    /// Statuses with an address.
    pub statuses: usize,
    /// Writes, by method and type.
    pub writes: BTreeMap<String, usize>,
    /// What all writes would take if they did nothing but wait for the Controller, 32 at a time.
    pub limit_seconds: f64,
    /// Use of the translator.
    pub translator: Usage,
    /// Use of the agent.
    pub agent: Usage,
    /// Use of the simulated Controller.
    pub controller: Usage,
    /// Use of kube-apiserver and etcd from their start on, the writing of the objects included.
    pub cluster: BTreeMap<&'static str, Usage>,
}

/// A change, many times.
#[derive(Debug, Default, Serialize)]
pub struct Change {
    /// From the object's write to the answer of the last write that it led to.
    pub write: Spread,
    /// To its status; nothing where it changes none.
    pub status: Option<Spread>,
}

/// Many changes.
#[derive(Debug, Default, Serialize)]
pub struct Burst {
    /// How many.
    pub changes: usize,
    /// Writes that they led to.
    pub writes: usize,
    /// From the first object's write to the answer of the last write.
    pub last_write_seconds: f64,
}

/// A restart.
#[derive(Debug, Default, Serialize)]
pub struct Restart {
    /// Writes that it led to, by method and type.
    pub writes: BTreeMap<String, usize>,
    /// From the start of the process until everything is known again and nothing is left to do.
    pub ready_seconds: f64,
    /// Use of the translator until then.
    pub translator: Usage,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            boot,
            burst,
            restart,
            ..
        } = self;
        writeln!(
            f,
            "{} {} hosts from {}, {} ms a call",
            self.hosts, self.kind, self.source, self.delay_ms
        )?;
        let total: usize = boot.writes.values().sum();
        row(
            f,
            "boot: last write",
            &format!("{:.2} s", boot.last_write_seconds),
        )?;
        row(
            f,
            "boot: last status",
            &format!("{:.2} s", boot.last_status_seconds),
        )?;
        row(
            f,
            "boot: limit, writes x delay / 32",
            &format!("{:.2} s", boot.limit_seconds),
        )?;
        row(
            f,
            "boot: writes, statuses",
            &format!("{total}, {}", boot.statuses),
        )?;
        for (what, count) in &boot.writes {
            row(f, &format!("  {what}"), &count.to_string())?;
        }
        usage(f, "boot: translator", &boot.translator)?;
        usage(f, "boot: agent", &boot.agent)?;
        usage(f, "boot: controller", &boot.controller)?;
        for (name, used) in &boot.cluster {
            usage(f, &format!("boot: {name}"), used)?;
        }
        change(f, "endpoint change", &self.endpoint)?;
        change(f, "new Ingress", &self.ingress)?;
        change(f, "new secure Ingress", &self.secure_ingress)?;
        row(
            f,
            &format!("burst of {}: last write", burst.changes),
            &format!("{:.2} s, {} writes", burst.last_write_seconds, burst.writes),
        )?;
        row(
            f,
            "warm restart: writes",
            &restart.writes.values().sum::<usize>().to_string(),
        )?;
        for (what, count) in &restart.writes {
            row(f, &format!("  {what}"), &count.to_string())?;
        }
        row(
            f,
            "warm restart: ready after",
            &format!("{:.2} s", restart.ready_seconds),
        )?;
        usage(f, "warm restart: translator", &restart.translator)?;
        row(f, "change right after a boot", &spread(&self.after_boot))?;
        usage(f, "in all: translator", &self.translator)?;
        usage(f, "in all: agent", &self.agent)?;
        usage(f, "idle: agent", &self.agent_idle)
    }
}

fn row(f: &mut fmt::Formatter<'_>, what: &str, value: &str) -> fmt::Result {
    writeln!(f, "{what:<36} {value}")
}

fn usage(f: &mut fmt::Formatter<'_>, what: &str, usage: &Usage) -> fmt::Result {
    let (cpu, user) = (usage.cpu_seconds(), usage.user_seconds);
    let (now, peak) = (usage.rss_mib, usage.rss_peak_mib);
    let text = format!("{cpu:.2} s CPU ({user:.2} user), {now:.1} MiB, peak {peak:.1} MiB");
    row(f, what, &text)
}

fn change(f: &mut fmt::Formatter<'_>, what: &str, change: &Change) -> fmt::Result {
    row(f, &format!("{what}: write"), &spread(&change.write))?;
    match &change.status {
        Some(status) => row(f, &format!("{what}: status"), &spread(status)),
        None => Ok(()),
    }
}

fn spread(spread: &Spread) -> String {
    let Spread {
        count,
        p50_ms,
        p99_ms,
        max_ms,
    } = spread;
    format!("p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, max {max_ms:.1} ms of {count}")
}
