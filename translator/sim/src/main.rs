//! avi-sim: the simulated Avi Controller as a program.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use aviary_sim::{Clock, Credentials, Options, Seed, Simulator, TokioClock, server_config};
use clap::Parser;
use tokio::net::TcpListener;

/// A simulated Avi Controller: REST API, sessions, IPAM, fault injection.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Objects at the start, a JSON file {kind: [objects]}; a small lab if absent.
    #[arg(long)]
    seed: Option<PathBuf>,
    /// Time that each request takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Certificate chain (PEM); serves HTTPS.
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM).
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Fill answers up with the Controller's defaults.
    #[arg(long)]
    fill_defaults: bool,
    /// Where uuids and session ids come from: equal numbers give equal ones.
    #[arg(long, default_value_t = 0)]
    random_seed: u64,
    /// The one user that may log in; anybody may if absent.
    #[arg(long, requires = "password_file")]
    username: Option<String>,
    /// File with that user's password.
    #[arg(long, requires = "username")]
    password_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let simulator = Simulator::new(options(&arguments)?).context("cannot load the seed")?;
    let tls = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(certificate), Some(key)) => Some(server_config(certificate, key)?),
        _ => None,
    };
    let listener = TcpListener::bind(arguments.listen)
        .await
        .context("cannot listen")?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let address = listener.local_addr().context("cannot tell the address")?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on {scheme}://{address}").and_then(|()| out.flush())?;
    match tls {
        None => simulator.serve(listener).await?,
        Some(tls) => simulator.serve_tls(listener, tls).await?,
    }
    Ok(())
}

fn options(arguments: &Arguments) -> anyhow::Result<Options> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let seed = match &arguments.seed {
        None => Seed::Lab,
        Some(path) => Seed::Objects(
            serde_json::from_str(&read(path)?)
                .with_context(|| format!("{} is no JSON", path.display()))?,
        ),
    };
    let credentials = match (&arguments.username, &arguments.password_file) {
        (Some(user), Some(file)) => {
            let password = read(file)?.trim_end().to_owned();
            Credentials::Users([(user.clone(), password)].into())
        }
        _ => Credentials::Any,
    };
    let clock = TokioClock::starting_at(now_micros()?);
    // It starts with its first reading: now, not with the first request.
    clock.now_micros();
    Ok(Options {
        seed,
        credentials,
        fill_defaults: arguments.fill_defaults,
        delay: Duration::from_millis(arguments.delay_ms),
        random_seed: arguments.random_seed,
        clock: Arc::new(clock),
        scheme: if arguments.tls_cert.is_some() {
            "https"
        } else {
            "http"
        },
    })
}

#[expect(clippy::disallowed_methods, reason = "the program shows the real time")]
fn now_micros() -> anyhow::Result<u64> {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(u64::try_from(elapsed.as_micros())?)
}
