//! In which fields an object is not as it should be, by the very rules that decide about writes.

use crate::objects::Body;
use serde_json::{Map, Value};

/// A field that makes a write necessary. Secrets in it are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Names of the field and of those around it, joined by dots. Lists count as a whole.
    pub path: String,
    /// The value that it should have; `Null` if it should have none.
    pub desired: Value,
    /// The value that it has; `Null` if it has none.
    pub observed: Value,
}

impl Body {
    /// The fields by which `same` tells the two apart, in the order of their names: each field of
    /// the observed body is laid alone over the desired one, and `same` is asked again. Where no
    /// field alone makes the difference, every one that is spelled differently is told.
    pub fn differences(&self, observed: &Body) -> Vec<Difference> {
        if self.same(observed) {
            return Vec::new();
        }
        let sides = Sides {
            desired: self,
            base: plain(self),
        };
        let observed_fields = plain(observed);
        let mut paths = Vec::new();
        sides.walk(&mut Vec::new(), &observed_fields, &mut paths);
        if paths.is_empty() {
            let names = names(&sides.base, &observed_fields);
            let spelled = |name: &&String| sides.base.get(*name) != observed_fields.get(*name);
            paths.extend(names.iter().filter(spelled).map(|name| vec![name.clone()]));
        }
        let (desired, observed) = (plain(&self.masked()), plain(&observed.masked()));
        let difference = |path: Vec<String>| Difference {
            desired: at(&desired, &path).cloned().unwrap_or_default(),
            observed: at(&observed, &path).cloned().unwrap_or_default(),
            path: path.join("."),
        };
        paths.into_iter().map(difference).collect()
    }
}

type Fields = Map<String, Value>;

/// The desired body, as it is and field by field.
struct Sides<'a> {
    desired: &'a Body,
    base: Fields,
}

impl Sides<'_> {
    /// Finds the smallest fields below a path that make the difference alone.
    fn walk(&self, path: &mut Vec<String>, observed: &Fields, found: &mut Vec<Vec<String>>) {
        let none = Fields::new();
        let desired = match at(&self.base, path) {
            Some(Value::Object(fields)) => fields,
            _ if path.is_empty() => &self.base,
            _ => &none,
        };
        for name in names(desired, observed) {
            let (mine, theirs) = (desired.get(&name), observed.get(&name));
            if mine == theirs {
                continue;
            }
            path.push(name);
            if self.tells_apart(path, theirs) {
                let before = found.len();
                if let (Some(Value::Object(_)), Some(Value::Object(below))) = (mine, theirs) {
                    self.walk(path, below, found);
                }
                if found.len() == before {
                    found.push(path.clone());
                }
            }
            path.pop();
        }
    }

    /// Whether the desired body with one field of the observed one would have to be written.
    fn tells_apart(&self, path: &[String], theirs: Option<&Value>) -> bool {
        let mut mixed = Value::Object(self.base.clone());
        let Some((name, around)) = path.split_last() else {
            return false;
        };
        let mut place = &mut mixed;
        for step in around {
            place = match place.get_mut(step) {
                Some(below) => below,
                None => return false,
            };
        }
        let Some(fields) = place.as_object_mut() else {
            return false;
        };
        match theirs {
            Some(value) => drop(fields.insert(name.clone(), value.clone())),
            None => drop(fields.remove(name)),
        }
        let mixed = self.desired.kind().read(&mixed);
        mixed.is_ok_and(|mixed| !self.desired.same(&mixed))
    }
}

/// A body as fields, secrets included: not for anybody's eyes.
fn plain(body: &Body) -> Fields {
    match serde_json::to_value(body) {
        Ok(Value::Object(fields)) => fields,
        _ => Fields::new(),
    }
}

/// The names of both, sorted.
fn names(desired: &Fields, observed: &Fields) -> Vec<String> {
    let more = observed.keys().filter(|name| !desired.contains_key(*name));
    let mut names: Vec<String> = desired.keys().chain(more).cloned().collect();
    names.sort();
    names
}

fn at<'a>(fields: &'a Fields, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let first = fields.get(first)?;
    rest.iter().try_fold(first, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use crate::objects::{AviKind, Body};
    use crate::samples::{KINDS, changed, value};
    use serde_json::{Value, json};

    fn paths(sample: &str, pointer: &str, new: Value) -> Vec<String> {
        let kind = KINDS.iter().find(|(known, _)| *known == sample).unwrap().1;
        let desired: Body = kind.read(&value(sample)).unwrap();
        let observed = kind.read(&changed(sample, pointer, new)).unwrap();
        let differences = desired.differences(&observed);
        assert_eq!(differences.is_empty(), desired.same(&observed), "{pointer}");
        differences.into_iter().map(|it| it.path).collect()
    }

    #[test]
    fn fields_that_make_a_write_are_told_and_no_others() {
        assert_eq!(paths("pool", "/servers/0/port", json!(8081)), ["servers"]);
        assert_eq!(
            paths("pool", "/vrf_ref", json!("/api/vrfcontext?name=blue")),
            ["vrf_ref"]
        );
        assert_eq!(paths("pool", "/sni_enabled", json!(null)), ["sni_enabled"]);
        for (pointer, new) in [
            ("/cloud_config_cksum", json!("1")),
            ("/graceful_disable_timeout", json!(null)),
            ("/tier1_lr", json!("")),
        ] {
            assert!(paths("pool", pointer, new).is_empty(), "{pointer}");
        }
    }

    #[test]
    fn fields_inside_others_are_told_by_their_path() {
        let told = paths("cert", "/certificate/certificate", json!("OTHER"));
        assert_eq!(told, ["certificate.certificate"]);
        assert!(paths("cert", "/key", json!("other")).is_empty());
    }

    #[test]
    fn what_a_controller_spells_otherwise_is_not_told_beside_a_difference() {
        for (sample, kind) in KINDS {
            let mut answered = crate::samples::as_answered(*kind, &value(sample));
            let desired: Body = kind.read(&value(sample)).unwrap();
            let markers = json!([{"key": "clustername", "values": ["other"]}]);
            answered["markers"] = markers;
            let observed = kind.read(&answered).unwrap();
            let told = desired.differences(&observed);
            let only = told.iter().all(|it| it.path == "markers");
            assert!(only, "{sample}: {told:?}");
            assert_eq!(told.is_empty(), desired.same(&observed), "{sample}");
        }
    }

    #[test]
    fn keys_are_masked() {
        let mut other = value("cert");
        other["key"] = json!("THE KEY");
        let kind = AviKind::SslKeyAndCertificate;
        let desired = kind.read(&other).unwrap();
        other["certificate"]["certificate"] = json!("OTHER");
        other["key"] = json!("ANOTHER KEY");
        let told = format!("{:?}", desired.differences(&kind.read(&other).unwrap()));
        assert!(told.contains("OTHER") && !told.contains("KEY\""), "{told}");
    }
}
