//! An OTLP collector inside the test, and the spans that it was sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span as WireSpan;
use rcgen::generate_simple_self_signed;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

use crate::program::{Variable, within};

/// What the programs send along to be let in; it must show up nowhere else.
pub(crate) const TOKEN: &str = "otlp-t0ken-5e2f";

/// One span, with its process's service name. Ids are hexadecimal; a root's parent is empty.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    /// Trace and span of each link.
    pub(crate) links: Vec<(String, String)>,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Everything that was sent, in one text.
    pub(crate) text: String,
}

impl Span {
    /// An attribute; empty if there is none.
    pub(crate) fn says(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).map_or("", String::as_str)
    }

    /// What a link to it says.
    pub(crate) fn place(&self) -> (String, String) {
        (self.trace.clone(), self.id.clone())
    }

    /// Whether it is about an object of this name.
    pub(crate) fn is(&self, name: &str, object: &str) -> bool {
        self.name == name && self.says("aviary.object.name") == object
    }
}

/// The collector.
#[derive(Clone)]
pub(crate) struct Collector {
    url: String,
    /// Where the authority of its certificate stands, if it has one.
    authority: Option<Arc<NamedTempFile>>,
    spans: Arc<watch::Sender<Vec<Span>>>,
    refused: Arc<Mutex<usize>>,
}

impl Collector {
    /// Starts one on a free port.
    pub(crate) async fn start() -> Result<Self> {
        Self::serve(Server::builder(), "http", None).await
    }

    /// The same, and it speaks TLS alone, with a certificate that only its clients trust.
    pub(crate) async fn start_tls() -> Result<Self> {
        let made = generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let authority = NamedTempFile::new()?;
        std::fs::write(authority.path(), &certificate)?;
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key));
        let server = Server::builder().tls_config(tls)?;
        Self::serve(server, "https", Some(Arc::new(authority))).await
    }

    async fn serve(
        mut server: Server,
        scheme: &str,
        authority: Option<Arc<NamedTempFile>>,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let collector = Self {
            url: format!("{scheme}://{}", listener.local_addr()?),
            authority,
            spans: Arc::new(watch::Sender::new(Vec::new())),
            refused: Arc::default(),
        };
        let service = TraceServiceServer::new(collector.clone());
        let server = server.add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Ok(collector)
    }

    /// The environment of a program that sends its spans here, soon after they end.
    pub(crate) fn environment(&self) -> Vec<Variable> {
        let authority = self.authority.iter();
        let authority = authority.map(|file| file.path().display().to_string());
        let authority = authority.map(|path| ("OTEL_EXPORTER_OTLP_CERTIFICATE", path));
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.url.clone()),
            ("OTEL_EXPORTER_OTLP_HEADERS", format!("x-token={TOKEN}")),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=lab".to_owned(),
            ),
            ("OTEL_BSP_SCHEDULE_DELAY", "20".to_owned()),
        ]
        .into_iter()
        .chain(authority)
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// Everything that was sent.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.borrow().clone()
    }

    /// Waits until what was sent has an answer.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        ask: impl Fn(&[Span]) -> Option<T>,
    ) -> Result<T> {
        let mut seen = self.spans.subscribe();
        let answer = within(what, async {
            let spans = seen.wait_for(|spans| ask(spans).is_some()).await?;
            ask(&spans).context("an answer that is gone")
        })
        .await;
        answer.with_context(|| {
            let spans = self.spans();
            let names = spans
                .iter()
                .map(|it| format!("{} {:?}", it.name, it.attributes));
            names.collect::<Vec<_>>().join("\n")
        })
    }

    /// That everybody brought the token.
    pub(crate) fn check_tokens(&self) -> Result<()> {
        let refused = self.refused.lock().map_or(0, |refused| *refused);
        ensure!(refused == 0, "{refused} exports without the header");
        Ok(())
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let token = request.metadata().get("x-token");
        if token.is_none_or(|token| token.as_bytes() != TOKEN.as_bytes())
            && let Ok(mut refused) = self.refused.lock()
        {
            *refused += 1;
        }
        let mut spans = Vec::new();
        for resource in request.into_inner().resource_spans {
            let about = resource
                .resource
                .map(|it| it.attributes)
                .unwrap_or_default();
            let service = attributes(&about)
                .remove("service.name")
                .unwrap_or_default();
            let sent = resource.scope_spans.into_iter().flat_map(|it| it.spans);
            spans.extend(sent.map(|span| read(&service, &span)));
        }
        self.spans.send_modify(|all| all.extend(spans));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn read(service: &str, span: &WireSpan) -> Span {
    let links = span.links.iter();
    Span {
        service: service.to_owned(),
        name: span.name.clone(),
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        links: links
            .map(|it| (hex(&it.trace_id), hex(&it.span_id)))
            .collect(),
        attributes: attributes(&span.attributes),
        text: format!("{span:?}"),
    }
}

fn attributes(rows: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: Option<&AnyValue>| match value.and_then(|it| it.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::BoolValue(flag)) => flag.to_string(),
        other => format!("{other:?}"),
    };
    let rows = rows.iter();
    rows.map(|row| (row.key.clone(), text(row.value.as_ref())))
        .collect()
}

fn hex(id: &[u8]) -> String {
    use std::fmt::Write;
    id.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
