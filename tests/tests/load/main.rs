//! The load program itself, with a handful of hosts: every round comes to its end and counts what is
//! there. Times are not looked at.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use aviary_tests::load::{Kind, Options, Report, SourceKind, alone, run};

/// Hosts of a load.
const HOSTS: usize = 6;
const REPEATS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_round_ends_with_secure_hosts_of_manifests() -> Result<()> {
    let report = play(Kind::Secure, SourceKind::Manifests, 1).await?;
    ensure!(made(&report, "sslkeyandcertificate") == HOSTS, "{report}");
    check(&report)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_round_ends_with_services_of_manifests() -> Result<()> {
    let report = play(Kind::L4, SourceKind::Manifests, 0).await?;
    ensure!(made(&report, "virtualservice") == HOSTS, "{report}");
    check(&report)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_round_ends_with_insecure_hosts_of_an_apiserver() -> Result<()> {
    let report = play(Kind::Insecure, SourceKind::Apiserver, 0).await?;
    ensure!(made(&report, "sslkeyandcertificate") == 0, "{report}");
    let has_run = |name| {
        report
            .boot
            .cluster
            .get(name)
            .is_some_and(|it| it.rss_peak_mib > 0.0)
    };
    ensure!(has_run("kube-apiserver") && has_run("etcd"), "{report}");
    check(&report)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_controller_alone_takes_every_write() -> Result<()> {
    let played = alone(&options(Kind::Insecure, SourceKind::Manifests, 0)?).await?;
    ensure!(played.writes == 2 * HOSTS, "{played}");
    Ok(())
}

async fn play(kind: Kind, source: SourceKind, delay_ms: u64) -> Result<Report> {
    run(&options(kind, source, delay_ms)?).await
}

fn options(kind: Kind, source: SourceKind, delay_ms: u64) -> Result<Options> {
    let here = std::env::current_exe()?;
    let programs = here.parent().and_then(Path::parent);
    Ok(Options {
        hosts: HOSTS,
        kind,
        delay_ms,
        source,
        repeats: REPEATS,
        burst: HOSTS,
        controller_alone: false,
        programs: programs.context("the target folder")?.to_owned(),
        json: None,
    })
}

/// What is so for every kind of hosts.
fn check(report: &Report) -> Result<()> {
    ensure!(made(report, "pool") == HOSTS, "{report}");
    ensure!(report.boot.statuses == HOSTS, "{report}");
    // The last host's endpoints stay as they are.
    ensure!(report.burst.writes == HOSTS - 1, "{report}");
    ensure!(report.restart.writes == BTreeMap::new(), "{report}");
    let counts = [&report.endpoint.write, &report.ingress.write].map(|it| it.count);
    ensure!(counts == [REPEATS; 2], "{report}");
    ensure!(report.after_boot.count > 0, "{report}");
    for usage in [
        &report.boot.translator,
        &report.boot.agent,
        &report.agent_idle,
    ] {
        ensure!(usage.rss_peak_mib > 1.0, "{report}");
    }
    Ok(())
}

fn made(report: &Report, kind: &str) -> usize {
    let writes = &report.boot.writes;
    writes
        .get(&format!("POST {kind}"))
        .copied()
        .unwrap_or_default()
}
