//! `aviary adopt`: what taking over what others made would write, and the approval.

mod text;

use crate::connection::Connection;
use crate::get::lists::{PAGE, all};
use crate::get::{Client, connect, print};
use anyhow::bail;
use aviary_proto::admin::v1::ApprovePlanRequest;
use aviary_proto::admin::v1::admin_service_client::AdminServiceClient;
use aviary_proto::query::v1::{
    Adoption, AdoptionState, GetPlanRequest, Hold, ListAdoptionsRequest, Operation,
};
use aviary_proto::types::v1::Domain;
use clap::Args;

/// Arguments of `aviary adopt`.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// Only this cluster.
    #[arg(long)]
    cluster: Option<String>,
    /// Approve what is listed, or what goes by this digest alone; it is written then.
    #[arg(long, value_name = "DIGEST", num_args = 0..=1, default_missing_value = "")]
    approve: Option<String>,
    /// Why, for the record.
    #[arg(long, default_value = "aviary adopt", requires = "approve")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

/// A domain with what is planned for it.
struct Takeover {
    adoption: Adoption,
    operations: Vec<Operation>,
    holds: Vec<Hold>,
}

/// Shows how each domain stands, and approves. Answers whether something is still to be written or
/// to be watched before.
///
/// # Errors
/// When the translator cannot be reached or refuses, or there is nothing to approve.
pub async fn run(args: AdoptArgs) -> anyhow::Result<bool> {
    let client = connect(&args.connection).await?;
    let cluster = args.cluster.clone().unwrap_or_default();
    let takeovers = takeovers(&client, &cluster).await?;
    for takeover in &takeovers {
        print(&text::of(takeover))?;
    }
    let Some(asked) = &args.approve else {
        return Ok(takeovers.iter().any(|it| !it.is_over()));
    };
    approve(&args, asked, &takeovers).await?;
    Ok(false)
}

impl Takeover {
    fn state(&self) -> AdoptionState {
        self.adoption.state()
    }

    /// Whether nothing is left to be done before writes go out, and nothing would be written now.
    fn is_over(&self) -> bool {
        match self.state() {
            AdoptionState::Fresh | AdoptionState::Ours => self.adoption.digest.is_empty(),
            AdoptionState::Ready => self.operations.is_empty(),
            _ => false,
        }
    }
}

async fn takeovers(client: &Client, cluster: &str) -> anyhow::Result<Vec<Takeover>> {
    let adoptions = all(async |page_token| {
        let request = ListAdoptionsRequest {
            cluster: cluster.to_owned(),
            page_size: PAGE,
            page_token,
            ..ListAdoptionsRequest::default()
        };
        let page = client.clone().list_adoptions(request).await?.into_inner();
        Ok((page.adoptions, page.next_page_token))
    });
    let adoptions = adoptions.await?;
    if adoptions.is_empty() {
        bail!("the translator serves no such cluster");
    }
    let (operations, holds) = plan(client, cluster).await?;
    let of = |adoption: Adoption| {
        let is_its = |domain: &Option<Domain>| *domain == adoption.domain;
        let operations = operations.iter().filter(|it| is_its(&it.domain));
        let holds = holds.iter().filter(|it| is_its(&it.domain));
        Takeover {
            operations: operations.cloned().collect(),
            holds: holds.cloned().collect(),
            adoption,
        }
    };
    Ok(adoptions.into_iter().map(of).collect())
}

/// Operations, also those that are held, and what is held for want of knowledge.
async fn plan(client: &Client, cluster: &str) -> anyhow::Result<(Vec<Operation>, Vec<Hold>)> {
    let parts = all(async |page_token| {
        let request = GetPlanRequest {
            cluster: cluster.to_owned(),
            page_size: PAGE,
            page_token,
            ..GetPlanRequest::default()
        };
        let page = client.clone().get_plan(request).await?.into_inner();
        let next = page.next_page_token;
        Ok((vec![(page.operations, page.holds)], next))
    });
    let (mut operations, mut holds) = (Vec::new(), Vec::new());
    for (planned, held) in parts.await? {
        operations.extend(planned);
        for mut hold in held {
            match hold.operation.take() {
                Some(operation) => operations.push(operation),
                None => holds.push(hold),
            }
        }
    }
    Ok((operations, holds))
}

async fn approve(args: &AdoptArgs, asked: &str, takeovers: &[Takeover]) -> anyhow::Result<()> {
    let mut blocked = takeovers
        .iter()
        .filter(|it| it.state() == AdoptionState::OthersWrite);
    if let Some(takeover) = blocked.next() {
        let name = text::name(&takeover.adoption);
        bail!("not approved: somebody else still writes the objects of {name}; stop it first");
    }
    let waiting = takeovers.iter().map(|it| &it.adoption.digest);
    let waiting = waiting.filter(|digest| !digest.is_empty());
    let meant: Vec<&String> = waiting
        .filter(|digest| asked.is_empty() || *digest == asked)
        .collect();
    if meant.is_empty() {
        if asked.is_empty() && takeovers.iter().all(Takeover::is_over) {
            return print("nothing waits for approval\n");
        }
        bail!("nothing that goes by this name waits for approval now: look at the list again");
    }
    let mut client = AdminServiceClient::new(args.connection.open().await?);
    for digest in meant {
        let request = ApprovePlanRequest {
            digest: digest.clone(),
            reason: args.reason.clone(),
        };
        let freed = client.approve_plan(request).await;
        let freed =
            freed.map_err(|status| anyhow::anyhow!("not approved: {}", status.message()))?;
        let count = freed.into_inner().operations;
        print(&format!("approved, writes: {count}\n"))?;
    }
    Ok(())
}
