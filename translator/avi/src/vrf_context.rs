//! VrfContext: shared; only the static routes with our cluster's label are ours.

use crate::common::{IpAddr, Label, Subnet};
use crate::compare::same_set;
use crate::object::{AviObject, Ownership, WriteMode, answer_from_fields};
use crate::reference::Ref;
use aviary_types::{EcoString, eco_format};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The part of `/api/vrfcontext` that we read and write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VrfContext {
    /// Name.
    pub name: EcoString,
    /// Tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Ref>,
    /// Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_ref: Option<Ref>,
    /// All routes when observed; ours when desired.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub static_routes: Vec<StaticRoute>,
    /// The clusters whose routes are meant when desired: several may share a VRF. Routes of others
    /// are not ours, wherever they lead.
    #[serde(skip)]
    pub owners: Vec<EcoString>,
}

impl AviObject for VrfContext {
    const TYPE: &'static str = "vrfcontext";
    const OWNERSHIP: Ownership = Ownership::SharedEntries;
    const WRITE: WriteMode = WriteMode::Merge;

    answer_from_fields!(name, tenant_ref, cloud_ref);

    fn refs(&self) -> Vec<&Ref> {
        Vec::new()
    }

    /// Our routes are all there, and no others of our cluster. Their ids, which AKO draws by chance
    /// at every start, and their order mean nothing.
    fn same(&self, observed: &Self) -> bool {
        let ours = observed.static_routes.iter();
        let ours: Vec<&StaticRoute> = ours.filter(|route| self.owns(route)).collect();
        let wanted: Vec<&StaticRoute> = self.static_routes.iter().collect();
        same_set(&wanted, &ours, |wanted, have| wanted.leads_as(have))
    }

    /// Foreign routes stay as they were read, in their places, whatever their labels. Ours that are
    /// still wanted stay too; the others go, and new ones come last.
    fn merge(&self, raw: &mut Value) {
        let Some(fields) = raw.as_object_mut() else {
            return;
        };
        let mut missing: Vec<&StaticRoute> = self.static_routes.iter().collect();
        let mut routes = match fields.remove("static_routes") {
            Some(Value::Array(routes)) => routes,
            _ => Vec::new(),
        };
        routes.retain(|value| {
            let Some(have) = StaticRoute::read(value).filter(|route| self.owns(route)) else {
                return true;
            };
            let found = missing.iter().position(|wanted| wanted.leads_as(&have));
            found.map(|at| missing.remove(at)).is_some()
        });
        for route in missing {
            let value = route.with_free_id(&routes).to_value();
            routes.push(value);
        }
        fields.insert("static_routes".into(), Value::Array(routes));
    }
}

/// One static route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StaticRoute {
    /// `<cluster>-<unique>-<index>`
    pub route_id: EcoString,
    /// Pod network.
    pub prefix: Subnet,
    /// Node.
    pub next_hop: IpAddr,
    /// Owner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
}

/// The label that makes a route ours.
const OWNER_LABEL: &str = "clustername";

impl VrfContext {
    /// Whether a route is one of the clusters' that are meant.
    pub fn owns(&self, route: &StaticRoute) -> bool {
        self.owners.iter().any(|owner| route.is_of(owner))
    }

    /// Whether there are routes of a cluster, exactly.
    pub fn has_routes_of(&self, cluster: &str) -> bool {
        self.static_routes.iter().any(|route| route.is_of(cluster))
    }

    /// Takes in what is desired of the same VRF for another cluster.
    pub fn join(&mut self, other: &Self) {
        self.owners.extend(other.owners.iter().cloned());
        self.static_routes
            .extend(other.static_routes.iter().cloned());
    }
}

impl StaticRoute {
    /// The cluster of a route: its first label says it.
    pub fn cluster(&self) -> Option<&str> {
        let label = self.labels.first().filter(|label| label.key == OWNER_LABEL);
        label.map(|label| label.value.as_str())
    }

    /// Whether the route is one of a cluster's, exactly.
    pub fn is_of(&self, cluster: &str) -> bool {
        self.cluster() == Some(cluster)
    }

    /// Whether both lead the same way for the same cluster.
    fn leads_as(&self, other: &Self) -> bool {
        self.prefix == other.prefix
            && self.next_hop == other.next_hop
            && self.cluster() == other.cluster()
    }

    fn read(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }

    fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The route with an id that none of these has: the Controller refuses one that occurs twice.
    fn with_free_id(&self, routes: &[Value]) -> Self {
        let taken = |id: &str| {
            let mut ids = routes.iter().filter_map(|route| route.get("route_id"));
            ids.any(|taken| taken.as_str() == Some(id))
        };
        let mut route = self.clone();
        let mut turn = 1_u32;
        while taken(&route.route_id) {
            turn += 1;
            route.route_id = eco_format!("{}-{turn}", self.route_id);
        }
        route
    }
}

#[cfg(test)]
mod tests {
    use super::VrfContext;
    use crate::object::AviObject;
    use serde_json::{Value, json};

    fn route(id: &str, node: &str, labels: &Value) -> Value {
        json!({
            "route_id": id,
            "prefix": {"ip_addr": {"addr": "10.244.1.0", "type": "V4"}, "mask": 24},
            "next_hop": {"addr": node, "type": "V4"},
            "labels": labels,
        })
    }

    fn of(cluster: &str) -> Value {
        json!([{"key": "clustername", "value": cluster}])
    }

    fn vrf(routes: &[Value]) -> VrfContext {
        let vrf = json!({"name": "global", "static_routes": routes});
        let vrf: VrfContext = serde_json::from_value(vrf).unwrap();
        VrfContext {
            owners: vec!["c1".into()],
            ..vrf
        }
    }

    #[test]
    fn ids_and_foreign_routes_do_not_count() {
        let desired = vrf(&[route("c1-a-0", "1.1.1.1", &of("c1"))]);
        let ours = route("c1-other-0", "1.1.1.1", &of("c1"));
        let foreign = route("c10-0", "1.1.1.1", &of("c10"));
        assert!(desired.same(&vrf(&[foreign.clone(), ours.clone()])));
        assert!(!desired.same(&vrf(&[foreign])));
        let stale = route("c1-b-0", "1.1.1.2", &of("c1"));
        assert!(!desired.same(&vrf(&[ours.clone(), stale])));
        assert!(!desired.same(&vrf(&[ours.clone(), ours])));
    }

    #[test]
    fn without_routes_the_owner_decides() {
        let stale = vrf(&[route("c1-b-0", "1.1.1.2", &of("c1"))]);
        let mut desired = vrf(&[]);
        desired.owners.clear();
        assert!(desired.same(&stale));
        desired.owners.push("c1".into());
        assert!(!desired.same(&stale));
        let mut raw = serde_json::to_value(&stale).unwrap();
        desired.merge(&mut raw);
        assert_eq!(raw["static_routes"], json!([]));
    }

    #[test]
    fn foreign_routes_stay_byte_for_byte_and_in_order() {
        let mut odd = route(
            "x",
            "9.9.9.9",
            &json!([{"key": "team", "value": "net"}, {"key": "clustername", "value": "c1"}]),
        );
        odd["disable_gateway_monitor"] = json!(true);
        let plain =
            json!({"route_id": "1", "next_hop": {"addr": "8.8.8.8", "type": "V4"}, "note": 1});
        let strange = json!({"route_id": 7, "prefix": "?"});
        let kept = route("c1-kept-0", "1.1.1.1", &of("c1"));
        let stale = route("c1-stale-0", "1.1.1.9", &of("c1"));
        let other = route("c1-new-0", "1.1.1.1", &of("c2"));
        let desired = vrf(&[
            route("c1-fresh-0", "1.1.1.1", &of("c1")),
            route("c1-new-0", "1.1.1.2", &of("c1")),
        ]);
        let before = [
            odd.clone(),
            kept.clone(),
            plain.clone(),
            stale,
            strange.clone(),
            other.clone(),
        ];
        let mut raw = json!({"name": "global", "uuid": "u", "static_routes": before});
        desired.merge(&mut raw);
        let routes = raw["static_routes"].as_array().unwrap();
        assert_eq!(routes[..5], [odd, kept, plain, strange, other]);
        // Its id was taken by a foreign route.
        assert_eq!(routes[5]["route_id"], "c1-new-0-2");
        assert_eq!(routes.len(), 6);
        assert_eq!(raw["uuid"], "u");
    }

    #[test]
    fn clusters_share_a_vrf() {
        let [first, second] = ["c1", "c2"].map(|c| route(&format!("{c}-a-0"), "1.1.1.1", &of(c)));
        let mut desired = vrf(std::slice::from_ref(&first));
        let mut other = vrf(std::slice::from_ref(&second));
        other.owners = vec!["c2".into()];
        desired.join(&other);
        assert!(desired.same(&vrf(&[second.clone(), first.clone()])));
        assert!(!desired.same(&vrf(std::slice::from_ref(&first))));
        let foreign = route("c3-a-0", "1.1.1.1", &of("c3"));
        let stale = route("c2-old-0", "1.1.1.9", &of("c2"));
        let mut raw = json!({"name": "global", "static_routes": [foreign, stale]});
        desired.merge(&mut raw);
        assert_eq!(raw["static_routes"], json!([foreign, first, second]));
    }

    #[test]
    fn a_merge_is_the_last_word() {
        let desired = vrf(&[route("c1-a-0", "1.1.1.1", &of("c1"))]);
        let mut raw = json!({"name": "global"});
        desired.merge(&mut raw);
        assert!(desired.same(&serde_json::from_value(raw.clone()).unwrap()));
        let again = raw.clone();
        desired.merge(&mut raw);
        assert_eq!(raw, again);
    }
}
