//! Intents on a cluster.

use std::sync::PoisonError;

use aviary_link::key::{Kind, Name, split};
use aviary_proto::sync::v1::{EventType, EventWrite, Intent, IntentOutcome, IntentResult, intent};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::Cluster;
use super::reader::{code, reason, resource};
use crate::source::refused;

/// The one field manager of everything that agents apply.
const MANAGER: &str = "aviary";
/// The API group of Events, as the Role of an agent names it.
const EVENTS: &str = "events.k8s.io";
/// Longest note of an Event, in bytes, as API servers take it.
const NOTE_MAX: usize = 1024;
/// Longest part of an object's name in the name of an Event.
const NAME_MAX: usize = 200;

impl Cluster {
    /// Carries an intent out.
    pub(super) async fn write(&self, intent: &Intent) -> IntentOutcome {
        let Some(key) = &intent.key else {
            return refused(
                intent.id,
                IntentResult::Invalid,
                "the intent names no object",
            );
        };
        let (kind, name) = split(key);
        let written = match &intent.write {
            None => return refused(intent.id, IntentResult::Invalid, "the intent has no write"),
            Some(intent::Write::Event(event)) => self.event(intent, &kind, &name, event).await,
            Some(intent::Write::Apply(apply)) => {
                let Ok(body) = serde_json::from_slice::<Value>(&apply.body) else {
                    return refused(intent.id, IntentResult::Invalid, "the body is not JSON");
                };
                let body = applied(intent, &kind, &name, body);
                let params = PatchParams::apply(MANAGER).force();
                self.patch(intent, &apply.subresource, &params, &Patch::Apply(body))
                    .await
            }
            Some(intent::Write::Merge(merge)) => {
                let Ok(patch) = serde_json::from_slice::<Value>(&merge.patch) else {
                    return refused(intent.id, IntentResult::Invalid, "the patch is not JSON");
                };
                let patch = conditional(patch, &intent.uid, &merge.resource_version);
                let params = PatchParams {
                    field_manager: Some(MANAGER.to_owned()),
                    ..PatchParams::default()
                };
                self.patch(intent, &merge.subresource, &params, &Patch::Merge(patch))
                    .await
            }
        };
        outcome(intent.id, written)
    }

    async fn patch(
        &self,
        intent: &Intent,
        subresource: &str,
        params: &PatchParams,
        patch: &Patch<Value>,
    ) -> Result<DynamicObject, kube::Error> {
        let (kind, name) = intent.key.as_ref().map(split).unwrap_or_default();
        let resource = resource(&kind.group, &intent.version, &kind.kind, &intent.resource);
        let api: Api<DynamicObject> = if name.namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), &name.namespace, &resource)
        };
        if subresource.is_empty() {
            api.patch(&name.name, params, patch).await
        } else {
            api.patch_subresource(subresource, &name.name, params, patch)
                .await
        }
    }

    async fn event(
        &self,
        intent: &Intent,
        kind: &Kind,
        name: &Name,
        event: &EventWrite,
    ) -> Result<DynamicObject, kube::Error> {
        // Events about cluster-scoped objects stand in the default namespace.
        let namespace = if name.namespace.is_empty() {
            "default"
        } else {
            &name.namespace
        };
        let suffix = self
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .hex();
        let body = self.event_body(intent, (kind, name), event, &suffix);
        let api: Api<DynamicObject> = Api::namespaced_with(
            self.client.clone(),
            namespace,
            &resource(EVENTS, "v1", "Event", "events"),
        );
        let object = serde_json::from_value(body).map_err(kube::Error::SerdeError)?;
        api.create(&PostParams::default(), &object).await
    }

    fn event_body(
        &self,
        intent: &Intent,
        (kind, name): (&Kind, &Name),
        event: &EventWrite,
        suffix: &str,
    ) -> Value {
        let about = resource(&kind.group, &intent.version, &kind.kind, &intent.resource);
        let now = self
            .clock
            .now()
            .strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
            .to_string();
        let level = match event.r#type() {
            EventType::Warning => "Warning",
            EventType::Normal | EventType::Unspecified => "Normal",
        };
        let action = if event.action.is_empty() {
            &event.reason
        } else {
            &event.action
        };
        let namespace = if name.namespace.is_empty() {
            "default"
        } else {
            &name.namespace
        };
        json!({
            "apiVersion": format!("{EVENTS}/v1"),
            "kind": "Event",
            "metadata": {
                "name": format!("{}.{suffix}", cut(&name.name, NAME_MAX)),
                "namespace": namespace,
            },
            "regarding": {
                "apiVersion": about.api_version,
                "kind": kind.kind,
                "namespace": name.namespace,
                "name": name.name,
                "uid": intent.uid,
            },
            "type": level,
            "reason": event.reason,
            "action": action,
            "note": cut(&event.note, NOTE_MAX),
            "reportingController": MANAGER,
            "reportingInstance": self.instance,
            "eventTime": now,
        })
    }
}

/// The longest part of a text that has at most so many bytes.
fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// The body of an apply names its object. With a uid it cannot make a new one.
fn applied(intent: &Intent, kind: &Kind, name: &Name, mut body: Value) -> Value {
    let resource = resource(&kind.group, &intent.version, &kind.kind, &intent.resource);
    if let Some(map) = body.as_object_mut() {
        map.insert("apiVersion".into(), json!(resource.api_version));
        map.insert("kind".into(), json!(resource.kind));
        let metadata = map.entry("metadata").or_insert_with(|| json!({}));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("name".into(), json!(name.name));
            if !name.namespace.is_empty() {
                metadata.insert("namespace".into(), json!(name.namespace));
            }
            if !intent.uid.is_empty() {
                metadata.insert("uid".into(), json!(intent.uid));
            }
        }
    }
    body
}

/// The patch with its conditions: the object must still be this one, in this version.
fn conditional(mut patch: Value, uid: &str, version: &str) -> Value {
    if let Some(map) = patch.as_object_mut() {
        let metadata = map.entry("metadata").or_insert_with(|| json!({}));
        if let Some(metadata) = metadata.as_object_mut() {
            for (field, value) in [("uid", uid), ("resourceVersion", version)] {
                if !value.is_empty() {
                    metadata.insert(field.into(), json!(value));
                }
            }
        }
    }
    patch
}

fn outcome(id: u64, written: Result<DynamicObject, kube::Error>) -> IntentOutcome {
    let error = match written {
        Ok(object) => {
            return IntentOutcome {
                id,
                result: IntentResult::Done.into(),
                detail: String::new(),
                resource_version: object.metadata.resource_version.unwrap_or_default(),
            };
        }
        Err(error) => error,
    };
    let result = match code(&error) {
        400 | 422 => IntentResult::Invalid,
        403 => IntentResult::Forbidden,
        404 => IntentResult::NotFound,
        409 => IntentResult::Conflict,
        _ => IntentResult::Failed,
    };
    refused(id, result, reason(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_carry_their_conditions() {
        let patch = json!({"metadata": {"annotations": {"a": "b"}}});
        assert_eq!(
            conditional(patch.clone(), "u", "7"),
            json!({"metadata": {"annotations": {"a": "b"}, "uid": "u", "resourceVersion": "7"}})
        );
        assert_eq!(conditional(patch.clone(), "", ""), patch);
    }

    #[test]
    fn an_apply_names_its_object() {
        let intent = Intent {
            uid: "u".into(),
            version: "v1".into(),
            resource: "ingresses".into(),
            ..Intent::default()
        };
        let kind = Kind::new("networking.k8s.io", "Ingress");
        let body = applied(&intent, &kind, &Name::new("a", "x"), json!({"status": {}}));
        assert_eq!(
            body,
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                   "metadata": {"name": "x", "namespace": "a", "uid": "u"}, "status": {}})
        );
    }

    #[test]
    fn notes_are_cut_between_characters() {
        assert_eq!(cut("abc", 5), "abc");
        assert_eq!(cut("abc", 2), "ab");
        assert_eq!(cut("aé", 2), "a");
    }
}
