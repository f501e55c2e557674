//! Every line and span of the trace as one number each: what is equal over two runs is equal down
//! to the order in which tasks ran.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

use aviary_types::Digest;
use tokio::sync::Notify;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// A run that says more than this does not come to an end.
const LINES_MAX: usize = 1_000_000;
/// Lines that are shown where two runs part.
const RECENT: usize = 25;

/// What a run said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    /// Lines are counted, and not looked at.
    counts: bool,
    count: AtomicUsize,
    full: Notify,
}

#[derive(Debug, Default)]
struct Lines {
    numbers: Vec<u64>,
    before: Option<Arc<Vec<u64>>>,
    recent: VecDeque<String>,
    parted: Option<String>,
}

impl Trace {
    /// A trace that notes where it parts from another one.
    pub(crate) fn beside(before: Vec<u64>) -> Self {
        let lines = Lines {
            before: Some(Arc::new(before)),
            ..Lines::default()
        };
        Self(Arc::new(Shared {
            lines: Mutex::new(lines),
            ..Shared::default()
        }))
    }

    /// A trace that only sees when it is too much.
    pub(crate) fn counted() -> Self {
        Self(Arc::new(Shared {
            counts: true,
            ..Shared::default()
        }))
    }

    /// A number for each line.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.0
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .numbers
            .clone()
    }

    /// Where it parts from the one beside it, if it does.
    pub(crate) fn parted(&self) -> Option<String> {
        let lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let ended_early = lines
            .before
            .as_ref()
            .is_some_and(|it| it.len() > lines.numbers.len());
        let early = || ended_early.then(|| format!("it ended after line {}", lines.numbers.len()));
        lines.parted.clone().or_else(early)
    }

    /// Ends when more was said than any run says.
    pub(crate) async fn full(&self) {
        self.0.full.notified().await;
    }

    fn say(&self, line: String) {
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let number = Digest::of(line.as_bytes()).0;
        let at = lines.numbers.len();
        lines.numbers.push(number);
        let Some(before) = lines.before.clone() else {
            return;
        };
        if lines.parted.is_some() {
            return;
        }
        if lines.recent.len() == RECENT {
            lines.recent.pop_front();
        }
        lines.recent.push_back(line);
        if before.get(at) != Some(&number) {
            let recent: Vec<String> = lines.recent.drain(..).collect();
            lines.parted = Some(format!("line {at} differs:\n{}", recent.join("\n")));
        }
    }
}

impl<S> Layer<S> for Trace
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>, _: Context<'_, S>) -> bool {
        if self.0.count.fetch_add(1, Ordering::Relaxed) == LINES_MAX {
            self.0.full.notify_one();
        }
        !self.0.counts
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut line = start("new", attributes.metadata());
        attributes.record(&mut Fields(&mut line));
        self.say(line);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            self.say(start("enter", span.metadata()));
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = start("says", event.metadata());
        event.record(&mut Fields(&mut line));
        self.say(line);
    }
}

/// Runs something with its trace taken.
pub(crate) fn with<T>(trace: &Trace, run: impl FnOnce() -> T) -> T {
    static ELSEWHERE: Once = Once::new();
    ELSEWHERE.call_once(|| {
        let _first = tracing::dispatcher::set_global_default(Dispatch::new(Elsewhere));
    });
    let subscriber = tracing_subscriber::registry().with(trace.clone());
    tracing::subscriber::with_default(subscriber, run)
}

/// Listens to nothing, but asks to be asked: whether a line is wanted is remembered for all
/// threads, so that one without a trace would silence the traces of the others.
struct Elsewhere;

impl Subscriber for Elsewhere {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn start(what: &str, metadata: &Metadata<'_>) -> String {
    format!(
        "{what} {} {} {}",
        metadata.level(),
        metadata.target(),
        metadata.name()
    )
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _written = write!(self.0, " {field}={value:?}");
    }
}
