//! Section `ControllerSettings`.

use crate::notes::Spot;
use crate::read;
use crate::reader::Reader;
use crate::setting::{Reach, Setting, Shape};
use aviary_types::TenantName;
use serde::Serialize;
use serde_json::Value;

/// The oldest Controller that AKO works with.
const VERSION_MIN: [u32; 3] = [22, 1, 3];
/// The newest version that AKO speaks; a newer one is taken down to it.
const VERSION_MAX: [u32; 3] = [31, 1, 1];

/// What section `ControllerSettings` means for an instance. Address and version of the Controller
/// hold for a cluster: see [`crate::ControllerAccess`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ControllerSettings {
    /// `tenantName`: the tenant of namespaces that name none.
    pub tenant: TenantName,
    /// `cloudName`.
    pub cloud: String,
    /// `serviceEngineGroupName`.
    pub service_engine_group: String,
    /// `vrfName`; `None`: the VRF of the virtual IPs' network, or `global`.
    pub vrf: Option<String>,
    /// `dedicatedTenantMode`: nothing outside the tenant is read.
    pub dedicated_tenant_mode: bool,
}

pub(crate) static CLOUD_NAME: Setting<String> = Setting::text(
    "ControllerSettings.cloudName",
    "\"Default-Cloud\"",
    "The Avi cloud; another counts once nothing stands in the former.",
)
.env("CLOUD_NAME");

pub(crate) static CONTROLLER_HOST: Setting<String> = Setting::new(
    "ControllerSettings.controllerHost",
    Shape::Text("host or host:port, without a scheme"),
    "\"\"",
    host,
    "Address of the Avi Controller.",
)
.env("CTRL_IPADDRESS")
.reach(Reach::Cluster);

pub(crate) static CONTROLLER_VERSION: Setting<String> = Setting::new(
    "ControllerSettings.controllerVersion",
    Shape::Text("a version such as 22.1.3, at least that"),
    "\"\"",
    version,
    "API version to speak with the Controller (`X-Avi-Version`), at most 31.1.1; empty: the \
     Controller's own.",
)
.env("CTRL_VERSION")
.reach(Reach::Cluster);

pub(crate) static DEDICATED_TENANT_MODE: Setting<bool> = Setting::flag(
    "ControllerSettings.dedicatedTenantMode",
    "false",
    "Reads the one tenant alone, for users without rights in others.",
)
.env("DEDICATED_TENANT_MODE");

pub(crate) static SERVICE_ENGINE_GROUP_NAME: Setting<String> = Setting::text(
    "ControllerSettings.serviceEngineGroupName",
    "\"Default-Group\"",
    "The Service Engine group of virtual services.",
)
.env("SEG_NAME");

pub(crate) static TENANT_NAME: Setting<String> = Setting::text(
    "ControllerSettings.tenantName",
    "\"admin\"",
    "The tenant of namespaces without the annotation `ako.vmware.com/tenant-name`.",
)
.env("TENANT_NAME");

pub(crate) static VRF_NAME: Setting<String> = Setting::text(
    "ControllerSettings.vrfName",
    "\"\"",
    "The VRF, on vCenter and without an orchestrator; empty: that of the network of virtual IPs.",
)
.env("VRF_NAME");

impl ControllerSettings {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let vrf = reader.get(&VRF_NAME);
        Self {
            tenant: TenantName::from(reader.get(&TENANT_NAME)),
            cloud: reader.get(&CLOUD_NAME),
            service_engine_group: reader.get(&SERVICE_ENGINE_GROUP_NAME),
            vrf: (!vrf.is_empty()).then_some(vrf),
            dedicated_tenant_mode: reader.get(&DEDICATED_TENANT_MODE),
        }
    }
}

/// The address of a Controller.
pub(crate) fn host(value: &Value, spot: &mut Spot<'_>) -> Option<String> {
    let host = read::text(value, spot)?;
    let bad = |c: char| c.is_whitespace() || c == '/' || c == '@';
    if host.contains(bad) {
        // Not repeated: a URL may carry a user and a password.
        return spot.refuse_unseen("host or host:port, without a scheme");
    }
    Some(host)
}

/// A version with three numbers and maybe a patch.
fn version(value: &Value, spot: &mut Spot<'_>) -> Option<String> {
    const ALLOWED: &str = "a version such as 22.1.3, from 22.1.3 on";
    let text = read::text(value, spot)?;
    let mut numbers = [0_u32; 3];
    let mut parts = text.split('.');
    for slot in &mut numbers {
        match parts.next().map(str::parse) {
            Some(Ok(number)) => *slot = number,
            _ => return spot.refuse(value, ALLOWED),
        }
    }
    if numbers < VERSION_MIN || parts.any(|part| part.parse::<u32>().is_err()) {
        return spot.refuse(value, ALLOWED);
    }
    if numbers > VERSION_MAX {
        let [major, minor, patch] = VERSION_MAX;
        let used = format!("{major}.{minor}.{patch}");
        spot.replaced(value, &used, format!("at most {used}"));
        return Some(used);
    }
    Some(text)
}
