//! The simulated Controller without anybody else: it must not be what a load waits for.

use std::fmt;

use anyhow::{Context, Result};
use aviary_boot::Clock;
use futures::stream::{self, StreamExt, TryStreamExt};
use reqwest::{Client, Response};
use serde::Serialize;
use serde_json::json;

use crate::load::figures::seconds;
use crate::load::source::now;
use crate::load::usage::Usage;
use crate::load::{Options, stack};
use crate::sim::{PASSWORD, Sim, USER};

/// Writes at a time, as many as the translator has.
const WRITES_IN_FLIGHT: usize = 32;

/// What it bears.
#[derive(Debug, Serialize)]
pub struct Alone {
    /// Pools that were made, and then changed.
    pub writes: usize,
    /// From the first to the answer of the last, the driver's own work included.
    pub seconds: f64,
    /// Use of the Controller.
    pub controller: Usage,
}

/// Makes so many pools, and changes each.
pub async fn alone(options: &Options) -> Result<Alone> {
    let folder = tempfile::Builder::new().prefix("aviary-load").tempdir()?;
    let seed = folder.path().join("seed.json");
    std::fs::write(&seed, stack::roomy_seed(0)?.to_string())?;
    let program = options.programs.join("avi-sim").display().to_string();
    let sim = Sim::start_as(&program, folder.path(), &seed, &[]).await?;
    let session = Session::open(&sim).await?;
    let clock = Clock::system();
    let started = now(&clock)?;
    let writes = stream::iter(0..options.hosts).map(|index| session.write(index));
    let writes = writes.buffer_unordered(WRITES_IN_FLIGHT);
    writes.try_for_each(|()| async { Ok(()) }).await?;
    Ok(Alone {
        writes: options.hosts * 2,
        seconds: seconds(now(&clock)?.saturating_sub(started)),
        controller: Usage::of(sim.program().id()?)?,
    })
}

/// A login.
struct Session {
    http: Client,
    base: String,
    headers: Vec<(&'static str, String)>,
}

impl Session {
    async fn open(sim: &Sim) -> Result<Self> {
        let http = Client::builder().no_proxy().build()?;
        let base = format!("http://{}", sim.address());
        let login = json!({"username": USER, "password": PASSWORD}).to_string();
        let answer = http
            .post(format!("{base}/login"))
            .body(login)
            .send()
            .await?;
        let answer = answer.error_for_status()?;
        let (csrf, id) = (
            cookie(&answer, "csrftoken")?,
            cookie(&answer, "avi-sessionid")?,
        );
        let headers = vec![
            ("cookie", format!("avi-sessionid={id}; csrftoken={csrf}")),
            ("x-csrftoken", csrf),
            ("referer", base.clone()),
            ("x-avi-version", "30.2.1".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        Ok(Self {
            http,
            base,
            headers,
        })
    }

    /// Makes a pool and changes it.
    async fn write(&self, index: usize) -> Result<()> {
        let name = format!("alone-{index:06}");
        let body = |port: u16| {
            let server = json!({"ip": {"addr": "10.0.0.1", "type": "V4"}, "port": port});
            json!({"name": name, "servers": [server]}).to_string()
        };
        let pools = format!("{}/api/pool", self.base);
        let made = self.signed(self.http.post(&pools).body(body(80))).await?;
        let made: serde_json::Value = serde_json::from_slice(&made.bytes().await?)?;
        let uuid = made.get("uuid").and_then(|uuid| uuid.as_str());
        let at = format!("{pools}/{}", uuid.context("a pool without a uuid")?);
        self.signed(self.http.put(at).body(body(81))).await?;
        Ok(())
    }

    async fn signed(&self, request: reqwest::RequestBuilder) -> Result<Response> {
        let headers = self.headers.iter();
        let request = headers.fold(request, |request, (name, value)| {
            request.header(*name, value)
        });
        Ok(request.send().await?.error_for_status()?)
    }
}

fn cookie(answer: &Response, name: &str) -> Result<String> {
    let set = answer.headers().get_all("set-cookie").iter();
    let mut texts = set.filter_map(|value| value.to_str().ok());
    let found = texts.find_map(|text| text.strip_prefix(name)?.strip_prefix('='));
    let value = found.and_then(|rest| rest.split(';').next());
    Ok(value
        .with_context(|| format!("no cookie {name}"))?
        .to_owned())
}

impl fmt::Display for Alone {
    #[expect(clippy::cast_precision_loss, reason = "nobody writes so much")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (writes, cpu) = (self.writes as f64, self.controller.cpu_seconds());
        writeln!(
            f,
            "the Controller alone: {writes} writes in {:.2} s, {:.0} a second",
            self.seconds,
            writes / self.seconds
        )?;
        writeln!(
            f,
            "it used {cpu:.2} s of CPU, {:.0} writes a second of it",
            writes / cpu
        )
    }
}
