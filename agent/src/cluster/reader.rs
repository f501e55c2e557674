//! Reads objects of one lane, whole or their metadata alone, as plain JSON.

use aviary_link::key::{Extent, Lane, Name};
use aviary_proto::sync::v1::{WatchItem, WatchMode};
use futures::stream::{BoxStream, StreamExt};
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::{Api, Client};
use serde::Serialize;
use serde_json::{Value, json};

/// Objects in one page of a list.
const PAGE: u32 = 500;

/// Reads one lane.
#[derive(Clone)]
pub(super) struct Reader {
    client: Client,
    api: Api<DynamicObject>,
    resource: ApiResource,
    metadata_only: bool,
}

/// A page of a list.
pub(super) struct Page {
    pub(super) items: Vec<Value>,
    pub(super) version: String,
    /// Token of the next page; empty on the last.
    pub(super) next: String,
}

/// What a watch says.
pub(super) enum Step {
    Set(Value),
    Gone(Value),
    /// Everything up to this version was said; whether that ends the initial list.
    Mark(String, bool),
}

impl Reader {
    /// A reader of a lane with a version of its kind.
    pub(super) fn new(client: &Client, lane: &Lane, item: &WatchItem, version: &str) -> Self {
        let resource = resource(&lane.kind.group, version, &lane.kind.kind, &item.resource);
        let api = match &lane.extent {
            Extent::Namespace(namespace) => {
                Api::namespaced_with(client.clone(), namespace, &resource)
            }
            Extent::All | Extent::Cluster => Api::all_with(client.clone(), &resource),
        };
        Self {
            client: client.clone(),
            api,
            resource,
            metadata_only: item.mode() != WatchMode::Full,
        }
    }

    /// A page of the list, as of now.
    pub(super) async fn page(&self, token: &str) -> Result<Page, kube::Error> {
        let mut params = ListParams::default().limit(PAGE);
        if !token.is_empty() {
            params = params.continue_token(token);
        }
        let (items, metadata) = if self.metadata_only {
            let list = self.api.list_metadata(&params).await?;
            (self.plain_all(&list.items)?, list.metadata)
        } else {
            let list = self.api.list(&params).await?;
            (self.plain_all(&list.items)?, list.metadata)
        };
        Ok(Page {
            items,
            version: metadata.resource_version.unwrap_or_default(),
            next: metadata.continue_.unwrap_or_default(),
        })
    }

    /// Watches from a version on; from a full listing of now if `streaming`.
    pub(super) async fn watch(
        &self,
        version: &str,
        streaming: bool,
    ) -> Result<BoxStream<'static, Result<Step, kube::Error>>, kube::Error> {
        let params = if streaming {
            WatchParams::streaming_lists()
        } else {
            WatchParams::default()
        };
        let reader = self.clone();
        if self.metadata_only {
            let events = self.api.watch_metadata(&params, version).await?;
            Ok(events
                .map(move |event| reader.step::<PartialObjectMeta<DynamicObject>>(event?))
                .boxed())
        } else {
            let events = self.api.watch(&params, version).await?;
            Ok(events
                .map(move |event| reader.step::<DynamicObject>(event?))
                .boxed())
        }
    }

    /// One whole object.
    pub(super) async fn get(&self, name: &Name) -> Result<Option<Value>, kube::Error> {
        let api: Api<DynamicObject> = if name.namespace.is_empty() {
            Api::all_with(self.client.clone(), &self.resource)
        } else {
            Api::namespaced_with(self.client.clone(), &name.namespace, &self.resource)
        };
        let found = api.get_opt(&name.name).await?;
        found.map(|object| self.plain(&object)).transpose()
    }

    fn step<K: Serialize>(&self, event: WatchEvent<K>) -> Result<Step, kube::Error> {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                Ok(Step::Set(self.plain(&object)?))
            }
            WatchEvent::Deleted(object) => Ok(Step::Gone(self.plain(&object)?)),
            WatchEvent::Bookmark(mark) => {
                let initial = mark
                    .metadata
                    .annotations
                    .contains_key("k8s.io/initial-events-end");
                Ok(Step::Mark(mark.metadata.resource_version, initial))
            }
            WatchEvent::Error(status) => Err(kube::Error::Api(status)),
        }
    }

    fn plain_all<K: Serialize>(&self, items: &[K]) -> Result<Vec<Value>, kube::Error> {
        items.iter().map(|item| self.plain(item)).collect()
    }

    /// The object as JSON that says its kind: members of a list do not, and metadata alone says
    /// another one.
    fn plain<K: Serialize>(&self, object: &K) -> Result<Value, kube::Error> {
        let mut value = serde_json::to_value(object).map_err(kube::Error::SerdeError)?;
        if let Some(map) = value.as_object_mut() {
            map.insert("apiVersion".into(), json!(self.resource.api_version));
            map.insert("kind".into(), json!(self.resource.kind));
        }
        Ok(value)
    }
}

/// A resource of the API.
pub(super) fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    let api_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version,
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

/// An error as a reason for people: what the API server says, or the chain of causes.
pub(super) fn reason(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        other => aviary_boot::chain(other).to_string(),
    }
}

/// The HTTP status of an error; 0 if it has none.
pub(super) fn code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        _ => 0,
    }
}
