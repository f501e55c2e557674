//! ServiceEngineGroup: shared; only the label of our cluster is ours.

use crate::common::Label;
use crate::object::{AviObject, Ownership, WriteMode, answer_from_fields};
use crate::reference::Ref;
use aviary_types::EcoString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The part of `/api/serviceenginegroup` that we read and write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceEngineGroup {
    /// Name.
    pub name: EcoString,
    /// Tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_ref: Option<Ref>,
    /// All labels when observed; ours when desired.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// The cluster whose label is meant when desired. Not needed where the label says it.
    #[serde(skip)]
    pub owner: Option<EcoString>,
}

impl AviObject for ServiceEngineGroup {
    const TYPE: &'static str = "serviceenginegroup";
    const OWNERSHIP: Ownership = Ownership::SharedEntries;
    const WRITE: WriteMode = WriteMode::Merge;

    answer_from_fields!(name, tenant_ref, cloud_ref);

    fn refs(&self) -> Vec<&Ref> {
        Vec::new()
    }

    /// Our label is there, or another's, which we never replace: the first one owns the group. If
    /// we want none, ours is not there.
    fn same(&self, observed: &Self) -> bool {
        match self.labels.first() {
            Some(_) => !observed.labels.is_empty(),
            None => !observed.has_label_of(self.owner.as_deref()),
        }
    }

    /// Adds our label where there is none, or takes it away where we want none.
    fn merge(&self, raw: &mut Value) {
        let Some(fields) = raw.as_object_mut() else {
            return;
        };
        let mut labels = match fields.remove("labels") {
            Some(Value::Array(labels)) => labels,
            _ => Vec::new(),
        };
        if self.labels.is_empty() {
            labels.retain(|label| !is_of(label, self.owner.as_deref()));
        } else if labels.is_empty() {
            let ours = self.labels.iter();
            labels.extend(ours.filter_map(|label| serde_json::to_value(label).ok()));
        }
        if !labels.is_empty() {
            fields.insert("labels".into(), Value::Array(labels));
        }
    }
}

/// The label that ties a group to a cluster.
const OWNER_LABEL: &str = "clustername";

impl ServiceEngineGroup {
    /// The label that keeps the group from us: it has some, and ours is not among them.
    pub fn taken_by<'a>(&self, observed: &'a Self) -> Option<&'a Label> {
        let first = observed.labels.first()?;
        let ours = |label: &Label| self.labels.contains(label);
        (!self.labels.is_empty() && !observed.labels.iter().any(ours)).then_some(first)
    }

    fn has_label_of(&self, cluster: Option<&str>) -> bool {
        let mut labels = self.labels.iter();
        cluster.is_some_and(|cluster| {
            labels.any(|label| label.key == OWNER_LABEL && label.value == cluster)
        })
    }
}

fn is_of(label: &Value, cluster: Option<&str>) -> bool {
    let field = |name: &str| label.get(name).and_then(Value::as_str);
    field("key") == Some(OWNER_LABEL) && cluster.is_some() && field("value") == cluster
}

#[cfg(test)]
mod tests {
    use super::ServiceEngineGroup;
    use crate::common::Label;
    use crate::object::AviObject;
    use serde_json::{Value, json};

    fn label(value: &str) -> Value {
        json!({"key": "clustername", "value": value})
    }

    fn group(labels: &[&str], owner: Option<&str>) -> ServiceEngineGroup {
        let label = |value: &&str| Label {
            key: "clustername".into(),
            value: (*value).into(),
        };
        ServiceEngineGroup {
            labels: labels.iter().map(label).collect(),
            owner: owner.map(Into::into),
            ..ServiceEngineGroup::default()
        }
    }

    /// What we want, what is there, whether that needs no write, and what a write leaves.
    #[test]
    fn the_first_label_wins() {
        type Labels = &'static [&'static str];
        let cases: [(Labels, Labels, bool, Labels); 6] = [
            (&["c1"], &[], false, &["c1"]),
            (&["c1"], &["c1"], true, &["c1"]),
            (&["c1"], &["c2"], true, &["c2"]),
            (&[], &["c1"], false, &[]),
            (&[], &["c2"], true, &["c2"]),
            (&[], &[], true, &[]),
        ];
        for (wanted, have, same, left) in cases {
            let desired = group(wanted, Some("c1"));
            assert_eq!(
                desired.same(&group(have, None)),
                same,
                "{wanted:?} {have:?}"
            );
            let labels: Vec<Value> = have.iter().map(|value| label(value)).collect();
            let mut raw = json!({"name": "g", "max_se": 10, "labels": labels});
            desired.merge(&mut raw);
            let after: ServiceEngineGroup = serde_json::from_value(raw.clone()).unwrap();
            assert_eq!(
                after.labels,
                group(left, None).labels,
                "{wanted:?} {have:?}"
            );
            assert_eq!(raw["max_se"], 10);
            assert!(desired.same(&after));
        }
    }

    #[test]
    fn a_group_of_another_is_told() {
        let (ours, theirs) = (group(&["c1"], None), group(&["c2"], None));
        assert_eq!(ours.taken_by(&theirs).unwrap().value, "c2");
        assert_eq!(ours.taken_by(&ours), None);
        assert_eq!(ours.taken_by(&group(&[], None)), None);
    }
}
