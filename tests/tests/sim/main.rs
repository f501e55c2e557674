//! The whole system in one thread, on paused time, from one seed: agents on manifests in memory,
//! the translator with its Controller session, and the simulated Controller. One seed gives one
//! log; all seeds come to one end.

#[cfg(test)]
mod dice;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod end;
#[cfg(test)]
mod estate;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod net;
#[cfg(test)]
mod play;
#[cfg(test)]
mod road;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod witness;
