//! What a kubelet is told about an agent.

use anyhow::{Context, Result, ensure};
use tonic::transport::Endpoint;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::cluster::Cluster;
use crate::program::within;
use crate::stack::{Stack, baseline};

const SYNC: &str = "aviary.sync.v1.SyncService";

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn link_an_agent_is_ready_while_a_translator_hears_it() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let mut stack = Stack::start(&baseline()?).await?;
    stack.stop_translator().await?;
    let kubeconfig = cluster.kube.kubeconfig();
    let (agent, address) = stack
        .agent_with_health(&kubeconfig, &["--cluster-scope"])
        .await?;
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
    let mut client = HealthClient::new(endpoint.connect().await?);
    let alive = client.check(about("")).await?.into_inner();
    ensure!(alive.status() == ServingStatus::Serving, "{alive:?}");

    let mut told = client.watch(about(SYNC)).await?.into_inner();
    let mut next = async |wanted: ServingStatus| {
        within(&format!("it is {wanted:?}"), async {
            let said: HealthCheckResponse = told.message().await?.context("the end")?;
            ensure!(said.status() == wanted, "{said:?}");
            Ok(())
        })
        .await
    };
    next(ServingStatus::NotServing).await?;
    stack.start_translator().await?;
    next(ServingStatus::Serving).await?;
    stack.stop_translator().await?;
    next(ServingStatus::NotServing).await?;
    agent.stop().await
}
