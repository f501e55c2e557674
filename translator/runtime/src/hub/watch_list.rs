//! What agents are told to watch: taken from the rooms, and from nowhere else.

use aviary_disk::Epochs;
use aviary_kinds::{Extent, ROOMS, Room, Watch};
use aviary_proto::sync::v1::{KindScope, WatchItem, WatchList, WatchMode};
use aviary_settings::Settings;
use aviary_types::ClusterName;
use std::collections::BTreeMap;

/// The watch list of a cluster's sessions; each follows it within its coverage.
pub(crate) type WatchLists = BTreeMap<ClusterName, WatchList>;

/// The watch lists of all clusters.
pub(crate) fn watch_lists(epochs: &Epochs, settings: &Settings) -> WatchLists {
    let clusters = settings.all_clusters().map(|cluster| &cluster.name);
    clusters
        .map(|name| (name.clone(), watch_list(epochs, settings, name)))
        .collect()
}

/// The rooms whose kinds a cluster's agents watch.
pub(crate) fn watched<'a>(
    settings: &'a Settings,
    cluster: &ClusterName,
) -> impl Iterator<Item = &'static Room> + use<'a> {
    let instances = settings.cluster(cluster).map(|it| it.instances.as_slice());
    ROOMS
        .iter()
        .filter(move |room| room.when.holds(instances.unwrap_or_default()))
}

/// The watch list of one cluster.
pub(crate) fn watch_list(epochs: &Epochs, settings: &Settings, cluster: &ClusterName) -> WatchList {
    let items = watched(settings, cluster)
        .map(|room| item(room, epochs.get(&room.kind).copied().unwrap_or(1)));
    WatchList {
        revision: 1,
        items: items.collect(),
    }
}

fn item(room: &Room, epoch: u64) -> WatchItem {
    let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    let scope = match room.extent {
        Extent::Namespaced => KindScope::Namespaced,
        Extent::Cluster => KindScope::Cluster,
    };
    let mode = match room.watch {
        Watch::Full => WatchMode::Full,
        Watch::ByName => WatchMode::ByName,
    };
    WatchItem {
        kind: Some(aviary_query::convert::kind(room.kind)),
        versions: vec![room.version.to_owned()],
        resource: room.plural.to_owned(),
        scope: scope.into(),
        mode: mode.into(),
        epoch,
        namespaces: Vec::new(),
        kept_paths: texts(room.kept_paths),
        kept_annotations: texts(room.kept_annotations),
        kept_labels: texts(room.kept_labels),
        secret_paths: texts(room.secret_paths),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn plurals(settings: &str) -> Vec<String> {
        let settings = aviary_settings::parse(settings).settings.unwrap();
        let list = watch_list(&Epochs::new(), &settings, &"c1".into());
        list.items.into_iter().map(|item| item.resource).collect()
    }

    #[test]
    fn every_room_is_watched_and_secrets_are_named() {
        let mode = "L7Settings: {serviceType: NodePortLocal}";
        let text = format!("AKOSettings: {{clusterName: c1, cniPlugin: antrea}}\n{mode}");
        let settings = aviary_settings::parse(&text).settings.unwrap();
        let list = watch_list(&Epochs::new(), &settings, &"c1".into());
        let secret = list
            .items
            .iter()
            .find(|item| item.resource == "secrets")
            .unwrap();
        assert_eq!(secret.mode(), WatchMode::ByName);
        assert_eq!(secret.secret_paths, ["data"]);
        // Some kinds are watched where a setting asks for them; each has such a setting.
        let mut watched: BTreeSet<String> = plurals(&text).into_iter().collect();
        for plugin in ["calico", "openshift", "cilium"] {
            let text = format!("AKOSettings: {{clusterName: c1, cniPlugin: {plugin}}}");
            watched.extend(plurals(&text));
        }
        assert_eq!(watched.len(), ROOMS.len());
        assert!(!plurals(&text).contains(&"blockaffinities".to_owned()));
    }

    #[test]
    fn pods_are_watched_where_an_instance_reaches_them_by_node_port_local() {
        let has_pods = |text: &str| plurals(text).contains(&"pods".to_owned());
        assert!(!has_pods("AKOSettings: {clusterName: c1}"));
        let blue = "instances:\n- namespace: blue\n  values: {AKOSettings: {cniPlugin: antrea}, \
                    L7Settings: {serviceType: NodePortLocal}}";
        assert!(has_pods(&format!(
            "AKOSettings: {{clusterName: c1}}\n{blue}"
        )));
        let other = "clusters:\n- name: c2\n  values: {AKOSettings: {cniPlugin: antrea}, \
                     L7Settings: {serviceType: NodePortLocal}}";
        assert!(!has_pods(&format!(
            "AKOSettings: {{clusterName: c1}}\n{other}"
        )));
    }
}
