//! Hosts that stay where they stand: a namespace has them, too, that was not heard yet, and what it
//! says may be why they stand there.

use crate::host;
use crate::incumbents::Incumbents;
use crate::reach::Reach;
use aviary_kinds::avi_infra_setting::{self, Binding, Infra};
use aviary_kinds::ingress::HostDraft;
use aviary_kinds::{View, namespace};
use aviary_types::{EcoString, Namespace, TenantName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The namespace that a host's objects wait for, by their tenant and the AviInfraSetting that they
/// are named after.
pub(crate) type Stays = BTreeMap<(TenantName, Option<EcoString>), EcoString>;

/// What is known of those that were not heard.
pub(crate) struct Waiting<'a> {
    pub(crate) view: &'a dyn View,
    pub(crate) reach: &'a Reach,
    pub(crate) incumbents: &'a Incumbents,
}

impl Waiting<'_> {
    /// Which forms of a host stay.
    pub(crate) fn stays(&self, drafts: &[HostDraft]) -> Stays {
        let waits = |draft: &HostDraft| {
            let named = (draft.tenant.clone(), draft.named_after());
            Some((named, self.namespace(draft)?))
        };
        drafts.iter().filter_map(waits).collect()
    }

    /// The namespace that a form waits for.
    fn namespace(&self, draft: &HostDraft) -> Option<EcoString> {
        let env = self.view.env();
        let mut stands = self.incumbents.stands(&env.domain, &draft.host);
        let named = draft.named_after();
        let (.., stand) = stands
            .find(|(tenant, setting, _)| **tenant == draft.tenant && *setting == named.as_ref())?;
        let there =
            |infra: Option<&Arc<Infra>>| stand.places.contains(&host::place(env, draft, infra));
        let unheard = stand
            .namespaces
            .iter()
            .filter(|it| self.may_bring(it, draft));
        if there(draft.infra.as_ref()) {
            let mut unheard = unheard;
            return unheard
                .find(|it| self.brought(it, draft).is_some())
                .cloned();
        }
        if stand.places.is_empty() {
            return None;
        }
        // It stands elsewhere: for whoever has it there, or for whose setting would have it there.
        let explains = |name: &&EcoString| match self.brought(name, draft) {
            Some(Binding::To(infra)) => there(Some(&infra)),
            _ => false,
        };
        let mut unheard = unheard;
        let settings = self.reach.settings.keys().map(Namespace::text);
        unheard
            .next()
            .or_else(|| settings.into_iter().find(explains))
            .cloned()
    }

    /// Whether a namespace may yet bring something for the host in this tenant.
    fn may_bring(&self, name: &EcoString, draft: &HostDraft) -> bool {
        let is_unheard = self.reach.unheard.contains(name.as_str());
        is_unheard && namespace::tenant(self.view, name).as_ref() == Some(&draft.tenant)
    }

    /// Another AviInfraSetting that a namespace would have the host stand as.
    fn brought(&self, name: &EcoString, draft: &HostDraft) -> Option<Binding> {
        let (tenant, setting) = self.reach.settings.get(name.as_str())?;
        let ours = draft.infra.as_ref().map(|infra| &infra.source.name);
        if draft.named_after().is_some() || *tenant != draft.tenant || ours == Some(setting) {
            return None;
        }
        Some(avi_infra_setting::of_namespace(
            self.view,
            &name.clone().into(),
        ))
    }
}
