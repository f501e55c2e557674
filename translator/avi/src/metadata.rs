//! `service_metadata`: the JSON text on virtual services and pools that names their sources. It is
//! how AKO finds, after a restart, the Kubernetes objects whose status it owes.

use crate::go_json::go_json;
use aviary_types::EcoString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// The sixteen keys, in the order in which they are printed. An empty list prints as `null`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceMetadata {
    /// `namespace/ingress` of every object behind a child or dedicated virtual service.
    #[serde(serialize_with = "list", deserialize_with = "or_default")]
    pub namespace_ingress_name: Vec<EcoString>,
    /// The object behind a pool.
    #[serde(deserialize_with = "or_default")]
    pub ingress_name: EcoString,
    /// Its namespace.
    #[serde(deserialize_with = "or_default")]
    pub namespace: EcoString,
    /// Hosts served; the only key that is input of a checksum.
    #[serde(serialize_with = "list", deserialize_with = "or_default")]
    pub hostnames: Vec<EcoString>,
    /// `namespace/service` of every Service behind an L4 virtual service.
    #[serde(serialize_with = "list", deserialize_with = "or_default")]
    pub namespace_svc_name: Vec<EcoString>,
    /// The custom resource in force.
    #[serde(deserialize_with = "or_default")]
    pub crd_status: CrdStatus,
    /// Weight of a pool.
    #[serde(deserialize_with = "or_default")]
    pub pool_ratio: i64,
    /// Of the insecure twin of a passthrough service.
    #[serde(deserialize_with = "or_default")]
    pub passthrough_parent_ref: EcoString,
    /// Of the secure twin.
    #[serde(deserialize_with = "or_default")]
    pub passthrough_child_ref: EcoString,
    /// `namespace/gateway`
    #[serde(deserialize_with = "or_default")]
    pub gateway: EcoString,
    /// `namespace/route`
    #[serde(deserialize_with = "or_default")]
    pub httproute: EcoString,
    /// The rule of the route.
    #[serde(deserialize_with = "or_default")]
    pub httproute_rule_name: EcoString,
    /// An edge route that also serves plain HTTP.
    #[serde(deserialize_with = "or_default")]
    pub insecureedgetermallow: bool,
    /// A multi-cluster ingress.
    #[serde(deserialize_with = "or_default")]
    pub is_mci_ingress: bool,
    /// Declared by AKO, never written.
    #[serde(deserialize_with = "or_default")]
    pub fqdn_reuse_policy: EcoString,
    /// Host to `namespace/ingress`, in EVH mode.
    #[serde(serialize_with = "map", deserialize_with = "or_default")]
    pub host_namespace_ingress_name: BTreeMap<EcoString, Vec<EcoString>>,
}

/// The custom resource in force on an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CrdStatus {
    /// `HostRule`, `HTTPRule` or `SSORule`
    #[serde(rename = "type")]
    pub kind: EcoString,
    /// `namespace/name`
    pub value: EcoString,
    /// `ACTIVE` or `INACTIVE`
    pub status: EcoString,
}

impl ServiceMetadata {
    /// The text exactly as AKO writes it.
    pub fn to_text(&self) -> EcoString {
        go_json(self).into()
    }

    /// Reads the text of an observed object. Unknown keys and `null` are fine; anything else that
    /// is not of this form gives nothing.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The namespaces of `namespace_ingress_name`: whoever contributes to the object.
    pub fn contributors(&self) -> impl Iterator<Item = &str> {
        let names = self.namespace_ingress_name.iter();
        names.filter_map(|name| Some(name.split_once('/')?.0))
    }
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn list<S: Serializer>(list: &Vec<EcoString>, serializer: S) -> Result<S::Ok, S::Error> {
    (!list.is_empty()).then_some(list).serialize(serializer)
}

fn map<S: Serializer>(
    map: &BTreeMap<EcoString, Vec<EcoString>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    (!map.is_empty()).then_some(map).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::ServiceMetadata;

    const POOL: &str = concat!(
        r#"{"namespace_ingress_name":null,"ingress_name":"ing1","namespace":"ns1","hostna"#,
        r#"mes":["foo.com"],"namespace_svc_name":null,"crd_status":{"type":"","value":"","#,
        r#""status":""},"pool_ratio":100,"passthrough_parent_ref":"","passthrough_child_r"#,
        r#"ef":"","gateway":"","httproute":"","httproute_rule_name":"","insecureedgeterma"#,
        r#"llow":false,"is_mci_ingress":false,"fqdn_reuse_policy":"","host_namespace_ingr"#,
        r#"ess_name":null}"#,
    );

    #[test]
    fn prints_what_ako_prints() {
        let metadata = ServiceMetadata {
            ingress_name: "ing1".into(),
            namespace: "ns1".into(),
            hostnames: vec!["foo.com".into()],
            pool_ratio: 100,
            ..ServiceMetadata::default()
        };
        assert_eq!(metadata.to_text(), POOL);
        assert_eq!(ServiceMetadata::parse(POOL), Some(metadata));
    }

    #[test]
    fn reads_leniently() {
        assert_eq!(
            ServiceMetadata::parse("{}"),
            Some(ServiceMetadata::default())
        );
        assert_eq!(
            ServiceMetadata::parse(r#"{"new":1,"crd_status":null}"#),
            Some(ServiceMetadata::default())
        );
        assert_eq!(ServiceMetadata::parse("7"), None);
        assert_eq!(ServiceMetadata::parse(""), None);
    }

    #[test]
    fn contributors_are_namespaces() {
        let metadata = ServiceMetadata {
            namespace_ingress_name: vec!["a/x".into(), "b/y".into()],
            ..ServiceMetadata::default()
        };
        assert!(metadata.contributors().eq(["a", "b"]));
    }
}
