//! Tests of the whole: text in, settings or errors out.

mod corpus;
mod registry;
mod rows;
mod sections;
mod texts;

use crate::{InstanceSettings, Settings, parse};

/// Valid settings of a file.
fn good(yaml: &str) -> Settings {
    match parse(yaml).settings {
        Ok(settings) => settings,
        Err(errors) => panic!("{yaml}\n{errors:#?}"),
    }
}

/// The home instance of a file that has a cluster's name beside this.
fn home(yaml: &str) -> InstanceSettings {
    good(&with_name(yaml)).home.instances[0].clone()
}

/// Error texts, sorted as told.
fn errors(yaml: &str) -> Vec<String> {
    let errors = parse(yaml).settings.expect_err("settings are refused");
    errors.iter().map(ToString::to_string).collect()
}

/// Warning texts of a file that is taken.
fn warnings(yaml: &str) -> Vec<String> {
    let parsed = parse(&with_name(yaml));
    assert!(parsed.settings.is_ok(), "{yaml}\n{:#?}", parsed.settings);
    parsed.warnings.iter().map(ToString::to_string).collect()
}

/// Lays a tree over one that only names the cluster.
fn with_name(yaml: &str) -> String {
    let named = crate::layer("AKOSettings: {clusterName: c1}", yaml).unwrap();
    serde_json::to_string(named.tree()).unwrap()
}
