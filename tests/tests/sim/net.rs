//! The pipes between agents and translator: they have delays, and can be cut or fall silent.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aviary_agent::connect::{Connector, Error, endpoint};
use aviary_boot::spawn;
use aviary_runtime::incoming::{Connection, Peer};
use aviary_types::{Digest, Digester};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tonic::transport::{Channel, Uri};
use tower::service_fn;

use crate::dice::{Dice, Naps};
use crate::journal::Journal;

/// Bytes that a pipe holds.
const PIPE_BYTES: usize = 32 * 1024;
/// Bytes that travel at once.
const CHUNK_BYTES: usize = 4 * 1024;

/// The door of a translator.
type Incoming = mpsc::Sender<io::Result<Connection>>;

/// What becomes of an agent's pipes.
#[derive(Clone, Copy, Debug, Default)]
struct Weather {
    /// How often all of them were cut.
    cuts: u64,
    /// Nothing gets through, and nobody is told.
    silent: bool,
}

/// All pipes to the translator.
pub(crate) struct Net {
    seed: u64,
    naps: Naps,
    journal: Journal,
    door: Mutex<Option<Incoming>>,
    lines: BTreeMap<&'static str, Line>,
}

/// What the pipes of one agent have in common.
#[derive(Default)]
struct Line {
    weather: watch::Sender<Weather>,
    dials: AtomicU64,
}

impl Net {
    /// Pipes for these agents; nobody is at the door yet.
    pub(crate) fn new(
        seed: u64,
        agents: &[&'static str],
        journal: Journal,
        naps: Naps,
    ) -> Arc<Self> {
        let lines = agents
            .iter()
            .map(|agent| (*agent, Line::default()))
            .collect();
        Arc::new(Self {
            seed,
            naps,
            journal,
            door: Mutex::new(None),
            lines,
        })
    }

    /// Opens the door of a translator, or closes it.
    pub(crate) fn open(&self, door: Option<Incoming>) {
        *self.door.lock().unwrap_or_else(PoisonError::into_inner) = door;
    }

    /// Cuts what an agent is connected by.
    pub(crate) fn cut(&self, agent: &str) {
        self.lines[agent]
            .weather
            .send_modify(|weather| weather.cuts += 1);
    }

    /// Lets nothing through to and from an agent, or lets it through again.
    pub(crate) fn silence(&self, agent: &str, silent: bool) {
        self.lines[agent]
            .weather
            .send_modify(|weather| weather.silent = silent);
    }

    async fn dial(&self, agent: &str) -> io::Result<DuplexStream> {
        let line = &self.lines[agent];
        let number = line.dials.fetch_add(1, Ordering::Relaxed);
        let dice = |way: &str| Dice::new(self.seed, &format!("pipe {agent} {number} {way}"));
        sleep(dice("dial").delay()).await;
        let door = self
            .door
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let door = door.ok_or_else(refused)?;
        let (ours, near) = duplex(PIPE_BYTES);
        let (far, theirs) = duplex(PIPE_BYTES);
        let accepted = door.send(Ok(Connection::new(theirs, Peer::Local))).await;
        accepted.map_err(|_| refused())?;
        let weather = line.weather.subscribe();
        let (near_read, near_write) = split(near);
        let (far_read, far_write) = split(far);
        let pump = |way| Pump {
            name: format!("pipe {number} of {agent} {way}"),
            bytes: 0,
            digest: Digest::default(),
            journal: self.journal.clone(),
            dice: dice(way),
            weather: weather.clone(),
            naps: self.naps.clone(),
        };
        let (up, down) = (pump("up"), pump("down"));
        spawn(
            "pipe",
            carry(weather, async move {
                tokio::join!(biased; up.run(near_read, far_write), down.run(far_read, near_write));
            }),
        );
        Ok(ours)
    }
}

/// Carries bytes until both directions have ended, or the pipe is cut.
async fn carry(mut weather: watch::Receiver<Weather>, pumps: impl Future<Output = ()>) {
    let cuts = weather.borrow_and_update().cuts;
    tokio::select! {
        biased;
        _cut = weather.wait_for(|now| now.cuts != cuts) => {}
        () = pumps => {}
    }
}

/// One direction, and what went through it: all of that is noted at its end.
struct Pump {
    name: String,
    bytes: usize,
    digest: Digest,
    journal: Journal,
    dice: Dice,
    weather: watch::Receiver<Weather>,
    naps: Naps,
}

impl Pump {
    async fn run(mut self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(count @ 1..) = from.read(&mut chunk).await {
            self.naps.nap();
            self.see(&chunk[..count]);
            sleep(self.dice.delay()).await;
            let passes = self.weather.wait_for(|now| !now.silent).await.is_ok();
            if !passes || to.write_all(&chunk[..count]).await.is_err() {
                return;
            }
        }
        // The other end may have gone first.
        let _gone = to.shutdown().await;
    }

    fn see(&mut self, chunk: &[u8]) {
        let mut sum = Digester::default();
        sum.update(&self.digest.0.to_le_bytes()).update(chunk);
        self.digest = sum.finish();
        self.bytes += chunk.len();
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        let Self {
            name,
            bytes,
            digest,
            ..
        } = self;
        self.journal.note(format!("{name}: {bytes} bytes {digest}"));
    }
}

/// One agent's way to the translator.
pub(crate) struct Way {
    pub(crate) net: Arc<Net>,
    pub(crate) agent: &'static str,
}

#[tonic::async_trait]
impl Connector for Way {
    async fn replicas(&self) -> Result<BTreeSet<String>, Error> {
        Ok(BTreeSet::from(["translator".to_owned()]))
    }

    async fn open(&self, replica: &str) -> Result<Channel, Error> {
        let (net, agent) = (self.net.clone(), self.agent);
        let dial = service_fn(move |_: Uri| {
            let net = net.clone();
            async move { net.dial(agent).await.map(TokioIo::new) }
        });
        let endpoint = endpoint(&Uri::from_static("http://translator"));
        let opened = endpoint.connect_with_connector(dial).await;
        opened.map_err(|source| Error::Connect {
            replica: replica.to_owned(),
            source,
        })
    }
}
