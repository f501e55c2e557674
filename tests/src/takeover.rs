//! A Controller as AKO leaves it: a state of the corpus turned back into Avi objects, without help
//! of the product. Clients of the simulator's REST API make them, so that uuids, addresses and
//! checks are the Controller's own.

#![allow(clippy::indexing_slicing, reason = "JSON: what is absent is null")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use aviary::plan::seed;
use aviary_avi::ds_set::KnownScripts;
use aviary_avi::hash::sha256_hex;
use aviary_kinds::RawObject;
use aviary_sim::{Options, Simulator};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Map, Value, json};

/// The kinds that AKO makes, each after those that it refers to.
const MADE: &[&str] = &[
    "sslkeyandcertificate",
    "pool",
    "poolgroup",
    "vsdatascriptset",
    "httppolicyset",
    "l4policyset",
    "vsvip",
    "virtualservice",
];

/// The kinds that AKO adds something to.
const MERGED: &[&str] = &["serviceenginegroup", "vrfcontext"];

/// What the corpus has of one state.
pub struct State<'a> {
    /// The golden.
    pub golden: &'a Value,
    /// The stored checksums, `{"type name tenant: name": {field: checksum}}`.
    pub checksums: &'a Value,
    /// The cluster's objects, for the Secrets among them.
    pub objects: &'a [RawObject],
    /// What the scenario adds to the Controller's seed.
    pub seed: Option<&'a Path>,
}

/// A Controller that AKO left.
pub struct Left {
    /// The Controller.
    pub simulator: Simulator,
    /// What stood there before AKO, as a dump.
    pub before: Value,
    /// The digests of the scripts there.
    pub scripts: KnownScripts,
}

/// Makes the Controller of a state; `None` where the text of a certificate is not to be had, since
/// its Secret is gone.
///
/// # Errors
/// When the corpus has something that this does not know, or the simulator refuses an object.
pub async fn leave(state: &State<'_>) -> Result<Option<Left>> {
    let options = Options {
        seed: seed(state.seed)?,
        ..Options::default()
    };
    let simulator = Simulator::new(options)?;
    let before = simulator.dump();
    let maker = Maker {
        pems: pems(state.objects),
        checksums: state.checksums,
    };
    let kinds = state.golden["avi"].as_object().context("no objects")?;
    let unknown = kinds
        .keys()
        .find(|kind| ![MADE, MERGED].concat().contains(&kind.as_str()));
    ensure!(unknown.is_none(), "no way to make a {unknown:?}");
    let mut scripts = BTreeSet::new();
    for kind in MERGED {
        for object in of_kind(kinds, kind) {
            merge(&simulator, kind, &maker.restored(kind, object)?).await?;
        }
    }
    for kind in MADE {
        let mut objects: Vec<&Value> = of_kind(kinds, kind).collect();
        // Parents first.
        objects.sort_by_key(|object| object.get("vh_parent_vs_ref").is_some());
        for object in objects {
            if *kind == "sslkeyandcertificate" && maker.pem(object).is_none() {
                return Ok(None);
            }
            let body = maker.restored(kind, object)?;
            scripts.extend(digests(&body));
            let answer = call(&simulator, Method::POST, kind, &body).await?;
            ensure!(answer["uuid"].is_string(), "{kind}: {answer}");
        }
    }
    Ok(Some(Left {
        simulator,
        before,
        scripts: KnownScripts::only(scripts.into_iter().map(Into::into)),
    }))
}

fn of_kind<'a>(kinds: &'a Map<String, Value>, kind: &str) -> impl Iterator<Item = &'a Value> {
    let objects = kinds.get(kind).and_then(Value::as_array);
    objects.into_iter().flatten()
}

struct Maker<'a> {
    /// Certificate and key by what the corpus calls the certificate.
    pems: BTreeMap<String, (String, String)>,
    checksums: &'a Value,
}

impl Maker<'_> {
    fn pem(&self, object: &Value) -> Option<&(String, String)> {
        let digest = object.pointer("/certificate/certificate")?.as_str()?;
        self.pems.get(digest)
    }

    /// An object of the corpus as it stood on the Controller.
    fn restored(&self, kind: &str, object: &Value) -> Result<Value> {
        let mut body = restored("", object)?;
        let name = object["name"].as_str().context("an object without name")?;
        let tenant = object["tenant_ref"].as_str().unwrap_or_default();
        let sums = self.checksums.get(format!("{kind} {name} {tenant}"));
        let fields = body.as_object_mut().context("not an object")?;
        for (field, sum) in sums.and_then(Value::as_object).into_iter().flatten() {
            fields.insert(field.clone(), sum.clone());
        }
        let routes = fields
            .get_mut("static_routes")
            .and_then(Value::as_array_mut);
        for (index, route) in routes.into_iter().flatten().enumerate() {
            let random = format!("0b5d9c1e-3c55-4d3b-8f39-{index:012}");
            let id = route["route_id"].as_str().unwrap_or_default();
            route["route_id"] = id.replace("<random>", &random).into();
        }
        if let Some((certificate, key)) = self.pem(object) {
            fields.insert("certificate".into(), json!({ "certificate": certificate }));
            fields.insert("key".into(), json!(key));
        }
        Ok(body)
    }
}

/// The normal form undone: references are queries by name, metadata are text, what the Controller
/// allocates is left to it.
fn restored(field: &str, value: &Value) -> Result<Value> {
    Ok(match value {
        Value::Object(_) if field == "service_metadata" => value.to_string().into(),
        Value::Object(fields) => {
            let given = |value: &&Value| !matches!(value["addr"].as_str(), Some(text) if text.starts_with('<'));
            let fields = fields.iter().filter(|(_, value)| given(value));
            let fields = fields.filter(|(name, _)| !name.starts_with("avi_allocated_"));
            let fields = fields.map(|(name, value)| Ok((name.clone(), restored(name, value)?)));
            fields.collect::<Result<Map<String, Value>>>()?.into()
        }
        Value::Array(list) => {
            let list = list.iter().map(|value| restored(field, value));
            list.collect::<Result<Vec<Value>>>()?.into()
        }
        Value::String(text) => text_of(field, text)?.into(),
        other => other.clone(),
    })
}

fn text_of(field: &str, text: &str) -> Result<String> {
    let is_ref = field.ends_with("_ref") || field.ends_with("_refs");
    if let (true, Some((kind, name))) = (is_ref, text.split_once(": ")) {
        let name = name
            .replace('%', "%25")
            .replace(' ', "%20")
            .replace('&', "%26");
        return Ok(format!("/api/{kind}/?name={name}"));
    }
    ensure!(!text.starts_with('<'), "{field}: no way to restore {text}");
    Ok(text.to_owned())
}

/// What a script is known by, with the name of its object masked.
fn digests(body: &Value) -> Vec<String> {
    let name = body["name"].as_str().unwrap_or_default();
    let scripts = body["datascript"].as_array().into_iter().flatten();
    let texts = scripts.filter_map(|script| script["script"].as_str());
    let masked = texts.map(|text| text.replace(name, "{NAME}"));
    masked.map(|text| sha256_hex(&text).to_string()).collect()
}

/// Certificates and keys of the Secrets, by the corpus's name for a text.
fn pems(objects: &[RawObject]) -> BTreeMap<String, (String, String)> {
    let secrets = objects
        .iter()
        .filter(|object| object.key.kind.kind == "Secret");
    let text = |secret: &RawObject, name: &str| {
        let text = STANDARD.decode(secret.json["data"][name].as_str()?).ok()?;
        String::from_utf8(text).ok()
    };
    let pairs = |secret: &RawObject| {
        let names = [("tls.crt", "tls.key"), ("alt.crt", "alt.key")];
        let pairs = names.map(|(crt, key)| Some((text(secret, crt)?, text(secret, key)?)));
        pairs.into_iter().flatten().collect::<Vec<_>>()
    };
    let pairs = secrets.flat_map(pairs);
    let named = pairs.filter_map(|(certificate, key)| {
        let pem = certificate.get(certificate.find("-----BEGIN ")?..)?;
        let digest = sha256_hex(pem);
        Some((format!("PEM {}", digest.get(..16)?), (certificate, key)))
    });
    named.collect()
}

/// Adds the fields of an object to the one that stands.
async fn merge(simulator: &Simulator, kind: &str, body: &Value) -> Result<()> {
    let name = body["name"].as_str().context("an object without name")?;
    let cloud = body["cloud_ref"]
        .as_str()
        .and_then(|it| it.rsplit_once("name="));
    let cloud = cloud.map_or("Default-Cloud", |(_, name)| name);
    let query = format!("{kind}?name={name}&cloud_ref.name={cloud}");
    let found = call(simulator, Method::GET, &query, body).await?;
    let mut standing = found["results"][0].clone();
    let uuid = standing["uuid"].as_str().unwrap_or_default().to_owned();
    let fields = standing.as_object_mut().context("it does not exist")?;
    fields.extend(body.as_object().cloned().unwrap_or_default());
    call(simulator, Method::PUT, &format!("{kind}/{uuid}"), &standing).await?;
    Ok(())
}

async fn call(simulator: &Simulator, method: Method, path: &str, body: &Value) -> Result<Value> {
    let tenant = body["tenant_ref"].as_str().unwrap_or_default();
    let tenant = tenant
        .rsplit_once("name=")
        .map_or("admin", |(_, name)| name);
    let is_read = method == Method::GET;
    let text = if is_read {
        String::new()
    } else {
        body.to_string()
    };
    let request = Request::builder()
        .method(method)
        .uri(format!("http://controller/api/{path}"))
        .header(
            "authorization",
            format!("Basic {}", STANDARD.encode("admin:any")),
        )
        .header("content-type", "application/json")
        .header("x-avi-version", "30.2.1")
        .header("x-avi-tenant", tenant)
        .body(Bytes::from(text))?;
    let response = simulator.answer(request).await?;
    let answer = String::from_utf8_lossy(response.body()).into_owned();
    if !response.status().is_success() {
        bail!("{path} {}: {answer}", response.status());
    }
    Ok(serde_json::from_str(&answer)?)
}
