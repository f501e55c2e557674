//! Section `AviarySettings`: what AKO does not have.

use crate::choice::choice;
use crate::notes::Spot;
use crate::reader::Reader;
use crate::setting::{Reach, Setting, Shape, number};
use crate::{Scheme, read};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// How long an unused shard parent stays where nothing is said and the scheme is not AKO's.
const REMOVE_AFTER_DEFAULT: Duration = Duration::from_hours(24);
const REMOVE_AFTER_WORDS: &str = "keep, or remove-after: <time> such as remove-after: 24h";
const OVERLAP_MAX: Duration = Duration::from_hours(24);
const OVERLAP_WORDS: &str = "a time from 0s to 24h, with a unit (s, m, h)";
const QUIET_MIN: Duration = Duration::from_secs(1);
const QUIET_MAX: Duration = Duration::from_hours(1);
const QUIET_WORDS: &str = "a time from 1s to 1h, with a unit (s, m, h)";
const DRIFT_MIN: Duration = Duration::from_secs(10);
const DRIFT_MAX: Duration = Duration::from_hours(24);
const DRIFT_WORDS: &str = "a time from 10s to 24h, with a unit (s, m, h)";

choice! {
    /// Whether objects that others made are taken over by themselves.
    Adoption, unknown: None, any_case: false;
    /// What a takeover would write waits until it is approved.
    Approve = "approve",
    /// It is written once nobody else writes any more.
    Auto = "auto",
}

choice! {
    /// Whether clusters may both serve a host.
    CrossClusterHosts, unknown: None, any_case: false;
    /// They may; it is shown as an overlap.
    Allow = "allow",
    /// The older claim alone.
    Exclusive = "exclusive",
}

choice! {
    /// What happens to two claims of one host and path.
    DuplicatePaths, unknown: None, any_case: false;
    /// Both serve it, as AKO does.
    Merge = "merge",
    /// The older one serves it.
    Oldest = "oldest",
}

choice! {
    /// What becomes of an Ingress's `spec.defaultBackend`.
    DefaultBackend, unknown: None, any_case: false;
    /// It serves what no rule takes.
    Serve = "serve",
    /// Nothing, as in AKO.
    Ignore = "ignore",
}

choice! {
    /// What is done about objects of ours that others changed.
    Drift, unknown: None, any_case: false;
    /// They are put right.
    Repair = "repair",
    /// They are shown.
    Report = "report",
    /// They are not looked for.
    Off = "off",
}

/// What becomes of a shared parent without hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnusedShards {
    /// It stays and keeps its address, as in AKO.
    Keep,
    /// It goes when it was unused for so long.
    RemoveAfter(Duration),
}

/// What section `AviarySettings` means for an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AviarySettings {
    duplicate_paths: Option<DuplicatePaths>,
    unused_shards: Option<UnusedShards>,
    default_backend: Option<DefaultBackend>,
    /// `adoption`: what becomes of objects that others made.
    pub adoption: Adoption,
    /// `autoAnnotateServices`: with NodePortLocal, Services that are used are annotated for Antrea.
    pub auto_annotate_services: bool,
    /// `reshardOverlap`: how long a host stays on its old parent beside the new one.
    pub reshard_overlap: Duration,
}

/// What holds for the whole translator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceSettings {
    /// `AKOSettings.logLevel`.
    pub log_level: crate::LogLevel,
    /// `AKOSettings.apiServerPort`.
    pub api_server_port: u16,
    /// `AKOSettings.fullSyncFrequency`; zero is never.
    pub full_sync_frequency: Duration,
    /// `featureGates.EnablePrometheus`.
    pub prometheus: bool,
    /// `adoptionQuiet`: so long nobody else must have changed objects that are taken over.
    pub adoption_quiet: Duration,
    /// `crossClusterHosts`.
    pub cross_cluster_hosts: CrossClusterHosts,
    /// `maxWritesInFlight`: most REST calls that run side by side.
    pub max_writes_in_flight: usize,
    /// `drift`.
    pub drift: Drift,
    /// `driftInterval`: time between two looks for drift.
    pub drift_interval: Duration,
    /// `deleteGuardPercent`: a plan that deletes a larger share waits for approval; at 100 none
    /// waits.
    pub delete_guard_percent: u8,
}

pub(crate) static ADOPTION: Setting<Adoption> = Setting::choice(
    "AviarySettings.adoption",
    "\"approve\"",
    "What becomes of objects that others made, such as AKO: what a takeover would write waits until \
     it is approved, or is written once nobody else writes any more. Where nothing has to be \
     written, nothing waits.",
);

pub(crate) static ADOPTION_QUIET: Setting<Duration> = Setting::new(
    "AviarySettings.adoptionQuiet",
    Shape::Duration(QUIET_WORDS),
    "\"10s\"",
    |value, spot| between(value, spot, QUIET_MIN..=QUIET_MAX, QUIET_WORDS),
    "Objects that others made are written only after nobody else has changed them for so long.",
)
.reach(Reach::Service);

pub(crate) static AUTO_ANNOTATE_SERVICES: Setting<bool> = Setting::new(
    "AviarySettings.autoAnnotateServices",
    Shape::Flag,
    "\"true\"",
    read::flag_only_false,
    "With NodePortLocal: annotates the Services that are used, so that Antrea opens node ports for \
     their pods, and takes the annotation back from those that are not used any more.",
)
.env("AUTO_ANNOTATE_SERVICE");

pub(crate) static CROSS_CLUSTER_HOSTS: Setting<CrossClusterHosts> = Setting::choice(
    "AviarySettings.crossClusterHosts",
    "\"allow\"",
    "Whether two clusters of one Controller may serve one host (as GSLB and blue-green want), or \
     the older claim alone.",
)
.reach(Reach::Service);

pub(crate) static DEFAULT_BACKEND: Setting<Option<DefaultBackend>> = Setting::new(
    "AviarySettings.defaultBackend",
    Shape::Choice(<DefaultBackend as crate::choice::Choice>::words),
    "\"\"",
    |value, spot| read::choice(value, spot).map(Some),
    "Whether `spec.defaultBackend` of an Ingress is served. Unsaid: ignore in scheme `ako`, else \
     serve.",
);

pub(crate) static DELETE_GUARD_PERCENT: Setting<u64> = number::<0, 100>(
    "AviarySettings.deleteGuardPercent",
    "50",
    "A plan that would delete more than this share of the owned virtual services waits until it \
     is approved; 100 never waits.",
)
.reach(Reach::Service);

pub(crate) static DRIFT: Setting<Drift> = Setting::choice(
    "AviarySettings.drift",
    "\"repair\"",
    "What is done about owned objects that others changed on the Controller.",
)
.reach(Reach::Service);

pub(crate) static DRIFT_INTERVAL: Setting<Duration> = Setting::new(
    "AviarySettings.driftInterval",
    Shape::Duration(DRIFT_WORDS),
    "\"10m\"",
    |value, spot| between(value, spot, DRIFT_MIN..=DRIFT_MAX, DRIFT_WORDS),
    "Time between two looks for drift.",
)
.reach(Reach::Service);

pub(crate) static DUPLICATE_PATHS: Setting<Option<DuplicatePaths>> = Setting::new(
    "AviarySettings.duplicatePaths",
    Shape::Choice(<DuplicatePaths as crate::choice::Choice>::words),
    "\"\"",
    |value, spot| read::choice(value, spot).map(Some),
    "Whether two claims of one host and path are both served, or the older one alone. Unsaid: \
     merge in scheme `ako`, else oldest.",
);

pub(crate) static MAX_WRITES_IN_FLIGHT: Setting<u64> = number::<1, 256>(
    "AviarySettings.maxWritesInFlight",
    "32",
    "Most REST calls to the Controller that run side by side.",
)
.reach(Reach::Service);

pub(crate) static RESHARD_OVERLAP: Setting<Duration> = Setting::new(
    "AviarySettings.reshardOverlap",
    Shape::Duration(OVERLAP_WORDS),
    "\"0s\"",
    |value, spot| between(value, spot, Duration::ZERO..=OVERLAP_MAX, OVERLAP_WORDS),
    "How long a host that moves to another parent is served by the old one too, for clients that \
     still hold the old address.",
);

pub(crate) static UNUSED_SHARDS: Setting<Option<UnusedShards>> = Setting::new(
    "AviarySettings.unusedShards",
    Shape::UnusedShards,
    "\"\"",
    |value, spot| unused_shards(value, spot).map(Some),
    "What becomes of a shared parent without hosts, and so of its address. Unsaid: keep in scheme \
     `ako`, else remove-after: 24h.",
);

impl AviarySettings {
    /// Reads what holds for an instance.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            duplicate_paths: reader.get(&DUPLICATE_PATHS),
            unused_shards: reader.get(&UNUSED_SHARDS),
            default_backend: reader.get(&DEFAULT_BACKEND),
            adoption: reader.get(&ADOPTION),
            auto_annotate_services: reader.get(&AUTO_ANNOTATE_SERVICES),
            reshard_overlap: reader.get(&RESHARD_OVERLAP),
        }
    }

    /// `duplicatePaths`, with the default of a scheme.
    pub fn duplicate_paths(&self, scheme: Scheme) -> DuplicatePaths {
        self.duplicate_paths.unwrap_or(match scheme {
            Scheme::Ako => DuplicatePaths::Merge,
            Scheme::Documented => DuplicatePaths::Oldest,
        })
    }

    /// `unusedShards`, with the default of a scheme.
    pub fn unused_shards(&self, scheme: Scheme) -> UnusedShards {
        self.unused_shards.unwrap_or(match scheme {
            Scheme::Ako => UnusedShards::Keep,
            Scheme::Documented => UnusedShards::RemoveAfter(REMOVE_AFTER_DEFAULT),
        })
    }

    /// `defaultBackend`, with the default of a scheme.
    pub fn default_backend(&self, scheme: Scheme) -> DefaultBackend {
        self.default_backend.unwrap_or(match scheme {
            Scheme::Ako => DefaultBackend::Ignore,
            Scheme::Documented => DefaultBackend::Serve,
        })
    }
}

impl ServiceSettings {
    /// Reads what holds for the whole translator.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            log_level: reader.get(&crate::ako::LOG_LEVEL),
            api_server_port: narrow(reader.get(&crate::ako::API_SERVER_PORT), u16::MAX),
            full_sync_frequency: Duration::from_secs(reader.get(&crate::ako::FULL_SYNC_FREQUENCY)),
            prometheus: reader.get(&crate::feature_gates::ENABLE_PROMETHEUS),
            adoption_quiet: reader.get(&ADOPTION_QUIET),
            cross_cluster_hosts: reader.get(&CROSS_CLUSTER_HOSTS),
            max_writes_in_flight: narrow(reader.get(&MAX_WRITES_IN_FLIGHT), usize::MAX),
            drift: reader.get(&DRIFT),
            drift_interval: reader.get(&DRIFT_INTERVAL),
            delete_guard_percent: narrow(reader.get(&DELETE_GUARD_PERCENT), u8::MAX),
        }
    }
}

/// A number in its own type. The limits of the settings are narrower than the types.
fn narrow<T: TryFrom<u64>>(number: u64, most: T) -> T {
    T::try_from(number).unwrap_or(most)
}

/// A length of time between limits.
fn between(
    value: &Value,
    spot: &mut Spot<'_>,
    limits: std::ops::RangeInclusive<Duration>,
    allowed: &str,
) -> Option<Duration> {
    let time = read::duration(value, spot, allowed)?;
    if limits.contains(&time) {
        Some(time)
    } else {
        spot.refuse(value, allowed)
    }
}

/// `keep`, the text `remove-after: 24h`, or the map of the same spelling.
fn unused_shards(value: &Value, spot: &mut Spot<'_>) -> Option<UnusedShards> {
    let time = match value {
        Value::String(text) if text.is_empty() => return None,
        Value::String(text) if text == "keep" => return Some(UnusedShards::Keep),
        Value::String(text) => text
            .strip_prefix("remove-after")
            .and_then(|rest| rest.trim_start().strip_prefix(':'))
            .and_then(|time| read::parse_duration(time.trim())),
        Value::Object(map) => match (map.len(), map.get("remove-after")) {
            (1, Some(time)) => read::parse_duration(&read::plain(time)),
            _ => None,
        },
        _ => None,
    };
    match time {
        Some(time) => Some(UnusedShards::RemoveAfter(time)),
        None => spot.refuse(value, REMOVE_AFTER_WORDS),
    }
}
