//! One run: what happens to the system, in an order that is fixed and at times that are not.

use std::collections::BTreeMap;
use std::time::Duration;

use aviary_sim::{LogEntry, Phase};
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

use crate::dice::{Dice, Naps};
use crate::end::End;
use crate::estate::{Estate, Files};
use crate::stage::{Stage, is_at_rest};
use crate::trace::{self, Trace};

/// Rest is when nothing happens for so long.
const REST: Duration = Duration::from_secs(5);
/// A run that has not come to its end by then never does.
const LONGEST: Duration = Duration::from_hours(2);
/// Longer than any keep-alive takes to find out that nobody is there.
const SILENCE: Duration = Duration::from_secs(75);

/// How a run is made.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) seed: u64,
    /// The translator keeps its store over restarts.
    pub(crate) disk: bool,
    pub(crate) naps: Naps,
    pub(crate) trace: Trace,
    /// Requests to the Controller and its replies get lost.
    pub(crate) losses: bool,
}

/// What a run was.
pub(crate) struct Played {
    /// What the Controller was asked.
    pub(crate) requests: Vec<String>,
    /// What was published and written.
    pub(crate) journal: Vec<String>,
    pub(crate) end: End,
}

/// Plays all of it.
pub(crate) fn play(cast: &Cast) -> Played {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    seed(&mut builder, cast.seed);
    let runtime = builder.build().unwrap();
    trace::with(&cast.trace, || runtime.block_on(within_bounds(cast)))
}

#[cfg(tokio_unstable)]
fn seed(builder: &mut Builder, seed: u64) {
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes()));
}

#[cfg(not(tokio_unstable))]
fn seed(_: &mut Builder, _: u64) {
    panic!(
        "the runtime's chance can only be seeded with `--cfg tokio_unstable`, which \
         .cargo/config.toml sets and a RUSTFLAGS variable takes away: add it there"
    );
}

async fn within_bounds(cast: &Cast) -> Played {
    tokio::select! {
        biased;
        () = cast.trace.full() => panic!("seed {}: it goes on and on", cast.seed),
        played = timeout(LONGEST, Box::pin(story(cast))) => {
            played.unwrap_or_else(|_| panic!("seed {}: it stands still", cast.seed))
        }
    }
}

async fn story(cast: &Cast) -> Played {
    let mut teller = Teller {
        stage: Stage::new(cast),
        estate: Estate::default(),
        dice: Dice::new(cast.seed, "story"),
        seed: cast.seed,
    };
    teller.stage.write(&teller.estate.files(), &Files::new());
    teller.stage.start_translator().await;
    teller.stage.start_agents();
    teller.rest().await;
    teller.shows(&[
        "shop.avi.internal",
        "pay.avi.internal",
        "broker",
        "10.244.1.10",
        "blue--sale.avi.internal_-shop-sale",
    ]);
    teller.hides(&["_-pay-sale", "_-branch-sale"]);
    teller.edits().await;
    teller.successions().await;
    teller.troubles().await;
    teller.outages().await;
    teller.deletes().await;
    teller.second_run().await;
    let end = End::of(&teller.stage).await;
    let requests = teller.stage.simulator.log().iter().map(line_of).collect();
    let journal = teller.stage.journal.lines();
    Played {
        requests,
        journal,
        end,
    }
}

struct Teller {
    stage: Stage,
    estate: Estate,
    dice: Dice,
    seed: u64,
}

impl Teller {
    /// What users do every day.
    async fn edits(&mut self) {
        self.edit("an endpoint comes", |estate| estate.web.push("10.244.1.11"));
        self.pause(&["10.244.1.11"]).await;
        self.edit("a path moves", |estate| estate.paths = vec!["/", "/images"]);
        self.pause(&["/images"]).await;
        self.edit("the host moves to TLS", |estate| {
            estate.shop_is_secure = true;
        });
        self.pause(&["ssl_key_and_certificate_refs"]).await;
    }

    /// The owner of a host goes: the next instance takes it over, then the other cluster. Nobody
    /// speaks for that at first, which takes nothing from its claim.
    async fn successions(&mut self) {
        self.edit("the owner of a host goes", |estate| {
            estate.sale = vec!["pay"];
        });
        self.rest().await;
        self.shows(&["blue--sale.avi.internal_-pay-sale"]);
        self.hides(&["_-shop-sale", "_-branch-sale"]);
        self.stage.net.silence("branch", true);
        sleep(SILENCE).await;
        self.edit("the next one goes, too", |estate| estate.sale.clear());
        self.until(&["green--sale.avi.internal_-branch-sale"]).await;
        self.stage.net.silence("branch", false);
        self.rest().await;
        self.hides(&["_-shop-sale", "_-pay-sale"]);
    }

    /// Waits until the Controller shows it, whoever is away.
    async fn until(&self, parts: &[&str]) {
        loop {
            let dump = self.stage.simulator.dump().to_string();
            if parts.iter().all(|part| dump.contains(part)) {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Streams that break, an agent that is away, a translator that starts anew.
    async fn troubles(&mut self) {
        self.edit("a path moves, and the stream breaks", |estate| {
            estate.pay = Some("/v2");
        });
        sleep(Duration::from_millis(self.dice.between(40, 130))).await;
        self.stage.net.cut("pay");
        self.pause(&["/v2"]).await;
        self.stage.net.silence("shop", true);
        self.edit("an endpoint goes while nobody listens", |estate| {
            estate.web = vec!["10.244.1.11", "10.244.1.12"];
        });
        sleep(SILENCE).await;
        self.stage.net.silence("shop", false);
        self.pause(&["10.244.1.12"]).await;
        self.stage.journal.note("the translator starts anew");
        self.stage.stop_translator().await;
        self.edit("a host comes while there is no translator", |estate| {
            estate.news = true;
        });
        sleep(self.dice.delay()).await;
        self.stage.start_translator().await;
        self.pause(&["news.avi.internal"]).await;
    }

    /// Another node of the Controller leads, and is behind; then the Controller is upgraded.
    async fn outages(&mut self) {
        let controller = self.stage.simulator.clone();
        controller.replicate();
        self.edit("a path comes before another node leads", |estate| {
            estate.paths.push("/new");
        });
        sleep(Duration::from_millis(self.dice.between(40, 2_000))).await;
        self.stage.journal.note("another node leads");
        controller.change_leader(Duration::from_millis(self.dice.between(0, 5_000)));
        self.pause(&["/new"]).await;
        controller.set_phase(Phase::Upgrading);
        self.edit("a path comes while the Controller is upgraded", |estate| {
            estate.paths.push("/newer");
        });
        sleep(Duration::from_secs(self.dice.between(1, 90))).await;
        controller.set_phase(Phase::Starting);
        sleep(Duration::from_secs(self.dice.between(1, 90))).await;
        self.hides(&["/newer"]);
        controller.set_version("31.1.1");
        controller.set_phase(Phase::Up);
        self.rest().await;
        self.shows(&["/new", "/newer"]);
    }

    async fn deletes(&mut self) {
        self.edit("a secure host and the broker go", |estate| {
            estate.pay = None;
            estate.broker = false;
        });
        self.rest().await;
        self.shows(&["shop.avi.internal", "news.avi.internal", "10.244.1.12"]);
        self.hides(&["pay.avi.internal", "broker", "10.244.1.10"]);
    }

    /// Everything starts anew, and nothing is written.
    async fn second_run(&mut self) {
        self.stage.stop_agents().await;
        self.stage.stop_translator().await;
        let (requests, notes) = (self.writes().len(), self.written().len());
        self.stage.start_agents();
        self.stage.start_translator().await;
        self.rest().await;
        assert_eq!(self.twice(), [""; 0], "seed {}", self.seed);
        assert_eq!(self.writes()[requests..], [""; 0], "seed {}", self.seed);
        assert_eq!(self.written()[notes..], [""; 0], "seed {}", self.seed);
    }

    fn edit(&mut self, what: &str, change: impl FnOnce(&mut Estate)) {
        self.stage.journal.note(what);
        let before = self.estate.files();
        change(&mut self.estate);
        self.stage.write(&self.estate.files(), &before);
    }

    /// Waits until the Controller shows it, or goes on at once: the seed decides.
    async fn pause(&mut self, shown: &[&str]) {
        if self.dice.once_in(2) {
            self.rest().await;
            self.shows(shown);
        } else {
            sleep(Duration::from_millis(self.dice.between(0, 1_500))).await;
        }
    }

    /// Waits until everything is carried out and nothing happens any more.
    async fn rest(&self) {
        let mut snapshots = self.stage.snapshots();
        loop {
            snapshots
                .wait_for(is_at_rest)
                .await
                .expect("the translator runs");
            if timeout(REST, snapshots.changed()).await.is_err() {
                self.stage.journal.note("rest");
                let lost = self.stage.witness.lost(&self.stage.simulator);
                return assert_eq!(lost, [""; 0], "seed {}", self.seed);
            }
        }
    }

    fn shows(&self, parts: &[&str]) {
        let dump = self.stage.simulator.dump().to_string();
        for part in parts {
            assert!(
                dump.contains(part),
                "seed {}: no {part} in {dump}",
                self.seed
            );
        }
    }

    fn hides(&self, parts: &[&str]) {
        let dump = self.stage.simulator.dump().to_string();
        for part in parts {
            assert!(
                !dump.contains(part),
                "seed {}: still {part} in {dump}",
                self.seed
            );
        }
    }

    /// What the Controller was told to change.
    fn writes(&self) -> Vec<String> {
        let log = self.stage.simulator.log();
        let writes = log
            .iter()
            .filter(|it| it.method != "GET" && !is_session(it));
        writes.map(line_of).collect()
    }

    /// Objects that were given the same body twice in a row.
    fn twice(&self) -> Vec<String> {
        let mut last = BTreeMap::new();
        let mut twice = Vec::new();
        for entry in self
            .stage
            .simulator
            .log()
            .into_iter()
            .filter(LogEntry::is_write)
        {
            let object = (entry.kind.clone(), entry.tenant.clone(), entry.name.clone());
            let before = last.insert(object, entry.body.clone());
            if !entry.body.is_empty() && before.as_ref() == Some(&entry.body) {
                twice.push(line_of(&entry));
            }
        }
        twice
    }

    /// What agents wrote.
    fn written(&self) -> Vec<String> {
        let mut lines = self.stage.journal.lines();
        let words = [" writes ", " removes ", " appends to "];
        lines.retain(|line| words.iter().any(|word| line.contains(word)));
        lines
    }
}

fn is_session(entry: &LogEntry) -> bool {
    matches!(entry.kind.as_str(), "login" | "logout" | "")
}

fn line_of(entry: &LogEntry) -> String {
    let LogEntry {
        at_micros,
        method,
        kind,
        name,
        tenant,
        status,
        ..
    } = entry;
    format!(
        "{} {method} {kind} {name} {tenant} {status}",
        at_micros / 1_000
    )
}
