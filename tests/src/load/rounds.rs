//! The rounds, one after the other on the same programs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::load::Options;
use crate::load::figures::{Spread, seconds};
use crate::load::objects::{Kind, Maker};
use crate::load::report::{Boot, Burst, Change, Report, Restart};
use crate::load::source::{Source, now};
use crate::load::stack::Stack;
use crate::sim::Request;

/// Writes at a time, as the settings have it without a word.
const WRITES_IN_FLIGHT: f64 = 32.0;
/// Changes right after a boot.
const AFTER_BOOT: usize = 20;

/// What is under way.
pub(super) struct Rounds {
    options: Options,
    source: Source,
    maker: Maker,
    stack: Stack,
    report: Report,
    /// Numbers of hosts that are still free.
    next: usize,
    /// Objects that were made on the Controller.
    made: usize,
    /// How often endpoints were changed.
    round: usize,
    _folder: TempDir,
}

impl Rounds {
    /// Everything but the hosts.
    pub(super) async fn set(options: &Options) -> Result<Self> {
        // Thousands of files: in memory where there is such a place, for disks are slow to forget them.
        let memory = Path::new("/dev/shm");
        let disk = std::env::temp_dir();
        let place = if memory.is_dir() { memory } else { &disk };
        let folder = tempfile::Builder::new()
            .prefix("aviary-load")
            .tempdir_in(place)?;
        Ok(Self {
            source: Source::set(options.source, folder.path()).await?,
            maker: Maker::new(options.kind, "load")?,
            stack: Stack::set(options).await?,
            report: Report {
                hosts: options.hosts,
                kind: format!("{:?}", options.kind).to_lowercase(),
                source: format!("{:?}", options.source).to_lowercase(),
                delay_ms: options.delay_ms,
                ..Report::default()
            },
            next: options.hosts,
            made: 0,
            round: 0,
            options: options.clone(),
            _folder: folder,
        })
    }

    /// An agent that has nothing to tell.
    pub(super) async fn idle(&mut self) -> Result<()> {
        let mut stack = Stack::set(&self.options).await?;
        stack.start_translator().await?;
        stack.start_agent(&self.source)?;
        stack.converged().await?;
        self.report.agent_idle = stack.agent()?;
        stack.stop().await
    }

    /// All hosts from nothing.
    pub(super) async fn boot(&mut self) -> Result<()> {
        self.put_hosts().await?;
        let started = self.stack.start_translator().await?;
        self.stack.start_agent(&self.source)?;
        // Whoever asks before the agent has told anything is told that all of nothing is done.
        let hosts = self.options.hosts;
        let has_pools = move |writes: &[Request]| {
            let pools = writes.iter().filter(|it| it.kind == "pool");
            pools.count() >= hosts
        };
        let mut writes = self.stack.writes_until(true, has_pools).await?;
        let converged = self.stack.converged().await?;
        let (translator, agent) = (self.stack.translator()?, self.stack.agent()?);
        let controller = self.stack.controller()?;
        writes.extend(self.stack.writes().await?);
        let told = self.source.told(&self.stack.clock, &self.told_of()).await?;
        ensure!(told.0 == self.options.hosts, "{} statuses are told", told.0);
        let last_told = told.1.min(converged);
        self.made += posts(&writes);
        self.report.boot = Boot {
            last_write_seconds: seconds(last(&writes).saturating_sub(started)),
            last_status_seconds: seconds(last_told.saturating_sub(started)),
            statuses: told.0,
            limit_seconds: limit(writes.len(), self.options.delay_ms),
            writes: by_type(&writes),
            translator,
            agent,
            controller,
            cluster: self.source.usage()?,
        };
        Ok(())
    }

    /// One change at a time.
    pub(super) async fn steady(&mut self) -> Result<()> {
        let mut endpoint = Vec::new();
        for turn in 0..self.options.repeats {
            endpoint.push(self.change_endpoint(turn).await?);
        }
        self.report.endpoint.write = Spread::of(endpoint);
        self.report.ingress = self.add_ingresses(false).await?;
        if self.options.kind != Kind::Secure {
            self.source
                .put(&[self.maker.secret(self.extended())])
                .await?;
        }
        self.report.secure_ingress = self.add_ingresses(true).await?;
        Ok(())
    }

    /// Many endpoints change at once.
    pub(super) async fn burst(&mut self) -> Result<()> {
        self.round += 1;
        let changes = self.options.burst.min(self.extended());
        let slices = (0..changes).map(|index| self.maker.slice(index, self.round));
        let slices: Vec<Value> = slices.collect();
        let started = now(&self.stack.clock)?;
        self.source.put(&slices).await?;
        let all = |writes: &[Request]| {
            let names: BTreeSet<&str> = writes.iter().map(|it| it.name.as_str()).collect();
            names.len() >= changes
        };
        let mut writes = self.stack.writes_until(true, all).await?;
        self.stack.converged().await?;
        writes.extend(self.stack.writes().await?);
        self.report.burst = Burst {
            changes,
            writes: writes.len(),
            last_write_seconds: seconds(last(&writes).saturating_sub(started)),
        };
        Ok(())
    }

    /// The translator comes back.
    pub(super) async fn warm_restart(&mut self) -> Result<()> {
        self.report.translator = self.stack.translator()?;
        self.report.agent = self.stack.agent()?;
        self.stack.stop_translator().await?;
        let started = self.stack.start_translator().await?;
        let ready = self.stack.converged().await?;
        let translator = self.stack.translator()?;
        self.report.restart = Restart {
            writes: by_type(&self.stack.writes().await?),
            ready_seconds: seconds(ready.saturating_sub(started)),
            translator,
        };
        Ok(())
    }

    /// A new boot on an empty Controller, and changes as soon as it has written its last object.
    pub(super) async fn after_boot(&mut self) -> Result<()> {
        self.stack.stop().await?;
        self.source.forget_statuses()?;
        self.stack = Stack::set(&self.options).await?;
        self.stack.start_translator().await?;
        self.stack.start_agent(&self.source)?;
        // The same objects, and those of the new Ingresses.
        let expected = self.made;
        let all = move |writes: &[Request]| posts(writes) >= expected;
        self.stack.writes_until(true, all).await?;
        let mut times = Vec::new();
        for turn in 0..AFTER_BOOT {
            times.push(self.change_endpoint(turn).await?);
        }
        self.report.after_boot = Spread::of(times);
        self.stack.converged().await?;
        Ok(())
    }

    /// Ends the programs.
    pub(super) async fn end(mut self) -> Result<Report> {
        self.stack.stop().await?;
        Ok(self.report)
    }

    /// Changes one endpoint of one host; answers what it took until the pool was written.
    async fn change_endpoint(&mut self, turn: usize) -> Result<u64> {
        self.round += 1;
        let index = turn * 7 % self.extended();
        let slice = self.maker.slice(index, self.round);
        self.stack.writes().await?;
        let begun = now(&self.stack.clock)?;
        self.source.put(&[slice]).await?;
        let changed = now(&self.stack.clock)?;
        // Who writes to an apiserver may hear of it later than whoever watches.
        let is_pool = |it: &Request| it.kind == "pool" && it.at_micros >= begun;
        let one = |writes: &[Request]| writes.iter().any(is_pool);
        let writes = self.stack.writes_until(false, one).await?;
        let at = writes
            .iter()
            .filter(|it| is_pool(it))
            .map(|it| it.at_micros);
        Ok(at.min().unwrap_or(changed).saturating_sub(changed))
    }

    async fn add_ingresses(&mut self, secure: bool) -> Result<Change> {
        let (mut written, mut told) = (Vec::new(), Vec::new());
        for _ in 0..self.options.repeats {
            let number = self.next;
            self.next += 1;
            let ingress = self.maker.ingress(number, self.extended(), secure);
            self.stack.writes().await?;
            self.source.put(std::slice::from_ref(&ingress)).await?;
            let changed = now(&self.stack.clock)?;
            let any = |writes: &[Request]| !writes.is_empty();
            let mut writes = self.stack.writes_until(false, any).await?;
            self.stack.converged().await?;
            let at = self.source.told_at(&self.stack.clock, &ingress)?;
            writes.extend(self.stack.writes().await?);
            self.made += posts(&writes);
            written.push(last(&writes).saturating_sub(changed));
            told.push(at.saturating_sub(changed));
        }
        Ok(Change {
            write: Spread::of(written),
            status: Some(Spread::of(told)),
        })
    }

    /// The last host: new Ingresses use its Service, and its endpoints stay as they are.
    fn extended(&self) -> usize {
        self.options.hosts - 1
    }

    async fn put_hosts(&self) -> Result<()> {
        self.source
            .put(&self.maker.namespaces(self.options.hosts))
            .await?;
        let hosts = 0..self.options.hosts;
        let objects: Vec<Value> = hosts.flat_map(|index| self.maker.host(index)).collect();
        self.source.put(&objects).await
    }

    /// The objects that are told where they are served.
    fn told_of(&self) -> Vec<Value> {
        let kind = if self.options.kind == Kind::L4 {
            "Service"
        } else {
            "Ingress"
        };
        let hosts = 0..self.options.hosts;
        let objects = hosts.flat_map(|index| self.maker.host(index));
        objects
            .filter(|it| it.get("kind").is_some_and(|it| it == kind))
            .collect()
    }
}

fn posts(writes: &[Request]) -> usize {
    writes.iter().filter(|it| it.method == "POST").count()
}

fn last(writes: &[Request]) -> u64 {
    writes
        .iter()
        .map(|it| it.at_micros)
        .max()
        .unwrap_or_default()
}

fn by_type(writes: &[Request]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for write in writes {
        *count
            .entry(format!("{} {}", write.method, write.kind))
            .or_default() += 1;
    }
    count
}

#[expect(clippy::cast_precision_loss, reason = "no boot has so many writes")]
fn limit(writes: usize, delay_ms: u64) -> f64 {
    writes as f64 * seconds(delay_ms * 1_000) / WRITES_IN_FLIGHT
}
