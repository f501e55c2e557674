use std::collections::BTreeMap;
use std::convert::Infallible;

use aviary_boot::Clock;
use aviary_link::key::{Extent, Kind};
use aviary_proto::sync::v1::{ApplyWrite, IntentResult, LaneCondition, WatchMode, intent};
use futures::StreamExt;
use http::{Request, Response};
use jiff::Timestamp;
use kube::client::Body;
use serde_json::json;
use tower::service_fn;

use super::*;

/// What is said in turn, by what is asked.
type Answers = BTreeMap<String, Vec<(u16, String)>>;

/// Answers of an API server: for each path and kind of request, what is said in turn; the last
/// answer is said again and again.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<String>>>,
}

/// The text of an answer.
struct Said(String);

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Value> for Said {
    fn from(value: Value) -> Self {
        Self(value.to_string())
    }
}

impl Server {
    fn says(self, what: &str, code: u16, body: impl Into<Said>) -> Self {
        let answer = (code, body.into().0);
        self.answers
            .lock()
            .unwrap()
            .entry(what.to_owned())
            .or_default()
            .push(answer);
        self
    }

    fn has_widgets(self) -> Self {
        let version = json!({"groupVersion": "x.io/v1", "version": "v1"});
        let groups = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [
            {"name": "x.io", "versions": [version], "preferredVersion": version}]});
        let resources = json!({"kind": "APIResourceList", "groupVersion": "x.io/v1", "resources": [
            {"name": "widgets", "singularName": "", "namespaced": true, "kind": "Widget",
             "verbs": []}]});
        self.says("GET /apis", 200, groups)
            .says("GET /apis/x.io/v1", 200, resources)
    }

    fn answer(&self, request: &Request<Body>) -> (u16, String) {
        let query = request.uri().query().unwrap_or_default();
        let what = if query.contains("sendInitialEvents") {
            "STREAM"
        } else if query.contains("watch=true") {
            "WATCH"
        } else if query.contains("continue=") {
            "PAGE"
        } else {
            request.method().as_str()
        };
        let what = format!("{what} {}", request.uri().path());
        self.asked.lock().unwrap().push(what.clone());
        let mut answers = self.answers.lock().unwrap();
        let Some(queue) = answers.get_mut(&what) else {
            return (404, status(404, "nobody knows"));
        };
        if queue.len() > 1 {
            queue.remove(0)
        } else {
            queue[0].clone()
        }
    }

    fn cluster(&self) -> Cluster {
        let server = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let (code, body) = server.answer(&request);
            async move {
                let response = Response::builder()
                    .status(code)
                    .body(Body::from(body.into_bytes()));
                Ok::<_, Infallible>(response.unwrap())
            }
        });
        let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
        Cluster::new(Client::new(service, "default"), clock, "agent-0", 1)
    }

    fn watch(&self, mode: WatchMode) -> BoxStream<'static, Sight> {
        self.cluster().watch(&lane(), &item(mode))
    }
}

fn status(code: u16, message: &str) -> String {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
           "message": message, "reason": if code == 404 { "NotFound" } else { "" }})
    .to_string()
}

fn lane() -> Lane {
    Lane::new(Kind::new("x.io", "Widget"), Extent::Namespace("a".into()))
}

fn item(mode: WatchMode) -> WatchItem {
    WatchItem {
        kind: Some(lane().kind.to_wire()),
        versions: vec!["v1".into()],
        resource: "widgets".into(),
        mode: mode.into(),
        ..WatchItem::default()
    }
}

fn widget(name: &str, version: u64) -> Value {
    json!({"metadata": {"name": name, "namespace": "a", "resourceVersion": version.to_string()},
           "spec": {"n": 1}})
}

fn list(widgets: &[Value], version: &str, next: &str) -> Value {
    json!({"apiVersion": "x.io/v1", "kind": "WidgetList", "items": widgets,
           "metadata": {"resourceVersion": version, "continue": next}})
}

fn event(what: &str, object: &Value) -> String {
    let mut object = object.clone();
    object["apiVersion"] = json!("x.io/v1");
    object["kind"] = json!("Widget");
    format!("{}\n", json!({"type": what, "object": object}))
}

fn bookmark(version: &str) -> String {
    event(
        "BOOKMARK",
        &json!({"metadata": {"resourceVersion": version,
                              "annotations": {"k8s.io/initial-events-end": "true"}}}),
    )
}

/// The first sights of a watch, in short.
async fn said(feed: BoxStream<'static, Sight>, count: usize) -> Vec<String> {
    let short = |sight| match sight {
        Sight::Listing => "listing".to_owned(),
        Sight::Listed => "listed".to_owned(),
        Sight::Gone(name) => format!("-{name}"),
        Sight::Object(object) => {
            assert_eq!(
                (&object["apiVersion"], &object["kind"]),
                (&json!("x.io/v1"), &json!("Widget"))
            );
            format!("+{}", object["metadata"]["name"].as_str().unwrap())
        }
        Sight::Failed(LaneCondition::Failed, reason) => format!("failed: {reason}"),
        Sight::Failed(condition, _) => format!("{condition:?}"),
    };
    feed.take(count).map(short).collect().await
}

const WIDGETS: &str = "/apis/x.io/v1/namespaces/a/widgets";

#[tokio::test(start_paused = true)]
async fn lists_are_streamed_and_followed() {
    let initial = event("ADDED", &widget("one", 1))
        + &bookmark("5")
        + &event("MODIFIED", &widget("one", 6))
        + &event("DELETED", &widget("one", 7));
    let server = Server::default()
        .has_widgets()
        .says(&format!("STREAM {WIDGETS}"), 200, initial)
        .says(
            &format!("WATCH {WIDGETS}"),
            200,
            event("ADDED", &widget("two", 8)),
        );
    let seen = said(server.watch(WatchMode::Full), 6).await;
    assert_eq!(
        seen,
        ["listing", "+one", "listed", "+one", "-a/one", "+two"]
    );
}

#[tokio::test(start_paused = true)]
async fn servers_without_streaming_lists_are_paged() {
    let server = Server::default()
        .has_widgets()
        .says(
            &format!("STREAM {WIDGETS}"),
            422,
            status(422, "sendInitialEvents is forbidden"),
        )
        .says(
            &format!("GET {WIDGETS}"),
            200,
            list(&[widget("one", 1)], "5", "more"),
        )
        .says(
            &format!("PAGE {WIDGETS}"),
            200,
            list(&[widget("two", 2)], "5", ""),
        )
        .says(
            &format!("WATCH {WIDGETS}"),
            200,
            event("ADDED", &widget("three", 6)),
        );
    let seen = said(server.watch(WatchMode::Full), 5).await;
    assert_eq!(seen, ["listing", "+one", "+two", "listed", "+three"]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_is_a_listing() {
    let server = Server::default()
        .has_widgets()
        .says(&format!("STREAM {WIDGETS}"), 422, status(422, "no"))
        .says(&format!("GET {WIDGETS}"), 200, list(&[], "5", ""));
    assert_eq!(
        said(server.watch(WatchMode::Full), 2).await,
        ["listing", "listed"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_torn_is_no_listing() {
    let torn = event("ADDED", &widget("one", 1));
    let whole = event("ADDED", &widget("two", 2)) + &bookmark("5");
    let server = Server::default()
        .has_widgets()
        .says(&format!("STREAM {WIDGETS}"), 200, torn)
        .says(&format!("STREAM {WIDGETS}"), 200, whole);
    let seen = said(server.watch(WatchMode::Full), 6).await;
    assert_eq!(seen[..2], ["listing", "+one"]);
    assert!(seen[2].starts_with("failed"), "{seen:?}");
    assert_eq!(seen[3..], ["listing", "+two", "listed"]);
}

#[tokio::test(start_paused = true)]
async fn what_discovery_lacks_is_not_installed() {
    let groups = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []});
    let server = Server::default().says("GET /apis", 200, groups);
    assert_eq!(
        said(server.watch(WatchMode::Full), 1).await,
        ["NotInstalled"]
    );
    // Discovery that does not answer says nothing.
    let server = Server::default().says("GET /apis", 503, status(503, "starting"));
    let seen = said(server.watch(WatchMode::Full), 1).await;
    assert!(
        seen[0].starts_with("failed") && seen[0].ends_with("starting"),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_are_neither_failures_nor_absence() {
    let server = Server::default()
        .has_widgets()
        .says(
            &format!("STREAM {WIDGETS}"),
            403,
            status(403, "you may not"),
        )
        .says(&format!("STREAM {WIDGETS}"), 200, bookmark("5"));
    let seen = said(server.watch(WatchMode::Full), 3).await;
    assert_eq!(seen, ["Forbidden", "listing", "listed"]);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_too_old_lists_anew() {
    let gone = format!(
        "{}\n",
        json!({"type": "ERROR", "object":
        serde_json::from_str::<Value>(&status(410, "too old")).unwrap()})
    );
    let server = Server::default()
        .has_widgets()
        .says(&format!("STREAM {WIDGETS}"), 200, bookmark("5") + &gone)
        .says(&format!("STREAM {WIDGETS}"), 200, bookmark("9"));
    let seen = said(server.watch(WatchMode::Full), 4).await;
    assert_eq!(seen, ["listing", "listed", "listing", "listed"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_keeps_breaking_is_said_and_lists_anew() {
    let server = Server::default()
        .has_widgets()
        .says(&format!("STREAM {WIDGETS}"), 200, bookmark("5"))
        .says(&format!("WATCH {WIDGETS}"), 500, status(500, "ouch"));
    let seen = said(server.watch(WatchMode::Full), 5).await;
    assert_eq!(seen[..2], ["listing", "listed"]);
    assert!(seen[2].starts_with("failed: could not watch"), "{seen:?}");
    assert_eq!(seen[3..], ["listing", "listed"]);
}

#[tokio::test(start_paused = true)]
async fn metadata_alone_is_watched_by_name_and_bodies_are_read() {
    let meta = json!({"metadata": widget("one", 1)["metadata"]});
    let server = Server::default()
        .has_widgets()
        .says(
            &format!("STREAM {WIDGETS}"),
            200,
            event("ADDED", &meta) + &bookmark("5"),
        )
        .says(&format!("GET {WIDGETS}/one"), 200, widget("one", 1))
        .says(&format!("GET {WIDGETS}/two"), 404, status(404, "no two"))
        .says(&format!("GET {WIDGETS}/three"), 500, status(500, "ouch"));
    let seen = said(server.watch(WatchMode::ByName), 3).await;
    assert_eq!(seen, ["listing", "+one", "listed"]);
    let cluster = server.cluster();
    let item = item(WatchMode::ByName);
    let lane = lane();
    let fetch = async |name: &str| cluster.fetch(&lane, &item, &Name::new("a", name)).await;
    assert_eq!(fetch("one").await.unwrap().unwrap()["spec"]["n"], 1);
    assert_eq!(fetch("two").await.unwrap(), None);
    assert!(
        fetch("three")
            .await
            .unwrap_err()
            .to_string()
            .ends_with("ouch")
    );
}

#[tokio::test(start_paused = true)]
async fn writes_end_in_outcomes() {
    let check = async |code: u16, want: IntentResult| {
        let body = if code == 200 {
            widget("one", 9).to_string()
        } else {
            status(code, "so")
        };
        let server = Server::default().says(&format!("PATCH {WIDGETS}/one/status"), code, body);
        let intent = Intent {
            id: 3,
            key: Some(Name::new("a", "one").to_wire(&lane().kind)),
            version: "v1".into(),
            resource: "widgets".into(),
            write: Some(intent::Write::Apply(ApplyWrite {
                subresource: "status".into(),
                body: b"{\"status\": {}}".to_vec(),
            })),
            ..Intent::default()
        };
        let outcome = server.cluster().carry(&intent).await;
        assert_eq!((outcome.id, outcome.result()), (3, want), "{outcome:?}");
        outcome
    };
    assert_eq!(check(200, IntentResult::Done).await.resource_version, "9");
    assert_eq!(check(409, IntentResult::Conflict).await.detail, "so");
    check(404, IntentResult::NotFound).await;
    check(403, IntentResult::Forbidden).await;
    check(422, IntentResult::Invalid).await;
    check(500, IntentResult::Failed).await;
}
