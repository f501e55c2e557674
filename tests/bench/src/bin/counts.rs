//! Each measured function once, at the size that is asked for: `counts HOSTS`. Run under callgrind,
//! which dumps after each function of `counted`; `begin` ends what came before
//! (`cargo xtask bench counts`). One thread, no clock, no randomness, no ordering by address.
#![expect(clippy::print_stdout, reason = "a program that reports what it did")]

use anyhow::{Context, Result, ensure};
use aviary_bench::core::Core;
use aviary_bench::estate::{Estate, Kind, slice};
use aviary_bench::resume::Pair;
use aviary_bench::wire;

fn main() -> Result<()> {
    let hosts = std::env::args().nth(1).context("counts HOSTS")?;
    let hosts: usize = hosts.parse().context("HOSTS is a number")?;
    for (word, kind) in Kind::ALL {
        let estate = Estate { kind, hosts };
        let mut core = Core::told(estate)?;
        counted::begin();
        let objects = match kind {
            Kind::Insecure => counted::translate_insecure(&mut core),
            Kind::Secure => counted::translate_secure(&mut core),
            Kind::L4 => counted::translate_l4(&mut core),
        };
        println!("{word}: {objects} objects");
    }
    let secure = Estate {
        kind: Kind::Secure,
        hosts,
    };
    let mut core = Core::at_rest(secure)?;
    counted::begin();
    ensure!(counted::diff_all(&core)?.ops.is_empty(), "not at rest");
    let delta = wire::encode(&slice(hosts / 2, 1));
    counted::begin();
    ensure!(counted::change_endpoint(&mut core, &delta)?.ops.len() == 1);
    counted::begin();
    let (_, raw) = counted::decode_and_digest(&delta)?;
    ensure!(raw.key == slice(hosts / 2, 1).key);
    let mut pair = Pair::new(secure);
    counted::begin();
    let (sent, complete) = counted::resume(&mut pair)?;
    ensure!(sent == 0 && complete > 0, "{sent} objects were sent again");
    Ok(())
}

/// What is counted. Never inlined, without closures, and with something left to do after the last call,
/// so that callgrind finds the exit.
mod counted {
    use anyhow::Result;
    use aviary_bench::core::Core;
    use aviary_bench::resume::Pair;
    use aviary_bench::wire;
    use aviary_kinds::RawObject;
    use aviary_link::digest::Digest;
    use aviary_plan::Plan;
    use std::hint::black_box;

    /// Ends the count of what only prepares.
    #[inline(never)]
    pub(super) fn begin() {
        black_box(());
    }

    #[inline(never)]
    pub(super) fn translate_insecure(core: &mut Core) -> usize {
        black_box(core.build())
    }

    #[inline(never)]
    pub(super) fn translate_secure(core: &mut Core) -> usize {
        black_box(core.build()) + black_box(0)
    }

    #[inline(never)]
    pub(super) fn translate_l4(core: &mut Core) -> usize {
        black_box(core.build())
    }

    #[inline(never)]
    pub(super) fn diff_all(core: &Core) -> Result<Plan> {
        black_box(core.plan(None))
    }

    #[inline(never)]
    pub(super) fn change_endpoint(core: &mut Core, delta: &[u8]) -> Result<Plan> {
        black_box(core.change(delta))
    }

    #[inline(never)]
    pub(super) fn decode_and_digest(delta: &[u8]) -> Result<(Digest, RawObject)> {
        black_box(wire::decode(delta))
    }

    #[inline(never)]
    pub(super) fn resume(pair: &mut Pair) -> Result<(usize, usize)> {
        black_box(pair.meet())
    }
}
