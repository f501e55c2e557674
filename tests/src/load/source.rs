//! Where the objects of a load are: a folder of manifests, or a kube-apiserver.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use aviary_boot::Clock;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use crate::cluster::{Cluster, documents};
use crate::corpus::scenarios;
use crate::load::objects::path_of;
use crate::load::usage::Usage;

/// Requests to the apiserver at a time.
const REQUESTS_MAX: usize = 16;

/// Where objects are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A folder that the agent follows.
    Manifests,
    /// A real kube-apiserver with etcd.
    Apiserver,
}

impl FromStr for SourceKind {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "manifests" => Self::Manifests,
            "apiserver" => Self::Apiserver,
            _ => bail!("manifests or apiserver"),
        })
    }
}

/// The objects.
pub(super) enum Source {
    /// A file for each object, with the statuses beside.
    Folder {
        manifests: PathBuf,
        statuses: PathBuf,
    },
    /// A cluster.
    Cluster(Cluster),
}

impl Source {
    /// An empty one, but for nodes and the class.
    pub(super) async fn set(kind: SourceKind, folder: &Path) -> Result<Self> {
        if kind == SourceKind::Apiserver {
            return Ok(Self::Cluster(Cluster::shared().await?));
        }
        let (manifests, statuses) = (folder.join("manifests"), folder.join("statuses"));
        fs::create_dir_all(&manifests)?;
        fs::create_dir_all(&statuses)?;
        let source = Self::Folder {
            manifests,
            statuses,
        };
        let wide = scenarios().join("l7/01-single-host/00-cluster.yaml");
        source.put(&documents(&fs::read_to_string(wide)?)?).await?;
        Ok(source)
    }

    /// The arguments by which the agent finds them.
    pub(super) fn agent_args(&self) -> Vec<String> {
        match self {
            Self::Folder {
                manifests,
                statuses,
            } => vec![
                format!("--manifests={}", manifests.display()),
                format!("--status-dir={}", statuses.display()),
            ],
            Self::Cluster(cluster) => {
                vec![format!(
                    "--kubeconfig={}",
                    cluster.kube.kubeconfig().display()
                )]
            }
        }
    }

    /// What the programs of the cluster have used, by name; nothing of a folder.
    pub(super) fn usage(&self) -> Result<BTreeMap<&'static str, Usage>> {
        let ids = match self {
            Self::Folder { .. } => return Ok(BTreeMap::new()),
            Self::Cluster(cluster) => cluster.kube.ids(),
        };
        let used = ids.map(|(name, id)| Ok((name, Usage::of(id)?)));
        used.into_iter().collect()
    }

    /// Writes objects, in the order given; those of a namespace must come after it.
    pub(super) async fn put(&self, objects: &[Value]) -> Result<()> {
        match self {
            Self::Folder { manifests, .. } => {
                objects.iter().try_for_each(|it| write(manifests, it))
            }
            Self::Cluster(cluster) => {
                let writes = stream::iter(objects).map(|object| cluster.apply(object));
                let writes = writes.buffer_unordered(REQUESTS_MAX);
                writes.try_for_each(|_| async { Ok(()) }).await
            }
        }
    }

    /// When the status of an Ingress was written, in microseconds since the epoch; of a cluster: when
    /// the agent had told so, which is when this is asked.
    pub(super) fn told_at(&self, clock: &Clock, object: &Value) -> Result<u64> {
        let Self::Folder { statuses, .. } = self else {
            return now(clock);
        };
        modified(&status_file(statuses, object))
    }

    /// How many of these objects show an address, and when the last of them did.
    pub(super) async fn told(&self, clock: &Clock, objects: &[Value]) -> Result<(usize, u64)> {
        match self {
            Self::Folder { statuses, .. } => {
                let files = objects.iter().map(|object| status_file(statuses, object));
                let (mut count, mut last) = (0, 0);
                for file in files.filter(|file| file.is_file()) {
                    count += usize::from(fs::read_to_string(&file)?.contains("ip:"));
                    last = last.max(modified(&file)?);
                }
                Ok((count, last))
            }
            Self::Cluster(cluster) => {
                let mut count = 0;
                let mut places: Vec<(&str, &str)> = objects
                    .iter()
                    .filter_map(|it| {
                        let namespace = it.pointer("/metadata/namespace")?.as_str()?;
                        Some((it.get("kind")?.as_str()?, namespace))
                    })
                    .collect();
                places.sort_unstable();
                places.dedup();
                for (kind, namespace) in places {
                    let found = cluster.list(kind, namespace).await?;
                    let shown =
                        |it: &&Value| it.pointer("/status/loadBalancer/ingress/0").is_some();
                    count += found.iter().filter(shown).count();
                }
                Ok((count, now(clock)?))
            }
        }
    }

    /// Forgets the statuses, where that is simple: the next boot writes them all again.
    pub(super) fn forget_statuses(&self) -> Result<()> {
        if let Self::Folder { statuses, .. } = self {
            fs::remove_dir_all(statuses)?;
            fs::create_dir_all(statuses)?;
        }
        Ok(())
    }
}

/// Now, in microseconds since the epoch.
pub(super) fn now(clock: &Clock) -> Result<u64> {
    Ok(u64::try_from(clock.now().as_microsecond())?)
}

/// Readers see the old file or the new one.
fn write(folder: &Path, object: &Value) -> Result<()> {
    let path = folder.join(format!("{}.yaml", path_of(object)));
    fs::create_dir_all(path.parent().context("a folder")?)?;
    let draft = path.with_extension("draft");
    fs::write(&draft, serde_saphyr::to_string(object)?)?;
    fs::rename(&draft, &path).context("write a manifest")
}

fn status_file(folder: &Path, object: &Value) -> PathBuf {
    let path = path_of(object);
    let path = path.replace("/Ingress/", "/ingresses/");
    folder.join(format!("{}.yaml", path.replace("/Service/", "/services/")))
}

fn modified(path: &Path) -> Result<u64> {
    let modified = fs::metadata(path)
        .with_context(|| format!("no status {}", path.display()))?
        .modified()?;
    let since = modified.duration_since(std::time::SystemTime::UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_micros())?)
}
