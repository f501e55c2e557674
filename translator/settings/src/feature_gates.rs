//! Section `featureGates`, and the switch of the CRD operator's kinds.

use crate::reader::Reader;
use crate::setting::{Reach, Setting};
use serde::Serialize;

/// What is switched on for an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeatureGates {
    /// `featureGates.GatewayAPI`.
    pub gateway_api: bool,
    /// `ako-crd-operator.enabled`: HealthMonitor, ApplicationProfile and their like.
    pub crd_operator: bool,
}

pub(crate) static CRD_OPERATOR: Setting<bool> = Setting::flag(
    "ako-crd-operator.enabled",
    "true",
    "Serves the kinds of AKO's CRD operator (HealthMonitor, ApplicationProfile, PKIProfile, \
     RouteBackendExtension).",
)
.env("AKO_CRD_OPERATOR_ENABLED")
.later();

pub(crate) static ENABLE_PROMETHEUS: Setting<bool> = Setting::flag(
    "featureGates.EnablePrometheus",
    "false",
    "Offers metrics in the form that Prometheus reads.",
)
.env("PROMETHEUS_ENABLED")
.reach(Reach::Service)
.later();

pub(crate) static GATEWAY_API: Setting<bool> = Setting::flag(
    "featureGates.GatewayAPI",
    "false",
    "Serves Gateway and HTTPRoute of `gateway.networking.k8s.io`.",
)
.later();

impl FeatureGates {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            gateway_api: reader.get(&GATEWAY_API),
            crd_operator: reader.get(&CRD_OPERATOR),
        }
    }
}
