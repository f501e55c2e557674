//! Which host is on which shard.

use super::filters::{has, is};
use super::objects::source;
use super::page::{Page, Sizes};
use crate::convert;
use crate::view::{SiteView, Snapshot};
use aviary_avi::AviKind;
use aviary_graph::Prize;
use aviary_proto::query::v1::{GetShardMapRequest, GetShardMapResponse, ShardEntry, SourceObject};
use aviary_proto::types::v1::AviObjectRef;
use aviary_types::{DomainId, Host};
use std::collections::BTreeMap;
use tonic::Status;

/// The shard map has more and smaller entries.
const SIZES: Sizes = Sizes {
    usual: 1_000,
    most: 10_000,
};

/// A host on a shard.
struct Entry<'a> {
    site: &'a SiteView,
    domain: &'a DomainId,
    tenant: &'a str,
    shard: &'a str,
    host: &'a str,
}

/// A page of the shard map.
pub(super) fn map(
    snapshot: &Snapshot,
    asked: &GetShardMapRequest,
) -> Result<GetShardMapResponse, Status> {
    let page = Page::of(asked, "aviary.query.v1.ShardEntry", SIZES)?;
    let mut entries = BTreeMap::new();
    for site in &snapshot.sites {
        for (domain, tenant, shard, host) in site.built.shard_map() {
            if is(&asked.cluster, domain.cluster.as_str()) && has(&asked.host, host) {
                let entry = Entry {
                    site,
                    domain,
                    tenant,
                    shard,
                    host,
                };
                entries.insert(format!("{host}\0{domain}\0{tenant}\0{shard}"), entry);
            }
        }
    }
    let (entries, next_page_token) = page.take(entries.into_iter(), |it| show(&it));
    Ok(GetShardMapResponse {
        generation: snapshot.generation().0,
        entries,
        next_page_token,
    })
}

fn show(entry: &Entry<'_>) -> ShardEntry {
    let Entry {
        site,
        domain,
        tenant,
        shard,
        host,
    } = *entry;
    ShardEntry {
        host: host.to_owned(),
        domain: Some(convert::domain(domain)),
        virtual_service: Some(AviObjectRef {
            r#type: AviKind::VirtualService.path().to_owned(),
            tenant: tenant.to_owned(),
            name: shard.to_owned(),
        }),
        shard: index_of(shard),
        shards: site.shards.get(domain).copied(),
        owner: owner(entry),
    }
}

/// The number at the end of a shard's name.
fn index_of(shard: &str) -> Option<u32> {
    let digits = shard.len() - shard.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    shard.get(shard.len() - digits..)?.parse().ok()
}

/// The object that the host is served for: the oldest that claims it.
fn owner(entry: &Entry<'_>) -> Option<SourceObject> {
    let host = Host::from(entry.host);
    let mut claims = entry.site.built.claims.of_host(entry.domain, &host);
    let claim = claims
        .find(|it| matches!(it.prize, Prize::Host(tenant, _) if tenant.as_str() == entry.tenant));
    claim.map(|claim| source(claim.source))
}
