//! The explanation as it is printed: fields under their objects.

use aviary_proto::query::v1::explain_response::Subject;
use aviary_proto::query::v1::field_origin::Origin as Told;
use aviary_proto::query::v1::{
    Claim, ClaimKind, ClaimState, ExplainResponse, ExplainedField, FieldOrigin, Hold, SourceObject,
};
use aviary_proto::types::v1::{AviObjectRef, Finding};
use serde::Serialize;
use serde_json::Value;

/// Everything that is told about a subject.
#[derive(Debug, Default, Serialize)]
pub(super) struct Answer {
    generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) object: Option<Name>,
    pub(super) findings: Vec<Found>,
    pub(super) holds: Vec<Held>,
    pub(super) claims: Vec<Claimed>,
    pub(super) objects: Vec<Object>,
}

/// A Kubernetes object, with a path inside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Source {
    pub(super) cluster: String,
    pub(super) kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) namespace: String,
    pub(super) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) path: String,
}

/// The name of an Avi object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Name {
    pub(super) r#type: String,
    pub(super) tenant: String,
    #[serde(rename = "name")]
    pub(super) text: String,
}

/// One Avi object.
#[derive(Debug, Serialize)]
pub(super) struct Object {
    #[serde(flatten)]
    pub(super) name: Name,
    pub(super) controller: String,
    pub(super) sources: Vec<Origin>,
    pub(super) fields: Vec<Field>,
}

/// One of its fields.
#[derive(Debug, Serialize)]
pub(super) struct Field {
    pub(super) path: String,
    pub(super) value: Value,
    pub(super) rule: String,
    pub(super) origins: Vec<Origin>,
    #[serde(skip)]
    pub(super) origins_total: u32,
}

/// Where a field comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Origin {
    /// A place in a Kubernetes object.
    Object(Source),
    /// A setting.
    Setting(String),
    /// What the Controller was found to be.
    Controller(String),
}

/// A finding.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    pub(super) code: String,
    pub(super) text: String,
    pub(super) hint: String,
}

/// Something held back.
#[derive(Debug, Serialize)]
pub(super) struct Held {
    pub(super) id: String,
    pub(super) reason: String,
}

/// A claim.
#[derive(Debug, Serialize)]
pub(super) struct Claimed {
    pub(super) what: String,
    pub(super) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) winner: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) awaited: Option<Source>,
}

impl Answer {
    /// Takes a page in. Answers the token of the next.
    pub(super) fn add(&mut self, page: ExplainResponse) -> String {
        self.generation = page.generation;
        match page.subject {
            Some(Subject::Source(source)) => self.source = Some(source_of(source)),
            Some(Subject::Object(reference)) => self.object = Some(name_of(reference)),
            None => {}
        }
        self.findings.extend(page.findings.into_iter().map(found));
        self.holds.extend(page.holds.into_iter().map(held));
        self.claims.extend(page.claims.into_iter().map(claimed));
        for field in page.fields {
            self.put(field);
        }
        page.next_page_token
    }

    fn put(&mut self, field: ExplainedField) {
        let name = name_of(field.object.unwrap_or_default());
        let origins: Vec<Origin> = field.origins.into_iter().filter_map(origin_of).collect();
        let same = |last: &&mut Object| last.name == name && last.controller == field.controller;
        let last = self.objects.last_mut().filter(same);
        match last {
            Some(object) if !field.path.is_empty() => object.fields.push(Field {
                path: field.path,
                value: serde_json::from_str(&field.value).unwrap_or_default(),
                rule: field.rule,
                origins,
                origins_total: field.origins_total,
            }),
            _ => self.objects.push(Object {
                name,
                controller: field.controller,
                sources: origins,
                fields: Vec::new(),
            }),
        }
    }
}

fn origin_of(origin: FieldOrigin) -> Option<Origin> {
    Some(match origin.origin? {
        Told::Place(place) => Origin::Object(Source {
            path: place.path,
            ..source_of(place.object.unwrap_or_default())
        }),
        Told::Setting(key) => Origin::Setting(key),
        Told::Found(what) => Origin::Controller(what),
    })
}

fn source_of(source: SourceObject) -> Source {
    let key = source.key.unwrap_or_default();
    Source {
        cluster: source.cluster,
        kind: key.kind,
        namespace: key.namespace,
        name: key.name,
        path: String::new(),
    }
}

fn name_of(reference: AviObjectRef) -> Name {
    Name {
        r#type: reference.r#type,
        tenant: reference.tenant,
        text: reference.name,
    }
}

fn found(finding: Finding) -> Found {
    Found {
        code: finding.code,
        text: finding.text,
        hint: finding.hint,
    }
}

fn claimed(claim: Claim) -> Claimed {
    let state = match claim.state() {
        ClaimState::Lost => "lost",
        ClaimState::Waiting => "waiting",
        ClaimState::Held | ClaimState::Unspecified => "held",
    };
    let what = match (claim.kind(), claim.object) {
        (ClaimKind::Host | ClaimKind::Unspecified, _) | (_, None) => {
            format!("host {} in tenant {}", claim.host, claim.tenant)
        }
        (ClaimKind::Name, Some(it)) => format!("name {} {}/{}", it.r#type, it.tenant, it.name),
        (ClaimKind::ShardPlace, Some(it)) => format!("place on {}/{}", it.tenant, it.name),
    };
    Claimed {
        what,
        state,
        winner: claim.winner.map(source_of),
        awaited: claim.awaited.map(source_of),
    }
}

fn held(hold: Hold) -> Held {
    Held {
        id: hold.id,
        reason: hold.reason,
    }
}
