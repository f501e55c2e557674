//! Logs, and the place where traces leave the process.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use tracing_subscriber::filter::{FilterExt, FilterFn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::trace::{self, Export, Marked};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What is logged at first, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Filter directives, for example `info,aviary_agent=debug`.
    pub directives: String,
    /// How lines look.
    pub format: Format,
}

/// Why logs cannot be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directives do not parse.
    #[error("could not read the log directives `{directives}`")]
    Directives {
        /// As given.
        directives: String,
        /// Why.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A subscriber was set before.
    #[error("could not set up logs")]
    Init(#[source] TryInitError),
    /// The subscriber is gone.
    #[error("could not change what is logged")]
    Reload(#[source] reload::Error),
}

/// Another place that spans go to, with a filter of its own: traces, a console.
pub type ExtraLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Changes what is logged while the program runs.
#[derive(Clone, Debug)]
pub struct LogLevel(reload::Handle<EnvFilter, Registry>);

/// Sets up logs, and the export of traces that this environment asks for. What it says wrongly
/// costs the traces, never the start: others may have set its variables for everything around.
pub fn start(
    options: &Options,
    environment: &BTreeMap<String, String>,
    service: &'static str,
) -> Result<(LogLevel, Option<Export>), Error> {
    let (export, refused) = match Export::from_env(environment, service) {
        Ok(export) => (export, None),
        Err(refused) => (None, Some(refused)),
    };
    let level = init(options, export.iter().map(Export::layer).collect())?;
    if let Some(error) = refused {
        let error = crate::chain(&error);
        tracing::warn!(%error, "nothing is traced");
    }
    Ok((level, export))
}

/// Sets up logs to standard error, once per process. The filter is that of the log lines alone;
/// extra layers bring theirs. Lines ask for no stage's span, so that nobody makes one for them
/// alone; those that are written inside of an exported one bear its ids.
pub fn init(options: &Options, extra: Vec<ExtraLayer>) -> Result<LogLevel, Error> {
    let (filter, handle) = reload::Layer::new(parse(&options.directives)?);
    let filter = filter.and(FilterFn::new(|metadata| !trace::is_stage(metadata)));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(Marked::new(std::io::stderr, options.format));
    let lines: ExtraLayer = match options.format {
        Format::Text => lines.with_filter(filter).boxed(),
        Format::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let mut layers = vec![lines];
    layers.extend(extra);
    tracing_subscriber::registry()
        .with(layers)
        .try_init()
        .map_err(Error::Init)?;
    Ok(LogLevel(handle))
}

impl LogLevel {
    /// Replaces the directives; returns those before.
    pub fn set(&self, directives: &str) -> Result<String, Error> {
        let filter = parse(directives)?;
        let mut previous = String::new();
        self.0
            .modify(|current| {
                previous = current.to_string();
                *current = filter;
            })
            .map_err(Error::Reload)?;
        Ok(previous)
    }
}

fn parse(directives: &str) -> Result<EnvFilter, Error> {
    EnvFilter::builder()
        .parse(directives)
        .map_err(|source| Error::Directives {
            directives: directives.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_changes_while_running() {
        let options = Options {
            directives: "info".into(),
            format: Format::Text,
        };
        let wrong = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ];
        let wrong = wrong.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (level, export) = start(&options, &wrong.into(), "test").unwrap();
        assert!(
            export.is_none(),
            "what is wrong about traces keeps nobody from starting"
        );
        assert!(!tracing::enabled!(tracing::Level::DEBUG));
        assert_eq!(level.set("debug").unwrap(), "info");
        assert!(tracing::enabled!(tracing::Level::DEBUG));
        // Without an export nobody asks for the spans of stages, whatever is logged.
        assert_eq!(level.set("trace").unwrap(), "debug");
        assert!(!tracing::info_span!("task").is_disabled());
        assert!(tracing::info_span!("aviary.test").is_disabled());
        assert_eq!(level.set("debug").unwrap(), "trace");
        assert_eq!(level.set("off").unwrap(), "debug");
        assert!(matches!(level.set("a=b=c"), Err(Error::Directives { .. })));
    }
}
