//! The way back to AKO: what AKO compares when it starts over what we wrote is as it left it itself,
//! so that it writes nothing.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use aviary_avi::hash::sha256_hex;
use aviary_tests::ako::{World, name, read_back, stored};
use aviary_tests::corpus::{Played, Reached, goldens, listed};
use serde_json::{Value, json};

use crate::takeover::departed;

/// The types whose checksum is stored, with its field.
const STORED: &[(&str, &str)] = &[
    ("pool", "cloud_config_cksum"),
    ("poolgroup", "cloud_config_cksum"),
    ("virtualservice", "cloud_config_cksum"),
    ("vsvip", "vsvip_cloud_config_cksum"),
];

/// The types that AKO digests anew as it reads them.
const READ_BACK: &[&str] = &["l4policyset", "sslkeyandcertificate", "vsdatascriptset"];

/// Pools that are not written when their Service comes or goes, since nothing in their bodies changes
/// with it; AKO's sum does, so that it would write them once, as they are.
const AS_OF_THE_LAST_WRITE: &[(&str, &str)] = &[
    (
        "l7/11-service-arrives-later 02-service",
        "lab--shop.l711.avi.lab_-l711-early",
    ),
    (
        "seq/11-delete-service-then-ingress 03-delete",
        "lab--shop.seq11.avi.lab_-seq11-i",
    ),
];

fn golden(tree: &str, played: &Played, state: &Reached) -> Result<Value> {
    let file = goldens().join(format!("{tree}{}/{}.json", played.name, state.name));
    let text = fs::read(&file).with_context(|| file.display().to_string())?;
    Ok(serde_json::from_slice(&text)?)
}

/// The states that come out as AKO leaves them.
fn states() -> Result<Vec<(String, &'static Played, &'static Reached)>> {
    let departed = departed()?;
    let all = listed()?.iter();
    let all = all.flat_map(|played| played.states.iter().map(move |state| (played, state)));
    let named = all.map(|(played, state)| {
        let place = format!("{} {}", played.name, state.name);
        (place, played, state)
    });
    let kept = named.filter(|(place, _, state)| state.is_running && !departed.contains(place));
    Ok(kept.collect())
}

fn objects<'a>(state: &'a Reached, kind: &str) -> &'a [Value] {
    state.outcome.avi.get(kind).map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// How the corpus names an object.
fn title(kind: &str, body: &Value) -> String {
    let tenant = name(&body["tenant_ref"]);
    format!("{kind} {} tenant: {tenant}", text(&body["name"]))
}

#[test]
fn the_sums_that_stand_beside_our_objects_are_those_that_ako_left() -> Result<()> {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (place, played, state) in states()? {
        let wanted = golden("_cksum/", played, state)?;
        for (kind, field) in STORED {
            for body in objects(state, kind) {
                let title = title(kind, body);
                let Some(want) = wanted.get(&title) else {
                    wrong.push(format!("{place}: {title} is not AKO's"));
                    continue;
                };
                count += 1;
                let mut known = AS_OF_THE_LAST_WRITE.iter();
                let named = text(&body["name"]);
                let is_known = known.any(|(state, pool)| *state == place && *pool == named);
                if (want[field] != body[field]) != is_known {
                    let (want, have) = (&want[field], &body[field]);
                    wrong.push(format!("{place}: {title}: {have}, AKO's is {want}"));
                }
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(count > 700, "only {count} sums were compared");
    Ok(())
}

/// AKO's recipes over what stands, by a program that shares nothing with the one that wrote it.
#[test]
fn the_sums_are_those_of_akos_recipes_over_what_stands() -> Result<()> {
    let (mut wrong, mut counts) = (Vec::new(), BTreeMap::new());
    for (place, _, state) in states()? {
        let avi = json!(state.outcome.avi);
        let told = state.objects.told(&state.settings.home.name);
        let cluster: Vec<_> = told
            .into_iter()
            .map(|object| {
                let key = object.key;
                let namespace = key.namespace.as_str().to_owned();
                let json = object.json;
                (
                    key.kind.kind.to_owned(),
                    namespace,
                    key.name.to_string(),
                    json,
                )
            })
            .collect();
        let world = World {
            avi: &avi,
            cluster: &cluster,
        };
        for (kind, field) in STORED {
            for body in objects(state, kind) {
                let (of_kind, made): &mut (usize, usize) = counts.entry(*kind).or_default();
                *of_kind += 1;
                let Some(sum) = stored(&world, kind, body) else {
                    continue;
                };
                *made += 1;
                let sum = sum.to_string();
                if text(&body[field]) != sum {
                    let have = &body[field];
                    wrong.push(format!("{place}: {}: {have}, not {sum}", title(kind, body)));
                }
            }
        }
    }
    ensure!(wrong.is_empty(), "{}\n{counts:?}", wrong.join("\n"));
    for (kind, (all, made)) in &counts {
        ensure!(made * 2 > *all, "of {all} {kind} only {made} could be made");
    }
    Ok(())
}

#[test]
fn what_ako_digests_as_it_reads_is_as_it_left_it() -> Result<()> {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (place, played, state) in states()? {
        let golden = golden("", played, state)?;
        for kind in READ_BACK {
            let left = golden["avi"][kind].as_array().cloned().unwrap_or_default();
            let ours = objects(state, kind);
            ensure!(left.len() == ours.len(), "{place}: {kind}");
            for body in ours {
                let same = |it: &&Value| {
                    it["name"] == body["name"]
                        && text(&it["tenant_ref"]).ends_with(name(&body["tenant_ref"]))
                };
                let left = left.iter().find(same).context("AKO has none")?;
                let (left, ours) = (
                    read_back(kind, &spelled(left)),
                    read_back(kind, &masked(body)),
                );
                count += 1;
                if left.is_none() || left != ours {
                    wrong.push(format!(
                        "{place}: {}: {ours:?}, not {left:?}",
                        title(kind, body)
                    ));
                }
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(count > 200, "only {count} objects were compared");
    Ok(())
}

/// References of the corpus as a Controller answers them.
fn spelled(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(field, value)| {
                let is_ref = field.ends_with("_ref") || field.ends_with("_refs");
                let value = if is_ref {
                    referring(value)
                } else {
                    spelled(value)
                };
                (field.clone(), value)
            });
            fields.collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(all) => all.iter().map(spelled).collect(),
        other => other.clone(),
    }
}

fn referring(value: &Value) -> Value {
    match value {
        Value::Array(all) => all.iter().map(referring).collect(),
        value => match text(value).split_once(": ") {
            Some((kind, name)) => json!(format!("/api/{kind}/?name={name}")),
            None => value.clone(),
        },
    }
}

/// The text of a certificate as the corpus names it.
fn masked(body: &Value) -> Value {
    let mut body = body.clone();
    let pem = text(&body["certificate"]["certificate"]).to_owned();
    if let Some(at) = pem.find("-----BEGIN ") {
        let digest = sha256_hex(&pem[at..]);
        body["certificate"]["certificate"] = json!(format!("PEM {}", &digest[..16]));
    }
    body
}
