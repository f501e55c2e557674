//! Which naming scheme a domain's objects on the Controller show.

use aviary_avi::common::marker_value;
use aviary_avi::names::Names;
use aviary_avi::{Body, Observed};
use aviary_settings::{InstanceSettings, Scheme};

/// The scheme of what is there: `documented` if there is nothing, `ako` if it fits both.
pub fn of(observed: &Observed, settings: &InstanceSettings) -> Scheme {
    let domain = settings.domain();
    let user = domain.user();
    let shards = settings.l7.shard_size.count().max(1);
    let (documented, ako) = (
        Names::new(Scheme::Documented, &domain),
        Names::new(Scheme::Ako, &domain),
    );
    let (mut seen, mut fits_ako, mut fits_documented) = (false, true, true);
    for object in observed.objects.values() {
        let Body::VirtualService(service) = &*object.body else {
            continue;
        };
        if service.created_by.as_ref() != Some(&user) {
            continue;
        }
        let namespace = marker_value(&service.markers, "Namespace");
        let of_service = marker_value(&service.markers, "ServiceName");
        let host = marker_value(&service.markers, "Host");
        let expected =
            |names: &Names| match (namespace, of_service, host, &service.vh_parent_vs_ref) {
                (Some(namespace), Some(name), _, _) => {
                    Some(names.l4(namespace, name) == service.name)
                }
                (_, _, Some(host), Some(parent)) => {
                    Some(names.shared_of(host, shards) == parent.name)
                }
                _ => None,
            };
        if let (Some(by_ako), Some(by_documented)) = (expected(&ako), expected(&documented)) {
            seen = true;
            fits_ako &= by_ako;
            fits_documented &= by_documented;
        }
    }
    if seen && (fits_ako || !fits_documented) {
        Scheme::Ako
    } else {
        Scheme::Documented
    }
}
