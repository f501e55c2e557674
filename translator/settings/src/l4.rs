//! Section `L4Settings`.

use crate::choice::choice;
use crate::read;
use crate::reader::Reader;
use crate::setting::{Setting, Shape};
use serde::Serialize;

choice! {
    /// How names of Services are made.
    AutoFqdn, unknown: Some(Self::Disabled), any_case: false;
    /// `<service>.<namespace>.<domain>`.
    Default = "default",
    /// `<service>-<namespace>.<domain>`.
    Flat = "flat",
    /// Not at all.
    Disabled = "disabled",
}

/// What section `L4Settings` means for an instance. Its `defaultDomain` is in
/// [`crate::NetworkSettings::default_domain`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct L4Settings {
    /// `defaultLBController`: Services without `loadBalancerClass` are served.
    pub default_lb_controller: bool,
    /// `autoFQDN`; it also rules the names of shard parents.
    pub auto_fqdn: AutoFqdn,
}

pub(crate) static AUTO_FQDN: Setting<AutoFqdn> = Setting::choice(
    "L4Settings.autoFQDN",
    "\"default\"",
    "Names of Services and shard parents: default `<svc>.<ns>.<domain>`, flat \
     `<svc>-<ns>.<domain>`, or disabled.",
)
.env("AUTO_L4_FQDN");

pub(crate) static DEFAULT_DOMAIN: Setting<String> = Setting::text(
    "L4Settings.defaultDomain",
    "\"\"",
    "Deprecated by AKO: use `NetworkSettings.defaultDomain`, which wins.",
);

pub(crate) static DEFAULT_LB_CONTROLLER: Setting<bool> = Setting::new(
    "L4Settings.defaultLBController",
    Shape::Flag,
    "\"true\"",
    read::flag_else_true,
    "Serves Services of type LoadBalancer without `loadBalancerClass`.",
)
.env("DEFAULT_LB_CONTROLLER");

impl L4Settings {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        // For its faults alone: the value is read with the network section, which it falls behind.
        reader.get(&DEFAULT_DOMAIN);
        Self {
            default_lb_controller: reader.get(&DEFAULT_LB_CONTROLLER),
            auto_fqdn: reader.get(&AUTO_FQDN),
        }
    }
}
