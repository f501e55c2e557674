//! What the pages tell people to type: each block of helm and kubectl is run as it stands there, on
//! a real kube-apiserver that has what AKO's own chart left.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that finds another shape fails all the same"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use aviary_tests::corpus::scenarios;
use aviary_tests::kube::Kube;
use aviary_tests::tools::{find, root};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A shell in a folder with the chart and AKO's values, whose kubectl and helm mean this cluster.
struct Desk {
    kube: Kube,
    folder: TempDir,
}

impl Desk {
    fn set() -> Result<Self> {
        let kube = Kube::start()?;
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("bin"))?;
        for program in ["helm", "kubectl"] {
            symlink(find(program)?, at("bin").join(program))?;
        }
        symlink(root().join("charts"), at("charts"))?;
        let baseline = fs::read_to_string(scenarios().join("baseline.yaml"))?;
        let mut values: Value = serde_saphyr::from_str(&baseline)?;
        values["ControllerSettings"]["controllerHost"] = json!("192.0.2.10");
        fs::write(at("values.yaml"), values.to_string())?;
        let desk = Self { kube, folder };
        desk.furnish()?;
        Ok(desk)
    }

    /// What AKO's chart made, and a ServiceAccount for people.
    fn furnish(&self) -> Result<()> {
        let here = |name: &str| json!({"name": name, "namespace": "avi-system"});
        let labels = json!({"app": "ako"});
        let items = [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "avi-system"}}),
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": here("ops")}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": here("avi-secret"),
                "stringData": {"username": "admin", "password": "secret"}}),
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
                "metadata": {"name": "avi-lb"}, "spec": {"controller": "ako.vmware.com/avi-lb"}}),
            json!({
                "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": here("ako"),
                "spec": {
                    "serviceName": "ako", "replicas": 1, "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"containers": [{"name": "ako", "image": "ako"}]},
                    },
                },
            }),
        ];
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.kube
            .kubectl(&["apply", "-f", "-"], &list.to_string())?;
        Ok(())
    }

    /// Runs a block to its end.
    fn type_in(&self, block: &str) -> Result<()> {
        let script = format!("PATH=$PWD/bin:$PATH\nexport PATH\n{block}");
        let output = Command::new("sh")
            .args(["-e", "-c", &script])
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("KUBECONFIG", self.kube.kubeconfig())
            .output()
            .context("start a shell")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{block}: {errors}");
        Ok(())
    }

    /// One object, if there is one.
    fn get(&self, what: &str) -> Result<Option<Value>> {
        let args = [
            "get",
            what,
            "-n",
            "avi-system",
            "-o",
            "json",
            "--ignore-not-found",
        ];
        let printed = self.kube.kubectl(&args, "")?;
        Ok(serde_json::from_str(&printed).ok())
    }

    /// One object that must be there.
    fn found(&self, what: &str) -> Result<Value> {
        self.get(what)?.with_context(|| format!("no {what}"))
    }

    /// The translator's command line.
    fn flags(&self) -> Result<String> {
        let workload = self.found("statefulset/aviary-translator")?;
        Ok(workload["spec"]["template"]["spec"]["containers"].to_string())
    }

    fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.folder.path().join(file)).with_context(|| file.to_owned())
    }
}

/// The blocks of a page's section that are in this language; of the part before the first section,
/// if none is named.
fn blocks(page: &str, section: &str, language: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(root().join(page)).context("read a page")?;
    let text = match section {
        "" => &text,
        named => {
            text.split_once(&format!("\n## {named}\n"))
                .with_context(|| format!("{page} has no section {named}"))?
                .1
        }
    };
    let text = text.split("\n## ").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut block: Option<(usize, Vec<&str>)> = None;
    for line in text.lines() {
        let bare = line.trim_start();
        match &mut block {
            None if bare == format!("```{language}") => {
                block = Some((line.len() - bare.len(), Vec::new()));
            }
            Some((_, lines)) if bare == "```" => {
                found.push(lines.join("\n"));
                block = None;
            }
            // What stands in a list is indented as a whole.
            Some((indent, lines)) => lines.push(line.get(*indent..).unwrap_or_default()),
            None => {}
        }
    }
    ensure!(!found.is_empty(), "{page} {section}: no {language}");
    Ok(found)
}

const MIGRATING: &str = "docs/migrating.md";
const CHART: &str = "charts/aviary/README.md";

/// Runs what a section of a page tells; what needs a pod is left out, and answered.
fn follow(desk: &Desk, page: &str, section: &str, language: &str) -> Result<Vec<String>> {
    let mut left = Vec::new();
    for block in blocks(page, section, language)? {
        let (forwards, runs): (Vec<&str>, Vec<&str>) = block
            .lines()
            .partition(|line| line.contains(" port-forward "));
        desk.type_in(&runs.join("\n"))?;
        left.extend(forwards.into_iter().map(str::to_owned));
    }
    Ok(left)
}

#[test]
fn the_way_from_ako_and_back_is_as_the_page_tells() -> Result<()> {
    let desk = Desk::set()?;
    follow(&desk, MIGRATING, "Observe", "console")?;
    ensure!(desk.flags()?.contains("\"--observe\""), "{}", desk.flags()?);

    // How people reach it: a port that is forwarded is one of its Service.
    let forwards = follow(&desk, MIGRATING, "", "console")?;
    ensure!(
        desk.read("ca.pem")?.contains("BEGIN CERTIFICATE"),
        "no authority"
    );
    ensure!(desk.read("token")?.matches('.').count() == 2, "no token");
    let service = desk.found("service/aviary-translator")?;
    let ports = service["spec"]["ports"].as_array().context("ports")?;
    let has = |line: &String| {
        ports
            .iter()
            .any(|port| line.contains(&port["port"].to_string()))
    };
    ensure!(forwards.len() == 1 && forwards.iter().all(has), "{service}");
    ensure!(desk.found("secret/aviary-translator-tls")?["data"]["ca.crt"].is_string());

    follow(&desk, MIGRATING, "Cut over", "console")?;
    let flags = desk.flags()?;
    ensure!(!flags.contains("--observe"), "{flags}");
    ensure!(desk.found("statefulset/ako")?["spec"]["replicas"] == 0);
    for what in ["secret/avi-secret", "ingressclass/avi-lb"] {
        let object = desk.found(what)?;
        let annotations = &object["metadata"]["annotations"];
        ensure!(annotations["helm.sh/resource-policy"] == "keep", "{object}");
    }

    follow(&desk, MIGRATING, "Back to AKO", "console")?;
    ensure!(
        desk.get("statefulset/aviary-translator")?.is_none(),
        "it is still there"
    );
    ensure!(desk.found("statefulset/ako")?["spec"]["replicas"] == 1);
    for what in ["secret/avi-secret", "ingressclass/avi-lb"] {
        desk.found(what)?;
    }

    // A further cluster has agents alone, and they know what it is called.
    follow(&desk, MIGRATING, "Several clusters", "console")?;
    ensure!(
        desk.get("statefulset/aviary-translator")?.is_none(),
        "another translator"
    );
    let agents = desk.found("deployment/aviary-cluster-agent")?.to_string();
    for flag in [
        "--cluster=lab",
        "--translator=https://translator.example:9443",
        "--all-namespaces",
    ] {
        ensure!(agents.contains(flag), "no {flag}: {agents}");
    }
    ensure!(desk.found("statefulset/ako")?["spec"]["replicas"] == 0);
    Ok(())
}

#[test]
fn the_charts_page_installs_what_it_says() -> Result<()> {
    let desk = Desk::set()?;
    for name in ["shop", "blog"] {
        desk.kube.kubectl(&["create", "namespace", name], "")?;
    }
    let class = ["delete", "ingressclass", "avi-lb"];
    desk.kube.kubectl(&class, "")?;
    follow(&desk, CHART, "", "sh")?;
    let pods = "get deployments --all-namespaces -o name";
    let pods: Vec<&str> = pods.split(' ').collect();
    let agents = desk.kube.kubectl(&pods, "")?;
    ensure!(agents.lines().count() == 3, "{agents}");

    // A second instance, and a further cluster on either side: values over those of the first.
    follow(&desk, CHART, "A second cluster", "sh")?;
    ensure!(desk.read("blue.jwks")?.contains("keys"), "no keys");
    let mut told = blocks(CHART, "A second instance", "yaml")?;
    told.extend(blocks(CHART, "A second cluster", "yaml")?);
    ensure!(told.len() == 3, "{told:?}");
    for values in told {
        fs::write(desk.folder.path().join("told.yaml"), &values)?;
        let over = "helm template aviary charts/aviary --namespace avi-system \
            -f values.yaml -f told.yaml --set ControllerSettings.controllerHost=192.0.2.10 \
            | kubectl apply --server-side --force-conflicts --dry-run=server -f -";
        desk.type_in(over).context(values)?;
    }
    Ok(())
}

/// No page tells of helm or kubectl what nothing here runs.
#[test]
fn no_other_page_tells_commands_of_helm_and_kubectl() -> Result<()> {
    let mut pages = vec!["README.md".to_owned(), CHART.to_owned()];
    for entry in fs::read_dir(root().join("docs"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|it| it == "md") {
            pages.push(format!("docs/{name}"));
        }
    }
    for page in pages {
        let text = fs::read_to_string(root().join(&page))?;
        let commands = text
            .lines()
            .map(str::trim_start)
            .filter(|line| line.starts_with("helm ") || line.starts_with("kubectl "));
        let count = commands.count();
        let known = match page.as_str() {
            MIGRATING => 12,
            CHART => 4,
            _ => 0,
        };
        ensure!(
            count == known,
            "{page}: {count} commands, of which {known} are run"
        );
    }
    Ok(())
}
