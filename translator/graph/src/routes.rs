//! Static routes to pods, and the label that ties the SE group to the cluster.

use crate::maker::Maker;
use crate::parts::Parts;
use crate::rules::{SE_GROUP, VRF};
use aviary_avi::common::{IpAddr, Label};
use aviary_avi::hash::sha1_hex;
use aviary_avi::se_group::ServiceEngineGroup;
use aviary_avi::vrf_context::{StaticRoute, VrfContext};
use aviary_avi::{DesiredObject, Presence, Ref};
use aviary_kinds::avi_infra_setting::{Checked, SettingDraft, origin_of_se_group};
use aviary_kinds::node::{PodRoute, pod_routes};
use aviary_kinds::status::Verdict;
use aviary_kinds::{Env, View};
use aviary_types::{
    ClusterName, EcoString, ObjectKey, Origin, Provenance, Role, Table, eco_format,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// VRFs and SE groups belong to the provider, whatever the tenant of the objects.
const SHARED_TENANT: &str = "admin";

/// Evaluates the routes and the label of a domain. Each instance labels the SE group it uses; the
/// routes are the primary instance's alone. Where Service Engines reach pods by way of nodes, there
/// are neither, and what is left of them goes, as do routes in another VRF than today's. Differs from
/// AKO, which leaves both where they are until its configuration is deleted. Where routes are not
/// followed (any more), those that stand may be needed: they stay until the domain goes.
pub(crate) fn evaluate(view: &dyn View) -> Parts {
    let mut parts = Parts::default();
    let env = view.env();
    let tenant_at = Origin::Setting("ControllerSettings.tenantName");
    let maker = Maker::new(env, &env.settings.controller.tenant, tenant_at);
    // Those of settings that are gone, too.
    for name in env.census.labelled.iter().filter(|_| env.is_to_go()) {
        let group = se_group(&maker, name.clone(), Vec::new());
        let object = maker.object(group, asked(&SE_GROUP, [].into()), Presence::Always);
        parts.objects.push(object);
    }
    let follows = !env.settings.ako.disable_static_route_sync && !env.routes_itself();
    if follows || env.is_to_go() {
        let others = env.census.routed.iter();
        let others = others.filter(|name| !follows || **name != maker.vrf());
        parts
            .objects
            .extend(others.map(|name| emptied(&maker, name)));
    }
    if !follows {
        return parts;
    }
    let has_routes = env.settings.syncs_static_routes() && !env.is_to_go();
    let label = has_routes.then(|| label(&env.domain.cluster));
    let labels: Vec<Label> = label.into_iter().collect();
    let group = env.settings.controller.service_engine_group.as_str();
    if !(env.is_to_go() && env.census.labelled.contains(group)) {
        let group = se_group(&maker, group.into(), labels.clone());
        let object = maker.object(group, asked(&SE_GROUP, [].into()), Presence::Always);
        parts.objects.push(object);
    }
    if !env.settings.primary {
        return parts;
    }
    let routes = if has_routes {
        pod_routes(view)
    } else {
        Vec::new()
    };
    let nodes: BTreeSet<Arc<ObjectKey>> = routes
        .iter()
        .map(|route| route.next_hop_at.object.clone())
        .collect();
    let networks = routes.iter().map(|route| route.prefix_at.clone());
    let hops = routes.iter().map(|route| route.next_hop_at.clone());
    let provenance = asked(&VRF, nodes.into_iter().collect())
        .each("static_routes", Role::PodNetwork, networks)
        .each("static_routes", Role::NextHop, hops);
    let static_routes = routes
        .iter()
        .map(|r| static_route(&env.domain.cluster, r, &labels));
    let routes = static_routes.collect();
    let vrf = vrf(&maker, maker.vrf().into(), routes);
    parts
        .objects
        .push(maker.object(vrf, provenance, Presence::Always));
    parts
}

/// A VRF that was the domain's before, without the routes that nobody follows any more.
fn emptied(maker: &Maker<'_>, name: &EcoString) -> Arc<DesiredObject> {
    let vrf = vrf(maker, name.clone(), Vec::new());
    maker.object(vrf, asked(&VRF, [].into()), Presence::IfObserved)
}

fn vrf(maker: &Maker<'_>, name: EcoString, static_routes: Vec<StaticRoute>) -> VrfContext {
    VrfContext {
        name,
        tenant_ref: Some(Ref::tenant(SHARED_TENANT)),
        cloud_ref: Some(maker.cloud_ref()),
        static_routes,
        owners: vec![maker.env.domain.cluster.text().clone()],
    }
}

/// What one AviInfraSetting asks for on its own: the label of the group that it names, once it is
/// accepted. As with AKO the label stays when the setting goes, as long as the cluster does.
pub(crate) fn render_setting(env: &Env, draft: &SettingDraft) -> Parts {
    let source = ObjectKey::clone(&draft.source);
    let verdict = match &draft.checked {
        Checked::Accepted => Verdict::Accepted,
        Checked::Rejected(why) => Verdict::Rejected(why.clone()),
        Checked::Unknown => return Parts::default(),
    };
    let mut parts = Parts::default();
    let group = draft.se_group.as_ref();
    if let (Verdict::Accepted, Some(group)) = (&verdict, group)
        && env.syncs_static_routes()
    {
        let tenant_at = Origin::Setting("ControllerSettings.tenantName");
        let maker = Maker::new(env, &env.settings.controller.tenant, tenant_at);
        let label = (!env.is_to_go()).then(|| label(&env.domain.cluster));
        let labels = label.into_iter().collect();
        let body = se_group(&maker, group.clone(), labels);
        let from = asked(&SE_GROUP, [draft.source.clone()].into())
            .with(Role::SeGroup, origin_of_se_group(&draft.source));
        let body = maker.object(body, from, Presence::Always);
        parts.objects.push(body);
    }
    parts.verdict = Some((source, verdict));
    parts
}

fn se_group(maker: &Maker<'_>, name: EcoString, labels: Vec<Label>) -> ServiceEngineGroup {
    ServiceEngineGroup {
        name,
        tenant_ref: Some(Ref::tenant(SHARED_TENANT)),
        cloud_ref: Some(maker.cloud_ref()),
        leaving: match &labels[..] {
            [] => vec![maker.env.domain.cluster.text().clone()],
            _ => Vec::new(),
        },
        labels,
    }
}

/// The label that ties objects to a cluster.
fn label(cluster: &ClusterName) -> Label {
    Label {
        key: "clustername".into(),
        value: cluster.text().clone(),
    }
}

/// Both objects are written unless a setting says not to.
fn asked(table: &'static Table, nodes: Arc<[Arc<ObjectKey>]>) -> Provenance {
    let setting = Origin::Setting("AKOSettings.disableStaticRouteSync");
    Provenance::new(table, nodes).with(Role::Asked, setting)
}

fn static_route(cluster: &ClusterName, route: &PodRoute, labels: &[Label]) -> StaticRoute {
    StaticRoute {
        route_id: eco_format!("{cluster}-{}-{}", node_id(&route.node), route.index),
        prefix: route.prefix.clone(),
        next_hop: IpAddr::new(route.next_hop.clone()),
        labels: labels.to_vec(),
    }
}

/// An id in the form of a uuid. Differs from AKO: it is made from the node's name, not by chance, so
/// that a restart writes nothing.
fn node_id(node: &ObjectKey) -> EcoString {
    let hex = sha1_hex(&eco_format!("{}/{}", node.cluster, node.name));
    let cut = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    eco_format!(
        "{}-{}-4{}-a{}-{}",
        cut(0, 8),
        cut(8, 12),
        cut(13, 16),
        cut(17, 20),
        cut(20, 32)
    )
}
