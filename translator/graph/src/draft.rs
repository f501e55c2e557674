//! A unit between reading and rendering: what it means is settled, its names are not.

use crate::claims::Lost;
use crate::parts::Parts;
use crate::unit::UnitKey;
use crate::{host, l4, routes};
use aviary_kinds::avi_infra_setting::SettingDraft;
use aviary_kinds::ingress::HostDraft;
use aviary_kinds::service::{L4Draft, Way};
use aviary_kinds::{Env, View, avi_infra_setting, ingress, service};
use aviary_types::{Finding, ObjectKey};
use std::collections::BTreeSet;

/// What a unit means.
pub(crate) struct Draft {
    meaning: Meaning,
    /// Services whose pods are reached at their nodes, as far as we are to ask for that.
    annotated: BTreeSet<ObjectKey>,
    findings: Vec<Finding>,
}

enum Meaning {
    Host(Vec<HostDraft>),
    L4(Option<L4Draft>),
    Setting(Option<SettingDraft>),
    Routes(Parts),
}

impl Draft {
    /// Reads what the unit means.
    pub(crate) fn of(view: &dyn View, unit: &UnitKey) -> Self {
        let mut findings = Vec::new();
        let meaning = match unit {
            UnitKey::Host(..) | UnitKey::L4(..) | UnitKey::SharedVip(..)
                if view.env().is_to_go() =>
            {
                Meaning::L4(None)
            }
            UnitKey::Host(_, name) => Meaning::Host(ingress::host(view, name, &mut findings)),
            UnitKey::L4(_, key) => Meaning::L4(service::load_balancer(view, key, &mut findings)),
            UnitKey::SharedVip(_, vip) => {
                Meaning::L4(service::shared_load_balancer(view, vip, &mut findings))
            }
            UnitKey::Setting(_, key) => {
                Meaning::Setting(avi_infra_setting::evaluate(view, key, &mut findings))
            }
            UnitKey::Routes(_) => Meaning::Routes(routes::evaluate(view)),
        };
        let annotates = view.env().settings.aviary.auto_annotate_services;
        Self {
            annotated: if annotates {
                meaning.reached_at_pods()
            } else {
                BTreeSet::new()
            },
            meaning,
            findings,
        }
    }

    /// The forms of a host, one for each tenant and naming.
    pub(crate) fn hosts(&self) -> &[HostDraft] {
        match &self.meaning {
            Meaning::Host(drafts) => drafts,
            _ => &[],
        }
    }

    /// What it comes to, without what it lost to others.
    pub(crate) fn render(&self, env: &Env, lost: &Lost) -> Parts {
        let mut parts = match &self.meaning {
            Meaning::Host(drafts) => host::render(env, drafts, lost),
            Meaning::L4(draft) => draft
                .as_ref()
                .map_or_else(Parts::default, |draft| l4::render(env, draft, lost)),
            Meaning::Setting(draft) => draft
                .as_ref()
                .map_or_else(Parts::default, |draft| routes::render_setting(env, draft)),
            Meaning::Routes(parts) => parts.clone(),
        };
        parts.findings.extend(self.findings.iter().cloned());
        parts.annotated.clone_from(&self.annotated);
        parts
    }
}

impl Meaning {
    fn reached_at_pods(&self) -> BTreeSet<ObjectKey> {
        match self {
            Self::Host(drafts) => {
                let parts = drafts.iter().flat_map(|draft| &draft.parts);
                let backends = parts.flat_map(|part| &part.paths).map(|path| &path.backend);
                let backends = backends.filter(|backend| is_at_pods(&backend.way));
                backends.map(|backend| backend.service.clone()).collect()
            }
            Self::L4(draft) => {
                let ports = draft.iter().flat_map(|draft| &draft.ports);
                let ports = ports.filter(|port| is_at_pods(&port.way));
                ports.map(|port| (*port.at.object).clone()).collect()
            }
            Self::Setting(_) | Self::Routes(_) => BTreeSet::new(),
        }
    }
}

fn is_at_pods(way: &Way) -> bool {
    matches!(way, Way::Pods { .. })
}
