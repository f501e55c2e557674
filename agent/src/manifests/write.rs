//! Intents on a folder: statuses and annotations become files, Events lines of one file.

use aviary_link::key::{Kind, Name, split};
use aviary_proto::sync::v1::{EventType, EventWrite, Intent, IntentOutcome, IntentResult, intent};
use serde_json::{Value, json};

use super::Desk;
use super::overlay::Written;
use super::state::Stored;
use crate::source::refused;

/// Where Events go.
const EVENTS: &str = "events.jsonl";

impl Desk {
    /// Carries an intent out as an API server would: uid and resourceVersion must fit.
    pub(super) async fn carry(&self, intent: &Intent) -> IntentOutcome {
        let Some(key) = &intent.key else {
            return refused(
                intent.id,
                IntentResult::Invalid,
                "the intent names no object",
            );
        };
        let (kind, name) = split(key);
        let Some((placed, stored)) = self.states.borrow().find(&kind, &name) else {
            return refused(
                intent.id,
                IntentResult::NotFound,
                "no manifest has the object",
            );
        };
        if !intent.uid.is_empty() && intent.uid != stored.uid.to_string() {
            return refused(
                intent.id,
                IntentResult::NotFound,
                "the object has another uid",
            );
        }
        let value = stored.value();
        let at = Place {
            kind,
            name,
            placed,
            api_version: value.get("apiVersion"),
            stored: &stored,
        };
        match &intent.write {
            None => refused(intent.id, IntentResult::Invalid, "the intent has no write"),
            Some(intent::Write::Event(event)) => self.event(intent.id, &at, event).await,
            Some(intent::Write::Apply(apply)) => match serde_json::from_slice(&apply.body) {
                Ok(body) => self.write(intent, &at, Write::Apply(body)).await,
                Err(_) => refused(intent.id, IntentResult::Invalid, "the body is not JSON"),
            },
            Some(intent::Write::Merge(merge)) => {
                let expected = &merge.resource_version;
                if !expected.is_empty() && *expected != stored.version() {
                    return refused(intent.id, IntentResult::Conflict, "the object has changed");
                }
                match serde_json::from_slice(&merge.patch) {
                    Ok(patch) => self.write(intent, &at, Write::Merge(patch)).await,
                    Err(_) => refused(intent.id, IntentResult::Invalid, "the patch is not JSON"),
                }
            }
        }
    }

    async fn write(&self, intent: &Intent, at: &Place<'_>, write: Write) -> IntentOutcome {
        let path = format!("{}/{}/{}.yaml", at.folder(), intent.resource, at.name.name);
        let content = {
            let mut papers = self.papers();
            let object = (&at.kind, &at.placed);
            match write {
                Write::Apply(body) => papers.overlay.apply(object, &path, body),
                Write::Merge(body) => {
                    papers
                        .overlay
                        .patch(object, &path, body, &at.stored.manifest());
                }
            }
            status_file(at, papers.overlay.get(&at.kind, &at.placed))
        };
        self.publish_written(&at.kind, &at.placed);
        if let Some(sink) = &self.sink {
            let written = match content {
                Ok(content) => sink.write(&path, content.into_bytes()).await,
                Err(error) => Err(std::io::Error::other(error)),
            };
            if let Err(error) = written {
                return refused(intent.id, IntentResult::Failed, format!("{path}: {error}"));
            }
        }
        let now = self.states.borrow().find(&at.kind, &at.name);
        IntentOutcome {
            id: intent.id,
            result: IntentResult::Done.into(),
            detail: String::new(),
            resource_version: now.map(|(_, stored)| stored.version()).unwrap_or_default(),
        }
    }

    async fn event(&self, id: u64, at: &Place<'_>, event: &EventWrite) -> IntentOutcome {
        let kind = match event.r#type() {
            EventType::Warning => "Warning",
            EventType::Normal | EventType::Unspecified => "Normal",
        };
        let line = json!({
            "time": self.clock.now().to_string(),
            "component": "aviary",
            "type": kind,
            "reason": event.reason,
            "action": event.action,
            "note": event.note,
            "regarding": {
                "apiVersion": at.api_version,
                "kind": at.kind.kind,
                "namespace": at.name.namespace,
                "name": at.name.name,
                "uid": at.stored.uid.to_string(),
            },
        });
        let Some(sink) = &self.sink else {
            return done(id);
        };
        match sink.append(EVENTS, format!("{line}\n").into_bytes()).await {
            Ok(()) => done(id),
            Err(error) => refused(id, IntentResult::Failed, format!("{EVENTS}: {error}")),
        }
    }
}

enum Write {
    Apply(Value),
    Merge(Value),
}

/// An object that is written to: its name, and the one that its manifest gives.
struct Place<'a> {
    kind: Kind,
    name: Name,
    placed: Name,
    api_version: Option<&'a Value>,
    stored: &'a Stored,
}

impl Place<'_> {
    /// Cluster-scoped objects stand beside the namespaces, under a name that none can have.
    fn folder(&self) -> &str {
        if self.name.namespace.is_empty() {
            "_cluster"
        } else {
            &self.name.namespace
        }
    }
}

fn done(id: u64) -> IntentOutcome {
    IntentOutcome {
        id,
        result: IntentResult::Done.into(),
        ..IntentOutcome::default()
    }
}

/// What was written to an object, as a file that names it.
fn status_file(at: &Place<'_>, over: Option<&Written>) -> Result<String, String> {
    let mut value = json!({
        "apiVersion": at.api_version,
        "kind": at.kind.kind,
        "metadata": {"name": at.placed.name},
    });
    if !at.placed.namespace.is_empty()
        && let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.insert("namespace".into(), json!(at.placed.namespace));
    }
    let over = over.map(Written::value);
    if let (Some(value), Some(over)) = (
        value.as_object_mut(),
        over.as_ref().and_then(Value::as_object),
    ) {
        for (field, written) in over {
            match (
                field.as_str(),
                value.get_mut("metadata").and_then(Value::as_object_mut),
            ) {
                ("metadata", Some(metadata)) => {
                    metadata.extend(written.as_object().cloned().unwrap_or_default());
                }
                ("apiVersion" | "kind", _) => {}
                _ => {
                    value.insert(field.clone(), written.clone());
                }
            }
        }
    }
    serde_saphyr::to_string(&value).map_err(|error| error.to_string())
}
