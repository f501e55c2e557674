//! A set of Avi objects, indexed for questions.

use crate::index::Index;
use crate::problem::Problem;
use aviary_avi::ds_set::VsDataScriptSet;
use aviary_avi::http_policy_set::HttpPolicySet;
use aviary_avi::l4_policy_set::L4PolicySet;
use aviary_avi::pool::Pool;
use aviary_avi::pool_group::PoolGroup;
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::vs_vip::VsVip;
use aviary_avi::{AviKey, AviKind, Body, Desired, Observed, Ref};
use aviary_types::{EcoString, TenantName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The tenant whose objects other tenants may refer to.
const ADMIN: &str = "admin";

/// The cloud of an object that names none.
const DEFAULT_CLOUD: &str = "Default-Cloud";

/// The Avi objects of a moment, and how they refer to each other.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub(crate) objects: BTreeMap<AviKey, Arc<Body>>,
    /// Objects that exist, of which no more is known.
    foreign: BTreeSet<AviKey>,
    uuids: BTreeMap<EcoString, AviKey>,
    names: BTreeMap<(AviKind, EcoString), Vec<AviKey>>,
    pub(crate) index: Index,
    problems: BTreeSet<Problem>,
}

/// From where a reference is resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// Tenant of the referring object.
    pub(crate) tenant: &'a TenantName,
    /// Its cloud, or that of the virtual service it works for; empty if neither is known.
    pub(crate) cloud: &'a EcoString,
}

impl<'a> Scope<'a> {
    /// The scope of an object itself.
    pub(crate) fn of(key: &'a AviKey) -> Self {
        Self {
            tenant: &key.tenant,
            cloud: &key.cloud,
        }
    }

    /// The scope of an object without cloud that works for one with a cloud.
    pub(crate) fn within(key: &'a AviKey, service: &'a AviKey) -> Self {
        Self {
            tenant: &key.tenant,
            cloud: &service.cloud,
        }
    }
}

/// Everything that a world is made of.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) objects: BTreeMap<AviKey, Arc<Body>>,
    pub(crate) foreign: BTreeSet<AviKey>,
    pub(crate) uuids: BTreeMap<EcoString, AviKey>,
}

impl World {
    /// The world of these objects, which refer to each other by name.
    pub fn new(objects: impl IntoIterator<Item = (AviKey, Arc<Body>)>) -> Self {
        Self::build(Parts {
            objects: objects.into_iter().collect(),
            ..Parts::default()
        })
    }

    /// The world as it should be.
    pub fn of_desired(desired: &Desired) -> Self {
        Self::new(
            desired
                .objects
                .iter()
                .map(|(key, object)| (key.clone(), object.body.clone())),
        )
    }

    /// The world as the Controller has it. Of the objects of others only those are in it that
    /// were read.
    pub fn of_observed(observed: &Observed) -> Self {
        let mut parts = Parts::default();
        for (key, object) in &observed.objects {
            parts.objects.insert(key.clone(), object.body.clone());
            if !object.uuid.is_empty() {
                parts.uuids.insert(object.uuid.clone(), key.clone());
            }
        }
        Self::build(parts)
    }

    /// The same world with objects of others in it, of which only the existence is known: a
    /// certificate that a rule names, say.
    #[must_use]
    pub fn with_foreign(self, keys: impl IntoIterator<Item = AviKey>) -> Self {
        let mut foreign = self.foreign;
        foreign.extend(keys);
        Self::build(Parts {
            objects: self.objects,
            foreign,
            uuids: self.uuids,
        })
    }

    /// What is wrong with the objects themselves. A Controller would not hold such a world.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    pub(crate) fn build(parts: Parts) -> Self {
        let Parts {
            objects,
            foreign,
            uuids,
        } = parts;
        let mut world = Self {
            objects,
            foreign,
            uuids,
            ..Self::default()
        };
        for key in world.objects.keys().chain(&world.foreign) {
            let named = world.names.entry((key.kind, key.name.clone())).or_default();
            if named.last() != Some(key) {
                named.push(key.clone());
            }
        }
        let (index, problems) = Index::of(&world);
        world.index = index;
        world.problems = problems;
        world
    }

    /// The object that a reference means: by uuid if it has a known one, else by name in the
    /// tenant (then in `admin`, for kinds that are shared) and in the cloud.
    pub(crate) fn resolve(&self, scope: Scope<'_>, reference: &Ref) -> Option<&AviKey> {
        let kind = AviKind::of_path(&reference.kind)?;
        if let Some(key) = self.uuids.get(&reference.uuid) {
            return (key.kind == kind).then_some(key);
        }
        let named = self.named(kind, &reference.name);
        let own = pick(named, scope.tenant.as_str(), scope.cloud);
        own.or_else(|| {
            let shared = !is_private(kind);
            shared.then(|| pick(named, ADMIN, scope.cloud)).flatten()
        })
    }

    /// The objects of a kind that have this name, in whatever tenant and cloud.
    pub(crate) fn named(&self, kind: AviKind, name: &EcoString) -> &[AviKey] {
        self.names
            .get(&(kind, name.clone()))
            .map_or(&[], Vec::as_slice)
    }

    /// Whether a reference leads nowhere. One to a kind without a room is taken to be right.
    pub(crate) fn is_broken(&self, scope: Scope<'_>, reference: &Ref) -> bool {
        let modelled = reference.kind.is_empty() || AviKind::of_path(&reference.kind).is_some();
        modelled && self.resolve(scope, reference).is_none()
    }
}

/// Kinds that no other tenant may refer to.
fn is_private(kind: AviKind) -> bool {
    use AviKind::{Pool, PoolGroup, VirtualService, VsVip};
    matches!(kind, Pool | PoolGroup | VirtualService | VsVip)
}

/// Of objects with one name the one of this tenant and cloud.
fn pick<'a>(named: &'a [AviKey], tenant: &str, cloud: &str) -> Option<&'a AviKey> {
    let mut own = named.iter().filter(|key| key.tenant.as_str() == tenant);
    let wanted = if cloud.is_empty() {
        DEFAULT_CLOUD
    } else {
        cloud
    };
    let exact = own
        .clone()
        .find(|key| key.cloud.is_empty() || key.cloud == wanted);
    exact.or_else(|| if cloud.is_empty() { own.next() } else { None })
}

macro_rules! getters {
    ($($get:ident -> $kind:ident,)*) => {
        impl World {
            $(
                #[doc = concat!("The ", stringify!($kind), " of this key.")]
                pub(crate) fn $get(&self, key: &AviKey) -> Option<&$kind> {
                    match self.objects.get(key)?.as_ref() {
                        Body::$kind(body) => Some(body),
                        _ => None,
                    }
                }
            )*
        }
    };
}

getters! {
    service -> VirtualService,
    vip -> VsVip,
    http_set -> HttpPolicySet,
    l4_set -> L4PolicySet,
    script_set -> VsDataScriptSet,
    group -> PoolGroup,
    pool -> Pool,
}

impl World {
    /// Those of the referred certificates that exist.
    pub(crate) fn certificates(&self, service: &AviKey, refs: &[Ref]) -> Vec<AviKey> {
        let found = refs
            .iter()
            .filter_map(|cert| self.resolve(Scope::of(service), cert));
        found
            .filter(|key| key.kind == AviKind::SslKeyAndCertificate)
            .cloned()
            .collect()
    }
}
