//! `aviary explain`: what a Kubernetes object comes to on Avi, where the fields of an Avi object come
//! from, and what a finding's code means.

mod answer;
mod show;
mod subject;

use crate::connection::Connection;
use crate::get::connect;
use answer::Answer;
use aviary_proto::query::v1::ExplainRequest;
use clap::{Args, ValueEnum};
use std::io::Write;
use subject::Subject;

/// Fields per page.
const PAGE: u32 = 1_000;

/// Arguments of `aviary explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// What to explain: `ingress/shop/web` (kind, namespace, name), `namespace/shop` (kind, name),
    /// `pool/NAME` (Avi type, name), or the code of a finding, `AVY-1104`.
    what: String,
    /// Only this field of Avi objects and what is below it, such as `servers[0].port`.
    #[arg(long, value_name = "PATH", default_value = "")]
    field: String,
    /// Cluster of the Kubernetes object, where several have it.
    #[arg(long, default_value = "")]
    cluster: String,
    /// Tenant of the Avi object, where several have it.
    #[arg(long, default_value = "")]
    tenant: String,
    /// Controller of the Avi object, as host or address, where several have it.
    #[arg(long, default_value = "")]
    controller: String,
    #[command(flatten)]
    connection: Connection,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Output,
}

/// How an explanation is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Columns of text.
    Table,
    /// One JSON document.
    Json,
}

/// Asks and prints.
///
/// # Errors
/// When the name has no such form, or the translator cannot be reached or refuses.
pub async fn run(args: ExplainArgs) -> anyhow::Result<()> {
    let subject = Subject::parse(&args.what)?;
    let text = match subject {
        Subject::Code(code) => show::code(code),
        Subject::Asked(asked) => {
            let request = ExplainRequest {
                subject: Some(asked.within(&args.cluster, &args.tenant)),
                controller: args.controller.clone(),
                field: args.field.clone(),
                page_size: PAGE,
                page_token: String::new(),
                read_mask: None,
            };
            let answer = ask(&args.connection, request).await?;
            match args.output {
                Output::Table => show::table(&answer),
                Output::Json => format!("{}\n", serde_json::to_string_pretty(&answer)?),
            }
        }
    };
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

async fn ask(connection: &Connection, mut request: ExplainRequest) -> anyhow::Result<Answer> {
    let mut client = connect(connection).await?;
    let mut answer = Answer::default();
    loop {
        let page = client.explain(request.clone()).await;
        let page = page.map_err(|refused| anyhow::anyhow!("{}", refused.message()))?;
        request.page_token = answer.add(page.into_inner());
        if request.page_token.is_empty() {
            return Ok(answer);
        }
    }
}
