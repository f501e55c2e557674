//! Keys that only a Helm chart reads. They are accepted without a word, whatever stands in them.

/// Whole sections and single keys of the chart, sorted.
pub const CHART_KEYS: &[&str] = &[
    "GatewayAPI",
    "affinity",
    "ako-crd-operator.controllerManager",
    "akoGatewayLogFile",
    "avicredentials",
    "fullnameOverride",
    "global",
    "image",
    "imagePullSecrets",
    "logFile",
    "mountPath",
    "nameOverride",
    "nodeSelector",
    "persistentVolumeClaim",
    "podAnnotations",
    "podSecurityContext",
    "rbac",
    "replicaCount",
    "resources",
    "securityContext",
    "service",
    "serviceAccount",
    "tolerations",
];

/// Whether a dotted key belongs to the chart alone.
pub(crate) fn is_chart_key(key: &str) -> bool {
    CHART_KEYS.contains(&key)
}
