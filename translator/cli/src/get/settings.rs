//! The settings in force, and why newer ones are not.

use super::Client;
use aviary_proto::query::v1::{GetSettingsRequest, GetSettingsResponse};
use std::fmt::{Display, Write};

/// The settings as YAML, with what is wrong with newer ones as comments before.
pub(super) async fn text(client: &mut Client) -> anyhow::Result<String> {
    let GetSettingsResponse {
        in_force,
        digest,
        since,
        refused,
        refused_since,
        waiting_for,
        left,
    } = client
        .get_settings(GetSettingsRequest {})
        .await?
        .into_inner();
    let mut text = String::new();
    writeln!(text, "# in force since {}, digest {digest}", at(since))?;
    if !refused.is_empty() {
        writeln!(
            text,
            "# newer ones are refused since {}: {refused}",
            at(refused_since)
        )?;
    }
    for what in waiting_for {
        writeln!(text, "# newer ones wait: {what}")?;
    }
    for domain in left {
        let (cluster, instance) = (domain.cluster, domain.instance);
        writeln!(
            text,
            "# configured no more, its objects stay: {cluster} {instance}"
        )?;
        writeln!(
            text,
            "#   to remove them, configure it again with AKOSettings.deleteConfig \"true\" first"
        )?;
    }
    let values: serde_json::Value = serde_json::from_str(&in_force)?;
    text.push_str(&serde_saphyr::to_string(&values)?);
    Ok(text)
}

fn at(instant: Option<impl Display>) -> String {
    instant.map(|at| at.to_string()).unwrap_or_default()
}
