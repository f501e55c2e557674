//! `aviary get`: what a translator knows, without grpcurl.

pub(crate) mod lists;
mod settings;
mod watch;

use crate::connection::{Connection, Way};
use anyhow::bail;
use aviary_proto::query::v1::Side;
use aviary_proto::query::v1::query_service_client::QueryServiceClient;
use clap::{Args, ValueEnum};
use std::io::Write;

/// Arguments of `aviary get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// What to show: an Avi type such as `virtualservice` or `pool`, or one of `objects`, `shards`,
    /// `claims`, `conflicts` (claims that somebody else has, too, or instead), `plan`,
    /// `convergence`, `agents`, `scopes`, `findings`, `settings`.
    what: String,
    /// Name of one Avi object, to show its bodies and in what they differ.
    name: Option<String>,
    /// Tenant of that object.
    #[arg(long, default_value = "admin")]
    tenant: String,
    #[command(flatten)]
    connection: Connection,
    /// Desired, or observed on the Controller.
    #[arg(long, default_value = "observed")]
    side: SideArg,
    /// Go on with what changes, until Ctrl-C: for Avi objects, `claims`, `conflicts` and
    /// `convergence`.
    #[arg(long, short)]
    watch: bool,
}

/// Which set of objects.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum SideArg {
    /// What should exist.
    Desired,
    /// What the Controller has.
    Observed,
}

impl From<SideArg> for Side {
    fn from(side: SideArg) -> Self {
        match side {
            SideArg::Desired => Self::Desired,
            SideArg::Observed => Self::Observed,
        }
    }
}

pub(crate) type Client = QueryServiceClient<Way>;

/// Asks and prints.
///
/// # Errors
/// When the translator cannot be reached or refuses.
pub async fn run(args: GetArgs) -> anyhow::Result<()> {
    let mut client = connect(&args.connection).await?;
    let side = Side::from(args.side);
    let what = args.what.as_str();
    if args.watch {
        return match (what, &args.name) {
            ("convergence", None) => watch::convergence(&mut client).await,
            ("claims", None) => watch::claims(&mut client, false).await,
            ("conflicts", None) => watch::claims(&mut client, true).await,
            ("shards" | "plan" | "agents" | "scopes" | "findings" | "settings", _)
            | (_, Some(_)) => {
                bail!("--watch is for `objects`, an Avi type, `claims`, `conflicts`, `convergence`")
            }
            ("objects", None) => watch::objects(&mut client, "", side).await,
            (kind, None) => watch::objects(&mut client, kind, side).await,
        };
    }
    let text = match (what, &args.name) {
        ("shards", _) => lists::shards(&client).await?,
        ("claims", _) => lists::claims(&client, false).await?,
        ("conflicts", _) => lists::claims(&client, true).await?,
        ("plan", _) => lists::plan(&client).await?,
        ("convergence", _) => watch::stand(&mut client).await?,
        ("agents", _) => lists::agents(&client).await?,
        ("scopes", _) => lists::scopes(&client).await?,
        ("findings", _) => lists::findings(&client).await?,
        ("settings", _) => settings::text(&mut client).await?,
        (kind, Some(name)) => lists::object(&mut client, kind, &args.tenant, name).await?,
        ("objects", None) => lists::objects(&client, "", side).await?,
        (kind, None) => lists::objects(&client, kind, side).await?,
    };
    print(&text)
}

pub(crate) async fn connect(connection: &Connection) -> anyhow::Result<Client> {
    Ok(QueryServiceClient::new(connection.open().await?))
}

/// Claims that somebody else has, too or instead, as a table; nothing if there are none.
///
/// # Errors
/// When the translator cannot be reached or refuses.
pub(crate) async fn conflicts(translator: &str) -> anyhow::Result<String> {
    let table = lists::claims(&connect(&Connection::plain(translator)).await?, true).await?;
    let has_rows = table.lines().nth(1).is_some();
    Ok(if has_rows {
        format!("\n{table}")
    } else {
        String::new()
    })
}

pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

pub(crate) fn heading(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}
