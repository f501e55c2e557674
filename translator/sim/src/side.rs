//! Side doors below `/_sim`: dump, log, faults, what befalls the cluster, who may log in. They need
//! no session and are not logged.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde::Deserialize;
use serde_json::json;

use crate::faults::FaultRule;
use crate::faults::cluster::Phase;
use crate::query::Query;
use crate::reply::{Refusal, Reply};
use crate::session::Credentials;
use crate::simulator::Simulator;

/// What the cluster is doing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClusterNow {
    phase: Phase,
    #[serde(default)]
    version: Option<String>,
}

/// Another node leads.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NewLeader {
    stale_ms: u64,
}

/// The answer, if the request is for a side door.
pub(crate) fn answer(simulator: &Simulator, request: &Request<Bytes>) -> Option<Reply> {
    let door = request
        .uri()
        .path()
        .trim_start_matches('/')
        .strip_prefix("_sim/")?;
    let reply = match (request.method().as_str(), door.trim_end_matches('/')) {
        ("GET", "dump") => Reply::json(200, &simulator.dump()),
        ("GET", "log") => match after(request) {
            Some(seq) => Reply::json(200, &json!(simulator.log_after(seq))),
            None => Refusal::new(400, "after: the number of an entry").into(),
        },
        ("DELETE", "log") => {
            simulator.clear_log();
            Reply::empty(204)
        }
        ("PUT", "faults") => match serde_json::from_slice::<Vec<FaultRule>>(request.body()) {
            Ok(rules) => {
                simulator.set_faults(rules);
                Reply::empty(204)
            }
            Err(error) => Refusal::new(400, format!("a list of fault rules: {error}")).into(),
        },
        ("DELETE", "faults") => {
            simulator.set_faults(Vec::new());
            Reply::empty(204)
        }
        ("PUT", "cluster") => match serde_json::from_slice::<ClusterNow>(request.body()) {
            Ok(now) => {
                simulator.set_phase(now.phase);
                if let Some(version) = &now.version {
                    simulator.set_version(version);
                }
                Reply::empty(204)
            }
            Err(error) => Refusal::new(400, format!("a phase, a version: {error}")).into(),
        },
        ("POST", "replicate") => {
            simulator.replicate();
            Reply::empty(204)
        }
        ("POST", "leader") => match serde_json::from_slice::<NewLeader>(request.body()) {
            Ok(NewLeader { stale_ms }) => {
                simulator.change_leader(Duration::from_millis(stale_ms));
                Reply::empty(204)
            }
            Err(error) => Refusal::new(400, format!("stale_ms: {error}")).into(),
        },
        ("PUT", "users") => match serde_json::from_slice(request.body()) {
            Ok(users) => {
                simulator.set_credentials(Credentials::Users(users));
                Reply::empty(204)
            }
            Err(_) => Refusal::new(400, "an object of users with their passwords").into(),
        },
        ("DELETE", "sessions") => {
            simulator.expire_sessions();
            Reply::empty(204)
        }
        (_, door) => Refusal::new(404, format!("there is no side door {door}")).into(),
    };
    Some(reply)
}

/// The entry after which the log is asked for; 0 for all of it, `None` if it is no number.
fn after(request: &Request<Bytes>) -> Option<u64> {
    let query = Query::parse(request.uri().query().unwrap_or_default());
    query.get("after").map_or(Some(0), |seq| seq.parse().ok())
}
