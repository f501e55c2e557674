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
    /// The clusters whose label is to go when desired.
    #[serde(skip)]
    pub leaving: Vec<EcoString>,
}

impl AviObject for ServiceEngineGroup {
    const TYPE: &'static str = "serviceenginegroup";
    const OWNERSHIP: Ownership = Ownership::SharedEntries;
    const WRITE: WriteMode = WriteMode::Merge;

    answer_from_fields!(name, tenant_ref, cloud_ref);

    fn refs(&self) -> Vec<&Ref> {
        Vec::new()
    }

    /// Our label is there, or another's, which we never replace: the first one owns the group. None
    /// of those is there that are to go.
    fn same(&self, observed: &Self) -> bool {
        let mut leaving = self.leaving.iter();
        let has_it = self.labels.is_empty() || !observed.labels.is_empty();
        has_it && !leaving.any(|cluster| observed.has_label_of(cluster))
    }

    /// Takes away the labels that are to go, then adds ours where there is none.
    fn merge(&self, raw: &mut Value) {
        let Some(fields) = raw.as_object_mut() else {
            return;
        };
        let mut labels = match fields.remove("labels") {
            Some(Value::Array(labels)) => labels,
            _ => Vec::new(),
        };
        labels.retain(|label| !self.leaving.iter().any(|cluster| is_of(label, cluster)));
        if labels.is_empty() {
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

    /// Whether the group bears the label of a cluster, exactly.
    pub fn has_label_of(&self, cluster: &str) -> bool {
        let mut labels = self.labels.iter();
        labels.any(|label| label.key == OWNER_LABEL && label.value == cluster)
    }

    /// What all of these want of one group: the first label that is wanted, and none of those that
    /// somebody wants away and nobody wants.
    pub fn joined<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let wanting = all.clone().filter(|group| !group.labels.is_empty());
        let mut joined = wanting
            .clone()
            .chain(all.clone())
            .next()
            .cloned()
            .unwrap_or_default();
        let leaving = all.flat_map(|group| &group.leaving);
        let leaving = leaving.filter(|cluster| !wanting.clone().any(|it| it.has_label_of(cluster)));
        joined.leaving = leaving.cloned().collect();
        joined.leaving.sort();
        joined.leaving.dedup();
        joined
    }
}

fn is_of(label: &Value, cluster: &str) -> bool {
    let field = |name: &str| label.get(name).and_then(Value::as_str);
    field("key") == Some(OWNER_LABEL) && field("value") == Some(cluster)
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

    fn group(labels: &[&str], leaving: &[&str]) -> ServiceEngineGroup {
        let label = |value: &&str| Label {
            key: "clustername".into(),
            value: (*value).into(),
        };
        ServiceEngineGroup {
            labels: labels.iter().map(label).collect(),
            leaving: leaving.iter().map(|cluster| (*cluster).into()).collect(),
            ..ServiceEngineGroup::default()
        }
    }

    /// What we want, what is to go, what is there, whether that needs no write, and what a write
    /// leaves.
    #[test]
    fn the_first_label_wins() {
        type Labels = &'static [&'static str];
        let cases: [(Labels, Labels, Labels, bool, Labels); 9] = [
            (&["c1"], &[], &[], false, &["c1"]),
            (&["c1"], &[], &["c1"], true, &["c1"]),
            (&["c1"], &[], &["c2"], true, &["c2"]),
            (&[], &["c1"], &["c1"], false, &[]),
            (&[], &["c1"], &["c2"], true, &["c2"]),
            (&[], &["c1"], &["c10"], true, &["c10"]),
            (&[], &["c1"], &[], true, &[]),
            (&["c1"], &["c2"], &["c2"], false, &["c1"]),
            (&["c1"], &["c2"], &["c3"], true, &["c3"]),
        ];
        for (wanted, leaving, have, same, left) in cases {
            let desired = group(wanted, leaving);
            assert_eq!(desired.same(&group(have, &[])), same, "{wanted:?} {have:?}");
            let labels: Vec<Value> = have.iter().map(|value| label(value)).collect();
            let mut raw = json!({"name": "g", "max_se": 10, "labels": labels});
            desired.merge(&mut raw);
            let after: ServiceEngineGroup = serde_json::from_value(raw.clone()).unwrap();
            assert_eq!(after.labels, group(left, &[]).labels, "{wanted:?} {have:?}");
            assert_eq!(raw["max_se"], 10);
            assert!(desired.same(&after));
        }
    }

    #[test]
    fn a_group_of_another_is_told() {
        let (ours, theirs) = (group(&["c1"], &[]), group(&["c2"], &[]));
        assert_eq!(ours.taken_by(&theirs).unwrap().value, "c2");
        assert_eq!(ours.taken_by(&ours), None);
        assert_eq!(ours.taken_by(&group(&[], &[])), None);
    }

    #[test]
    fn a_label_that_somebody_wants_does_not_leave() {
        let joined = |all: &[ServiceEngineGroup]| ServiceEngineGroup::joined(all.iter());
        let (c1, c2) = (group(&["c1"], &[]), group(&["c2"], &[]));
        let (not_c1, not_c2) = (group(&[], &["c1"]), group(&[], &["c2"]));
        assert_eq!(joined(&[not_c1.clone(), c1.clone()]), c1);
        assert_eq!(joined(&[c1.clone(), c2.clone()]), c1);
        let passes = group(&["c2"], &["c1"]);
        assert_eq!(joined(&[not_c1.clone(), c2.clone()]), passes);
        assert_eq!(joined(&[c2, not_c1.clone()]), passes);
        assert_eq!(joined(&[not_c2, not_c1]), group(&[], &["c1", "c2"]));
    }
}
