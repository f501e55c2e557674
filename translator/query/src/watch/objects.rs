//! Avi objects as they change.

use super::sight::{Place, Sight, Told, watch};
use super::{Answers, start};
use crate::convert;
use crate::desk::Desk;
use crate::feed::{Change, Feed};
use crate::mask::{self, Mask};
use crate::objects::{Filter, Found, OBJECT};
use aviary_identity::Caller;
use aviary_proto::query::v1::{
    AviObject, ChangeKind, ListObjectsRequest, ObjectChange, WatchObjectsRequest,
    WatchObjectsResponse,
};
use std::sync::Arc;
use tonic::Status;

/// What one reader wants to see.
struct View {
    filter: Filter,
    mask: Option<Mask>,
    with_body: bool,
    place: Place,
}

/// Tells all objects that are meant, then what changes.
pub(crate) fn objects(
    desk: &Desk,
    caller: Caller,
    asked: &WatchObjectsRequest,
) -> Result<Answers<WatchObjectsResponse>, Status> {
    let view = Arc::new(View::of(desk, asked)?);
    let resume = view.place.resume(&asked.resume_token)?;
    start(desk, caller, "watch objects", move |teller| {
        watch(teller, view, resume)
    })
}

impl View {
    fn of(desk: &Desk, asked: &WatchObjectsRequest) -> Result<Self, Status> {
        let list = ListObjectsRequest {
            side: asked.side,
            r#type: asked.r#type.clone(),
            tenant: asked.tenant.clone(),
            name: asked.name.clone(),
            cluster: asked.cluster.clone(),
            ..ListObjectsRequest::default()
        };
        let mask = mask::read(asked.read_mask.as_ref(), OBJECT)?;
        Ok(Self {
            filter: Filter::of(&list)?,
            with_body: asked.with_body || mask::names(mask.as_ref(), "body"),
            mask,
            place: Place::of(desk, &list),
        })
    }

    /// Whatever the mask says, the object is named.
    fn upserted(&self, found: Found<'_>) -> ObjectChange {
        let shown = found.show(self.with_body);
        let (name, controller) = (shown.r#ref.clone(), shown.controller.clone());
        ObjectChange {
            kind: ChangeKind::Upserted.into(),
            object: Some(AviObject {
                r#ref: name,
                controller,
                ..mask::apply(self.mask.as_ref(), shown)
            }),
        }
    }
}

impl Sight for View {
    type Message = WatchObjectsResponse;
    type Shown = ObjectChange;
    type At = String;

    fn place(&self) -> &Place {
        &self.place
    }

    fn concerns(&self, change: &Change) -> bool {
        let object = change.object(self.filter.is_observed);
        object.is_some_and(|key| self.filter.meets(key))
    }

    fn now(&self, feed: &Feed, change: &Change) -> Option<ObjectChange> {
        let site = feed.snapshot.sites.get(change.site)?;
        let key = change.object(self.filter.is_observed)?;
        Some(match self.filter.find(site, key) {
            Some(found) => self.upserted(found),
            None => ObjectChange {
                kind: ChangeKind::Deleted.into(),
                object: Some(AviObject {
                    r#ref: Some(convert::avi_ref(key)),
                    controller: site.controller.to_string(),
                    ..AviObject::default()
                }),
            },
        })
    }

    fn all<'a>(
        &'a self,
        feed: &'a Feed,
        after: Option<&'a String>,
    ) -> Box<dyn Iterator<Item = (String, ObjectChange)> + 'a> {
        let all = self.filter.list(&feed.snapshot, after.map(String::as_str));
        let rest = all.skip_while(move |(key, _)| after.is_some_and(|after| *key <= *after));
        Box::new(rest.map(|(key, found)| (key, self.upserted(found))))
    }

    fn message(told: Told<ObjectChange>) -> WatchObjectsResponse {
        WatchObjectsResponse {
            generation: told.generation,
            reset: told.reset,
            changes: told.changes,
            complete: told.complete,
            resume_token: told.resume_token,
        }
    }
}
