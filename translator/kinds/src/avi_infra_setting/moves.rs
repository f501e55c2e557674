//! Which changes of objects place hosts anew.

use crate::rooms::Fact;
use aviary_types::EcoString;

/// Whether hosts that stay have other parents since an object changed, or went: for the size that an
/// AviInfraSetting asks for, or for which one a class or a Namespace names. A class or a Namespace
/// that goes takes its hosts along.
pub fn moves_hosts(former: &Fact, next: Option<&Fact>) -> bool {
    match (former, next) {
        (Fact::AviInfraSetting(former), Some(Fact::AviInfraSetting(next))) => {
            former.shard_size != next.shard_size
        }
        (Fact::AviInfraSetting(former), None) => former.shard_size.is_some(),
        (former, Some(next)) => named(former) != named(next),
        _ => false,
    }
}

fn named(fact: &Fact) -> Option<&EcoString> {
    match fact {
        Fact::IngressClass(class) => class.infra_setting.as_ref(),
        Fact::Namespace(namespace) => namespace.infra_setting.as_ref(),
        _ => None,
    }
}
