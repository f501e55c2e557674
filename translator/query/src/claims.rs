//! Who claims what, who has it, and who does not.

use super::filters::{has, is};
use super::mask::Name;
use super::objects::source;
use super::page::{Page, SIZES};
use super::refusal::bad_field;
use crate::convert;
use crate::view::{SiteView, Snapshot};
use aviary_avi::AviKey;
use aviary_graph::{Ask, Prize, UnitKey};
use aviary_proto::query::v1::{
    Claim, ClaimKind, ClaimState, Holder, ListClaimsRequest, ListClaimsResponse, SourceObject,
};
use aviary_proto::types::v1::Scope;
use aviary_types::{ObjectKey, ScopeKey};
use std::collections::BTreeSet;
use tonic::Status;

/// One claim, with the Controller whose prize it is.
struct Entry<'a> {
    site: &'a SiteView,
    ask: Ask<'a>,
}

/// What entries of a list of claims are.
pub(super) const CLAIM: Name = "aviary.query.v1.Claim";
/// Others who have the same host, in one claim.
const ELSEWHERE_MAX: usize = 20;

/// Scopes that were not heard, in one answer.
const UNHEARD_MAX: usize = 100;

/// What is asked for, checked.
pub(super) struct Filter {
    kind: ClaimKind,
    state: ClaimState,
    cluster: String,
    name: String,
    contested_only: bool,
}

/// A page of claims.
pub(super) fn list(
    snapshot: &Snapshot,
    asked: &ListClaimsRequest,
) -> Result<ListClaimsResponse, Status> {
    let page = Page::of(asked, CLAIM, SIZES)?;
    let filter = Filter::of(asked)?;
    let mut entries: Vec<(String, Entry<'_>)> = Vec::new();
    for (at, site) in snapshot.sites.iter().enumerate() {
        for ask in site.built.claims.all() {
            let entry = Entry { site, ask };
            if filter.meets(snapshot, &entry) {
                entries.push((order(at, &entry.ask), entry));
            }
        }
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (claims, next_page_token) = page.take(entries.into_iter(), |entry| entry.show(snapshot));
    Ok(ListClaimsResponse {
        generation: snapshot.generation().0,
        claims,
        next_page_token,
        unheard: unheard(snapshot, &asked.cluster),
    })
}

/// Scopes whose claims are not known.
fn unheard(snapshot: &Snapshot, cluster: &str) -> Vec<Scope> {
    let places = snapshot.places();
    let meant = places.filter(|(_, domain)| is(cluster, domain.cluster.as_str()));
    let scopes = meant.flat_map(|(site, domain)| site.built.unheard_scopes(domain));
    let scopes: BTreeSet<ScopeKey> = scopes.collect();
    scopes
        .iter()
        .take(UNHEARD_MAX)
        .map(convert::scope)
        .collect()
}

/// Every claim that is made for an object, as long as it is one of `most`.
pub(super) fn of_source(snapshot: &Snapshot, source: &ObjectKey, most: usize) -> Vec<Claim> {
    shown(snapshot, most, |entry| entry.is_for(source))
}

/// Every claim to an Avi object's name.
pub(super) fn of_name(snapshot: &Snapshot, name: &AviKey, most: usize) -> Vec<Claim> {
    let is_its = |entry: &Entry<'_>| matches!(entry.ask.prize, Prize::Name(key) if key == name);
    shown(snapshot, most, is_its)
}

fn shown(snapshot: &Snapshot, most: usize, is: impl Fn(&Entry<'_>) -> bool) -> Vec<Claim> {
    let entries = snapshot.sites.iter().flat_map(|site| {
        let claims = site.built.claims.all();
        claims.map(move |ask| Entry { site, ask })
    });
    let meant = entries.filter(|entry| is(entry)).take(most);
    meant.map(|entry| entry.show(snapshot)).collect()
}

impl Filter {
    /// What a question asks for.
    pub(super) fn of(asked: &ListClaimsRequest) -> Result<Self, Status> {
        let kind = ClaimKind::try_from(asked.kind);
        let kind = kind.map_err(|_| bad_field("kind", "there is no such kind of claims"))?;
        let state = ClaimState::try_from(asked.state);
        let state = state.map_err(|_| bad_field("state", "there is no such state"))?;
        Ok(Self {
            kind: if kind == ClaimKind::Unspecified {
                ClaimKind::Host
            } else {
                kind
            },
            state,
            cluster: asked.cluster.clone(),
            name: asked.name.clone(),
            contested_only: asked.contested_only,
        })
    }

    /// Whether claims of this unit to its host may be meant, whatever became of them.
    pub(super) fn may_meet(&self, unit: &UnitKey) -> bool {
        let UnitKey::Host(domain, host) = unit else {
            return false;
        };
        is(&self.cluster, domain.cluster.as_str()) && has(&self.name, host.as_str())
    }

    /// The claims of a unit that are meant.
    pub(super) fn of_unit(
        &self,
        snapshot: &Snapshot,
        site: &SiteView,
        unit: &UnitKey,
    ) -> Vec<Claim> {
        let asks = site.built.claims.of_unit(unit);
        let entries = asks.map(|ask| Entry { site, ask });
        let meant = entries.filter(|entry| self.meets(snapshot, entry));
        meant.map(|entry| entry.show(snapshot)).collect()
    }

    fn meets(&self, snapshot: &Snapshot, entry: &Entry<'_>) -> bool {
        let (kind, name) = prize(&entry.ask);
        kind == self.kind
            && is(&self.cluster, entry.ask.unit.domain().cluster.as_str())
            && has(&self.name, name)
            && (self.state == ClaimState::Unspecified || self.state == entry.state())
            && (!self.contested_only || entry.ask.winner.is_some() || entry.is_overlap(snapshot))
    }
}

/// What kind of claim it is, and the name of what is claimed.
fn prize<'a>(ask: &'a Ask<'_>) -> (ClaimKind, &'a str) {
    match &ask.prize {
        Prize::Host(_, host) => (ClaimKind::Host, host.as_str()),
        Prize::Name(key) => (ClaimKind::Name, &key.name),
        Prize::Place(parent) => (ClaimKind::ShardPlace, &parent.name),
    }
}

/// By what is claimed, then by who does.
fn order(site: usize, ask: &Ask<'_>) -> String {
    let (domain, source) = (ask.unit.domain(), ask.source);
    let unit = match ask.unit {
        UnitKey::Host(_, host) => host.as_str(),
        UnitKey::SharedVip(..) | UnitKey::L4(..) | UnitKey::Setting(..) | UnitKey::Routes(_) => "",
    };
    let of = match &ask.prize {
        Prize::Host(tenant, host) => format!("{host}\0{tenant}"),
        Prize::Name(key) => format!("{}\0{}\0{}\0{}", key.name, key.tenant, key.kind, key.cloud),
        Prize::Place(parent) => format!("{}\0{}", parent.name, parent.tenant),
    };
    format!("{of}\0{site:04}\0{domain}\0{source}\0{unit}")
}

impl Entry<'_> {
    /// Whether the object is among those that the claim is made for.
    fn is_for(&self, source: &ObjectKey) -> bool {
        let ask = &self.ask;
        ask.source == source
            || matches!(ask.prize, Prize::Host(tenant, _)
                if self.site.built.sources_of(ask.unit, tenant).contains(source))
    }

    fn state(&self) -> ClaimState {
        if self.ask.winner.is_some() {
            ClaimState::Lost
        } else if self.awaited().is_some() {
            ClaimState::Waiting
        } else {
            ClaimState::Held
        }
    }

    /// What the host's objects wait for.
    fn awaited(&self) -> Option<&ObjectKey> {
        let UnitKey::Host(domain, host) = self.ask.unit else {
            return None;
        };
        let unheard = self.site.built.unknown.unheard();
        unheard.get(&(domain.clone(), host.clone()))
    }

    /// Whether the same host is held in another tenant, cluster or Controller.
    fn is_overlap(&self, snapshot: &Snapshot) -> bool {
        !self.elsewhere(snapshot, 1).is_empty()
    }

    /// Who has the same host in another tenant, cluster or Controller.
    fn elsewhere(&self, snapshot: &Snapshot, most: usize) -> Vec<Holder> {
        let Prize::Host(_, host) = self.ask.prize else {
            return Vec::new();
        };
        let others = snapshot.places().flat_map(|(site, domain)| {
            let asks = site.built.claims.of_host(domain, host);
            asks.map(move |ask| Entry { site, ask })
        });
        let holders = others.filter_map(|other| self.beside(&other));
        holders.take(most).collect()
    }

    /// Who has it by another claim to the same host, if somebody has and both are served.
    fn beside(&self, other: &Entry<'_>) -> Option<Holder> {
        let (Prize::Host(ours, _), Prize::Host(theirs, _)) = (&self.ask.prize, &other.ask.prize)
        else {
            return None;
        };
        let (own, domain) = (self.ask.unit.domain(), other.ask.unit.domain());
        let is_same_view = other.site.controller == self.site.controller
            && domain.cluster == own.cluster
            && theirs == ours;
        (!is_same_view && other.ask.winner.is_none()).then(|| Holder {
            controller: other.site.controller.to_string(),
            tenant: theirs.to_string(),
            domain: Some(convert::domain(domain)),
            source: Some(source(other.ask.source)),
        })
    }

    /// Since when the oldest object, or its cluster, is not heard.
    fn frozen_since(&self, snapshot: &Snapshot) -> Option<prost_types::Timestamp> {
        let scope = self.ask.source.scope();
        let wide = ScopeKey::cluster_wide(&scope.cluster);
        let scopes = [&scope, &wide].into_iter();
        let states = scopes.filter_map(|scope| snapshot.facts.scope(scope)?.frozen.as_ref());
        let since = states.filter_map(|frozen| convert::instant(&frozen.since));
        since.min_by_key(|since| (since.seconds, since.nanos))
    }

    fn show(&self, snapshot: &Snapshot) -> Claim {
        let ask = &self.ask;
        let (kind, _) = prize(ask);
        let elsewhere = self.elsewhere(snapshot, ELSEWHERE_MAX);
        let (host, object, tenant) = match &ask.prize {
            Prize::Host(tenant, host) => (host.to_string(), None, tenant.to_string()),
            Prize::Name(key) => (String::new(), Some(*key), key.tenant.to_string()),
            Prize::Place(parent) => (String::new(), Some(parent), parent.tenant.to_string()),
        };
        Claim {
            kind: kind.into(),
            host,
            object: object.map(convert::avi_ref),
            controller: self.site.controller.to_string(),
            domain: Some(convert::domain(ask.unit.domain())),
            source: Some(source(ask.source)),
            sources: self.sources(&tenant),
            created: convert::instant(ask.created),
            state: self.state().into(),
            winner: ask.winner.map(source),
            awaited: self.awaited().filter(|_| ask.winner.is_none()).map(source),
            overlap: !elsewhere.is_empty(),
            frozen_since: self.frozen_since(snapshot),
            elsewhere,
            tenant,
        }
    }

    fn sources(&self, tenant: &str) -> Vec<SourceObject> {
        if !matches!(self.ask.prize, Prize::Host(..)) {
            return vec![source(self.ask.source)];
        }
        let built = &self.site.built;
        let sources = built.sources_of(self.ask.unit, &tenant.into());
        sources.into_iter().map(source).collect()
    }
}
