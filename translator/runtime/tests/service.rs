//! The translator as a service, over pipes and on paused time: agents in memory on one side, the
//! simulated Controller on the other.

#[cfg(test)]
#[path = "service/agent.rs"]
mod agent;
#[cfg(test)]
#[path = "service/lab.rs"]
mod lab;
#[cfg(test)]
#[path = "service/objects.rs"]
mod objects;

#[cfg(test)]
#[path = "service/adopt.rs"]
mod adopt;
#[cfg(test)]
#[path = "service/answers.rs"]
mod answers;
#[cfg(test)]
#[path = "service/claims.rs"]
mod claims;
#[cfg(test)]
#[path = "service/converge.rs"]
mod converge;
#[cfg(test)]
#[path = "service/deletion.rs"]
mod deletion;
#[cfg(test)]
#[path = "service/explain.rs"]
mod explain;
#[cfg(test)]
#[path = "service/fleet.rs"]
mod fleet;
#[cfg(test)]
#[path = "service/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "service/left.rs"]
mod left;
#[cfg(test)]
#[path = "service/outages.rs"]
mod outages;
#[cfg(test)]
#[path = "service/panics.rs"]
mod panics;
#[cfg(test)]
#[path = "service/queries.rs"]
mod queries;
#[cfg(test)]
#[path = "service/refusals.rs"]
mod refusals;
#[cfg(test)]
#[path = "service/restart.rs"]
mod restart;
#[cfg(test)]
#[path = "service/scale.rs"]
mod scale;
#[cfg(test)]
#[path = "service/settings.rs"]
mod settings;
#[cfg(test)]
#[path = "service/shared.rs"]
mod shared;
#[cfg(test)]
#[path = "service/tokens.rs"]
mod tokens;
#[cfg(test)]
#[path = "service/told.rs"]
mod told;
#[cfg(test)]
#[path = "service/watches.rs"]
mod watches;
