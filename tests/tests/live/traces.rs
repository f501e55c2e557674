//! One trace from kubectl's edit to the status, over both programs.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use aviary_proto::admin::v1::admin_service_client::AdminServiceClient;
use aviary_proto::admin::v1::pause_target::Target;
use aviary_proto::admin::v1::{PauseRequest, PauseTarget, ResumeRequest};
use aviary_proto::types::v1::Scope;
use serde_json::{Value, json};

use crate::cluster::CLUSTER;
use crate::collector::{Collector, Span, TOKEN};
use crate::program::until;
use crate::scene::{Scene, text};
use crate::sim::PASSWORD;
use crate::stack::{Stack, baseline, over};

/// The stages; nothing else leaves a process: no h2, hyper, tower or tonic, no stream, no question.
const STAGES: [&str; 7] = [
    "aviary.build",
    "aviary.diff",
    "aviary.execute",
    "aviary.ingest",
    "aviary.rest",
    "aviary.status",
    "aviary.watch",
];

/// A scene whose programs send their spans to a collector; all hosts share one shard.
async fn traced(namespace: &str, collector: &Collector) -> Result<Scene> {
    let settings = over(
        &baseline()?,
        &json!({"L7Settings": {"shardVSSize": "SMALL"}}),
    );
    let stack = Stack::start_traced(&settings, collector.environment()).await?;
    Scene::set_around(namespace, stack).await
}

/// All objects of a shop but its Ingresses.
async fn furnish(scene: &Scene) -> Result<()> {
    let is = |object: &Value, kind: &str| object["kind"] == kind;
    let (secrets, others): (Vec<_>, Vec<_>) = scene
        .shop
        .objects
        .iter()
        .filter(|it| !is(it, "Ingress"))
        .cloned()
        .partition(|it| is(it, "Secret"));
    scene.apply(&others).await?;
    // Nobody asks for it yet, so that nobody will see it.
    scene.kubectl_apply(&secrets).map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_one_edit_is_one_trace_from_the_watch_to_the_status() -> Result<()> {
    let collector = Collector::start().await?;
    let mut scene = traced("traces-edit", &collector).await?;
    furnish(&scene).await?;
    scene.stack.sim.clear_log().await?;
    scene
        .apply(&[scene.shop.object("Ingress", "plain")?])
        .await?;
    let writes = scene.stack.sim.writes().await?;

    let watch = collector
        .until("the edit's status", |spans| {
            let watch = spans.iter().find(|it| it.is("aviary.watch", "plain"))?;
            let told = spans.iter().filter(|it| it.is("aviary.status", "plain"));
            let mut told = told.filter(|it| it.trace == watch.trace);
            told.any(|it| it.says("aviary.write") == "apply")
                .then(|| watch.clone())
        })
        .await?;
    // With a key that must show up nowhere.
    let secure = scene.shop.object("Ingress", "secure")?;
    scene.apply(&[secure]).await?;
    let logs = scene.stack.words()?;
    let spans = ended(&mut scene, &collector).await?;
    let tree: Vec<&Span> = spans.iter().filter(|it| it.trace == watch.trace).collect();
    check_tree(&tree, &watch)?;

    let calls: BTreeSet<_> = tree
        .iter()
        .filter(|it| it.name == "aviary.rest" && it.says("http.request.method") != "GET")
        .map(|it| {
            ensure!(
                it.says("http.response.status_code").starts_with('2'),
                "{it:?}"
            );
            ensure!(it.says("aviary.attempt") == "1", "{it:?}");
            Ok(
                ["http.request.method", "aviary.avi.type", "aviary.avi.name"]
                    .map(|key| it.says(key)),
            )
        })
        .collect::<Result<_>>()?;
    let written = writes.iter().map(|it| [&*it.method, &*it.kind, &*it.name]);
    let written: BTreeSet<_> = written.collect();
    ensure!(
        !written.is_empty() && calls == written,
        "{calls:?}\n{written:?}"
    );

    let line = format!("trace_id={}", watch.trace);
    let plan = logs
        .lines()
        .find(|it| it.contains("a plan goes out") && it.contains(&line));
    plan.context("the log does not name the trace")?;
    check_secrets(&spans, &logs, &scene.shop.key)?;
    collector.check_tokens()
}

/// watch -> ingest -> build -> diff -> execute -> rest, and status below what was executed.
fn check_tree(tree: &[&Span], watch: &Span) -> Result<()> {
    ensure!(
        watch.parent.is_empty() && watch.service == "aviary-agent",
        "{watch:?}"
    );
    let below = |parent: &Span, name: &str| -> Result<Span> {
        let mut found = tree
            .iter()
            .filter(|it| it.name == name && it.parent == parent.id);
        let span = found
            .next()
            .with_context(|| format!("no {name} below {parent:?}"))?;
        Ok((*span).clone())
    };
    let ingest = below(watch, "aviary.ingest")?;
    ensure!(ingest.says("aviary.outcome") == "accepted", "{ingest:?}");
    let diff = below(&below(&ingest, "aviary.build")?, "aviary.diff")?;
    let execute = below(&diff, "aviary.execute")?;
    below(&execute, "aviary.rest")?;
    for span in tree {
        let parents = match &*span.name {
            "aviary.watch" => continue,
            "aviary.rest" | "aviary.status" => "aviary.execute",
            "aviary.execute" => "aviary.diff",
            _ => "aviary.",
        };
        let parent = tree.iter().find(|it| it.id == span.parent);
        let parent = parent.with_context(|| format!("no parent of {span:?}"))?;
        ensure!(
            parent.name.starts_with(parents),
            "{span:?} below {parent:?}"
        );
        let home = match &*span.name {
            "aviary.status" => "aviary-agent",
            _ => "aviary-translator",
        };
        ensure!(span.service == home, "{span:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_what_edits_share_names_all_of_them() -> Result<()> {
    let collector = Collector::start_tls().await?;
    let mut scene = traced("traces-burst", &collector).await?;
    furnish(&scene).await?;
    let plain = scene.shop.object("Ingress", "plain")?;
    let mut also = plain.clone();
    also["metadata"]["name"] = json!("also");
    also["spec"]["rules"][0]["host"] = json!("also.traces-burst.avi.lab");

    // While writes are paused, edits wait; then one plan is made for both.
    let target = Some(PauseTarget {
        target: Some(Target::Scope(Scope {
            cluster: CLUSTER.to_owned(),
            namespace: scene.shop.namespace.clone(),
        })),
    });
    let address = format!("http://{}", scene.stack.address()?);
    let mut admin = AdminServiceClient::connect(address).await?;
    let pause = PauseRequest {
        target: target.clone(),
        ..PauseRequest::default()
    };
    admin.pause(pause).await?;
    let versions = scene.kubectl_apply(&[plain, also])?;
    let edits = collector
        .until("both edits are compared", |spans| {
            let of = |name: &str| {
                spans
                    .iter()
                    .find(|it| it.is("aviary.ingest", name))
                    .cloned()
            };
            let edits = [of("plain")?, of("also")?];
            // Each in its own trace, or in that of the other where both were taken in at once.
            let is_planned = |edit: &Span| {
                let mut plans = spans.iter().filter(|it| it.name == "aviary.build");
                plans.any(|it| it.parent == edit.id || it.links.contains(&edit.place()))
            };
            edits.iter().all(is_planned).then_some(edits)
        })
        .await?;
    ensure!(edits[0].trace != edits[1].trace, "two edits are two traces");
    admin.resume(ResumeRequest { target }).await?;
    scene.stack.carried_out(versions).await?;
    for edit in &edits {
        let name = edit.says("aviary.object.name");
        let told = collector.until("each edit's status", |spans| {
            let mut told = spans.iter().filter(|it| it.is("aviary.status", name));
            told.find(|it| it.trace == edit.trace).map(|_| ())
        });
        told.await?;
    }

    let spans = ended(&mut scene, &collector).await?;
    let both: BTreeSet<_> = edits.iter().map(Span::place).collect();
    for (stage, object) in [("aviary.diff", ""), ("aviary.execute", "vsvip")] {
        let mut of_stage = spans.iter().filter(|it| it.name == stage);
        let names_both = |it: &&Span| {
            let links: BTreeSet<_> = it.links.iter().cloned().collect();
            it.says("aviary.avi.type") == object && it.says("aviary.causes") == "2" && links == both
        };
        let shared = of_stage.find(names_both);
        shared.with_context(|| format!("no {stage} names both edits: {spans:#?}"))?;
    }
    // What is done for one edit alone belongs to its trace.
    for (edit, host) in edits.iter().zip(["shop", "also"]) {
        let mut own = spans.iter().filter(|it| {
            it.name == "aviary.execute" && it.says("aviary.avi.name").contains(&format!("{host}."))
        });
        ensure!(own.all(|it| it.trace == edit.trace), "{edit:?}: {spans:#?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_collector_that_is_away_holds_nothing_up_and_is_told_once() -> Result<()> {
    // Whoever listened there does not any more: nothing answers.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{nobody}")),
        ("OTEL_EXPORTER_OTLP_HEADERS", format!("x-token={TOKEN}")),
        ("OTEL_BSP_SCHEDULE_DELAY", "20".to_owned()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    let stack = Stack::start_traced(&baseline()?, environment.into()).await?;
    let mut scene = Scene::set_around("traces-away", stack).await?;
    furnish(&scene).await?;
    for name in ["plain", "secure"] {
        scene.apply(&[scene.shop.object("Ingress", name)?]).await?;
    }
    let told = until("the loss is told", async || {
        let logs = scene.stack.words()?;
        let lines = logs.lines();
        let told = lines
            .filter(|line| line.contains("traces cannot be handed"))
            .count();
        Ok((told > 0).then_some((told, logs)))
    });
    let (told, logs) = told.await?;
    ensure!(told == 1, "{logs}");
    check_secrets(&[], &logs, &scene.shop.key)?;
    for agent in scene.agents.drain(..) {
        agent.stop().await?;
    }
    scene.stack.stop_translator().await
}

/// Asks everybody to end, which sends what is left; answers everything that was sent.
async fn ended(scene: &mut Scene, collector: &Collector) -> Result<Vec<Span>> {
    for agent in scene.agents.drain(..) {
        agent.stop().await?;
    }
    scene.stack.stop_translator().await?;
    let spans = collector.spans();
    for span in &spans {
        ensure!(STAGES.contains(&&*span.name), "{span:?}");
    }
    Ok(spans)
}

/// Neither the shop's key nor a password or token is in a span or a log.
fn check_secrets(spans: &[Span], logs: &str, key: &str) -> Result<()> {
    let lines = key.lines().filter(|line| !line.starts_with('-'));
    for secret in lines.chain([PASSWORD, TOKEN]) {
        ensure!(!logs.contains(secret), "a secret is logged");
        let told = spans.iter().find(|span| span.text.contains(secret));
        ensure!(
            told.is_none(),
            "a secret is traced: {}",
            text(&json!(told.map(|it| &it.name)))
        );
    }
    Ok(())
}
