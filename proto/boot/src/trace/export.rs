//! The way of spans to a collector: OTLP over gRPC, set up by OpenTelemetry's own variables.
//!
//! Spans wait in a queue with a bound and are sent by a thread of their own. A collector that is
//! slow or away costs spans, never time.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::sync::oneshot;
use tonic::transport::{Certificate, ClientTlsConfig};
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;

use super::quiet::Quiet;
use crate::telemetry::ExtraLayer;

/// How long the end of the program waits for spans to leave.
const FLUSH: Duration = Duration::from_secs(3);

/// Any of these names a collector; the first one counts for the SDK.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
const PROTOCOLS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];
const CERTIFICATES: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
];

/// Why traces cannot be exported as the environment says.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another protocol is asked for.
    #[error("could not export traces by `{0}`: only grpc is spoken")]
    Protocol(String),
    /// The collector's authority cannot be read.
    #[error("could not read {path}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The SDK refuses what the environment says.
    #[error("could not set up the export of traces")]
    Build(#[source] ExporterBuildError),
}

/// The export of a process's traces.
#[derive(Debug)]
pub struct Export {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Export {
    /// The export that this environment asks for, under a service name where it gives none; `None`
    /// if it names no collector. To be made inside a multi-threaded runtime, which carries the
    /// connection. The SDK reads the other variables by itself, from the process's environment.
    pub fn from_env(
        environment: &BTreeMap<String, String>,
        service: &'static str,
    ) -> Result<Option<Self>, Error> {
        if !is_asked_for(environment) {
            return Ok(None);
        }
        if let Some(protocol) = first(environment, PROTOCOLS).filter(|it| *it != "grpc") {
            return Err(Error::Protocol(protocol.to_owned()));
        }
        let mut tls = ClientTlsConfig::new();
        if let Some(path) = first(environment, CERTIFICATES).map(Path::new) {
            let pem = std::fs::read(path).map_err(|source| Error::Certificate {
                path: path.to_owned(),
                source,
            })?;
            tls = tls.ca_certificate(Certificate::from_pem(pem));
        } else {
            tls = tls.trust_anchors(machine_roots());
        }
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_tls_config(tls)
            .build()
            .map_err(Error::Build)?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Quiet::new(exporter))
            .with_resource(resource(environment, service))
            .build();
        Ok(Some(Self::of(provider, service)))
    }

    /// An export through a provider that somebody else made: for tests.
    pub fn of(provider: SdkTracerProvider, service: &'static str) -> Self {
        let tracer = provider.tracer(service);
        Self { provider, tracer }
    }

    /// The layer that takes the spans of stages, and nothing else.
    pub fn layer(&self) -> ExtraLayer {
        let stages = FilterFn::new(super::is_stage).with_max_level_hint(LevelFilter::INFO);
        OpenTelemetryLayer::new(self.tracer.clone())
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(stages)
            .boxed()
    }

    /// Sends what is left, for a moment: a collector that does not answer holds no end up.
    pub async fn shutdown(self) {
        let (done, ended) = oneshot::channel();
        // The flush blocks. Nothing waits for this thread but the line below.
        thread::spawn(move || {
            let _late = self.provider.shutdown_with_timeout(FLUSH);
            let _gone = done.send(());
        });
        if !matches!(tokio::time::timeout(FLUSH, ended).await, Ok(Ok(()))) {
            tracing::warn!("the last traces may be lost: the collector did not take them in time");
        }
    }
}

fn is_asked_for(environment: &BTreeMap<String, String>) -> bool {
    let says = |name: &str, value: &str| {
        let said = environment.get(name);
        said.is_some_and(|said| said.eq_ignore_ascii_case(value))
    };
    let is_off = says("OTEL_SDK_DISABLED", "true") || says("OTEL_TRACES_EXPORTER", "none");
    !is_off && first(environment, ENDPOINTS).is_some()
}

/// The first of these variables that says something.
fn first<'a>(environment: &'a BTreeMap<String, String>, names: [&str; 2]) -> Option<&'a str> {
    let mut said = names.iter().filter_map(|name| environment.get(*name));
    said.find(|value| !value.is_empty()).map(String::as_str)
}

fn resource(environment: &BTreeMap<String, String>, service: &'static str) -> Resource {
    let is_named = first(environment, ["OTEL_SERVICE_NAME"; 2]).is_some()
        || environment
            .get("OTEL_RESOURCE_ATTRIBUTES")
            .is_some_and(|said| {
                said.split(',')
                    .any(|pair| pair.trim().starts_with("service.name="))
            });
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version);
    if is_named {
        return resource.build();
    }
    resource.with_service_name(service).build()
}

/// The authorities that this machine trusts.
fn machine_roots() -> Vec<rustls_pki_types::TrustAnchor<'static>> {
    let found = rustls_native_certs::load_native_certs();
    let anchor = |certificate: &rustls_pki_types::CertificateDer<'_>| {
        let mut store = rustls::RootCertStore::empty();
        store.add(certificate.clone().into_owned()).ok()?;
        store.roots.pop()
    };
    found.certs.iter().filter_map(anchor).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::SpanData;

    use super::*;

    fn environment(rows: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        rows.iter().map(own).collect()
    }

    #[test]
    fn traces_are_exported_only_where_a_collector_is_named() {
        const AT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");
        assert!(is_asked_for(&environment(&[AT])));
        for rows in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")],
            &[AT, ("OTEL_SDK_DISABLED", "TRUE")],
            &[AT, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            let environment = environment(rows);
            assert!(!is_asked_for(&environment), "{rows:?}");
            assert!(matches!(Export::from_env(&environment, "x"), Ok(None)));
        }
        let other = environment(&[AT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]);
        assert!(matches!(
            Export::from_env(&other, "x"),
            Err(Error::Protocol(_))
        ));
    }

    /// Keeps the names of what is handed to it.
    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<String>>>);

    impl opentelemetry_sdk::trace::SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            let names = batch.into_iter().map(|span| span.name.into_owned());
            self.0.lock().unwrap().extend(names);
            Ok(())
        }
    }

    #[test]
    fn only_stages_leave_the_process_whatever_libraries_make() {
        use tracing_subscriber::layer::SubscriberExt;
        let kept = Kept::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(kept.clone())
            .build();
        let export = Export::of(provider, "test");
        let subscriber = tracing_subscriber::registry().with(vec![export.layer()]);
        tracing::subscriber::with_default(subscriber, || {
            let stage = tracing::info_span!(parent: None, "aviary.test");
            let _inside = stage.entered();
            drop(tracing::error_span!(target: "h2::server", "Connection"));
            drop(tracing::info_span!(target: "tonic::transport", "call"));
            drop(tracing::debug_span!(target: "hyper::proto", "poll"));
            drop(tracing::trace_span!(target: "h2::codec", "FramedRead::next"));
            drop(tracing::info_span!("task, not aviary.test"));
            // Nor does an event become a part of one by its name.
            tracing::info!(name: "aviary.event", "said");
        });
        assert_eq!(*kept.0.lock().unwrap(), ["aviary.test"]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn an_end_without_a_collector_comes_in_time() {
        use tracing_subscriber::layer::SubscriberExt;
        crate::tls::install();
        // Nobody answers there: what is sent to this address goes nowhere.
        let exporter = SpanExporter::builder().with_tonic();
        let exporter =
            opentelemetry_otlp::WithExportConfig::with_endpoint(exporter, "http://127.0.0.1:1");
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Quiet::new(exporter.build().unwrap()))
            .build();
        let export = Export::of(provider, "test");
        let subscriber = tracing_subscriber::registry().with(vec![export.layer()]);
        tracing::subscriber::with_default(subscriber, || {
            drop(tracing::info_span!(parent: None, "aviary.test"));
        });
        let started = tokio::time::Instant::now();
        export.shutdown().await;
        assert!(started.elapsed() < FLUSH + Duration::from_secs(1));
    }

    #[test]
    fn the_environment_names_the_service_and_else_the_program() {
        let named = resource(&environment(&[]), "aviary-agent");
        let key = opentelemetry::Key::new("service.name");
        assert_eq!(named.get(&key).unwrap().as_str(), "aviary-agent");
        assert!(
            named
                .get(&opentelemetry::Key::new("service.version"))
                .is_some()
        );
    }
}
