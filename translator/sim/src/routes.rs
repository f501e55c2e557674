//! From a request to its answer: sessions, versions, tenants, then the page asked for.

use http::HeaderName;
use serde_json::Value;

use crate::call::Call;
use crate::checks::parse_version;
use crate::read;
use crate::refs::ObjectId;
use crate::reply::{Refusal, Reply};
use crate::session::Identity;
use crate::state::State;
use crate::system;
use crate::write;

/// The version that a request without a version header is answered in.
const OLD_VERSION: &str = "16_4_2";

/// Answers one request.
pub(crate) fn answer(state: &mut State, call: &Call) -> Reply {
    let version = call.version.as_deref().unwrap_or(OLD_VERSION);
    let refused = state.cluster.refusal(call).filter(|_| !is_status(call));
    let first = call.segments.first().map(String::as_str);
    let reply = match first.filter(|_| refused.is_none()) {
        Some("login") => login(state, call).unwrap_or_else(Reply::from),
        Some("logout") => {
            state.sessions.logout(call);
            Reply::empty(200)
        }
        Some("api") => api(state, call),
        _ => refused
            .unwrap_or_else(|| read::unknown_kind(call.kind()))
            .into(),
    };
    reply.with(HeaderName::from_static("avi_api_version"), version)
}

/// What clients look at to learn whether it is up.
fn is_status(call: &Call) -> bool {
    call.segments == ["api", "cluster", "status"]
}

fn login(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    if call.method != http::Method::POST {
        return Err(Refusal::new(405, "Method not allowed"));
    }
    let now = state.now();
    let (user, session) = state.sessions.login(call, &mut state.ids, now)?;
    let reply = Reply::json(200, &system::login_body(state, call, &user));
    Ok(state.sessions.login_cookies(&session, reply))
}

fn api(state: &mut State, call: &Call) -> Reply {
    if call.method == http::Method::GET {
        match call.segments.get(1..).map(|rest| rest.join("/")).as_deref() {
            Some("initial-data") => {
                return Reply::json(
                    200,
                    &serde_json::json!({ "version": system::version(state) }),
                );
            }
            Some("cluster/status") => return Reply::json(200, &system::status(state)),
            _ => {}
        }
    }
    let now = state.now();
    let identity = match state.sessions.identify(call, now) {
        Ok(identity) => identity,
        Err(refusal) => return refusal.into(),
    };
    let reply = state.shown(call, |state| page(state, call, &identity));
    let reply = reply.unwrap_or_else(Reply::from);
    identity.cookies(reply)
}

fn page(state: &mut State, call: &Call, identity: &Identity) -> Result<Reply, Refusal> {
    check_version(state, call)?;
    let is_get = call.method == http::Method::GET;
    let rest: Vec<&str> = call.segments.iter().skip(1).map(String::as_str).collect();
    let value = match (is_get, rest.as_slice()) {
        (true, ["cluster"]) => system::cluster(state, call),
        (true, ["cluster", "runtime"]) => system::runtime(state),
        (true, ["systemlimits"]) => system::limits(),
        (true, ["ipamdnsproviderprofiledomainlist"]) => system::domains(state, call)?,
        (_, ["systemconfiguration"] | ["systemconfiguration", "default"]) => {
            return system::system(state, call);
        }
        (_, ["user-token"] | ["user-token", _]) => return system::tokens(state, call, identity),
        (_, [kind]) => return objects(state, call, kind),
        (_, [kind, uuid]) => return object(state, call, kind, uuid),
        _ => return Err(read::unknown_kind(&rest.join("/"))),
    };
    Ok(Reply::json(200, &value))
}

/// The API is served in every version up to the Controller's own.
fn check_version(state: &State, call: &Call) -> Result<(), Refusal> {
    let Some(asked) = &call.version else {
        return Ok(());
    };
    let own = &state.cluster.version;
    match (parse_version(asked), parse_version(own)) {
        (Some(version), Some(own)) if version <= own => Ok(()),
        _ => Err(Refusal::new(
            400,
            format!("Invalid version {asked}: this is {own}"),
        )),
    }
}

fn objects(state: &mut State, call: &Call, kind: &str) -> Result<Reply, Refusal> {
    let tenants = state.tenants(call)?;
    match call.method.as_str() {
        "GET" => read::list(state, call, kind, &tenants).map(|list| ok(&list)),
        "POST" => write::create(state, call, kind, &tenants),
        _ => Err(Refusal::new(405, "Method not allowed")),
    }
}

fn object(state: &mut State, call: &Call, kind: &str, uuid: &str) -> Result<Reply, Refusal> {
    let tenants = state.tenants(call)?;
    let id = ObjectId {
        kind: kind.to_owned(),
        uuid: uuid.to_owned(),
    };
    match call.method.as_str() {
        "GET" => read::one(state, call, kind, uuid, &tenants).map(|object| ok(&object)),
        "PUT" | "PATCH" => write::update(state, call, &id, &tenants),
        "DELETE" => write::delete(state, &id, &tenants),
        _ => Err(Refusal::new(405, "Method not allowed")),
    }
}

fn ok(value: &Value) -> Reply {
    Reply::json(200, value)
}
