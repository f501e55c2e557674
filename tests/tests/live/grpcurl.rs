//! The real grpcurl against the real translator: what a person sees, and what nobody may see.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use aviary_tests::tools;
use serde_json::{Value, json};

use crate::scene::{Scene, text};
use crate::sim::PASSWORD;

/// The services that reflection tells.
const SERVICES: &[&str] = &[
    "aviary.admin.v1.AdminService",
    "aviary.query.v1.QueryService",
    "aviary.sync.v1.SyncService",
    "grpc.health.v1.Health",
];

/// grpcurl, and everything that it printed.
struct Caller {
    address: String,
    printed: String,
}

impl Caller {
    fn run(&mut self, before: &[&str], after: &[&str]) -> Result<Output> {
        let output = Command::new(tools::find("grpcurl")?)
            .args(["-plaintext", "-max-time", "60"])
            .args(before)
            .arg(&self.address)
            .args(after)
            .output()
            .context("start grpcurl")?;
        for text in [&output.stdout, &output.stderr] {
            self.printed.push_str(&String::from_utf8_lossy(text));
        }
        Ok(output)
    }

    fn print(&mut self, words: &[&str]) -> Result<String> {
        let output = self.run(&[], words)?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "grpcurl {words:?}: {errors}");
        Ok(String::from_utf8(output.stdout)?)
    }

    fn call(&mut self, method: &str, request: &Value) -> Result<Value> {
        let output = self.run(&["-d", &request.to_string()], &[method])?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{method} {request}: {errors}");
        serde_json::from_slice(&output.stdout).with_context(|| format!("the answer of {method}"))
    }

    /// A call of the query service.
    fn ask(&mut self, method: &str, request: &Value) -> Result<Value> {
        self.call(&format!("aviary.query.v1.QueryService/{method}"), request)
    }

    /// A call that must be refused for what it says.
    fn refused(&mut self, method: &str, request: &Value) -> Result<()> {
        let method = format!("aviary.query.v1.QueryService/{method}");
        let output = self.run(&["-d", &request.to_string()], &[&method])?;
        let errors = String::from_utf8_lossy(&output.stderr);
        for word in ["InvalidArgument", "Details:"] {
            ensure!(
                errors.contains(word),
                "{method} {request}, no {word}: {errors}"
            );
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_grpcurl_lists_asks_and_is_refused_and_no_secret_is_told() -> Result<()> {
    let scene = Scene::set_verbose("e2e-grpcurl").await?;
    scene.apply(&scene.shop.objects).await?;
    let mut caller = Caller {
        address: scene.stack.address()?.to_owned(),
        printed: String::new(),
    };
    reflection(&mut caller)?;
    let health = caller.call("grpc.health.v1.Health/Check", &json!({}))?;
    ensure!(health["status"] == "SERVING", "{health}");
    questions(&mut caller)?;
    refusals(&mut caller)?;
    for place in [scene.stack.folder(), scene.stack.store()] {
        told(&place, &mut caller.printed)?;
    }
    for secret in secrets(&scene.shop.key) {
        // The secret itself would do harm in a log of this test, too.
        ensure!(
            !caller.printed.contains(&secret),
            "a secret of {} bytes was told",
            secret.len()
        );
    }
    Ok(())
}

/// Both versions of the reflection service, and what is told with them.
fn reflection(caller: &mut Caller) -> Result<()> {
    let listed = caller.print(&["list"])?;
    for service in SERVICES {
        ensure!(
            listed.lines().any(|line| line == *service),
            "no {service} in {listed}"
        );
    }
    for version in ["v1", "v1alpha"] {
        let method = format!("grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let answer = caller.call(&method, &json!({"list_services": ""}))?;
        let services = answer["listServicesResponse"]["service"].to_string();
        ensure!(services.contains(SERVICES[1]), "{version}: {answer}");
    }
    let described = caller.print(&["describe", "aviary.query.v1.QueryService.WaitConverged"])?;
    ensure!(
        described.contains("// Answers once"),
        "without comments: {described}"
    );
    Ok(())
}

fn questions(caller: &mut Caller) -> Result<()> {
    caller.ask("WaitConverged", &json!({"everything": {}}))?;
    let key = json!({"group": "networking.k8s.io", "kind": "Ingress",
        "namespace": "e2e-grpcurl", "name": "secure"});
    caller.ask(
        "WaitConverged",
        &json!({"object": {"cluster": "lab", "key": key}}),
    )?;
    let map = caller.ask("GetShardMap", &json!({"cluster": "lab"}))?;
    let entries = map["entries"].as_array().context("no entries")?;
    let mut hosts: Vec<&str> = entries.iter().map(|entry| text(&entry["host"])).collect();
    hosts.retain(|host| host.ends_with(".e2e-grpcurl.avi.lab"));
    ensure!(
        hosts == ["pay.e2e-grpcurl.avi.lab", "shop.e2e-grpcurl.avi.lab"],
        "{map}"
    );
    for side in ["SIDE_DESIRED", "SIDE_OBSERVED"] {
        let request = json!({"side": side, "with_body": true, "page_size": 1000});
        let list = caller.ask("ListObjects", &request)?;
        let objects = list["objects"].as_array().context("no objects")?;
        let certificate = objects.iter().find(|object| {
            object["ref"]["type"] == "sslkeyandcertificate"
                && text(&object["ref"]["name"]).contains("pay.e2e-grpcurl.avi.lab")
        });
        let certificate = certificate.context("no certificate")?;
        let body: Value = serde_json::from_str(text(&certificate["body"]))?;
        ensure!(
            body["certificate"]
                .to_string()
                .contains("BEGIN CERTIFICATE"),
            "{body}"
        );
        caller.ask("GetObject", &json!({"ref": certificate["ref"]}))?;
    }
    for method in ["ListAgents", "ListScopes", "ListFindings", "GetPlan"] {
        caller.ask(method, &json!({}))?;
    }
    Ok(())
}

fn refusals(caller: &mut Caller) -> Result<()> {
    for (method, request) in [
        ("WaitConverged", json!({})),
        ("WaitConverged", json!({"object": {"cluster": "lab"}})),
        ("ListObjects", json!({"page_token": "no such page"})),
        ("ListObjects", json!({"page_size": 1_000_000})),
        ("ListObjects", json!({"type": "no such type"})),
        ("GetObject", json!({})),
    ] {
        caller.refused(method, &request)?;
    }
    Ok(())
}

/// Everything that the programs wrote, to their logs and to their store; their inputs aside.
fn told(folder: &Path, into: &mut String) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name != "password") {
            into.push_str(&String::from_utf8_lossy(&fs::read(path)?));
        }
    }
    Ok(())
}

/// The password, and every part of the key in each of the forms that it travels in.
fn secrets(key: &str) -> Vec<String> {
    let mut secrets = vec![PASSWORD.to_owned()];
    secrets.extend(
        key.lines()
            .filter(|line| !line.starts_with('-'))
            .map(str::to_owned),
    );
    // As a Secret's `data` has it: the Base64 of the text, whose beginning every key shares.
    let encoded = base64(key.as_bytes());
    let middle: String = encoded.chars().skip(80).take(60).collect();
    secrets.push(middle);
    secrets
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
