//! The simulated Controller as a process, with its side doors.

use std::path::Path;

use anyhow::{Context, Result};
use aviary_tests::corpus::scenarios;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::program::Program;

/// The user that may log in.
pub(crate) const USER: &str = "admin";
/// The user's password; it must show up nowhere.
pub(crate) const PASSWORD: &str = "live-Pa55word-b7c1";

/// A running avi-sim.
pub(crate) struct Sim {
    _program: Program,
    address: String,
    http: reqwest::Client,
}

/// A request that the Controller saw.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) status: u16,
}

impl Request {
    /// Whether it was to change an object, with or without success.
    pub(crate) fn is_write(&self) -> bool {
        self.method != "GET" && !matches!(self.kind.as_str(), "login" | "logout")
    }
}

impl Sim {
    /// Starts one with the corpus's seed.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        Self::start_with(folder, &scenarios().join("controller.json")).await
    }

    /// Starts one with the objects of a file.
    pub(crate) async fn start_with(folder: &Path, seed: &Path) -> Result<Self> {
        let password = folder.join("password");
        std::fs::write(&password, PASSWORD)?;
        let args = [
            "--listen=127.0.0.1:0".to_owned(),
            format!("--seed={}", seed.display()),
            format!("--username={USER}"),
            format!("--password-file={}", password.display()),
        ];
        let (program, address) = Program::listening("avi-sim", &args, folder).await?;
        Ok(Self {
            _program: program,
            address,
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Every object of the Controller, by type.
    pub(crate) async fn dump(&self) -> Result<Value> {
        Ok(self.get("dump").await?.json().await?)
    }

    /// Every request since the start, or since the log was cleared.
    pub(crate) async fn log(&self) -> Result<Vec<Request>> {
        Ok(self.get("log").await?.json().await?)
    }

    /// The requests to change something.
    pub(crate) async fn writes(&self) -> Result<Vec<Request>> {
        let mut log = self.log().await?;
        log.retain(Request::is_write);
        Ok(log)
    }

    /// Forgets the requests so far.
    pub(crate) async fn clear_log(&self) -> Result<()> {
        let request = self.http.delete(self.door("log"));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Replaces all fault rules.
    pub(crate) async fn set_faults(&self, rules: &[Value]) -> Result<()> {
        let request = self.http.put(self.door("faults"));
        let request = request.body(json!(rules).to_string());
        request.send().await?.error_for_status()?;
        Ok(())
    }

    async fn get(&self, door: &str) -> Result<reqwest::Response> {
        let answer = self.http.get(self.door(door)).send().await;
        Ok(answer
            .with_context(|| format!("ask avi-sim for its {door}"))?
            .error_for_status()?)
    }

    fn door(&self, door: &str) -> String {
        format!("http://{}/_sim/{door}", self.address)
    }
}
