//! What logins tell: which were refused, and that the Controller may be another one than before.

use super::Core;
use super::site::Site;
use super::wake::{SiteId, Wake, Wakes};
use crate::retain::Retain;
use crate::vital;
use aviary_boot::Clock;
use aviary_disk::Refused;
use aviary_session::{Logins, RefusedLogin, Session};
use aviary_settings::Drift;
use aviary_types::EcoString;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Tells a session what was refused before, and the core what is refused and what works from here on.
pub(super) fn follow(
    (id, name): (SiteId, &EcoString),
    session: &Session,
    (retain, clock): (&Retain, &Clock),
    wakes: &Wakes,
) {
    let now = clock.now();
    let known = retain.refused_logins(name).iter();
    session.restore_refusals(known.filter_map(|it| refusal(it, now)).collect());
    let (mut refusals, mut logins) = (session.refusals(), session.logins());
    let wakes = wakes.clone();
    vital::spawn(&wakes.clone(), "follow logins", async move {
        loop {
            // The session may have ended, and then its last word was heard.
            let wake = tokio::select! {
                biased;
                Ok(()) = refusals.changed() => Wake::Refused(id),
                Ok(()) = logins.changed() => Wake::LoggedIn(id, *logins.borrow_and_update()),
                () = wakes.closed() => return,
            };
            if wakes.send(wake).await.is_err() {
                return;
            }
        }
    });
}

impl Core {
    /// What is not to be tried again is kept over a restart.
    pub(super) fn refused(&mut self, id: SiteId) {
        let Some(site) = self.sites.get(id) else {
            return;
        };
        let (now, instant) = (self.clock.now(), Instant::now());
        // Clusters that name one Controller in different ways have a session each.
        let sites = self.sites.iter().filter(|it| it.name == site.name);
        let refusals = sites.flat_map(|it| it.reader.session.refusals().borrow().clone());
        let kept = refusals.filter_map(|refusal| {
            let left = refusal.until.saturating_duration_since(instant);
            Some(Refused {
                digest: BASE64.encode(refusal.digest).into(),
                until: now.checked_add(left).ok()?,
            })
        });
        self.retain.refuse_logins(&site.name, kept.collect());
    }

    /// A session that had to log in anew may speak with another node, or another release: what was
    /// read before may be out of date.
    pub(super) fn logged_in(&mut self, id: SiteId, logins: Logins) {
        let looks = self.settings.service.drift != Drift::Off;
        let Some(site) = self.sites.get_mut(id) else {
            return;
        };
        let former = site.logins.replace(logins);
        let Some(former) = former.filter(|_| !site.closed) else {
            return;
        };
        if former.version != logins.version {
            tracing::warn!(controller = %site.name, before = ?former.version, now = ?logins.version,
                "the Controller runs another release: everything is read anew");
            reread(site);
        } else if site.open && looks {
            tracing::info!(controller = %site.name, "logged in anew: looking for changes of others");
            site.drift_due = site.drift_due.map(|_| Instant::now());
        }
        self.news = true;
    }
}

/// Reads everything anew, unless that is under way.
fn reread(site: &mut Site) {
    if !site.reading.is_active {
        let wanted = site.reading.pending.clone();
        site.read(wanted.unwrap_or_else(|| site.instances.clone()));
    }
}

fn refusal(refused: &Refused, now: Timestamp) -> Option<RefusedLogin> {
    let left = Duration::try_from(refused.until.duration_since(now)).ok()?;
    Some(RefusedLogin {
        until: Instant::now() + left,
        digest: BASE64.decode(&refused.digest).ok()?.try_into().ok()?,
    })
}
