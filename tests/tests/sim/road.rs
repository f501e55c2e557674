//! The road to the Controller: each request and each reply takes its time, and may get lost.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use aviary_boot::spawn;
use aviary_runtime::transport;
use aviary_session::Transport;
use aviary_sim::Simulator;
use bytes::Bytes;
use http::{Method, Request, Response};
use tokio::time::sleep;
use tower::{BoxError, service_fn};

use crate::dice::{Dice, Naps};
use crate::witness::Witness;

/// One message in so many gets lost, where messages do.
const LOSS: u64 = 25;

/// What the road is made of.
pub(crate) struct Road {
    pub(crate) simulator: Simulator,
    pub(crate) witness: Witness,
    pub(crate) dice: Dice,
    pub(crate) losses: bool,
    pub(crate) naps: Naps,
}

/// What becomes of one call.
struct Fate {
    there: std::time::Duration,
    back: std::time::Duration,
    request_lost: bool,
    reply_lost: bool,
}

impl Road {
    /// The session's way over it.
    pub(crate) fn into_transport(self) -> Transport {
        let road = Arc::new(Mutex::new(self));
        transport::of(service_fn(move |request: Request<Bytes>| {
            let mut road = road.lock().unwrap_or_else(PoisonError::into_inner);
            // Drawn when the call is made, whatever becomes of its future.
            let fate = road.fate();
            let (simulator, witness) = (road.simulator.clone(), road.witness.clone());
            let naps = road.naps.clone();
            // Like a server's, its work comes to its end even if the caller goes away.
            let work = spawn("request", async move {
                sleep(fate.there).await;
                naps.nap();
                if fate.request_lost {
                    return Err(lost("request"));
                }
                let reply = answer(&simulator, &witness, request).await;
                sleep(fate.back).await;
                if fate.reply_lost {
                    Err(lost("reply"))
                } else {
                    reply
                }
            });
            async move { work.await? }
        }))
    }

    fn fate(&mut self) -> Fate {
        let (there, back) = (self.dice.delay(), self.dice.delay());
        let mut loses = || self.losses && self.dice.once_in(LOSS);
        Fate {
            there,
            back,
            request_lost: loses(),
            reply_lost: loses(),
        }
    }
}

async fn answer(
    simulator: &Simulator,
    witness: &Witness,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, BoxError> {
    let is_read = request.method() == Method::GET;
    let reply = simulator.answer(request).await?;
    if !is_read {
        witness.look(simulator);
    }
    Ok(reply)
}

fn lost(what: &str) -> BoxError {
    io::Error::other(format!("the {what} got lost")).into()
}
