//! The simulated Controller as a process, with its side doors.

use std::path::Path;

use crate::corpus::scenarios;
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::program::Program;

/// The user that may log in.
pub const USER: &str = "admin";
/// The user's password; it must show up nowhere.
pub const PASSWORD: &str = "live-Pa55word-b7c1";

/// A running avi-sim.
pub struct Sim {
    program: Program,
    address: String,
    http: reqwest::Client,
}

/// A request that the Controller saw.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    /// Counts the requests.
    pub seq: u64,
    /// When it was answered, in microseconds since the epoch.
    pub at_micros: u64,
    /// The HTTP method.
    pub method: String,
    /// The kind of object.
    #[serde(rename = "type")]
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// What was answered.
    pub status: u16,
}

impl Request {
    /// Whether it was to change an object, with or without success.
    pub fn is_write(&self) -> bool {
        self.method != "GET" && !matches!(self.kind.as_str(), "login" | "logout")
    }
}

impl Sim {
    /// Starts one with the corpus's seed.
    pub async fn start(folder: &Path) -> Result<Self> {
        Self::start_with(folder, &scenarios().join("controller.json")).await
    }

    /// Starts one with the objects of a file.
    pub async fn start_with(folder: &Path, seed: &Path) -> Result<Self> {
        Self::start_as("avi-sim", folder, seed, &[]).await
    }

    /// Starts a program of this path, or of this name, with further arguments.
    pub async fn start_as(
        program: &str,
        folder: &Path,
        seed: &Path,
        further: &[String],
    ) -> Result<Self> {
        let password = folder.join("password");
        std::fs::write(&password, PASSWORD)?;
        let mut args = vec![
            "--listen=127.0.0.1:0".to_owned(),
            format!("--seed={}", seed.display()),
            format!("--username={USER}"),
            format!("--password-file={}", password.display()),
        ];
        args.extend_from_slice(further);
        let (program, address) = Program::listening(program, &args, folder).await?;
        Ok(Self {
            program,
            address,
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// Its process.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Every object of the Controller, by type.
    pub async fn dump(&self) -> Result<Value> {
        Ok(self.get("dump").await?.json().await?)
    }

    /// Every request since the start, or since the log was cleared.
    pub async fn log(&self) -> Result<Vec<Request>> {
        Ok(self.get("log").await?.json().await?)
    }

    /// The requests after one, by its number.
    pub async fn log_after(&self, seq: u64) -> Result<Vec<Request>> {
        Ok(self.get(&format!("log?after={seq}")).await?.json().await?)
    }

    /// The requests to change something.
    pub async fn writes(&self) -> Result<Vec<Request>> {
        let mut log = self.log().await?;
        log.retain(Request::is_write);
        Ok(log)
    }

    /// Forgets the requests so far.
    pub async fn clear_log(&self) -> Result<()> {
        let request = self.http.delete(self.door("log"));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Replaces all fault rules.
    pub async fn set_faults(&self, rules: &[Value]) -> Result<()> {
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
