//! The programs of one scenario, which stop and start again as it says.

use std::path::PathBuf;

use anyhow::Result;
use aviary::plan::Step;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::corpus::carry_out;
use crate::program::Program;
use crate::stack::Stack;

/// A translator with a store, and an agent for each namespace and for the cluster.
pub(crate) struct Stage<'a> {
    cluster: &'a Cluster,
    pub(crate) stack: Stack,
    pub(crate) namespaces: Vec<String>,
    /// What stood on the Controller at first.
    pub(crate) found: Value,
    admin: PathBuf,
    agents: Vec<Program>,
}

impl<'a> Stage<'a> {
    /// All of them, and everything that they say is heard.
    pub(crate) async fn set(
        cluster: &'a Cluster,
        namespaces: Vec<String>,
        settings: &Value,
    ) -> Result<Self> {
        let stack = Stack::start_with_store(settings).await?;
        let mut stage = Self {
            cluster,
            found: stack.sim.dump().await?,
            stack,
            namespaces,
            admin: cluster.kube.kubeconfig(),
            agents: Vec::new(),
        };
        stage.start_agents()?;
        stage.stack.heard(&stage.namespaces).await?;
        Ok(stage)
    }

    fn start_agents(&mut self) -> Result<()> {
        self.agents = self.stack.namespace_agents(&self.admin, &self.namespaces)?;
        self.agents.push(self.stack.cluster_agent(&self.admin)?);
        Ok(())
    }

    /// Takes a step, and waits until the Controller shows it, if anybody is there to write it.
    ///
    /// A stop ends the agents too; where new settings call for a new start, they live on and find
    /// the translator again.
    pub(crate) async fn take(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Settings(settings) => {
                if self.stack.is_running() {
                    self.stack.stop_translator().await?;
                }
                self.stack.set_settings(settings.tree())
            }
            Step::Stop => {
                for agent in self.agents.drain(..) {
                    agent.stop().await?;
                }
                self.stack.stop_translator().await
            }
            Step::Start => {
                self.stack.start_translator().await?;
                if self.agents.is_empty() {
                    self.start_agents()?;
                }
                self.stack.heard(&self.namespaces).await
            }
            step if self.stack.is_running() => carry_out(self.cluster, &self.stack, step).await,
            step => self.unheard(step).await,
        }
    }

    /// A step that nobody watches.
    async fn unheard(&self, step: Step) -> Result<()> {
        match step {
            Step::Apply(objects) => {
                for object in &objects {
                    self.cluster.apply(object).await?;
                }
            }
            Step::Status(objects) => {
                for object in &objects {
                    self.cluster.apply_status(object).await?;
                }
            }
            Step::Delete(objects) => {
                for object in &objects {
                    self.cluster.delete(object).await?;
                }
            }
            Step::Settings(_) | Step::Stop | Step::Start => {}
        }
        Ok(())
    }
}
