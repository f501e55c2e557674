//! From what was said to what it means.

use crate::ako::{self, CLUSTER_NAME_RULE};
use crate::aviary::ServiceSettings;
use crate::controller;
use crate::fleet::{CLUSTERS, ClusterRow, INSTANCES, InstanceRow};
use crate::identity::Identity;
use crate::notes::Notes;
use crate::raw::{insert, layer_trees, lookup};
use crate::reader::Reader;
use crate::setting::Reach;
use crate::settings::{
    ClusterSettings, ControllerAccess, CredentialFiles, DEFAULT_NAMESPACE, InstanceSettings,
};
use crate::{Parsed, Raw, Settings, all, read, unknown};
use aviary_types::{ClusterName, Namespace};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Reads a settings file whose home instance lives in [`DEFAULT_NAMESPACE`].
pub fn parse(yaml: &str) -> Parsed {
    parse_in(yaml, &Namespace::from(DEFAULT_NAMESPACE))
}

/// Reads a settings file whose home instance lives in `namespace` (AKO's POD_NAMESPACE).
pub fn parse_in(yaml: &str, namespace: &Namespace) -> Parsed {
    match Raw::read(yaml) {
        Ok(raw) => check(&raw, namespace),
        Err(error) => Parsed {
            settings: Err(vec![error]),
            warnings: Vec::new(),
        },
    }
}

/// Finds out what a tree means.
pub fn check(raw: &Raw, namespace: &Namespace) -> Parsed {
    let mut notes = Notes::default();
    unknown::tell(raw.tree(), "", &mut notes);
    let settings = settings(raw.tree(), namespace, &mut notes);
    let Notes { errors, warnings } = notes;
    Parsed {
        settings: if errors.is_empty() {
            Ok(settings)
        } else {
            Err(errors)
        },
        warnings,
    }
}

/// Reads the home tree, then all that is laid over it. Goes on after faults, to find them all.
fn settings(tree: &Value, namespace: &Namespace, notes: &mut Notes) -> Settings {
    let mut reader = Reader::new(tree, tree, "", notes);
    let name = home_name(&mut reader, tree);
    let service = ServiceSettings::read(&mut reader);
    let controller = access(&mut reader);
    let instance_rows = reader.get(&INSTANCES);
    let cluster_rows = reader.get(&CLUSTERS);
    let primary = reader.get(&ako::PRIMARY_INSTANCE);
    let main = InstanceSettings::read(&mut reader, name.clone(), namespace.clone(), primary);
    let mut home = ClusterSettings {
        name,
        identity: Identity::default(),
        controller,
        instances: vec![main],
    };
    let below = without_rows(tree);
    add_instances(&mut home, &below, instance_rows, notes);

    let clusters = add_clusters(&mut home, &below, cluster_rows, notes);
    for cluster in std::iter::once(&home).chain(&clusters) {
        tell_clashes(cluster, notes);
    }
    let mut settings = Settings {
        home,
        clusters,
        service,
    };
    settings.share();
    settings
}

/// Reads the rows of `clusters`. The home row comes first: others may share its Controller.
fn add_clusters(
    home: &mut ClusterSettings,
    below: &Value,
    rows: Vec<ClusterRow>,
    notes: &mut Notes,
) -> Vec<ClusterSettings> {
    let mut names = BTreeSet::new();
    for row in &rows {
        if !names.insert(&row.name) {
            notes.conflict(
                format!("{}.name", row.at),
                format!("{} stands twice", row.name),
            );
        }
    }
    let (home_rows, rows): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.name == home.name);
    for row in home_rows {
        take_home_row(home, below, row, notes);
    }
    rows.into_iter()
        .map(|row| cluster(home, below, row, notes))
        .collect()
}

/// The name of the home cluster; an empty one, told as an error, if it is missing.
fn home_name(reader: &mut Reader<'_>, tree: &Value) -> ClusterName {
    let key = ako::CLUSTER_NAME.about().key;
    if lookup(tree, key).is_none() {
        reader.spot(key).missing::<()>(CLUSTER_NAME_RULE);
    }
    ClusterName::from(reader.get(&ako::CLUSTER_NAME))
}

/// The Controller that a tree names.
fn access(reader: &mut Reader<'_>) -> ControllerAccess {
    let some = |text: String| (!text.is_empty()).then_some(text);
    ControllerAccess {
        host: some(reader.get(&controller::CONTROLLER_HOST)),
        version: some(reader.get(&controller::CONTROLLER_VERSION)),
        files: None,
    }
}

/// The tree that rows are laid over.
fn without_rows(tree: &Value) -> Value {
    let mut map = tree.as_object().cloned().unwrap_or_default();
    map.remove(INSTANCES.about().key);
    map.remove(CLUSTERS.about().key);
    Value::Object(map)
}

/// Adds the instances of rows to their cluster.
fn add_instances(
    cluster: &mut ClusterSettings,
    below: &Value,
    rows: Vec<InstanceRow>,
    notes: &mut Notes,
) {
    for row in rows {
        let prefix = format!("{}.values.", row.at);
        tell_too_wide(&row.values, below, &prefix, Reach::Instance, notes);
        let tree = layer_trees(below, &row.values);
        let mut reader = Reader::new(&tree, &row.values, &prefix, notes);
        // The tree below speaks of its own instance: what stands in a row must say for itself that
        // it is primary.
        let primary = reader.says(&ako::PRIMARY_INSTANCE) && reader.get(&ako::PRIMARY_INSTANCE);
        let name = cluster.name.clone();
        let instance = InstanceSettings::read(&mut reader, name, row.namespace, primary);
        if cluster
            .instances
            .iter()
            .any(|other| other.namespace == instance.namespace)
        {
            let key = format!("{}.namespace", row.at);
            let text = format!("another instance of {} lives there", cluster.name);
            notes.conflict(key, text);
        }
        cluster.instances.push(instance);
    }
}

/// Takes from a row of `clusters` what it adds to the home cluster.
fn take_home_row(home: &mut ClusterSettings, below: &Value, row: ClusterRow, notes: &mut Notes) {
    let said = row
        .values
        .as_object()
        .is_some_and(|values| !values.is_empty());
    if said {
        let key = format!("{}.values", row.at);
        notes.conflict(
            key,
            "the home cluster's values are the top level of this file",
        );
    }
    home.identity = row.identity;
    if let Some(controller) = row.controller {
        home.controller = overridden(&home.controller, controller);
    }
    add_instances(home, below, row.instances, notes);
}

/// A further cluster.
fn cluster(
    home: &ClusterSettings,
    home_tree: &Value,
    row: ClusterRow,
    notes: &mut Notes,
) -> ClusterSettings {
    let prefix = format!("{}.values.", row.at);
    tell_too_wide(&row.values, home_tree, &prefix, Reach::Cluster, notes);
    let below = named(home_tree, &row, &prefix, notes);
    if row.identity.issuer.is_some() != row.identity.jwks.is_some() {
        notes.conflict(row.at.clone(), "issuer and jwks belong together");
    }
    let mut reader = Reader::new(&below, &row.values, &prefix, notes);
    let said = access(&mut reader);
    let primary = !reader.says(&ako::PRIMARY_INSTANCE) || reader.get(&ako::PRIMARY_INSTANCE);
    let namespace = Namespace::from(DEFAULT_NAMESPACE);
    let main = InstanceSettings::read(&mut reader, row.name.clone(), namespace, primary);
    let own_host = reader.says(&controller::CONTROLLER_HOST) && said.host != home.controller.host;
    let controller = match row.controller {
        Some(controller) => overridden(&said, controller),
        None if own_host => {
            // The home cluster's credentials are never shown to another host.
            let key = controller::CONTROLLER_HOST.about().key;
            let text =
                "a Controller of its own needs `controller` in the row, with credential files";
            notes.conflict(format!("{prefix}{key}"), text);
            said
        }
        None => ControllerAccess {
            version: said.version,
            ..home.controller.clone()
        },
    };
    let mut cluster = ClusterSettings {
        name: row.name,
        identity: row.identity,
        controller,
        instances: vec![main],
    };
    add_instances(&mut cluster, &below, row.instances, notes);
    cluster
}

/// The home tree with a row's values over it, under the row's name.
fn named(home_tree: &Value, row: &ClusterRow, prefix: &str, notes: &mut Notes) -> Value {
    let key = ako::CLUSTER_NAME.about().key;
    if lookup(&row.values, key).is_some_and(|said| read::plain(said) != row.name.as_str()) {
        notes.conflict(
            format!("{prefix}{key}"),
            format!("the row is called {}", row.name),
        );
    }
    let mut tree: Map<String, Value> = layer_trees(home_tree, &row.values)
        .as_object()
        .cloned()
        .unwrap_or_default();
    insert(&mut tree, key, Value::String(row.name.to_string()));
    Value::Object(tree)
}

/// A row's own Controller over what the values say.
fn overridden(said: &ControllerAccess, row: crate::fleet::ControllerRow) -> ControllerAccess {
    ControllerAccess {
        host: row.host.or_else(|| said.host.clone()),
        version: said.version.clone(),
        files: Some(CredentialFiles {
            username: row.username_file,
            password: row.password_file,
            token: row.token_file,
            ca: row.ca_file,
        }),
    }
}

/// Tells of settings in the values of a row that hold for more than the row.
fn tell_too_wide(values: &Value, below: &Value, prefix: &str, row: Reach, notes: &mut Notes) {
    for about in all::settings() {
        let Some(said) = lookup(values, about.key) else {
            continue;
        };
        let default: Value = serde_json::from_str(about.default).unwrap_or_default();
        let there = lookup(below, about.key).unwrap_or(&default);
        if read::plain(said) == read::plain(there) {
            continue;
        }
        let key = format!("{prefix}{}", about.key);
        match about.reach {
            Reach::Service if matches!(about.key, "clusters" | "instances") => {}
            Reach::Service => {
                notes.note(
                    key,
                    "holds for the whole translator: only the top level counts",
                );
            }
            Reach::Cluster if row == Reach::Instance => {
                notes.conflict(
                    key,
                    "holds for the whole cluster: all its instances share it",
                );
            }
            Reach::Cluster | Reach::Instance => {}
        }
    }
}

/// Tells of instances of one cluster that cannot both be.
fn tell_clashes(cluster: &ClusterSettings, notes: &mut Notes) {
    let primaries = cluster
        .instances
        .iter()
        .filter(|instance| instance.primary)
        .count();
    let key = ako::PRIMARY_INSTANCE.about().key;
    if primaries > 1 {
        notes.conflict(
            key,
            format!("{} has {primaries} primary instances", cluster.name),
        );
    } else if primaries == 0 && cluster.instances.len() > 1 {
        let text = format!(
            "{} has no primary instance: nobody keeps its routes",
            cluster.name
        );
        notes.note(key, text);
    }
}
