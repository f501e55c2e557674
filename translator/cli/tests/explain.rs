//! `aviary explain` beside `aviary demo`, as people use both.

#![allow(clippy::expect_used, reason = "a test: a panic is a failure")]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");

/// A running demo.
struct Demo {
    child: Child,
    translator: String,
    /// Held open: who writes into a closed pipe ends.
    _stdout: BufReader<ChildStdout>,
    _statuses: tempfile::TempDir,
}

impl Demo {
    fn start() -> Self {
        let statuses = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_aviary"))
            .args(["demo", "--examples", EXAMPLES, "--status-dir"])
            .arg(statuses.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        let translator = loop {
            line.clear();
            let read = stdout.read_line(&mut line).expect("text");
            assert!(read > 0, "the demo ended");
            if let Some((_, address)) = line.trim().split_once("--translator ") {
                break address.to_owned();
            }
        };
        Self {
            child,
            translator,
            _stdout: stdout,
            _statuses: statuses,
        }
    }

    fn explain(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_aviary"))
            .arg("explain")
            .args(args)
            .args(["--translator", &self.translator])
            .output()
            .expect("the program runs")
    }

    fn text(&self, args: &[&str]) -> String {
        let output = self.explain(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn json(&self, args: &[&str]) -> Value {
        let text = self.text(&[args, &["-o", "json"]].concat());
        serde_json::from_str(&text).expect("JSON")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn both_ways_are_explained_as_text_and_json() {
    let demo = Demo::start();
    let text = demo.text(&["ingress/accounts/accounts"]);
    for part in [
        "Ingress accounts/accounts in cluster ",
        "sslkeyandcertificate admin/",
        "FIELD",
        "spec.tls[0]",
        "claim   host account.avi.internal in tenant admin: held",
        "<sensitive>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("PRIVATE KEY"));
    let answer = demo.json(&["ingress/accounts/accounts"]);
    assert_eq!(answer["source"]["kind"], "Ingress");
    let objects = answer["objects"].as_array().expect("a list");
    let child = objects
        .iter()
        .find(|object| object["type"] == "sslkeyandcertificate")
        .expect("a certificate");
    let name = format!(
        "sslkeyandcertificate/{}",
        child["name"].as_str().expect("a name")
    );
    let answer = demo.json(&[&name, "--field", "key"]);
    let field = &answer["objects"][0]["fields"][0];
    assert_eq!(field["value"], "<sensitive>");
    assert_eq!(field["origins"][0]["object"]["kind"], "Secret");
    assert_eq!(field["origins"][0]["object"]["path"], "data['tls.key']");
    let text = demo.text(&[&name]);
    assert!(
        text.contains("Secret accounts/accounts-tls data['tls.crt']"),
        "{text}"
    );
    for (asked, says) in [
        (
            &["ingress/accounts/none"][..],
            "there is no Ingress accounts/none",
        ),
        (&["deployment/accounts/none"], "source.key.kind"),
        (&[&name, "--field", "none"], "there is no field none"),
        (
            &["ingress/accounts/accounts", "--cluster", "other"],
            "there is no Ingress",
        ),
    ] {
        let output = demo.explain(asked);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(says),
            "{asked:?}: {said}"
        );
    }
}

#[test]
fn a_code_is_explained_without_a_translator() {
    let explain = |what: &str| {
        Command::new(env!("CARGO_BIN_EXE_aviary"))
            .args(["explain", what])
            .output()
            .expect("the program runs")
    };
    let output = explain("avy-1104");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(
        output.status.success() && text.starts_with("# AVY-1104: "),
        "{text}"
    );
    assert!(text.contains("## What to do"));
    let output = explain("AVY-9999");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("AVY-9999"),
        "{said}"
    );
}
