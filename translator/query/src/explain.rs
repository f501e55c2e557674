//! What a Kubernetes object comes to on Avi, and where the fields of an Avi object come from.

mod subject;
mod wire;

use super::claims;
use super::objects::source;
use super::page::{Page, Sizes};
use super::refusal::not_found;
use crate::convert;
use crate::view::{Held, SiteView, Snapshot};
use aviary_avi::{AviKey, DesiredObject, Field, ObservedObject};
use aviary_proto::query::v1::explain_response::Subject as Understood;
use aviary_proto::query::v1::{Claim, ExplainRequest, ExplainResponse, ExplainedField};
use aviary_types::{Finding, ObjectKey};
use std::collections::BTreeSet;
use subject::Subject;
use tonic::Status;

/// Most claims that are told.
const CLAIMS_MAX: usize = 1_000;

/// Fields are many and small.
const FIELDS: Sizes = Sizes {
    usual: 1_000,
    most: 10_000,
};

pub(super) fn explain(
    snapshot: &Snapshot,
    asked: &ExplainRequest,
) -> Result<ExplainResponse, Status> {
    let page = Page::of(asked, "aviary.query.v1.ExplainedField", FIELDS)?;
    let subject = Subject::of(snapshot, asked)?;
    let explained = Explained {
        snapshot,
        subject: &subject,
        controller: &asked.controller,
    };
    let first = asked.page_token.is_empty();
    let mut entries = explained.entries(&asked.field, page.after()).peekable();
    if first && entries.peek().is_none() && !asked.field.is_empty() {
        return Err(not_found("field", &asked.field));
    }
    let (fields, next_page_token) = page.take(entries, |field| field);
    let (findings, holds) = if first {
        (explained.findings(), explained.holds())
    } else {
        (BTreeSet::new(), Vec::new())
    };
    Ok(ExplainResponse {
        generation: snapshot.generation().0,
        subject: Some(match &subject {
            Subject::Source(key) => Understood::Source(source(key)),
            Subject::Object(key) => Understood::Object(convert::avi_ref(key)),
        }),
        fields,
        findings: findings.iter().map(convert::finding).collect(),
        holds: holds
            .into_iter()
            .map(|(site, held)| super::plans::hold(snapshot, site, held))
            .collect(),
        next_page_token,
        claims: if first {
            explained.claims()
        } else {
            Vec::new()
        },
    })
}

struct Explained<'a> {
    snapshot: &'a Snapshot,
    subject: &'a Subject,
    controller: &'a str,
}

impl<'a> Explained<'a> {
    fn sites(&self) -> impl Iterator<Item = &'a SiteView> {
        let controller = self.controller;
        let sites = self.snapshot.sites.iter();
        sites.filter(move |site| controller.is_empty() || site.controller == controller)
    }

    /// The fields that are asked for, in order. A field is told when it is asked for: much may come
    /// from one object, and a page is only a piece of that. Objects before this place are left out.
    fn entries(
        &self,
        below: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = (String, ExplainedField)> {
        let mut objects = Vec::new();
        for (at, site) in self.sites().enumerate() {
            let ordered = self.objects(site).into_iter().map(|object| {
                let key = &object.key;
                let order = format!("{}\0{}\0{}\0{at:04}\0", key.kind, key.tenant, key.name);
                (order, site, object)
            });
            let is_over =
                |order: &str| after.is_some_and(|after| order < after && !after.starts_with(order));
            objects.extend(ordered.filter(|(order, ..)| !is_over(order)));
        }
        objects.sort_by(|a, b| a.0.cmp(&b.0));
        let told = move |(order, site, object)| self.of_object((order, site, object), below);
        objects.into_iter().flat_map(told)
    }

    /// The fields of one object that are asked for, after the object as a whole.
    fn of_object(
        &self,
        (order, site, object): (String, &SiteView, &DesiredObject),
        below: &str,
    ) -> Vec<(String, ExplainedField)> {
        let fields = object.fields().into_iter().enumerate();
        let fields = fields.filter(|(_, field)| self.concerns(field));
        let fields = fields.filter(|(_, field)| is_below(&field.path.to_string(), below));
        let told = |(number, field): (usize, Field)| {
            let place = format!("{order}{number:08}");
            (place, wire::field(site, &object.key, &field))
        };
        let fields: Vec<_> = fields.map(told).collect();
        let is_told = below.is_empty() || !fields.is_empty();
        let whole = is_told.then(|| (order.clone(), wire::whole(site, object)));
        whole.into_iter().chain(fields).collect()
    }

    /// The desired objects that are meant.
    fn objects(&self, site: &'a SiteView) -> Vec<&'a DesiredObject> {
        let objects = &site.built.desired.objects;
        match self.subject {
            Subject::Object(key) => objects.get(key).map(AsRef::as_ref).into_iter().collect(),
            Subject::Source(key) => {
                let all = objects.values().map(AsRef::as_ref);
                all.filter(|it: &&DesiredObject| it.provenance.cites(key))
                    .collect()
            }
        }
    }

    /// Of a Kubernetes object, only the fields that come from it.
    fn concerns(&self, field: &Field) -> bool {
        let Subject::Source(key) = self.subject else {
            return true;
        };
        let origins = field.from.iter().flat_map(|from| &from.origins);
        let mut objects = origins.filter_map(|(origin, _)| origin.object());
        objects.any(|object| object == key)
    }

    fn findings(&self) -> BTreeSet<Finding> {
        let of = |site: &'a SiteView| -> Vec<Finding> {
            match self.subject {
                Subject::Source(key) => {
                    let refused = site.refusals.values().flat_map(|list| list.iter());
                    let refused = refused.filter(|it| it.object == *key).cloned();
                    site.built
                        .findings_of(key)
                        .into_iter()
                        .chain(refused)
                        .collect()
                }
                Subject::Object(key) => {
                    let refused = site.refusals.get(key).into_iter();
                    refused.flat_map(|list| list.iter().cloned()).collect()
                }
            }
        };
        self.sites().flat_map(of).collect()
    }

    fn claims(&self) -> Vec<Claim> {
        match self.subject {
            Subject::Source(key) => claims::of_source(self.snapshot, key, CLAIMS_MAX),
            Subject::Object(key) => claims::of_name(self.snapshot, key, CLAIMS_MAX),
        }
    }

    /// What is held back of the objects that are meant, and of those whose markers name the source:
    /// an object that cannot be read has none that is desired.
    fn holds(&self) -> Vec<(&'a SiteView, &'a Held)> {
        let mut holds = Vec::new();
        for site in self.sites() {
            let wanted = self.objects(site).into_iter().map(|it| &it.key);
            let wanted: BTreeSet<&AviKey> = wanted.collect();
            let meant = |key: &AviKey| match self.subject {
                Subject::Object(subject) => key == subject,
                Subject::Source(source) => {
                    let observed = site.observed.as_ref();
                    let observed = observed.and_then(|all| all.objects.get(key));
                    wanted.contains(key) || observed.is_some_and(|it| is_marked(it, source))
                }
            };
            let held = site.holds.iter().filter(|(key, _)| meant(key));
            holds.extend(held.map(|(_, held)| (site, held)));
        }
        holds
    }
}

/// Whether an object's markers name the source.
fn is_marked(object: &ObservedObject, source: &ObjectKey) -> bool {
    let marked = object.body.sources();
    let names = match source.kind.kind {
        "Ingress" => marked.ingresses(),
        "Service" => marked
            .service()
            .map(std::slice::from_ref)
            .unwrap_or_default(),
        _ => &[],
    };
    names.contains(&source.name)
        && marked.namespaces().contains(source.namespace.text())
        && marked.values("clustername").contains(source.cluster.text())
}

/// Whether a path is the one asked for, or below it.
fn is_below(path: &str, asked: &str) -> bool {
    let rest = path.strip_prefix(asked);
    rest.is_some_and(|rest| asked.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::is_below;

    #[test]
    fn a_field_is_asked_for_with_what_is_below_it() {
        for (path, asked, is) in [
            ("servers[0].port", "", true),
            ("servers[0].port", "servers", true),
            ("servers[0].port", "servers[0]", true),
            ("servers[0].port", "servers[0].port", true),
            ("servers[10].port", "servers[1]", false),
            ("servers[0].port", "server", false),
            ("servers[0].port", "servers[0].port.x", false),
        ] {
            assert_eq!(is_below(path, asked), is, "{path} {asked}");
        }
    }
}
