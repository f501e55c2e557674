//! Every state of every listed scenario, field by field, but for docs/departures.yaml.
//!
//! Checksums count too. AKO writes an object anew when nothing but its checksum changed; we never
//! write for a checksum (docs/adr/0010), so the one that is *stored* may be of an earlier, equal
//! body. What is compared is therefore the checksum that the *desired* body of the state carries:
//! it is the one that the next write would store, and the one that a returning AKO compares.
//! Checksums of HTTP policy sets depend on how often AKO computed them, and are exempt.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use aviary_avi::{AviKind, Desired};
use aviary_tests::corpus::{Played, goldens, listed, scenarios};
use aviary_tests::tools::root;
use serde_json::{Map, Value, json};

#[test]
fn every_listed_state_equals_the_corpus_but_for_the_departures() -> Result<()> {
    let played = listed()?;
    let folder = tempfile::tempdir()?;
    write_states(played, folder.path())?;
    let report = compare(played, folder.path())?;
    // Those of statuses are for the live tests, which have an apiserver to write them to.
    let mut unneeded = report
        .lines()
        .filter(|line| line.starts_with("departure not needed"));
    ensure!(unneeded.all(|line| line.contains("'status:")), "{report}");
    Ok(())
}

#[test]
fn the_controller_refuses_nothing_and_nothing_waits() -> Result<()> {
    for played in listed()? {
        for state in &played.states {
            let settled = &state.outcome.settled;
            let (place, refused) = (format!("{} {}", played.name, state.name), &settled.refused);
            ensure!(refused.is_empty(), "{place}: refused {refused:?}");
            ensure!(
                settled.holds.is_empty(),
                "{place}: held {:?}",
                settled.holds
            );
        }
    }
    Ok(())
}

/// The comparator pairs what both sides have; so that it compares something, each stored checksum
/// must have a counterpart.
#[test]
fn every_object_with_a_checksum_in_the_corpus_has_one_of_ours() -> Result<()> {
    let mut missing = Vec::new();
    for played in listed()? {
        for state in &played.states {
            let file = format!("_cksum/{}/{}.json", played.name, state.name);
            let golden: Value = serde_json::from_slice(&fs::read(goldens().join(&file))?)?;
            let ours = checksums(&state.desired);
            let names = golden.as_object().context("checksums by object")?.keys();
            let wanted = names.filter(|name| !name.starts_with("httppolicyset "));
            let absent = wanted.filter(|name| !ours.contains_key(*name));
            missing.extend(absent.map(|name| format!("{file}: {name}")));
        }
    }
    // The pool, and its group, of the host whose certificate is gone, and the addresses and the
    // virtual service that AKO leaks: docs/departures.yaml.
    let departed = |line: &String| {
        let lost = "lab--share09-a-shop.share09.avi.lab_a-a";
        line.contains("share/09-sharer-loses-secret/02-delete") && line.contains(lost)
            || line.contains("boot/05-shard-size-changed/02-restart.json: vsvip ")
            || line.contains("dedicated/09-host-removed/02-one.json: ")
                && line.contains(" lab--b.dedicated09.avi.lab-L7-dedicated ")
    };
    missing.retain(|line| !departed(line));
    ensure!(missing.is_empty(), "{}", missing.join("\n"));
    Ok(())
}

/// Writes each state in the normal form, and the checksums beside them, as the corpus has them.
fn write_states(played: &[Played], folder: &Path) -> Result<()> {
    let mut jobs = String::new();
    for one in played {
        for state in &one.states {
            let place = |tree: &str| folder.join(tree).join(&one.name);
            for tree in ["raw", "got", "got/_cksum"] {
                fs::create_dir_all(place(tree))?;
            }
            let file = format!("{}.json", state.name);
            let raw = place("raw").join(&file);
            fs::write(&raw, json!({"avi": state.outcome.avi}).to_string())?;
            let sums = Value::Object(checksums(&state.desired)).to_string();
            fs::write(place("got/_cksum").join(&file), sums)?;
            let (raw, got) = (raw.display(), place("got").join(&file));
            writeln!(jobs, "{raw}\t{}", got.display())?;
        }
    }
    normalise(&jobs)
}

/// The checksums of the desired bodies, as `goldens/_cksum` spells them.
fn checksums(desired: &Desired) -> Map<String, Value> {
    let mut sums = Map::new();
    for (key, object) in &desired.objects {
        let body = serde_json::to_value(&*object.body).unwrap_or_default();
        let mut of_object = Map::new();
        for field in ["cloud_config_cksum", "vsvip_cloud_config_cksum"] {
            if let Some(sum) = body.get(field).filter(|sum| !sum.is_null()) {
                of_object.insert(field.to_owned(), sum.clone());
            }
        }
        if !of_object.is_empty() && key.kind != AviKind::HttpPolicySet {
            let name = format!("{} {} tenant: {}", key.kind, key.name, key.tenant);
            sums.insert(name, of_object.into());
        }
    }
    sums
}

/// Runs the corpus's `normal` over many files in one interpreter, which costs more than the work.
const NORMALISE: &str = "
import contextlib, runpy, sys
program, controller = sys.argv[1:]
for job in sys.stdin.read().splitlines():
    source, target = job.split('\\t')
    sys.argv = [program, '--controller', controller, source]
    with open(target, 'w') as out, contextlib.redirect_stdout(out):
        runpy.run_path(program, run_name='__main__')
";

fn normalise(jobs: &str) -> Result<()> {
    let mut child = python(&["-c".into(), NORMALISE.into()])
        .arg(goldens().join("normal"))
        .arg(scenarios().join("controller.json"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("start python3")?;
    let mut pipe = child.stdin.take().context("a pipe to python3")?;
    pipe.write_all(jobs.as_bytes())
        .context("tell python3 what to do")?;
    drop(pipe);
    let output = child.wait_with_output().context("wait for python3")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "normal: {errors}");
    Ok(())
}

/// Runs `parity` once over all that was played; answers what it prints.
fn compare(played: &[Played], folder: &Path) -> Result<String> {
    let names: Vec<&str> = played.iter().map(|one| one.name.as_str()).collect();
    let output = python(&[goldens().join("parity")])
        .args(["--strict", "--section", "avi", "--show", "20"])
        .args(["--only", &names.join(",")])
        .arg("--departures")
        .arg(root().join("docs/departures.yaml"))
        .args([goldens(), folder.join("got")])
        .output()
        .context("start python3")?;
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{report}{errors}");
    let total = report.lines().find(|line| line.starts_with("all "));
    let count = total.and_then(|line| line.split_whitespace().nth(1));
    ensure!(count == Some(&played.len().to_string()), "{report}");
    Ok(report)
}

fn python(args: &[PathBuf]) -> Command {
    let mut command = Command::new("python3");
    command.args(args).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
