use aviary_link::key::{Extent, Kind};
use aviary_proto::sync::v1::{
    ApplyWrite, EventWrite, IntentResult, LaneCondition, MergeWrite, intent,
};
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::json;

use super::*;

mod listing;

fn service(namespace: &str, name: &str, port: u16) -> String {
    let namespace = match namespace {
        "" => String::new(),
        namespace => format!("\n  namespace: {namespace}"),
    };
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}{namespace}\nspec:\n  port: {port}\n---\n"
    )
}

fn kind() -> Kind {
    Kind::new("", "Service")
}

struct Bench {
    files: MemoryFiles,
    status: MemoryFiles,
    source: Manifests,
}

fn bench(files: &[(&str, String)]) -> Bench {
    let memory = MemoryFiles::default();
    for (path, content) in files {
        memory.put(path, content.as_str());
    }
    on(memory, MemoryFiles::default())
}

fn on(files: MemoryFiles, status: MemoryFiles) -> Bench {
    let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
    let source = Manifests::new(
        Arc::new(files.clone()),
        Some(Arc::new(status.clone())),
        clock,
    );
    Bench {
        files,
        status,
        source,
    }
}

impl Bench {
    fn watch(&self, extent: Extent) -> BoxStream<'static, Sight> {
        self.source
            .watch(&Lane::new(kind(), extent), &WatchItem::default())
    }

    async fn carry(&self, name: &str, write: intent::Write) -> IntentOutcome {
        let intent = Intent {
            id: 7,
            key: Some(Name::new("a", name).to_wire(&kind())),
            resource: "services".into(),
            version: "v1".into(),
            write: Some(write),
            ..Intent::default()
        };
        self.source.carry(&intent).await
    }
}

/// What a watch says, in short, until it says no more.
async fn said(feed: &mut BoxStream<'static, Sight>) -> Vec<String> {
    let mut all = Vec::new();
    while let Ok(Some(sight)) = timeout(Duration::from_mins(1), feed.next()).await {
        all.push(match sight {
            Sight::Listing => "listing".to_owned(),
            Sight::Listed => "listed".to_owned(),
            Sight::Gone(name) => format!("-{name}"),
            Sight::Object(value) => {
                let text = |path| {
                    value
                        .pointer(path)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                };
                let port = &value["spec"]["port"];
                format!(
                    "+{}/{} {port}",
                    text("/metadata/namespace"),
                    text("/metadata/name")
                )
            }
            Sight::Failed(LaneCondition::Failed, reason) => format!("failed {reason}"),
            Sight::Failed(other, _) => format!("{other:?}"),
        });
    }
    all
}

fn codes(bench: &Bench) -> Vec<String> {
    bench
        .source
        .findings()
        .borrow()
        .iter()
        .map(|finding| finding.code.clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_folder_is_followed() {
    let bench = bench(&[("a.yaml", service("a", "x", 1) + &service("b", "y", 1))]);
    let mut all = bench.watch(Extent::All);
    let mut one = bench.watch(Extent::Namespace("b".into()));
    assert_eq!(
        said(&mut all).await,
        ["listing", "+a/x 1", "+b/y 1", "listed"]
    );
    assert_eq!(said(&mut one).await, ["listing", "+b/y 1", "listed"]);
    bench
        .files
        .put("a.yaml", service("a", "x", 2) + &service("b", "y", 1));
    bench.files.put("sub/b.yaml", service("b", "z", 1));
    assert_eq!(said(&mut all).await, ["+a/x 2", "+b/z 1"]);
    assert_eq!(said(&mut one).await, ["+b/z 1"]);
    bench.files.remove("a.yaml");
    assert_eq!(said(&mut all).await, ["-a/x", "-b/y"]);
}

#[tokio::test(start_paused = true)]
async fn objects_have_stable_uids_versions_and_ages() {
    let text = service("a", "x", 1) + &service("a", "y", 1);
    let metadata = async |bench: Bench, name: &str| {
        let mut feed = bench.watch(Extent::All);
        said(&mut feed).await;
        let item = WatchItem::default();
        let lane = Lane::new(kind(), Extent::All);
        let found = bench
            .source
            .fetch(&lane, &item, &Name::new("a", name))
            .await;
        found.unwrap().unwrap()["metadata"].clone()
    };
    let x = metadata(bench(&[("a.yaml", text.clone())]), "x").await;
    let y = metadata(bench(&[("a.yaml", text.clone())]), "y").await;
    assert_eq!(x, metadata(bench(&[("a.yaml", text)]), "x").await);
    assert_eq!(x["uid"].as_str().unwrap().len(), 36);
    assert_ne!(x["uid"], y["uid"]);
    assert_ne!(x["resourceVersion"], y["resourceVersion"]);
    assert!(x["creationTimestamp"].as_str() < y["creationTimestamp"].as_str());
}

#[tokio::test(start_paused = true)]
async fn a_broken_file_keeps_its_last_good_objects() {
    let bench = bench(&[
        ("a.yaml", service("a", "x", 1)),
        ("b.yaml", service("a", "y", 1)),
    ]);
    let mut feed = bench.watch(Extent::All);
    said(&mut feed).await;
    bench.files.put("a.yaml", "kind: [");
    assert_eq!(said(&mut feed).await, Vec::<String>::new());
    assert_eq!(codes(&bench), ["AVY-1501"]);
    let text = bench.source.findings().borrow()[0].text.clone();
    assert!(text.starts_with("a.yaml:"), "{text}");
    bench.files.spoil("b.yaml");
    assert_eq!(said(&mut feed).await, Vec::<String>::new());
    assert_eq!(codes(&bench), ["AVY-1501", "AVY-1503"]);
    bench.files.put("a.yaml", service("a", "x", 2));
    bench.files.put("b.yaml", "");
    assert_eq!(said(&mut feed).await, ["+a/x 2", "-a/y"]);
    assert_eq!(codes(&bench), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_never_good_makes_no_listing_complete() {
    let bench = bench(&[
        ("a.yaml", service("a", "x", 1)),
        ("b.yaml", "kind: [".into()),
    ]);
    let mut feed = bench.watch(Extent::All);
    let first = said(&mut feed).await;
    assert_eq!(first[..2], ["listing", "+a/x 1"]);
    assert!(first[2].starts_with("failed b.yaml:"), "{first:?}");
    // What vanishes meanwhile may have moved into the broken file.
    bench.files.remove("a.yaml");
    let meanwhile = said(&mut feed).await;
    assert!(
        !meanwhile
            .iter()
            .any(|sight| sight.starts_with('-') || sight == "listed")
    );
    bench.files.put("b.yaml", service("a", "y", 1));
    assert_eq!(said(&mut feed).await, ["listing", "+a/y 1", "listed"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_broken_file_holds_removals_back() {
    let bench = bench(&[("a.yaml", service("a", "x", 1))]);
    let mut feed = bench.watch(Extent::All);
    said(&mut feed).await;
    bench.files.put("renamed.yaml", "kind: [");
    bench.files.remove("a.yaml");
    assert_eq!(said(&mut feed).await, Vec::<String>::new());
    bench.files.put("renamed.yaml", service("a", "x", 2));
    assert_eq!(said(&mut feed).await, ["+a/x 2"]);
}

#[tokio::test(start_paused = true)]
async fn of_duplicates_the_first_file_counts() {
    let bench = bench(&[
        ("a.yaml", service("a", "x", 1)),
        ("b.yaml", service("a", "x", 2)),
    ]);
    let mut feed = bench.watch(Extent::All);
    assert_eq!(said(&mut feed).await, ["listing", "+a/x 1", "listed"]);
    assert_eq!(codes(&bench), ["AVY-1502"]);
    bench.files.remove("a.yaml");
    assert_eq!(said(&mut feed).await, ["+a/x 2"]);
}

#[tokio::test(start_paused = true)]
async fn objects_without_a_namespace_are_in_default() {
    let bench = bench(&[("a.yaml", service("", "x", 1))]);
    assert_eq!(
        said(&mut bench.watch(Extent::All)).await,
        ["listing", "+default/x 1", "listed"]
    );
    assert_eq!(
        said(&mut bench.watch(Extent::Cluster)).await,
        ["listing", "+/x 1", "listed"]
    );
    let other = Extent::Namespace("a".into());
    assert_eq!(said(&mut bench.watch(other)).await, ["listing", "listed"]);
}

fn apply(body: &Value) -> intent::Write {
    intent::Write::Apply(ApplyWrite {
        subresource: "status".into(),
        body: body.to_string().into_bytes(),
    })
}

fn merge(version: &str, patch: &Value) -> intent::Write {
    intent::Write::Merge(MergeWrite {
        patch: patch.to_string().into_bytes(),
        resource_version: version.into(),
        ..MergeWrite::default()
    })
}

#[tokio::test(start_paused = true)]
async fn statuses_and_annotations_become_files_and_show_on_the_object() {
    let files = bench(&[("a.yaml", service("a", "x", 1))]);
    let mut feed = files.watch(Extent::All);
    said(&mut feed).await;
    let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}});
    let outcome = files.carry("x", apply(&status)).await;
    assert_eq!(outcome.result(), IntentResult::Done, "{outcome:?}");
    let note = json!({"metadata": {"annotations": {"ako.vmware.com/x": "1"}}});
    let stale = files.carry("x", merge("old", &note)).await;
    assert_eq!(stale.result(), IntentResult::Conflict);
    let outcome = files
        .carry("x", merge(&outcome.resource_version, &note))
        .await;
    assert_eq!(outcome.result(), IntentResult::Done, "{outcome:?}");
    let written: Value =
        serde_saphyr::from_str(&files.status.text("a/services/x.yaml").unwrap()).unwrap();
    assert_eq!(
        written,
        json!({"apiVersion": "v1", "kind": "Service",
               "metadata": {"name": "x", "namespace": "a",
                            "annotations": {"ako.vmware.com/x": "1"}},
               "status": status["status"]})
    );
    let Some(Sight::Object(object)) = feed.next().await else {
        panic!("the object as written");
    };
    assert_eq!(object["status"], status["status"]);
    // A restart finds what was written before; the object's end ends it.
    let again = on(files.files.clone(), files.status.clone());
    let mut feed = again.watch(Extent::All);
    let first: Vec<Sight> = feed.by_ref().take(2).collect().await;
    let Sight::Object(object) = &first[1] else {
        panic!("the object as it was written to");
    };
    assert_eq!(object["status"], status["status"]);
    assert_eq!(object["metadata"]["annotations"]["ako.vmware.com/x"], "1");
    again.files.remove("a.yaml");
    said(&mut again.watch(Extent::All)).await;
    assert_eq!(again.status.text("a/services/x.yaml"), None);
}

#[tokio::test(start_paused = true)]
async fn events_are_lines_and_unknown_objects_an_outcome() {
    let bench = bench(&[("a.yaml", service("a", "x", 1))]);
    said(&mut bench.watch(Extent::All)).await;
    let event = || {
        intent::Write::Event(EventWrite {
            reason: "Synced".into(),
            note: "served".into(),
            ..EventWrite::default()
        })
    };
    assert_eq!(bench.carry("x", event()).await.result(), IntentResult::Done);
    assert_eq!(bench.carry("x", event()).await.result(), IntentResult::Done);
    assert_eq!(
        bench.carry("y", event()).await.result(),
        IntentResult::NotFound
    );
    let lines = bench.status.text("events.jsonl").unwrap();
    assert_eq!(lines.lines().count(), 2);
    let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(line["regarding"]["name"], "x");
    assert_eq!(line["component"], "aviary");
}

/// A desk that has read these files, and the stamps of the reading.
async fn desk(files: &[(&str, String)]) -> (Bench, Listing) {
    let bench = bench(files);
    let mut stamps = Listing::new();
    bench.source.desk.scan(&mut stamps).await;
    (bench, stamps)
}

#[tokio::test(start_paused = true)]
async fn a_whole_file_is_shown_at_once_if_nothing_goes_with_it() {
    let (bench, mut stamps) = desk(&[
        ("a.yaml", service("a", "x", 1) + &service("a", "y", 1)),
        ("b.yaml", service("a", "z", 1)),
    ])
    .await;
    let mut feed = bench.watch(Extent::All);
    said(&mut feed).await;
    let mut hurry = async |path: &str, content: String| {
        bench.files.put(path, content);
        let paths = BTreeSet::from([path.to_owned()]);
        let state = bench.source.desk.states.borrow().clone();
        let alone = bench.source.desk.hurry(&paths, &mut stamps).await;
        (alone, bench.source.desk.states.borrow().is(&state))
    };
    let changed = service("a", "x", 2) + &service("a", "y", 1);
    assert_eq!(hurry("a.yaml", changed.clone()).await, (true, false));
    assert_eq!(hurry("c.yaml", service("a", "new", 1)).await, (true, false));
    // These take more than to look at one file: an object goes, another file has it, it is broken.
    for (path, content) in [
        ("a.yaml", service("a", "x", 3)),
        ("c.yaml", service("a", "new", 1) + &service("a", "z", 9)),
        ("c.yaml", "kind: [".to_owned()),
    ] {
        assert_eq!(hurry(path, content).await, (false, true), "{path}");
    }
    bench.files.put("a.yaml", changed);
    bench.files.put("c.yaml", service("a", "new", 1));
    assert_eq!(said(&mut feed).await, ["+a/new 1", "+a/x 2"]);
}
