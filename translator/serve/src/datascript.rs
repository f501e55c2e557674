//! Data scripts, known by their event: the contract of the shared parent (a pool of the shared
//! group by host and path) and that of passthrough (a pool group by SNI name). Their text is not
//! read.

use crate::verdict::{Outcome, Step};
use crate::walk::Walk;
use crate::world::Scope;
use aviary_avi::AviKey;
use aviary_avi::ds_set::VsDataScriptSet;
use aviary_avi::pool_group::{PoolGroup, PoolGroupMember};
use aviary_avi::virtual_service::VirtualService;
use aviary_types::{EcoString, eco_format};

/// The event of scripts that choose by host and path.
const ON_HTTP_REQUEST: &str = "VS_DATASCRIPT_EVT_HTTP_REQ";

/// The event of scripts that choose by SNI name.
const ON_L4_REQUEST: &str = "VS_DATASCRIPT_EVT_L4_REQUEST";

/// Where a group stands and what it is.
pub(crate) type Found<'w> = (&'w AviKey, &'w PoolGroup);

/// The scripts of a virtual service for an event, in order, with the groups that they may choose.
fn scripts<'w>(
    walk: &Walk<'w>,
    key: &'w AviKey,
    service: &VirtualService,
    event: &str,
) -> Vec<(&'w AviKey, Vec<Found<'w>>)> {
    let world = walk.world;
    let mut scripts: Vec<_> = service.vs_datascripts.iter().collect();
    scripts.sort_by_key(|script| script.index);
    let keys = scripts
        .into_iter()
        .filter_map(|script| world.resolve(Scope::of(key), &script.vs_datascript_set_ref));
    let sets = keys.filter_map(|key| Some((key, world.script_set(key)?)));
    let sets = sets.filter(|(_, set)| runs_on(set, event));
    sets.map(|(set_key, set)| {
        let groups = set.pool_group_refs.iter();
        let groups = groups.filter_map(|group| world.resolve(Scope::within(set_key, key), group));
        let groups = groups.filter_map(|key| Some((key, world.group(key)?)));
        (set_key, groups.collect())
    })
    .collect()
}

fn runs_on(set: &VsDataScriptSet, event: &str) -> bool {
    set.datascript.iter().any(|script| script.evt == event)
}

/// The groups whose labels are hosts and paths, for whoever lists them.
pub(crate) fn labelled_groups<'w>(
    walk: &Walk<'w>,
    key: &'w AviKey,
    service: &VirtualService,
) -> Vec<Found<'w>> {
    let scripts = scripts(walk, key, service, ON_HTTP_REQUEST);
    scripts.into_iter().flat_map(|(_, groups)| groups).collect()
}

/// What the scripts choose for a host and path; none if no label fits.
pub(crate) fn by_label<'w>(
    walk: &mut Walk<'w>,
    key: &'w AviKey,
    service: &VirtualService,
    subject: (&str, &str),
) -> Option<Outcome> {
    let (host, path) = subject;
    let wanted = label(host, path);
    for (set, groups) in scripts(walk, key, service, ON_HTTP_REQUEST) {
        walk.step(Step::Script {
            set: set.clone(),
            label: wanted.clone(),
        });
        for (group_key, group) in groups {
            let Some(found) = longest(group, &wanted) else {
                continue;
            };
            let members = group.members.iter().filter(|m| label_of(m) == Some(found));
            let members: Vec<_> = members.collect();
            walk.step(Step::Label(found.clone()));
            walk.step(Step::Group(group_key.clone()));
            return Some(walk.members(group_key, &members));
        }
    }
    None
}

/// The label that the script builds.
fn label(host: &str, path: &str) -> EcoString {
    let path = path.strip_prefix('/').unwrap_or(path);
    eco_format!("{host}/{path}").to_lowercase()
}

/// The longest label that the wanted one begins with.
fn longest<'g>(group: &'g PoolGroup, wanted: &str) -> Option<&'g EcoString> {
    let labels = group.members.iter().filter_map(label_of);
    labels
        .filter(|label| wanted.starts_with(label.as_str()))
        .max_by_key(|label| label.len())
}

fn label_of(member: &PoolGroupMember) -> Option<&EcoString> {
    member
        .priority_label
        .as_ref()
        .filter(|label| !label.is_empty())
}

/// Whether the virtual service passes TLS through by SNI name.
pub(crate) fn is_passthrough<'w>(
    walk: &Walk<'w>,
    key: &'w AviKey,
    service: &VirtualService,
) -> bool {
    !scripts(walk, key, service, ON_L4_REQUEST).is_empty()
}

/// What a passthrough script does with a connection; none if there is no such script.
pub(crate) fn by_sni<'w>(
    walk: &mut Walk<'w>,
    key: &'w AviKey,
    service: &VirtualService,
    sni: Option<&str>,
) -> Option<Outcome> {
    let scripts = scripts(walk, key, service, ON_L4_REQUEST);
    let (set, _) = scripts.first()?;
    let Some(sni) = sni else {
        return Some(Outcome::Closed);
    };
    walk.step(Step::Script {
        set: (*set).clone(),
        label: sni.into(),
    });
    let groups: Vec<_> = scripts.iter().flat_map(|(_, groups)| groups).collect();
    let named = |end: EcoString| {
        groups
            .iter()
            .find(|(key, _)| key.name.ends_with(end.as_str()))
    };
    // Names are `<cluster>--[<setting>-]<host>`; the host alone is the better fit.
    let found = named(eco_format!("--{sni}")).or_else(|| named(eco_format!("-{sni}")));
    let Some((group_key, group)) = found else {
        return Some(Outcome::Closed);
    };
    walk.step(Step::Group((*group_key).clone()));
    Some(walk.members(group_key, &group.members.iter().collect::<Vec<_>>()))
}
