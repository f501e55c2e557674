//! Which version of a kind the API server has. Only an answer that lacks the kind means that it is
//! not installed.

use aviary_proto::sync::v1::WatchItem;
use kube::Client;

/// The first of the item's versions that the API server has; `None` if it answers and has none.
pub(super) async fn version(
    client: &Client,
    item: &WatchItem,
) -> Result<Option<String>, kube::Error> {
    let group = item
        .kind
        .as_ref()
        .map(|kind| kind.group.as_str())
        .unwrap_or_default();
    if group.is_empty() {
        let core = client.list_core_api_versions().await?.versions;
        for version in item
            .versions
            .iter()
            .filter(|version| core.contains(version))
        {
            let found = client.list_core_api_resources(version).await?;
            if found
                .resources
                .iter()
                .any(|resource| resource.name == item.resource)
            {
                return Ok(Some(version.clone()));
            }
        }
        return Ok(None);
    }
    let groups = client.list_api_groups().await?.groups;
    let Some(found) = groups.into_iter().find(|found| found.name == group) else {
        return Ok(None);
    };
    for version in &item.versions {
        if !found
            .versions
            .iter()
            .any(|served| served.version == *version)
        {
            continue;
        }
        let served = client
            .list_api_group_resources(&format!("{group}/{version}"))
            .await?;
        if served
            .resources
            .iter()
            .any(|resource| resource.name == item.resource)
        {
            return Ok(Some(version.clone()));
        }
    }
    Ok(None)
}
