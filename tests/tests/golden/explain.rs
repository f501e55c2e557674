//! Everything that is written can be explained: each field has a rule and an origin, and each origin
//! exists. A new field without a row in the tables of `translator/graph/src/rules` fails here.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use aviary_kinds::{ROOMS, Room};
use aviary_settings::registry;
use aviary_tests::corpus::{Reached, listed};
use aviary_types::{ObjectKey, Origin};
use serde_json::Value;

/// The cluster's objects by key, as an agent would tell them.
type Told = BTreeMap<ObjectKey, Value>;

#[test]
fn every_field_of_every_state_has_an_origin_that_exists() -> Result<()> {
    let keys: BTreeSet<&str> = registry().map(|about| about.key).collect();
    let (mut faults, mut fields) = (BTreeSet::new(), 0);
    for played in listed()? {
        for state in played.states.iter().filter(|state| state.is_running) {
            let told = told(state)?;
            for object in state.desired.objects.values() {
                for field in object.fields() {
                    fields += 1;
                    let fault = |why: String| {
                        let kind = object.key.kind;
                        format!(
                            "{} {}: {kind} {}: {why}",
                            played.name, state.name, field.path
                        )
                    };
                    let Some(from) = &field.from else {
                        faults.insert(fault("no rule".to_owned()));
                        continue;
                    };
                    if from.rule.is_empty() || from.rule.ends_with('.') {
                        faults.insert(fault(format!("rule {:?}", from.rule)));
                    }
                    for (origin, below) in &from.origins {
                        let why = missing(origin, below, (state, &told, &keys));
                        faults.extend(why.map(fault));
                    }
                }
            }
        }
    }
    let faults: Vec<String> = faults.into_iter().collect();
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    ensure!(fields > 50_000, "only {fields} fields were looked at");
    Ok(())
}

#[test]
fn every_source_explains_an_object_or_a_finding() -> Result<()> {
    let mut silent = Vec::new();
    let mut sources = 0;
    for played in listed()? {
        for state in played.states.iter().filter(|state| state.is_running) {
            let all = told(state)?.into_iter();
            let asking = all.filter(|(_, json)| asks(json)).map(|(key, _)| key);
            for key in asking.filter(|key| state.built.domain_of(key).is_some()) {
                sources += 1;
                let mut objects = state.desired.objects.values();
                let explains = objects.any(|object| object.provenance.cites(&key));
                if !explains && state.built.findings_of(&key).is_empty() {
                    silent.push(format!("{} {}: {key}", played.name, state.name));
                }
            }
        }
    }
    ensure!(silent.is_empty(), "{}", silent.join("\n"));
    ensure!(sources > 100, "only {sources} sources were looked at");
    Ok(())
}

/// Whether an object asks to be served: with NodePortLocal other Services are ours to annotate, too.
fn asks(json: &Value) -> bool {
    json["kind"] == "Ingress" || json["spec"]["type"] == "LoadBalancer"
}

fn told(state: &Reached) -> Result<Told> {
    let domain = state.built.unknown.domains().next().context("a domain")?;
    let told = state.objects.told(&domain.cluster);
    Ok(told.into_iter().map(|raw| (raw.key, raw.json)).collect())
}

/// What is wrong with an origin.
fn missing(
    origin: &Origin,
    below: &str,
    (state, told, keys): (&Reached, &Told, &BTreeSet<&str>),
) -> Option<String> {
    match origin {
        Origin::Setting(key) => (!keys.contains(key)).then(|| format!("no setting {key}")),
        Origin::Controller(what) => what.is_empty().then(|| "no word".to_owned()),
        Origin::Object(place) => {
            let (key, path) = (&*place.object, place.path(below));
            let Some(object) = told.get(key) else {
                return Some(format!("no {key}"));
            };
            if state.built.facts.get(key).is_none() {
                return Some(format!("{key} is no fact"));
            }
            let room = ROOMS.iter().find(|room| room.kind == key.kind)?;
            let exists = path.is_empty() || at(object, &path).is_some();
            (!exists || !is_kept(room, &path)).then(|| format!("no {path} in {key}"))
        }
    }
}

/// What stands at a path such as `spec.rules[0].host` or `data['tls.crt']`.
fn at<'a>(mut value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut rest = path;
    while !rest.is_empty() {
        (value, rest) = if let Some(after) = rest.strip_prefix("['") {
            let (key, after) = after.split_once("']")?;
            (value.get(key)?, after)
        } else if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']')?;
            (value.get(index.parse::<usize>().ok()?)?, after)
        } else {
            let field = rest.trim_start_matches('.');
            let end = field.find(['.', '[']).unwrap_or(field.len());
            let (field, after) = field.split_at(end);
            (value.get(field)?, after)
        };
    }
    Some(value)
}

/// Whether an agent sends what stands at the path.
fn is_kept(room: &Room, path: &str) -> bool {
    let annotation = path
        .strip_prefix("metadata.annotations['")
        .and_then(|key| key.strip_suffix("']"));
    let keeps = |pattern: &&str, key: &str| match pattern.strip_suffix('*') {
        Some(head) => key.starts_with(head),
        None => **pattern == *key,
    };
    if let Some(key) = annotation {
        let mut patterns = room.kept_annotations.iter();
        return patterns.any(|pattern| keeps(pattern, key));
    }
    let named = ["", "metadata.name", "metadata.namespace"].contains(&path);
    named || room.kept_paths.iter().any(|kept| path.starts_with(kept))
}
