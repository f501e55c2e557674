//! Orders. Each leaves a trace that says who gave it and why.

use super::desk::Desk;
use super::refusal::{bad_field, not_found, not_now};
use crate::convert;
use crate::order::{Order, Refused, Target};
use aviary_proto::admin::v1::{
    ApprovePlanRequest, ApprovePlanResponse, PauseRequest, PauseResponse, PauseTarget,
    ReleaseScopeRequest, ReleaseScopeResponse, ResumeRequest, ResumeResponse, SetLogLevelRequest,
    SetLogLevelResponse, pause_target,
};
use jiff::Timestamp;
use tonic::Status;

pub(super) async fn release(
    desk: &Desk,
    who: &str,
    request: ReleaseScopeRequest,
) -> Result<ReleaseScopeResponse, Status> {
    let ReleaseScopeRequest { scope, reason } = request;
    let scope = scope.ok_or_else(|| bad_field("scope", "it is needed"))?;
    let scope = convert::scope_of(&scope);
    tracing::warn!(who, %scope, reason, "an operator releases a scope");
    let answer = desk.ask(|reply| Order::Release(scope, reply)).await?;
    let objects = answer.map_err(|why| refused(&why))?;
    Ok(ReleaseScopeResponse {
        objects: objects as u64,
    })
}

pub(super) async fn approve(
    desk: &Desk,
    who: &str,
    request: ApprovePlanRequest,
) -> Result<ApprovePlanResponse, Status> {
    let ApprovePlanRequest { digest, reason } = request;
    if digest.is_empty() {
        return Err(bad_field("digest", "it is needed: GetPlan shows it"));
    }
    tracing::warn!(who, digest, reason, "an operator approves a plan");
    let answer = desk.ask(|reply| Order::Approve(digest, reply)).await?;
    let operations = answer.map_err(|why| refused(&why))?;
    Ok(ApprovePlanResponse {
        operations: operations as u64,
    })
}

pub(super) async fn pause(
    desk: &Desk,
    who: &str,
    request: PauseRequest,
) -> Result<PauseResponse, Status> {
    let PauseRequest {
        target,
        until,
        reason,
    } = request;
    let target = meant(target)?;
    let instant = |at: prost_types::Timestamp| {
        Timestamp::new(at.seconds, at.nanos).map_err(|_| bad_field("until", "it is no instant"))
    };
    let until = until.map(instant).transpose()?;
    tracing::warn!(who, ?target, reason, "an operator pauses writes");
    desk.ask(|reply| Order::Pause(target, until, reply)).await?;
    Ok(PauseResponse {})
}

pub(super) async fn resume(
    desk: &Desk,
    who: &str,
    request: ResumeRequest,
) -> Result<ResumeResponse, Status> {
    let target = meant(request.target)?;
    tracing::warn!(who, ?target, "an operator ends a pause");
    let was_paused = desk.ask(|reply| Order::Resume(target, reply)).await?;
    Ok(ResumeResponse { was_paused })
}

pub(super) fn set_log_level(
    desk: &Desk,
    who: &str,
    request: &SetLogLevelRequest,
) -> Result<SetLogLevelResponse, Status> {
    let set = desk.log_level.as_ref();
    let set =
        set.ok_or_else(|| not_now("log level", "the log level is set by the program around"))?;
    let previous = set(&request.directives).map_err(|why| bad_field("directives", &why))?;
    tracing::warn!(
        who,
        directives = request.directives,
        "an operator changes what is logged"
    );
    Ok(SetLogLevelResponse { previous })
}

fn meant(target: Option<PauseTarget>) -> Result<Target, Status> {
    match target.and_then(|target| target.target) {
        Some(pause_target::Target::Domain(domain)) => {
            Ok(Target::Domain(convert::domain_of(&domain)))
        }
        Some(pause_target::Target::Scope(scope)) => Ok(Target::Scope(convert::scope_of(&scope))),
        None => Err(bad_field("target", "it is needed")),
    }
}

fn refused(why: &Refused) -> Status {
    match why {
        Refused::Heard(scope) => not_now(&scope.to_string(), &why.to_string()),
        Refused::UnknownScope(scope) => not_found("scope", &scope.to_string()),
        Refused::UnknownPlan | Refused::OthersWrite(..) | Refused::TooEarly(_) => {
            not_now("plan", &why.to_string())
        }
    }
}
