//! What changes, line by line, until Ctrl-C.

use super::lists::{claim, row, word};
use super::{Client, print};
use anyhow::Context;
use aviary_proto::query::v1::{
    ChangeKind, ClaimsChange, ObjectChange, Side, Wait, WatchClaimsRequest, WatchConvergedRequest,
    WatchConvergedResponse, WatchObjectsRequest,
};
use tonic::Code;

/// Avi objects: all there are, then each that changes. Goes on where it was after it was cut off for
/// reading too slowly.
pub(super) async fn objects(client: &mut Client, kind: &str, side: Side) -> anyhow::Result<()> {
    let mut request = WatchObjectsRequest {
        side: side.into(),
        r#type: kind.to_owned(),
        ..WatchObjectsRequest::default()
    };
    loop {
        let mut stream = client.watch_objects(request.clone()).await?.into_inner();
        loop {
            let message = match stream.message().await {
                Ok(Some(message)) => message,
                Err(why) if is_cut(&why, &request) => break,
                Ok(None) => return Ok(()),
                Err(why) => return Err(why.into()),
            };
            if message.reset {
                print("everything:\n")?;
            }
            for change in message.changes {
                print(&line(change))?;
            }
            if message.complete {
                request.resume_token = message.resume_token;
            }
        }
    }
}

/// Claims to hosts: all there are, then those of each host that changes.
pub(super) async fn claims(client: &mut Client, contested_only: bool) -> anyhow::Result<()> {
    let request = WatchClaimsRequest {
        contested_only,
        ..WatchClaimsRequest::default()
    };
    let mut stream = client.watch_claims(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        if message.reset {
            print("everything:\n")?;
        }
        for change in message.changes {
            print(&claims_of(change))?;
        }
    }
    Ok(())
}

fn claims_of(change: ClaimsChange) -> String {
    let cluster = change.domain.unwrap_or_default().cluster;
    if change.claims.is_empty() {
        return format!("- {}  {cluster}\n", change.host);
    }
    let rows = change.claims.into_iter().map(claim);
    let lines: Vec<String> = rows.map(|cells| cells.join("  ")).collect();
    format!("+ {}\n", lines.join("\n+ "))
}

fn is_cut(why: &tonic::Status, request: &WatchObjectsRequest) -> bool {
    why.code() == Code::ResourceExhausted && !request.resume_token.is_empty()
}

fn line(change: ObjectChange) -> String {
    let mark = match change.kind() {
        ChangeKind::Deleted => "-",
        ChangeKind::Upserted | ChangeKind::Unspecified => "+",
    };
    let cells = row(change.object.unwrap_or_default()).join("  ");
    format!("{mark} {}\n", cells.trim_end())
}

/// Whether everything is carried out, and what is waited for.
pub(super) async fn stand(client: &mut Client) -> anyhow::Result<String> {
    let request = WatchConvergedRequest::default();
    let mut stream = client.watch_converged(request).await?.into_inner();
    let first = stream.message().await?.context("nothing was answered")?;
    Ok(told(&first))
}

/// The same, and again whenever it changes.
pub(super) async fn convergence(client: &mut Client) -> anyhow::Result<()> {
    let request = WatchConvergedRequest::default();
    let mut stream = client.watch_converged(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        print(&told(&message))?;
    }
    Ok(())
}

fn told(message: &WatchConvergedResponse) -> String {
    let state = if message.converged {
        "converged".to_owned()
    } else {
        let waits: Vec<String> = message.waits.iter().map(waited).collect();
        format!("waits for {}", waits.join(", "))
    };
    let (generation, desired) = (message.generation, message.desired_changes);
    let (observed, holds) = (message.observed_changes, message.holds);
    let refusals = message.refusals;
    format!(
        "generation {generation}: {state}; changed: {desired} desired, {observed} observed; \
         {holds} held, {refusals} refused\n"
    )
}

fn waited(wait: &Wait) -> String {
    let mut text = word(wait.reason().as_str_name(), "WAIT_REASON_");
    if wait.count > 0 {
        text = format!("{text} ({})", wait.count);
    }
    for more in [&wait.controller, &wait.detail] {
        if !more.is_empty() {
            text = format!("{text} {more}");
        }
    }
    text
}
