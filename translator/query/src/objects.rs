//! Avi objects: lists of one side, and one object on both.

use super::fields::json;
use super::filters::{has, is};
use super::mask;
use super::page::{Page, SIZES};
use super::refusal::{bad_field, bad_fields, not_found};
use crate::convert;
use crate::view::{SiteView, Snapshot};
use aviary_avi::{AviKey, AviKind, DesiredObject, ObservedObject, Owned};
use aviary_proto::query::v1::{
    AviObject, FieldDifference, GetObjectRequest, GetObjectResponse, ListObjectsRequest,
    ListObjectsResponse, Side, SourceObject,
};
use aviary_proto::types::v1::AviObjectRef;
use aviary_types::ObjectKey;
use std::iter::Peekable;
use tonic::Status;

/// The message that masks of objects are about.
pub(super) const OBJECT: mask::Name = "aviary.query.v1.AviObject";
const BOTH: mask::Name = "aviary.query.v1.GetObjectResponse";

/// Which objects are meant.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) is_observed: bool,
    kind: Option<AviKind>,
    tenant: String,
    name: String,
    cluster: String,
}

/// An object of one side, with the Controller that it belongs to.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    Desired(&'a SiteView, &'a DesiredObject),
    Observed(&'a SiteView, &'a ObservedObject),
}

impl Filter {
    /// The filter that a request bears.
    pub(super) fn of(asked: &ListObjectsRequest) -> Result<Self, Status> {
        Ok(Self {
            is_observed: side(asked.side)? == Side::Observed,
            kind: kind(&asked.r#type)?,
            tenant: asked.tenant.clone(),
            name: asked.name.clone(),
            cluster: asked.cluster.clone(),
        })
    }

    /// Whether an object of this name may be meant.
    pub(super) fn meets(&self, key: &AviKey) -> bool {
        self.kind.is_none_or(|kind| kind == key.kind)
            && is(&self.tenant, key.tenant.as_str())
            && has(&self.name, &key.name)
    }

    /// One object of a Controller, if it is there and meant.
    pub(super) fn find<'a>(&self, site: &'a SiteView, key: &AviKey) -> Option<Found<'a>> {
        let found = if self.is_observed {
            Found::Observed(site, site.observed.as_ref()?.objects.get(key)?)
        } else {
            Found::Desired(site, site.built.desired.objects.get(key)?)
        };
        (self.meets(key) && found.is_of(&self.cluster)).then_some(found)
    }

    /// All objects that are meant and come after a key, with their keys, in order. Visits none
    /// before it.
    pub(super) fn list<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        after: Option<&str>,
    ) -> impl Iterator<Item = (String, Found<'a>)> {
        let after = after.and_then(key_of);
        let lanes = snapshot.sites.iter().enumerate().map(move |(at, site)| {
            let all = self.of_site(site, after.clone());
            let ours = all.filter(|(key, found)| self.meets(key) && found.is_of(&self.cluster));
            let named = ours.map(move |(key, found)| (order(at, key), found));
            (Box::new(named) as Lane<'a>).peekable()
        });
        merged(lanes.collect())
    }

    fn of_site<'a>(
        &self,
        site: &'a SiteView,
        after: Option<AviKey>,
    ) -> Box<dyn Iterator<Item = (&'a AviKey, Found<'a>)> + 'a> {
        if self.is_observed {
            let objects = site.observed.iter().flat_map(move |all| match &after {
                Some(after) => all.objects.range(after.clone()..),
                None => all.objects.range::<_, AviKey>(..),
            });
            return Box::new(objects.map(|(key, it)| (key, Found::Observed(site, it))));
        }
        let all = &site.built.desired.objects;
        let objects = match after {
            Some(after) => all.range(after..),
            None => all.range::<_, AviKey>(..),
        };
        Box::new(objects.map(|(key, it)| (key, Found::Desired(site, it))))
    }
}

/// The side that a number on the wire means.
fn side(number: i32) -> Result<Side, Status> {
    Side::try_from(number).map_err(|_| bad_field("side", "there is no such side"))
}

/// The type that is asked for.
pub(super) fn kind(path: &str) -> Result<Option<AviKind>, Status> {
    let kind = AviKind::of_path(path);
    if kind.is_none() && !path.is_empty() {
        return Err(bad_field("type", &no_such_type()));
    }
    Ok(kind)
}

fn no_such_type() -> String {
    let known: Vec<&str> = AviKind::ALL.iter().map(|kind| kind.path()).collect();
    let known = known.join(", ");
    format!("it is not a type that is written: {known}")
}

type Lane<'a> = Box<dyn Iterator<Item = (String, Found<'a>)> + 'a>;

/// The entries of all lanes in the order of their keys.
fn merged(mut lanes: Vec<Peekable<Lane<'_>>>) -> impl Iterator<Item = (String, Found<'_>)> {
    std::iter::from_fn(move || {
        let mut least: Option<(usize, String)> = None;
        for (at, lane) in lanes.iter_mut().enumerate() {
            let key = lane.peek().map(|(key, _)| key);
            if let Some(key) = key.filter(|key| least.as_ref().is_none_or(|(_, it)| *key < it)) {
                least = Some((at, key.clone()));
            }
        }
        lanes.get_mut(least?.0)?.next()
    })
}

/// An object's place in lists: that of its key, then that of its Controller.
fn order(site: usize, key: &AviKey) -> String {
    let (kind, tenant, cloud, name) = (key.kind, &key.tenant, &key.cloud, &key.name);
    format!("{kind}\0{tenant}\0{cloud}\0{name}\0{site:04}")
}

/// The key of a place.
fn key_of(order: &str) -> Option<AviKey> {
    let mut parts = order.split('\0');
    Some(AviKey {
        kind: AviKind::of_path(parts.next()?)?,
        tenant: parts.next()?.into(),
        cloud: parts.next()?.into(),
        name: parts.next()?.into(),
    })
}

impl Found<'_> {
    fn is_of(&self, cluster: &str) -> bool {
        match self {
            _ if cluster.is_empty() => true,
            Self::Desired(_, object) => object.domain.cluster.as_str() == cluster,
            Self::Observed(site, object) => {
                owner(site, object).is_some_and(|it| it.cluster.as_str() == cluster)
            }
        }
    }

    /// As it is answered.
    pub(super) fn show(self, with_body: bool) -> AviObject {
        let body = |body| {
            let shown = with_body.then(|| json(body).to_string());
            shown.unwrap_or_default()
        };
        match self {
            Self::Desired(site, object) => AviObject {
                r#ref: Some(convert::avi_ref(&object.key)),
                controller: site.controller.to_string(),
                owner: Some(convert::domain(&object.domain)),
                body: body(&object.body),
                uuid: String::new(),
                sources: object.provenance.objects().map(source).collect(),
            },
            Self::Observed(site, object) => AviObject {
                r#ref: Some(convert::avi_ref(&object.key)),
                controller: site.controller.to_string(),
                owner: owner(site, object).map(convert::domain),
                body: body(&object.body),
                uuid: object.uuid.to_string(),
                sources: Vec::new(),
            },
        }
    }
}

fn owner<'a>(site: &'a SiteView, object: &ObservedObject) -> Option<&'a aviary_types::DomainId> {
    let mut domains = site.domains.iter();
    domains.find(|it| matches!(object.body.owner(it), Owned::Yes | Owned::IfReferred))
}

/// A Kubernetes object as a source.
pub(super) fn source(key: &ObjectKey) -> SourceObject {
    SourceObject {
        cluster: key.cluster.to_string(),
        key: Some(convert::object_key(key)),
    }
}

/// A page of the objects of one side.
pub(super) fn list(
    snapshot: &Snapshot,
    asked: &ListObjectsRequest,
) -> Result<ListObjectsResponse, Status> {
    let filter = Filter::of(asked)?;
    let page = Page::of(asked, OBJECT, SIZES)?;
    let with_body = asked.with_body || mask::names(page.mask.as_ref(), "body");
    let entries = filter.list(snapshot, page.after());
    let (objects, next_page_token) = page.take(entries, |found| found.show(with_body));
    Ok(ListObjectsResponse {
        generation: snapshot.generation().0,
        objects,
        next_page_token,
    })
}

/// One object on both sides, and in what they differ.
pub(super) fn get(
    snapshot: &Snapshot,
    asked: &GetObjectRequest,
) -> Result<GetObjectResponse, Status> {
    let mask = mask::read(asked.read_mask.as_ref(), BOTH)?;
    let Some(reference) = &asked.r#ref else {
        return Err(bad_field("ref", "it is needed"));
    };
    let kind = named(reference)?;
    let mut sites = snapshot
        .sites
        .iter()
        .filter(|it| is(&asked.controller, &it.controller))
        .peekable();
    if sites.peek().is_none() && !asked.controller.is_empty() {
        return Err(not_found("controller", &asked.controller));
    }
    let found = sites.find_map(|site| both(site, kind, reference));
    let mut response = found.ok_or_else(|| {
        let AviObjectRef { tenant, name, .. } = reference;
        not_found(&reference.r#type, &format!("{tenant}/{name}"))
    })?;
    response.generation = snapshot.generation().0;
    Ok(mask::apply(mask.as_ref(), response))
}

/// The type of a name that is complete.
fn named(reference: &AviObjectRef) -> Result<AviKind, Status> {
    let kind = convert::avi_kind(reference);
    let mut wrong = Vec::new();
    if kind.is_none() {
        wrong.push(("ref.type", no_such_type()));
    }
    if reference.name.is_empty() {
        wrong.push(("ref.name", "it is needed".to_owned()));
    }
    kind.filter(|_| wrong.is_empty())
        .ok_or_else(|| bad_fields(wrong))
}

fn both(site: &SiteView, kind: AviKind, reference: &AviObjectRef) -> Option<GetObjectResponse> {
    let is_it = |key: &&AviKey| {
        let tenant = is(&reference.tenant, key.tenant.as_str());
        key.kind == kind && tenant && key.name == reference.name
    };
    let observed = site.observed.as_ref().map(|all| &all.objects);
    let observed = observed.and_then(|all| all.values().find(|it| is_it(&&it.key)));
    let mut desired = site.built.desired.objects.values();
    let desired = desired.find(|it| is_it(&&it.key));
    if desired.is_none() && observed.is_none() {
        return None;
    }
    let pair = desired.zip(observed);
    let differences = pair.map(|(desired, observed)| desired.body.differences(&observed.body));
    let same = differences.as_ref().is_some_and(Vec::is_empty);
    Some(GetObjectResponse {
        generation: 0,
        desired: desired.map(|it| Found::Desired(site, it).show(true)),
        observed: observed.map(|it| Found::Observed(site, it).show(true)),
        same,
        differences: differences
            .unwrap_or_default()
            .into_iter()
            .map(difference)
            .collect(),
    })
}

fn difference(it: aviary_avi::Difference) -> FieldDifference {
    let text = |value: &serde_json::Value| {
        let shown = (!value.is_null()).then(|| value.to_string());
        shown.unwrap_or_default()
    };
    FieldDifference {
        desired: text(&it.desired),
        observed: text(&it.observed),
        path: it.path,
    }
}

#[cfg(test)]
mod tests {
    use super::{key_of, order};
    use aviary_avi::{AviKey, AviKind};

    #[test]
    fn places_sort_as_keys_do_and_name_them() {
        let key = |kind, name: &str| AviKey {
            kind,
            tenant: "admin".into(),
            cloud: "".into(),
            name: name.into(),
        };
        let kinds = AviKind::ALL.iter();
        let keys: Vec<AviKey> = kinds
            .flat_map(|kind| [key(*kind, "a"), key(*kind, "a-b"), key(*kind, "ab")])
            .collect();
        assert!(keys.is_sorted());
        let places: Vec<String> = keys.iter().map(|key| order(3, key)).collect();
        assert!(places.is_sorted());
        let back: Vec<AviKey> = places.iter().filter_map(|it| key_of(it)).collect();
        assert_eq!(back, keys);
    }
}
