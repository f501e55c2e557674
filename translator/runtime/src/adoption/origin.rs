//! Who made the objects of a domain, as far as they show it.

use aviary_avi::{Body, Observed, Owned};
use aviary_graph::shows_documented;
use aviary_settings::InstanceSettings;

/// Who made what stands for a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// No virtual service stands: nothing is served that could be harmed.
    Nothing,
    /// They bear what only this program writes: its scripts, or names that AKO does not give.
    OwnHand,
    /// Somebody else, or nobody can tell.
    Others,
}

/// Who made the objects of an instance.
pub(crate) fn origin(observed: &Observed, settings: &InstanceSettings) -> Origin {
    let domain = settings.domain();
    let objects = observed.objects.values().map(|object| &*object.body);
    let (mut serves, mut is_own) = (false, false);
    for body in objects.filter(|body| body.owner(&domain) == Owned::Yes) {
        match body {
            Body::VirtualService(_) => serves = true,
            Body::VsDataScriptSet(set) => is_own |= set.is_our_text(),
            _ => {}
        }
    }
    if !serves {
        Origin::Nothing
    } else if is_own || shows_documented(observed, settings) {
        Origin::OwnHand
    } else {
        Origin::Others
    }
}
