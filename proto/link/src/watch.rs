//! What a watch list means within a coverage: the lanes of a session.

use std::collections::BTreeMap;

use aviary_proto::sync::v1::{KindScope, WatchItem, WatchList, WatchMode};
use aviary_proto::types::v1::Coverage;

use crate::key::{Extent, Kind, Lane};

/// The lanes of a coverage, each with its watch item. Both sides compute them alike.
pub fn lanes(coverage: &Coverage, list: &WatchList) -> BTreeMap<Lane, WatchItem> {
    let mut lanes = BTreeMap::new();
    for item in &list.items {
        let Some(kind) = item.kind.as_ref().map(Kind::from) else {
            continue;
        };
        for extent in extents(coverage, item) {
            lanes.insert(Lane::new(kind.clone(), extent), item.clone());
        }
    }
    lanes
}

/// True if the item's objects stay in the agent but for those asked for by name.
pub fn by_name(item: &WatchItem) -> bool {
    item.mode() == WatchMode::ByName
}

fn extents(coverage: &Coverage, item: &WatchItem) -> Vec<Extent> {
    match item.scope() {
        KindScope::Cluster if coverage.cluster_scope => vec![Extent::Cluster],
        KindScope::Cluster | KindScope::Unspecified => Vec::new(),
        KindScope::Namespaced if coverage.all_namespaces && item.namespaces.is_empty() => {
            vec![Extent::All]
        }
        KindScope::Namespaced if coverage.all_namespaces => named(&item.namespaces),
        KindScope::Namespaced if item.namespaces.is_empty() => named(&coverage.namespaces),
        KindScope::Namespaced => {
            let mut both = item.namespaces.clone();
            both.retain(|namespace| coverage.namespaces.contains(namespace));
            named(&both)
        }
    }
}

fn named(namespaces: &[String]) -> Vec<Extent> {
    namespaces.iter().cloned().map(Extent::Namespace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(scope: KindScope, namespaces: &[&str]) -> WatchItem {
        WatchItem {
            kind: Some(Kind::new("", "Service").to_wire()),
            scope: scope.into(),
            namespaces: namespaces.iter().map(ToString::to_string).collect(),
            ..WatchItem::default()
        }
    }

    fn check(coverage: &Coverage, item: WatchItem, want: &[Extent]) {
        let list = WatchList {
            revision: 1,
            items: vec![item],
        };
        let got: Vec<Extent> = lanes(coverage, &list)
            .into_keys()
            .map(|lane| lane.extent)
            .collect();
        assert_eq!(got, want);
    }

    #[test]
    fn lanes_are_the_items_within_the_coverage() {
        let some = Coverage {
            namespaces: vec!["a".into(), "b".into()],
            ..Coverage::default()
        };
        let all = Coverage {
            all_namespaces: true,
            cluster_scope: true,
            ..Coverage::default()
        };
        let [a, b, c] = ["a", "b", "c"].map(|name| Extent::Namespace(name.into()));
        check(
            &some,
            item(KindScope::Namespaced, &[]),
            &[a.clone(), b.clone()],
        );
        check(
            &some,
            item(KindScope::Namespaced, &["b", "c"]),
            std::slice::from_ref(&b),
        );
        check(&some, item(KindScope::Cluster, &[]), &[]);
        check(&all, item(KindScope::Namespaced, &[]), &[Extent::All]);
        check(&all, item(KindScope::Namespaced, &["b", "c"]), &[b, c]);
        check(&all, item(KindScope::Cluster, &[]), &[Extent::Cluster]);
        check(&all, item(KindScope::Unspecified, &[]), &[]);
    }
}
