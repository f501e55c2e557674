//! What a domain has of objects that it shares with others: labels of Service Engine groups, and
//! routes in VRFs, which settings of today need not name.

use aviary_avi::{Body, Census, Observed};
use aviary_settings::InstanceSettings;
use aviary_types::EcoString;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Brings the census of an instance up to date with what was read.
pub fn count_entries(
    census: &mut Arc<Census>,
    observed: &Observed,
    instances: &[InstanceSettings],
    of: &InstanceSettings,
) {
    let labelled = labelled(observed, instances, of);
    let routed = routed(observed, of);
    if census.labelled != labelled || census.routed != routed {
        let census = Arc::make_mut(census);
        (census.labelled, census.routed) = (labelled, routed);
    }
}

/// The Service Engine groups with the label of a cluster of which everything is to go.
fn labelled(
    observed: &Observed,
    instances: &[InstanceSettings],
    of: &InstanceSettings,
) -> BTreeSet<EcoString> {
    let mut siblings = instances.iter().filter(|it| it.cluster == of.cluster);
    if !siblings.all(|settings| settings.ako.delete_config) {
        return BTreeSet::new();
    }
    let ours = bodies(observed).filter_map(|body| match body {
        Body::ServiceEngineGroup(group) if group.has_label_of(of.cluster.text()) => {
            Some(group.name.clone())
        }
        _ => None,
    });
    ours.collect()
}

/// The VRFs of the instance's cloud with routes of its cluster, which the primary one writes.
fn routed(observed: &Observed, of: &InstanceSettings) -> BTreeSet<EcoString> {
    let cloud = of.controller.cloud.as_str();
    let ours = bodies(observed).filter_map(|body| match body {
        Body::VrfContext(vrf) if vrf.has_routes_of(of.cluster.text()) => Some(vrf),
        _ => None,
    });
    let ours = ours.filter(|vrf| vrf.cloud_ref.as_ref().is_none_or(|it| it.name == cloud));
    let ours = ours.filter(|_| of.primary);
    ours.map(|vrf| vrf.name.clone()).collect()
}

fn bodies(observed: &Observed) -> impl Iterator<Item = &Body> {
    observed.objects.values().map(|object| &*object.body)
}
