//! Whether the objects of a domain may be written. What this program made, it goes on writing. What
//! others made, it writes once nobody else does any more, and after somebody has approved it, unless
//! there is nothing to write.
//!
//! Decisions alone: time, knowledge and orders are handed in.

mod left;
mod origin;
#[cfg(test)]
mod tests;

pub(crate) use left::{is_as_left, mark};
pub(crate) use origin::{Origin, origin};

use aviary_avi::AviKey;
use aviary_query::view::{AdoptionStand, AdoptionView, Change};
use aviary_types::{ClusterName, DomainId, EcoString};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Changes of others that are shown, the newest of each object.
const CHANGES_MAX: usize = 50;

/// Where each domain of a Controller stands.
#[derive(Default)]
pub(crate) struct Adoption {
    stands: BTreeMap<DomainId, Stand>,
    /// What was approved and has not gone out.
    granted: BTreeMap<DomainId, EcoString>,
}

enum Stand {
    /// Nothing of it serves anything yet.
    Fresh,
    /// Its objects stand, and nothing is known of who made them, or it was not this program.
    Found(Found),
    /// It is being noted that they are ours.
    Noting,
    /// They are ours.
    Ours,
}

/// Objects that were found.
struct Found {
    consent: Consent,
    /// Since when nobody was seen to change them.
    quiet_from: Instant,
    /// When the last look that has ended began.
    looked: Instant,
    changes: BTreeMap<AviKey, Change>,
    verdict: Verdict,
    /// Names what would be written; empty if nothing would.
    digest: EcoString,
}

/// Whether somebody must approve what would be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consent {
    /// That was not seen yet: everything must be known first.
    Open,
    /// No: there was nothing to write.
    NotNeeded,
    /// No: it was approved, or is by what stands there or in the settings.
    Given,
}

/// What a plan would do to a domain.
pub(crate) struct Weight {
    /// There are no operations.
    pub(crate) is_empty: bool,
    /// Names the operations, if they may need approval.
    pub(crate) digest: EcoString,
    /// Whether everything is known that the domain consists of, so that no more may follow.
    pub(crate) is_complete: bool,
    /// The settings approve it.
    pub(crate) is_approved: bool,
}

/// What becomes of the operations of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They go out.
    Write,
    /// They go out once it is noted that the objects are ours.
    Note,
    /// It is not known for long enough that nobody else writes.
    Look,
    /// Somebody else writes.
    Others,
    /// They wait for approval.
    Approval,
}

/// Why an approval is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Untaken {
    /// Nothing of that name waits.
    Unknown,
    /// Nobody was seen to write, but not for long enough.
    Early(DomainId),
    /// Somebody else writes: what was changed last.
    Others(DomainId, AviKey),
}

impl Adoption {
    /// A domain whose objects are ours, as was noted before.
    pub(crate) fn own(&mut self, domain: DomainId) {
        self.stands.insert(domain, Stand::Ours);
    }

    /// A domain was read for the first time. What is known of it stays.
    pub(crate) fn find(&mut self, domain: DomainId, origin: Origin, now: Instant) {
        let found = |consent| {
            Stand::Found(Found {
                consent,
                quiet_from: now,
                looked: now,
                changes: BTreeMap::new(),
                verdict: Verdict::Look,
                digest: EcoString::new(),
            })
        };
        self.stands.entry(domain).or_insert_with(|| match origin {
            Origin::Nothing => Stand::Fresh,
            Origin::OwnHand => found(Consent::Given),
            Origin::Others => found(Consent::Open),
        });
    }

    /// The domain had nothing, and this is what stands now.
    pub(crate) fn refind(&mut self, domain: &DomainId, origin: Origin, now: Instant) {
        if self.is_fresh(domain) && origin != Origin::Nothing {
            self.stands.remove(domain);
            self.find(domain.clone(), origin, now);
        }
    }

    /// Everything was read anew: what others changed before was not seen.
    pub(crate) fn reread(&mut self, now: Instant) {
        for stand in self.stands.values_mut() {
            if let Stand::Found(found) = stand {
                (found.quiet_from, found.looked) = (now, now);
            }
        }
    }

    /// Whether nothing of a domain served anything when it was read.
    pub(crate) fn is_fresh(&self, domain: &DomainId) -> bool {
        matches!(self.stands.get(domain), Some(Stand::Fresh))
    }

    /// Whether objects of a domain stand that somebody else may be writing.
    pub(crate) fn is_found(&self, domain: &DomainId) -> bool {
        matches!(self.stands.get(domain), Some(Stand::Found(_)))
    }

    /// Whether a domain was read.
    pub(crate) fn knows(&self, domain: &DomainId) -> bool {
        self.stands.contains_key(domain)
    }

    /// Domains whose objects may not be written yet.
    pub(crate) fn closed(&self) -> Vec<DomainId> {
        let closed = self.stands.iter();
        let closed = closed.filter(|(_, stand)| !matches!(stand, Stand::Ours));
        closed.map(|(domain, _)| domain.clone()).collect()
    }

    /// Whether objects stand that somebody else may be writing.
    pub(crate) fn is_watching(&self) -> bool {
        let mut stands = self.stands.values();
        stands.any(|stand| matches!(stand, Stand::Found(_)))
    }

    /// Whether objects of a cluster stand that are not ours yet.
    pub(crate) fn is_watching_cluster(&self, cluster: &ClusterName) -> bool {
        let mut stands = self.stands.iter();
        stands.any(|(domain, it)| domain.cluster == *cluster && matches!(it, Stand::Found(_)))
    }

    /// Whether operations wait that will go out, or be shown, without anybody's help.
    pub(crate) fn is_under_way(&self) -> bool {
        self.stands.values().any(|stand| match stand {
            Stand::Noting => true,
            Stand::Found(found) => found.verdict == Verdict::Look && !found.digest.is_empty(),
            Stand::Fresh | Stand::Ours => false,
        })
    }

    /// Somebody else changed an object of the domain.
    pub(crate) fn changed(&mut self, domain: &DomainId, change: Change, now: Instant) {
        let Some(Stand::Found(found)) = self.stands.get_mut(domain) else {
            return;
        };
        found.quiet_from = now;
        if found.consent == Consent::NotNeeded {
            found.consent = Consent::Open;
        }
        found.changes.insert(change.object.clone(), change);
        if found.changes.len() > CHANGES_MAX {
            let oldest = found.changes.values().min_by_key(|it| it.seen);
            let oldest = oldest.map(|it| it.object.clone());
            if let Some(oldest) = oldest {
                found.changes.remove(&oldest);
            }
        }
    }

    /// In what an object differs from what it was before others changed it.
    pub(crate) fn differs(&mut self, key: &AviKey, fields: &[EcoString]) {
        for stand in self.stands.values_mut() {
            if let Stand::Found(found) = stand
                && let Some(change) = found.changes.get_mut(key)
            {
                let new = fields.iter().filter(|field| !change.fields.contains(field));
                let new: Vec<EcoString> = new.cloned().collect();
                change.fields.extend(new);
            }
        }
    }

    /// A look at all objects has ended, which began then.
    pub(crate) fn looked(&mut self, began: Instant) {
        for stand in self.stands.values_mut() {
            if let Stand::Found(found) = stand {
                found.looked = found.looked.max(began);
            }
        }
    }

    /// Decides about the operations of a domain.
    pub(crate) fn weigh(&mut self, domain: &DomainId, weight: Weight, quiet: Duration) -> Verdict {
        match self.stands.get_mut(domain) {
            Some(Stand::Found(found)) => {
                found.weigh(weight, quiet);
                found.verdict
            }
            Some(Stand::Ours) => Verdict::Write,
            // Nothing is ours before something is made.
            Some(Stand::Fresh) if !weight.is_empty => Verdict::Note,
            Some(Stand::Noting) => Verdict::Note,
            Some(Stand::Fresh) | None => Verdict::Look,
        }
    }

    /// It is being noted that the objects are ours. `false` if that was so already.
    pub(crate) fn note(&mut self, domain: &DomainId) -> bool {
        let stand = self.stands.insert(domain.clone(), Stand::Noting);
        !matches!(stand, Some(Stand::Noting))
    }

    /// It was noted for these domains. Answers whether that is news.
    pub(crate) fn noted(&mut self, is_noted: impl Fn(&DomainId) -> bool) -> bool {
        let mut news = false;
        for (domain, stand) in &mut self.stands {
            if matches!(stand, Stand::Noting) && is_noted(domain) {
                *stand = Stand::Ours;
                news = true;
            }
        }
        news
    }

    /// Somebody approves what goes by this name.
    pub(crate) fn approve(&mut self, digest: &str) -> Result<DomainId, Untaken> {
        let mut stands = self.stands.iter_mut();
        let named = stands.find_map(|(domain, stand)| match stand {
            Stand::Found(found) if found.digest == digest && !digest.is_empty() => {
                Some((domain, found))
            }
            _ => None,
        });
        let (domain, found) = named.ok_or(Untaken::Unknown)?;
        match found.verdict {
            Verdict::Approval => {
                found.consent = Consent::Given;
                self.granted.insert(domain.clone(), digest.into());
                Ok(domain.clone())
            }
            Verdict::Others => Err(match found.newest() {
                Some(change) => Untaken::Others(domain.clone(), change.object.clone()),
                None => Untaken::Early(domain.clone()),
            }),
            _ => Err(Untaken::Early(domain.clone())),
        }
    }

    /// Whether exactly this was approved, once: `digest` names what is to be done to a domain.
    pub(crate) fn take_granted(&mut self, digest: impl Fn(&DomainId) -> EcoString) -> bool {
        let stands = &self.stands;
        let is_ours = |domain: &DomainId| matches!(stands.get(domain), Some(Stand::Ours));
        let due = self.granted.extract_if(.., |domain, _| is_ours(domain));
        let due: Vec<_> = due.collect();
        !due.is_empty()
            && due
                .into_iter()
                .all(|(domain, granted)| digest(&domain) == granted)
    }

    /// What is told of each domain.
    pub(crate) fn views(&self) -> BTreeMap<DomainId, AdoptionView> {
        let views = self.stands.iter();
        views
            .map(|(domain, it)| (domain.clone(), it.view()))
            .collect()
    }

    /// Names what waits for approval, if anything does.
    pub(crate) fn digest(&self) -> EcoString {
        let mut stands = self.stands.values();
        let waiting = stands.find_map(|stand| match stand {
            Stand::Found(found) if found.verdict == Verdict::Approval => Some(&found.digest),
            _ => None,
        });
        waiting.cloned().unwrap_or_default()
    }

    /// Forgets domains that are served here no more.
    pub(crate) fn keep(&mut self, domains: &[DomainId]) {
        self.stands.retain(|domain, _| domains.contains(domain));
        self.granted.retain(|domain, _| domains.contains(domain));
    }
}

impl Found {
    fn weigh(&mut self, weight: Weight, quiet: Duration) {
        let Weight {
            is_empty,
            digest,
            is_complete,
            is_approved,
        } = weight;
        if self.consent == Consent::Open && is_empty && is_complete {
            self.consent = Consent::NotNeeded;
        }
        let is_quiet = self.looked.saturating_duration_since(self.quiet_from) >= quiet;
        let waits = self.consent == Consent::Open && !is_approved;
        self.verdict = match (is_quiet, self.changes.is_empty()) {
            (false, true) => Verdict::Look,
            (false, false) => Verdict::Others,
            (true, _) if !waits => Verdict::Note,
            (true, _) if is_empty => Verdict::Look,
            (true, _) => Verdict::Approval,
        };
        self.digest = digest;
    }

    fn newest(&self) -> Option<&Change> {
        self.changes.values().max_by_key(|it| it.seen)
    }
}

impl Stand {
    fn view(&self) -> AdoptionView {
        let stand = match self {
            Self::Fresh => AdoptionStand::Fresh,
            Self::Noting | Self::Ours => AdoptionStand::Ours,
            Self::Found(found) => match found.verdict {
                Verdict::Others => AdoptionStand::OthersWrite,
                Verdict::Approval => AdoptionStand::NeedsApproval,
                Verdict::Look => AdoptionStand::Watched,
                Verdict::Note | Verdict::Write => AdoptionStand::Ready,
            },
        };
        let (digest, changes) = match self {
            Self::Found(found) => (
                found.digest.clone(),
                found.changes.values().cloned().collect(),
            ),
            _ => (EcoString::new(), Vec::new()),
        };
        AdoptionView {
            stand,
            digest,
            changes,
        }
    }
}
