//! Fields and their origins as the wire has them.

use super::super::objects::source;
use crate::convert;
use crate::view::SiteView;
use aviary_avi::{AviKey, DesiredObject, Field};
use aviary_proto::query::v1::field_origin::Origin as Told;
use aviary_proto::query::v1::{ExplainedField, FieldOrigin, SourcePlace};
use aviary_types::{Explained, ObjectKey, Origin, number};

/// Most origins that are told of one field.
const ORIGINS_MAX: usize = 100;

/// An object as a whole: who asks for it.
pub(super) fn whole(site: &SiteView, object: &DesiredObject) -> ExplainedField {
    let sources = object.provenance.objects();
    let origins: Vec<FieldOrigin> = sources.clone().take(ORIGINS_MAX).map(of_object).collect();
    ExplainedField {
        object: Some(convert::avi_ref(&object.key)),
        controller: site.controller.to_string(),
        origins,
        origins_total: number(sources.count()),
        ..ExplainedField::default()
    }
}

/// One field.
pub(super) fn field(site: &SiteView, key: &AviKey, field: &Field) -> ExplainedField {
    let none = Explained {
        origins: Vec::new(),
        rule: "",
    };
    let from = field.from.as_ref().unwrap_or(&none);
    let origins = from.origins.iter().take(ORIGINS_MAX);
    ExplainedField {
        object: Some(convert::avi_ref(key)),
        controller: site.controller.to_string(),
        path: field.path.to_string(),
        value: field.value.to_string(),
        rule: from.rule.to_owned(),
        origins: origins.map(origin).collect(),
        origins_total: number(from.origins.len()),
    }
}

fn of_object(key: &ObjectKey) -> FieldOrigin {
    place(key, String::new())
}

fn origin((origin, below): &(Origin, &'static str)) -> FieldOrigin {
    let told = match origin {
        Origin::Object(at) => return place(&at.object, at.path(below)),
        Origin::Setting(key) => Told::Setting((*key).to_owned()),
        Origin::Controller(what) => Told::Found((*what).to_owned()),
    };
    FieldOrigin { origin: Some(told) }
}

fn place(key: &ObjectKey, path: String) -> FieldOrigin {
    let object = Some(source(key));
    FieldOrigin {
        origin: Some(Told::Place(SourcePlace { object, path })),
    }
}
