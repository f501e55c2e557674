//! Whether the Controller has what an AviInfraSetting names. It is looked at when the setting or
//! what is known of the Controller changes; not while both stand still, as with AKO.

use super::{AviInfraSetting, KIND};
use crate::view::View;
use aviary_avi::{Named, Standing};
use aviary_settings::NetworkRef;
use aviary_types::{Code, EcoString, Finding, ObjectKey, Origin, Place, eco_format};
use std::sync::Arc;

/// What a look at the Controller says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It has everything.
    Accepted,
    /// It lacks something: what, in words.
    Rejected(EcoString),
    /// Something was not looked for yet.
    Unknown,
}

/// What one AviInfraSetting comes to on its own.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingDraft {
    /// The object.
    pub source: Arc<ObjectKey>,
    /// Whether it can be used.
    pub checked: Checked,
    /// The Service Engine group that it names.
    pub se_group: Option<EcoString>,
}

/// Evaluates one AviInfraSetting; `None` where there is none.
pub fn evaluate(
    view: &dyn View,
    key: &ObjectKey,
    findings: &mut Vec<Finding>,
) -> Option<SettingDraft> {
    debug_assert_eq!(key.kind, KIND);
    let entry = view.get(key)?;
    let setting: &AviInfraSetting = (&entry.fact).try_into().ok()?;
    let checked = check(view, setting);
    if let Checked::Rejected(why) = &checked {
        findings.push(Finding::new(
            key,
            Code::NotOnController,
            why.clone(),
            "create it on the Controller, or name another; it is looked for again with every change",
        ));
    }
    Some(SettingDraft {
        source: Arc::new(key.clone()),
        checked,
        se_group: setting.se_group.clone(),
    })
}

/// Where the Service Engine group is named.
pub fn origin_of_se_group(source: &Arc<ObjectKey>) -> Origin {
    Place::new(source, "spec.seGroup.name").into()
}

/// Looks up everything that the setting names.
pub(super) fn check(view: &dyn View, setting: &AviInfraSetting) -> Checked {
    let mut is_known = true;
    let mut lacks = None;
    for named in names(view, setting) {
        match view.standing(&named) {
            None => is_known = false,
            Some(Standing::Present) => {}
            Some(other) => lacks = lacks.or_else(|| Some(lack(&named, &other))),
        }
    }
    match lacks {
        _ if !is_known => Checked::Unknown,
        Some(why) => Checked::Rejected(why),
        None => Checked::Accepted,
    }
}

/// What the setting names on the Controller. Networks of AWS and Azure are subnets, which it does not
/// know.
fn names(view: &dyn View, setting: &AviInfraSetting) -> Vec<Named> {
    let cloud = view.env().inventory.cloud_type.as_str();
    let has_networks = !matches!(cloud, "CLOUD_AWS" | "CLOUD_AZURE");
    let vips = setting.vip_networks.iter().map(|row| &row.network);
    let nodes = setting.node_networks.iter().map(|row| &row.network);
    let networks = vips.chain(nodes).filter(|_| has_networks);
    let networks = networks.map(|network| match network {
        NetworkRef::Name(name) => Named::Network(name.as_str().into()),
        NetworkRef::Uuid(uuid) => Named::NetworkUuid(uuid.as_str().into()),
    });
    let group = setting.se_group.iter().cloned().map(Named::SeGroup);
    networks.chain(group).collect()
}

fn lack(named: &Named, standing: &Standing) -> EcoString {
    match standing {
        Standing::Several => eco_format!("the cloud has several of {named}; name one by its uuid"),
        Standing::Taken(label) => eco_format!("{named} bears the label {label} of another"),
        Standing::Present | Standing::Absent => eco_format!("the cloud has no {named}"),
    }
}
