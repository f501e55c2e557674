//! How rooms tell whether an observed body needs a write: it needs none if every field that we send
//! is there, and every field that we leave out shows the Controller's default.

use crate::common::Marker;
use crate::metadata::ServiceMetadata;
use crate::reference::Ref;
use aviary_types::EcoString;

/// The VRF of what names none.
pub(crate) const DEFAULT_VRF: &str = "global";

/// A field whose absence, on either side, means the Controller's default.
pub(crate) fn defaulted<T: PartialEq + Copy>(
    desired: Option<T>,
    observed: Option<T>,
    default: T,
) -> bool {
    match (desired, observed) {
        (Some(desired), Some(observed)) => desired == observed,
        (one, other) => one.or(other).is_none_or(|value| value == default),
    }
}

/// A reference whose absence, on either side, means the Controller's default object.
pub(crate) fn defaulted_ref(desired: Option<&Ref>, observed: Option<&Ref>, default: &str) -> bool {
    let desired = desired.filter(|reference| !reference.is_empty());
    let observed = observed.filter(|reference| !reference.is_empty());
    match (desired, observed) {
        (Some(desired), Some(observed)) => desired == observed,
        (one, other) => one.or(other).is_none_or(|value| value.name == default),
    }
}

/// A field that is compared only where we say it: else the Controller chooses.
pub(crate) fn said<T: PartialEq>(desired: Option<&T>, observed: Option<&T>) -> bool {
    desired.is_none() || desired == observed
}

/// A text or reference whose absence is the same as emptiness.
pub(crate) fn same_text(desired: Option<&EcoString>, observed: Option<&EcoString>) -> bool {
    let (desired, observed) = (text(desired), text(observed));
    let refs = || Some((Ref::parse(desired)?, Ref::parse(observed)?));
    desired == observed || refs().is_some_and(|(desired, observed)| desired == observed)
}

fn text(text: Option<&EcoString>) -> &str {
    text.map_or("", EcoString::as_str)
}

/// Two lists whose order means nothing. Cheap where the order is nearly the same.
pub(crate) fn same_set<T>(desired: &[T], observed: &[T], eq: impl Fn(&T, &T) -> bool) -> bool {
    if desired.len() != observed.len() {
        return false;
    }
    let mut free: Vec<&T> = observed.iter().rev().collect();
    desired.iter().all(|wanted| {
        let found = free.iter().rposition(|have| eq(wanted, have));
        found.map(|at| free.remove(at)).is_some()
    })
}

/// Two lists of plain values whose order means nothing.
pub(crate) fn same_values<T: PartialEq>(desired: &[T], observed: &[T]) -> bool {
    same_set(desired, observed, PartialEq::eq)
}

/// Markers, whatever the order of keys and values.
pub(crate) fn same_markers(desired: &[Marker], observed: &[Marker]) -> bool {
    same_markers_but(desired, observed, |_| false)
}

/// Markers of an object that several namespaces share: its Namespace is that of any contributor,
/// since AKO leaves there whichever it saw last.
pub(crate) fn same_markers_but(
    desired: &[Marker],
    observed: &[Marker],
    contributes: impl Fn(&str) -> bool,
) -> bool {
    same_set(desired, observed, |desired, observed| {
        desired.key == observed.key
            && (same_values(&desired.values, &observed.values)
                || desired.key == "Namespace" && observed.values.iter().all(|ns| contributes(ns)))
    })
}

/// `service_metadata`: only the host names count, which are input of the checksum. AKO never writes
/// for the sake of anything else in it, so a difference there waits for another reason.
pub(crate) fn same_hostnames(desired: Option<&EcoString>, observed: Option<&EcoString>) -> bool {
    if desired == observed {
        return true;
    }
    let hostnames = |text: Option<&EcoString>| {
        let metadata = text.and_then(|text| ServiceMetadata::parse(text));
        metadata.unwrap_or_default().hostnames
    };
    same_values(&hostnames(desired), &hostnames(observed))
}

#[cfg(test)]
mod tests {
    use super::{defaulted, same_markers, same_markers_but, same_set, same_text};
    use crate::common::Marker;

    #[test]
    fn absence_means_the_default() {
        assert!(defaulted(None, Some(true), true));
        assert!(defaulted(Some(true), None, true));
        assert!(defaulted(None::<bool>, None, true));
        assert!(!defaulted(None, Some(false), true));
        assert!(!defaulted(Some(false), None, true));
        assert!(defaulted(Some(7), Some(7), 1));
    }

    #[test]
    fn sets_ignore_order_but_count() {
        let eq = |a: &i32, b: &i32| a == b;
        assert!(same_set(&[1, 2, 2], &[2, 1, 2], eq));
        assert!(!same_set(&[1, 2, 2], &[2, 1, 1], eq));
        assert!(!same_set(&[1], &[1, 1], eq));
        assert!(same_set(&[], &[], eq));
    }

    #[test]
    fn empty_text_is_no_text() {
        let (some, empty) = (Some("/api/x?name=a".into()), Some("".into()));
        assert!(same_text(None, empty.as_ref()));
        assert!(!same_text(empty.as_ref(), some.as_ref()));
        let other = Some("https://h/api/x/x-1#a".into());
        assert!(same_text(some.as_ref(), other.as_ref()));
    }

    #[test]
    fn markers_ignore_order_and_shared_namespaces() {
        let marker = |key: &str, values: &[&str]| {
            Marker::many(key, values.iter().map(|v| (*v).into()).collect())
        };
        let desired = [marker("Namespace", &["a"]), marker("Host", &["x", "y"])];
        let turned = [marker("Host", &["y", "x"]), marker("Namespace", &["a"])];
        let other = [marker("Host", &["x", "y"]), marker("Namespace", &["b"])];
        assert!(same_markers(&desired, &turned));
        assert!(!same_markers(&desired, &other));
        assert!(same_markers_but(&desired, &other, |ns| ns == "b"));
        assert!(!same_markers_but(&desired, &other, |ns| ns == "c"));
    }
}
