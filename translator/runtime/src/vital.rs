//! Tasks that everything rests on. One that panics ends the process, which says so and is started
//! anew: a translator that goes on without a part of itself would look well and do nothing.

use crate::core::wake::{Wake, Wakes};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;

/// Starts a task whose panic ends the core, and with it the process.
pub(crate) fn spawn<F>(wakes: &Wakes, name: &'static str, future: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let wakes = wakes.clone();
    aviary_boot::spawn(name, async move {
        if AssertUnwindSafe(future).catch_unwind().await.is_err() {
            // Without a core everything has ended already.
            let _gone = wakes.send(Wake::Panicked(name)).await;
        }
    });
}
