//! A namespace with a shop in it, the programs around it, and kubectl as the user's hand.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use aviary_proto::query::v1::ObjectVersion;
use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};

use crate::cluster::{CLUSTER, Cluster, documents, key_of};
use crate::program::Program;
use crate::stack::{Stack, baseline};

const SHOP: &str = include_str!("shop.yaml");

/// The objects of a shop.
pub(crate) struct Shop {
    pub(crate) namespace: String,
    pub(crate) objects: Vec<Value>,
    /// Its private key, as PEM.
    pub(crate) key: String,
}

impl Shop {
    /// A shop in a namespace, with a key of its own.
    pub(crate) fn new(namespace: &str) -> Result<Self> {
        let made = generate_simple_self_signed(vec![format!("pay.{namespace}.avi.lab")])?;
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let yaml = SHOP
            .replace("NAMESPACE", namespace)
            .replace("CERTIFICATE", &json!(certificate).to_string())
            .replace("KEY", &json!(key).to_string());
        Ok(Self {
            namespace: namespace.to_owned(),
            objects: documents(&yaml)?,
            key,
        })
    }

    /// One of the objects, to edit it.
    pub(crate) fn object(&self, kind: &str, name: &str) -> Result<Value> {
        let mut objects = self.objects.iter();
        let found = objects.find(|object| {
            let key = key_of(object);
            key.kind == kind && key.name == name
        });
        found.cloned().with_context(|| format!("no {kind} {name}"))
    }
}

/// The shop's namespace and the programs.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) stack: Stack,
    pub(crate) shop: Shop,
    pub(crate) agents: Vec<Program>,
}

impl Scene {
    /// A translator with a store, agents for the namespace and for the cluster, and an empty
    /// namespace.
    pub(crate) async fn set(namespace: &str) -> Result<Self> {
        Self::set_around(namespace, Stack::start_with_store(&baseline()?).await?).await
    }

    /// The same, with programs that log all that they ever log.
    pub(crate) async fn set_verbose(namespace: &str) -> Result<Self> {
        Self::set_around(namespace, Stack::start_verbose(&baseline()?).await?).await
    }

    /// The same, around a stack that is set up by the test.
    pub(crate) async fn set_around(namespace: &str, stack: Stack) -> Result<Self> {
        let mut scene = Self {
            cluster: Cluster::shared().await?,
            stack,
            shop: Shop::new(namespace)?,
            agents: Vec::new(),
        };
        scene.start_agents()?;
        scene.heard().await?;
        Ok(scene)
    }

    /// Starts both agents.
    pub(crate) fn start_agents(&mut self) -> Result<()> {
        let admin = self.cluster.kube.kubeconfig();
        self.agents = self.stack.namespace_agents(&admin, &self.namespaces())?;
        self.agents.push(self.stack.cluster_agent(&admin)?);
        Ok(())
    }

    /// kill -9 to both agents.
    pub(crate) async fn kill_agents(&mut self) -> Result<()> {
        for agent in self.agents.drain(..) {
            agent.kill().await?;
        }
        Ok(())
    }

    /// Waits until the translator was told everything.
    pub(crate) async fn heard(&self) -> Result<()> {
        self.stack.heard(&self.namespaces()).await
    }

    /// The namespace, as a list.
    pub(crate) fn namespaces(&self) -> [String; 1] {
        [self.shop.namespace.clone()]
    }

    /// `kubectl apply`, and waits until the Controller shows it.
    pub(crate) async fn apply(&self, objects: &[Value]) -> Result<()> {
        let versions = self.kubectl_apply(objects)?;
        self.stack.carried_out(versions).await
    }

    /// `kubectl apply` alone.
    pub(crate) fn kubectl_apply(&self, objects: &[Value]) -> Result<Vec<ObjectVersion>> {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
        let args = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "-f",
            "-",
            "-o",
            "json",
        ];
        let printed: Value = serde_json::from_str(&self.cluster.kube.kubectl(&args, &list)?)?;
        let one = [printed.clone()];
        let made = printed["items"].as_array().map_or(&one[..], Vec::as_slice);
        let version = |object: &Value| ObjectVersion {
            cluster: CLUSTER.to_owned(),
            key: Some(key_of(object)),
            resource_version: text(&object["metadata"]["resourceVersion"]).to_owned(),
        };
        Ok(made.iter().map(version).collect())
    }

    /// `kubectl delete`, and waits until the Controller shows it.
    pub(crate) async fn delete(&self, kind: &str, name: &str) -> Result<()> {
        let held = self.stack.held(kind, &self.shop.namespace).await?;
        self.kubectl_delete(kind, name)?;
        self.stack.holds(kind, &self.shop.namespace, held - 1).await
    }

    /// `kubectl delete` alone.
    pub(crate) fn kubectl_delete(&self, kind: &str, name: &str) -> Result<()> {
        let args = ["delete", kind, name, "--namespace", &self.shop.namespace];
        self.cluster.kube.kubectl(&args, "").map(drop)
    }

    /// What stands on the Ingresses and load balancers.
    pub(crate) async fn statuses(&self) -> Result<BTreeMap<String, Value>> {
        self.cluster.statuses(&self.namespaces()).await
    }

    /// That an object tells the address of a virtual service, and the uuid that serves its host.
    pub(crate) async fn check_told(&self, object: &str, host: &str, serves: &str) -> Result<()> {
        let statuses = self.statuses().await?;
        let found = statuses
            .get(object)
            .with_context(|| format!("no {object}"))?;
        let entries = found["status"]["loadBalancer"]["ingress"].as_array();
        let entry = entries
            .and_then(|entries| entries.iter().find(|entry| entry["hostname"] == host))
            .with_context(|| format!("{object} does not tell {host}: {found}"))?;
        let dump = self.stack.sim.dump().await?;
        let service = named(&dump, "virtualservice", serves)?;
        let address = address_of(&dump, host)?;
        ensure!(
            entry["ip"] == address,
            "{object} tells {entry}, not {address}"
        );
        let annotation = |name: &str| &found["annotations"][format!("ako.vmware.com/{name}")];
        let uuids: Value = serde_json::from_str(text(annotation("host-fqdn-vs-uuid-map")))?;
        ensure!(uuids[host] == service["uuid"], "{object}: {uuids}");
        ensure!(annotation("tenant-name") == "admin", "{object}: {found}");
        ensure!(
            annotation("controller-cluster-uuid").is_string(),
            "{object}: {found}"
        );
        Ok(())
    }
}

/// An object of a dump.
pub(crate) fn named<'a>(dump: &'a Value, kind: &str, name: &str) -> Result<&'a Value> {
    let mut objects = dump[kind].as_array().into_iter().flatten();
    let found = objects.find(|object| object["name"] == name);
    found.with_context(|| format!("the Controller has no {kind} {name}"))
}

/// The address of the VIP that carries a host's name.
pub(crate) fn address_of(dump: &Value, host: &str) -> Result<Value> {
    let vips = dump["vsvip"].as_array().into_iter().flatten();
    let mut carries = vips.filter(|vip| {
        let names = vip["dns_info"].as_array().into_iter().flatten();
        names.into_iter().any(|name| name["fqdn"] == host)
    });
    let vip = carries
        .next()
        .with_context(|| format!("no VIP is named {host}"))?;
    Ok(vip["vip"][0]["ip_address"]["addr"].clone())
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
