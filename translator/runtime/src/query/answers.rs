//! Avi objects and the shard map.

use super::fields::json;
use super::filters::{has, is};
use super::page::{SIZES, Sizes, page};
use super::refusal::{bad_field, not_found};
use crate::convert;
use crate::view::{SiteView, Snapshot};
use aviary_avi::{AviKey, AviKind, DesiredObject, ObservedObject, Owned};
use aviary_proto::query::v1::{
    AviObject, GetObjectRequest, GetObjectResponse, GetShardMapRequest, GetShardMapResponse,
    ListObjectsRequest, ListObjectsResponse, ShardEntry, Side, SourceObject,
};
use aviary_types::{DomainId, EcoString, ObjectKey};
use std::collections::BTreeMap;
use tonic::Status;

/// The shard map has more and smaller entries.
const SHARDS: Sizes = Sizes {
    usual: 1_000,
    most: 10_000,
};

pub(super) fn list_objects(
    snapshot: &Snapshot,
    asked: &ListObjectsRequest,
) -> Result<ListObjectsResponse, Status> {
    if !asked.r#type.is_empty() && AviKind::of_path(&asked.r#type).is_none() {
        return Err(bad_field("type", "it is not a type that is written"));
    }
    let matches = |key: &AviKey| {
        is(&asked.r#type, key.kind.path())
            && is(&asked.tenant, key.tenant.as_str())
            && has(&asked.name, &key.name)
    };
    let with_body = asked.with_body;
    let numbered = snapshot.sites.iter().enumerate();
    let entries: Vec<(String, AviObject)> = if asked.side() == Side::Observed {
        let objects = numbered.flat_map(|(at, site)| {
            let objects = site
                .observed
                .iter()
                .flat_map(|observed| observed.objects.values());
            objects
                .filter(|it| matches(&it.key))
                .map(move |it| (order(at, &it.key), site, it))
        });
        let shown = objects.map(|(key, site, it)| (key, observed(site, it, with_body)));
        shown
            .filter(|(_, it)| of_cluster(&asked.cluster, it))
            .collect()
    } else {
        let objects = numbered.flat_map(|(at, site)| {
            let objects = site
                .built
                .desired
                .objects
                .values()
                .filter(|it| matches(&it.key));
            objects.map(move |it| (order(at, &it.key), site, it))
        });
        let ours = objects.filter(|(_, _, it)| is(&asked.cluster, it.domain.cluster.as_str()));
        ours.map(|(key, site, it)| (key, desired(site, it, with_body)))
            .collect()
    };
    let (objects, next_page_token) = page(
        entries.into_iter(),
        (asked.page_size, &asked.page_token),
        SIZES,
    )?;
    Ok(ListObjectsResponse {
        generation: snapshot.generation().0,
        objects,
        next_page_token,
    })
}

pub(super) fn get_object(
    snapshot: &Snapshot,
    asked: &GetObjectRequest,
) -> Result<GetObjectResponse, Status> {
    let reference = asked
        .r#ref
        .as_ref()
        .ok_or_else(|| bad_field("ref", "it is needed"))?;
    let kind = convert::avi_kind(reference)
        .ok_or_else(|| bad_field("ref.type", "it is not a type that is written"))?;
    let found = |key: &AviKey| {
        key.kind == kind && key.tenant.as_str() == reference.tenant && key.name == reference.name
    };
    let mut response = GetObjectResponse {
        generation: snapshot.generation().0,
        ..GetObjectResponse::default()
    };
    for site in &snapshot.sites {
        let wanted = site
            .built
            .desired
            .objects
            .values()
            .find(|it| found(&it.key));
        let there = site
            .observed
            .as_ref()
            .and_then(|all| all.objects.values().find(|it| found(&it.key)));
        response.desired = response
            .desired
            .or(wanted.map(|it| desired(site, it, true)));
        response.observed = response
            .observed
            .or(there.map(|it| observed(site, it, true)));
    }
    if response.desired.is_none() && response.observed.is_none() {
        return Err(not_found(&reference.r#type, &reference.name));
    }
    Ok(response)
}

fn order(site: usize, key: &AviKey) -> String {
    format!(
        "{}\0{}\0{}\0{site:04}\0{}",
        key.kind, key.tenant, key.name, key.cloud
    )
}

fn of_cluster(asked: &str, object: &AviObject) -> bool {
    asked.is_empty()
        || object
            .owner
            .as_ref()
            .is_some_and(|owner| owner.cluster == asked)
}

fn desired(site: &SiteView, object: &DesiredObject, with_body: bool) -> AviObject {
    AviObject {
        r#ref: Some(convert::avi_ref(&object.key)),
        controller: site.controller.to_string(),
        owner: Some(convert::domain(&object.domain)),
        body: if with_body {
            json(&object.body).to_string()
        } else {
            String::new()
        },
        uuid: String::new(),
        sources: object.provenance.objects().map(source).collect(),
    }
}

fn observed(site: &SiteView, object: &ObservedObject, with_body: bool) -> AviObject {
    let owner = site
        .domains
        .iter()
        .find(|domain| matches!(object.body.owner(domain), Owned::Yes | Owned::IfReferred));
    AviObject {
        r#ref: Some(convert::avi_ref(&object.key)),
        controller: site.controller.to_string(),
        owner: owner.map(convert::domain),
        body: if with_body {
            json(&object.body).to_string()
        } else {
            String::new()
        },
        uuid: object.uuid.to_string(),
        sources: Vec::new(),
    }
}

pub(super) fn source(key: &ObjectKey) -> SourceObject {
    SourceObject {
        cluster: key.cluster.to_string(),
        key: Some(convert::object_key(key)),
    }
}

pub(super) fn shard_map(
    snapshot: &Snapshot,
    asked: &GetShardMapRequest,
) -> Result<GetShardMapResponse, Status> {
    let mut entries: BTreeMap<String, ShardEntry> = BTreeMap::new();
    for site in &snapshot.sites {
        let owners = owners(site);
        for (domain, tenant, shard, host) in site.built.shard_map() {
            if !is(&asked.cluster, domain.cluster.as_str()) || !has(&asked.host, host) {
                continue;
            }
            let entry = ShardEntry {
                host: host.to_owned(),
                domain: Some(convert::domain(domain)),
                virtual_service: Some(aviary_proto::types::v1::AviObjectRef {
                    r#type: AviKind::VirtualService.path().to_owned(),
                    tenant: tenant.to_owned(),
                    name: shard.to_owned(),
                }),
                shard: index_of(shard),
                shards: site.shards.get(domain).copied(),
                owner: owners.get(&(domain, host.into())).map(source),
            };
            entries.insert(format!("{host}\0{domain}\0{tenant}\0{shard}"), entry);
        }
    }
    let (entries, next_page_token) = page(
        entries.into_iter(),
        (asked.page_size, &asked.page_token),
        SHARDS,
    )?;
    Ok(GetShardMapResponse {
        generation: snapshot.generation().0,
        entries,
        next_page_token,
    })
}

/// The number at the end of a shard's name.
fn index_of(shard: &str) -> Option<u32> {
    let digits = shard.len() - shard.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    shard.get(shard.len() - digits..)?.parse().ok()
}

/// The oldest object that each host is served for.
fn owners(site: &SiteView) -> BTreeMap<(&DomainId, EcoString), ObjectKey> {
    let mut owners: BTreeMap<(&DomainId, EcoString), ObjectKey> = BTreeMap::new();
    let facts = &site.built.facts;
    let age = |key: &ObjectKey| {
        facts
            .get(key)
            .map(|entry| (entry.created.clone(), key.clone()))
    };
    for serve in site
        .built
        .sources()
        .flat_map(|source| site.built.serves_of(source))
    {
        let Some(desired) = site.built.desired.objects.get(&serve.service) else {
            continue;
        };
        let place = (&desired.domain, serve.host.clone());
        let older = owners
            .get(&place)
            .is_none_or(|known| age(&serve.source) < age(known));
        if older {
            owners.insert(place, serve.source);
        }
    }
    owners
}
